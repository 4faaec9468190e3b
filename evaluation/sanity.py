"""What cannot be scored is refused in a sentence: of a mesh in other units or in another frame every number misleads.

A badly reconstructed mesh is scored badly, not refused: only what no reconstruction explains is named here.  Sizes are
twice the median distance of a surface's points from their median, which floaters cannot change; of a mesh both by area
and by corners, of which either may be right, or one wild vertex would make it large.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh
from jaxtyping import Float
from scipy.spatial import cKDTree

from evaluation.sampling import surface_of, surface_of_truth
from evaluation.views import View
from scene.camera import unproject_where
from scene.errors import UserError

# Beyond this ratio of sizes a mesh and what it stands for are in different units, or share no more than a scrap: metres
# and centimetres are 100 apart, and an object of which the cameras saw a fifth is still on this side.
_OTHER_UNITS_RATIO = 20.0
# Where there are no masks, only the whole scene tells sizes: no object is larger than it, or a thousandth of it.
_SCENE_RATIOS = (0.001, 2.0)
_LARGEST_M = 20.0
_APART_M = 0.10  # the widest threshold of F: with nothing nearer, there is nothing to score
_SCENE_APART_M = 0.50  # from anything at all that was seen: room for an object whose every side is hidden
# Where less than this share of either surface is that near to the other they are in different frames, and only cross.
# Of what was reconstructed however badly, much of the one or of the other is.  Things that overlap themselves when the
# scan is turned, as they lie about its origin, are let pass: their scores are low, and the views' measures red.
_NEAR_SHARE = 0.02
_POINTS = 20_000
_MESH, _TRUTH = "the mesh", "its true mesh"

Truth = trimesh.Trimesh | trimesh.PointCloud
Points = Float[np.ndarray, "_ 3"]


def refuse_truth(truth: Truth, views: Sequence[View], instance_id: int | None = None) -> None:
    """Raise UserError, in a sentence, where a true surface is unfit to measure any mesh against.

    That is one without area or larger than any object, or in other units or in another frame than what the views saw
    of object ``instance_id`` (of the whole scene where they do not show which pixels are its own).
    """
    if isinstance(truth, trimesh.Trimesh):
        _refuse_broken(truth, _TRUTH)
    points = surface_of_truth(truth, _POINTS, 0).points
    size_m = _size_m(points)
    if not np.ptp(points, axis=0).max() > 0.0:
        raise UserError(f"the points of {_TRUTH} all lie at one place; export it again")
    if size_m > _LARGEST_M:
        raise UserError(f"{_TRUTH} is {size_m:.3g} m large, as nothing in a room is; give it in metres")
    _refuse_beside_views(_TRUTH, points, (size_m, size_m), views, instance_id)


def refuse_unscorable(
    mesh: trimesh.Trimesh, truth: Truth | None, views: Sequence[View], instance_id: int | None = None
) -> None:
    """Raise UserError, in a sentence, where scores of this mesh would mislead.

    That is a mesh that is empty or not finite; in other units or in another frame than its true mesh (one that
    ``refuse_truth`` let pass) or, where there is none, than what the views saw, as there.
    """
    _refuse_broken(mesh, _MESH)
    points = surface_of(mesh, _POINTS, 0).points
    sizes_m = _size_m(points), _size_m(mesh.triangles.reshape(-1, 3))
    if truth is None:
        _refuse_beside_views(_MESH, points, sizes_m, views, instance_id)
        return
    true_points = surface_of_truth(truth, _POINTS, 0).points
    _refuse_other_units(_MESH, sizes_m, _size_m(true_points), _TRUTH, 1 / _OTHER_UNITS_RATIO)
    _refuse_apart(_MESH, points, true_points, _TRUTH, _APART_M)


def _refuse_beside_views(
    what: str, points: Points, sizes_m: tuple[float, float], views: Sequence[View], instance_id: int | None
) -> None:
    """Refuse what is in other units or in another frame than what the views saw; where they saw nothing, nothing."""
    scene = _seen_points(views, None)
    if len(scene) == 0:
        return
    own = scene[:0] if instance_id is None else _seen_points(views, instance_id)
    if len(own):
        of = "what the views saw of it"
        # A mesh within the scene is large beside its own pixels where few of them were seen.
        largest = max(_OTHER_UNITS_RATIO, _SCENE_RATIOS[1] * _size_m(scene) / max(_size_m(own), 1e-9))
        _refuse_other_units(what, sizes_m, _size_m(own), of, 1 / _OTHER_UNITS_RATIO, largest)
        _refuse_apart(what, points, own, of, _APART_M)
    else:
        _refuse_other_units(what, sizes_m, _size_m(scene), "all that the views saw", *_SCENE_RATIOS)
        _refuse_apart(what, points, scene, "anything that the views saw", _SCENE_APART_M)


def _refuse_broken(mesh: trimesh.Trimesh, name: str) -> None:
    if len(mesh.faces) == 0:
        raise UserError(f"{name} holds no triangles; export it again with its faces")
    lost = int((~np.isfinite(mesh.vertices).all(axis=1)).sum())
    if lost:
        vertices = f"{lost} of {len(mesh.vertices)} vertices"
        raise UserError(f"{name} holds {vertices} that are not finite (NaN or infinite); export it again")
    if not mesh.area > 0.0:
        raise UserError(f"{name} has no area: its {len(mesh.faces)} triangles are points or lines; export it again")


def _refuse_other_units(
    what: str,
    sizes_m: tuple[float, float],
    expected_m: float,
    of: str,
    least: float,
    most: float = _OTHER_UNITS_RATIO,
) -> None:
    ratios = [size_m / max(expected_m, 1e-9) for size_m in sizes_m]
    if not any(least <= ratio <= most for ratio in ratios):
        raise UserError(
            f"{what} is {ratios[0]:.3g} times as large as {of} ({sizes_m[0]:.3g} against {expected_m:.3g} m); give "
            "both in metres"
        )


def _refuse_apart(what: str, points: Points, others: Points, of: str, apart_m: float) -> None:
    # Points of a sparse sample stand apart by themselves, on one surface too.
    reach_m = apart_m + _spacing_m(points) + _spacing_m(others)
    near, others_near = (
        float((cKDTree(to).query(source, workers=-1, distance_upper_bound=reach_m)[0] <= reach_m).mean())
        for source, to in ((points, others), (others, points))
    )
    if max(near, others_near) < _NEAR_SHARE:
        part = f"only {100 * near:.1f} %" if near else "no part"
        centres_m = float(np.linalg.norm(np.median(points, 0) - np.median(others, 0)))
        raise UserError(
            f"{part} of {what} lies within {apart_m:g} m of {of} (centres {centres_m:.2f} m apart); bring it into "
            "the scan's frame, and check that it is the same object"
        )


def _size_m(points: Points) -> float:
    centred = points - np.median(points, axis=0)
    return 2.0 * float(np.median(np.linalg.norm(centred, axis=1)))


def _spacing_m(points: Points) -> float:
    """About the distance between neighbours among points spread evenly over a surface of their size."""
    return _size_m(points) / float(np.sqrt(len(points)))


def _seen_points(views: Sequence[View], instance_id: int | None) -> Points:
    """World points of about ``_POINTS`` pixels with depth, evenly drawn: of one thing, or (None) of everything."""
    where = [
        view.depth_m > 0 if instance_id is None else view.shows(instance_id) & (view.depth_m > 0) for view in views
    ]
    step = max(1, sum(int(one.sum()) for one in where) // _POINTS)
    found = [np.zeros((0, 3))]
    for view, one in zip(views, where, strict=True):
        chosen = np.zeros(one.size, bool)
        chosen[np.flatnonzero(one)[::step]] = True
        points = unproject_where(chosen.reshape(one.shape), view.depth_m, view.camera, view.world_from_camera)
        found.append(points.astype(np.float64))
    return np.concatenate(found)
