"""All measures of one object; where it has no usable mesh, what it counts for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh
from jaxtyping import Bool

from evaluation.metrics import compare
from evaluation.sampling import Surface, surface_of, surface_of_truth
from evaluation.settings import ScoreSettings
from evaluation.truthless import depth_agreement, free_space_violation
from evaluation.views import View
from evaluation.visibility import seen
from scene.errors import UserError

# Beyond this ratio of their sizes a mesh and its truth are in different units (cm or mm), not badly reconstructed.
_OTHER_UNITS_RATIO = 20.0

Truth = trimesh.Trimesh | trimesh.PointCloud


def score_object(
    mesh: trimesh.Trimesh,
    truth: Truth | None,
    views: Sequence[View],
    instance_id: int,
    settings: ScoreSettings,
) -> dict[str, float]:
    """Every measure that truth and views allow, by its key (``evaluation.measures`` explains them).

    Seen and hidden surface need both; ``instance_id`` says which pixels of the views are the object's.  Raises
    UserError where a number would mislead: a mesh without area, in other units or in another frame than its truth.
    """
    if not mesh.area > 0.0:
        raise UserError("the mesh has no area; export it again")
    scores = {
        "watertight": float(mesh.is_watertight),
        "components": float(_components(mesh)),
        "area_m2": float(mesh.area),
    }
    if truth is not None:
        scores |= _against_truth(mesh, truth, views, settings)
    if views:
        agreement = depth_agreement(mesh, views, instance_id, settings.agreement_pixels, settings.seed)
        if agreement is not None:
            scores["depth_agreement"] = agreement
        scores["free_space_violation"] = free_space_violation(mesh, views, settings.free_space_samples, settings.seed)
    return scores


def score_missing(truth: Truth, views: Sequence[View], settings: ScoreSettings) -> dict[str, float]:
    """The measures of an object that ought to have a usable mesh and has none: nothing of its surface is found."""
    regions = _regions(surface_of_truth(truth, settings.samples, settings.seed + 1), views)
    names = ["", *(f"_{name}" for name, inside in regions.items() if inside.any())]
    scores = {f"{kind}{name}_{t:g}": 0.0 for name in names for kind in ("f", "recall") for t in settings.thresholds_m}
    return scores | {f"precision_{threshold_m:g}": 0.0 for threshold_m in settings.thresholds_m}


def _components(mesh: trimesh.Trimesh) -> int:
    """Parts of the surface that share no vertex."""
    part = mesh.copy()
    part.remove_unreferenced_vertices()
    return int(part.body_count)


def _against_truth(
    mesh: trimesh.Trimesh, truth: Truth, views: Sequence[View], settings: ScoreSettings
) -> dict[str, float]:
    ratio = float(mesh.scale / truth.scale)
    if not 1 / _OTHER_UNITS_RATIO < ratio < _OTHER_UNITS_RATIO:
        raise UserError(f"the mesh is {ratio:.3g} times as large as its true mesh; give both in metres")
    # Different seeds: the same draw would hide the floor of distances between samples.
    predicted = surface_of(mesh, settings.samples, settings.seed)
    true = surface_of_truth(truth, settings.samples, settings.seed + 1)
    scores = compare(predicted, true, settings.thresholds_m, _regions(true, views))
    if scores[f"f_{max(settings.thresholds_m):g}"] == 0.0:
        apart_m = float(np.linalg.norm(mesh.bounds.mean(0) - truth.bounds.mean(0)))
        raise UserError(
            f"no part of the mesh lies within {max(settings.thresholds_m):g} m of its true mesh (centres "
            f"{apart_m:.2f} m apart); bring it into the scan's frame, and check that it is the same object"
        )
    return scores | ({"sampling_floor_m": (predicted.floor_m + true.floor_m) / 2} if true.area_m2 else {})


def _regions(true: Surface, views: Sequence[View]) -> dict[str, Bool[np.ndarray, " t"]]:
    """Which points of a true surface some view saw, and which none; nothing where that cannot be told."""
    if not views or true.normals is None:
        return {}
    visible = seen(true.points, true.normals, views)
    return {"seen": visible, "hidden": ~visible}
