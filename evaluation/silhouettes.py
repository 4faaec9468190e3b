"""Whether a mesh fills the outlines in which the views show an object, and no more.

A pixel speaks only of the space in front of what it saw.  One that shows the object ought to be covered by the mesh,
wherever along its ray.  One that shows something else at a sensed depth counts against the mesh only where the mesh
would stand before what was sensed; where the mesh lies behind something nearer, or nothing was sensed, it says nothing.
So a hidden half is no fault, as it is in the plain intersection over union of outlines.

Masks fray: within two pixels of an outline a label may be the neighbour's, as ``scene.facts`` has it.  There a pixel of
the object counts as covered when the mesh covers one beside it, and other pixels say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import trimesh
from jaxtyping import Bool, Int

from evaluation.mesh_rays import drawn_pixels, first_depth_m, slant
from evaluation.views import View
from scene.camera import project
from scene.raycast import RayCaster

IN_FRONT_M = 0.03  # as free-space violation has it: sensors and poses are wrong by up to 2 cm
_RIM_PIXELS = 2
_SQUARE = np.ones((2 * _RIM_PIXELS + 1, 2 * _RIM_PIXELS + 1), np.uint8)
_AROUND = _RIM_PIXELS * np.array([(dv, du) for dv in (-1, 0, 1) for du in (-1, 0, 1) if dv or du])


def silhouette_iou(
    mesh: trimesh.Trimesh,
    views: Sequence[View],
    instance_id: int,
    max_pixels: int = 200_000,
    seed: int = 0,
) -> float | None:
    """Object pixels that the mesh covers / (object pixels + other pixels before which the mesh wrongly stands).

    Summed over the pixels of all views; of more than ``max_pixels`` that could count, about that many are drawn,
    evenly.  None where no view shows the object.
    """
    chosen = drawn_pixels([_pixels_that_count(mesh, view, instance_id) for view in views], max_pixels, seed)
    own = [view.shows(instance_id).reshape(-1)[pixels] for view, pixels in zip(views, chosen, strict=True)]
    shown = sum(int(one.sum()) for one in own)
    if shown == 0:
        return None
    caster = RayCaster(mesh)
    covered = _covered(caster, views, [p[o] for p, o in zip(chosen, own, strict=True)], instance_id)
    wrong = _wrongly_before(caster, views, [p[~o] for p, o in zip(chosen, own, strict=True)])
    return covered / (shown + wrong)


def _pixels_that_count(mesh: trimesh.Trimesh, view: View, instance_id: int) -> Int[np.ndarray, " n"]:
    """The object's pixels, and those off its outline, with depth all round, that may see the mesh."""
    own = view.shows(instance_id)
    beside = cv2.dilate(own.astype(np.uint8), _SQUARE) > 0
    sensed = cv2.erode((view.depth_m > 0).astype(np.uint8), _SQUARE, borderValue=0) > 0
    return np.flatnonzero(own | (~beside & sensed & _may_see(mesh, view)))


def _may_see(mesh: trimesh.Trimesh, view: View) -> Bool[np.ndarray, "h w"]:
    """The rectangle of the image that holds the mesh's box; all of it where the camera is beside the box or in it."""
    box = trimesh.bounds.corners(mesh.bounds)
    uv, z = project(box, view.camera, view.world_from_camera)
    inside = np.zeros(view.depth_m.shape, bool)
    if (z > 1e-6).all():
        low, high = np.floor(uv.min(0)).clip(0), np.ceil(uv.max(0)).clip(-1) + 1
        inside[int(low[1]) : int(high[1]), int(low[0]) : int(high[0])] = True
    elif (z > 0).any():
        inside[:] = True
    return inside


def _covered(
    caster: RayCaster, views: Sequence[View], pixels: Sequence[Int[np.ndarray, " _"]], instance_id: int
) -> int:
    """How many of the object's pixels the mesh covers, or, at the rim of its mask, covers beside them."""
    hit = first_depth_m(caster, views, pixels) < np.inf
    missed = np.split(~hit, np.cumsum([len(one) for one in pixels])[:-1])
    near = []
    for view, of_view, here in zip(views, pixels, missed, strict=True):
        inner = cv2.erode(view.shows(instance_id).astype(np.uint8), _SQUARE).reshape(-1) > 0
        near.append(_around(of_view[here & ~inner[of_view]], view))
    beside = first_depth_m(caster, views, [one.reshape(-1) for one in near]) < np.inf
    return int(hit.sum()) + int(beside.reshape(-1, len(_AROUND)).any(axis=1).sum())


def _around(pixels: Int[np.ndarray, " n"], view: View) -> Int[np.ndarray, "n 8"]:
    """The eight pixels a rim away from each, those outside the image moved to its border."""
    v, u = np.divmod(pixels, view.camera.width)
    rows = (v[:, None] + _AROUND[:, 0]).clip(0, view.camera.height - 1)
    return rows * view.camera.width + (u[:, None] + _AROUND[:, 1]).clip(0, view.camera.width - 1)


def _wrongly_before(caster: RayCaster, views: Sequence[View], pixels: Sequence[Int[np.ndarray, " _"]]) -> int:
    """Before how many pixels' sensed depth the mesh stands; the nearest of the pixels round each is what was sensed."""
    sensed_m, along = [], []
    for view, of_view in zip(views, pixels, strict=True):
        sensed_m.append(cv2.erode(view.depth_m.astype(np.float32), _SQUARE).reshape(-1)[of_view])
        along.append(slant(view, of_view))
    before_m = (np.concatenate(sensed_m) - first_depth_m(caster, views, pixels)) * np.concatenate(along)
    return int((before_m > IN_FRONT_M).sum())
