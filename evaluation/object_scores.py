"""All measures of one object; where it has no usable mesh, what it counts for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh
from jaxtyping import Bool

from evaluation.metrics import RELATIVE, compare
from evaluation.sampling import Surface, surface_of, surface_of_truth
from evaluation.sanity import Truth, refuse_unscorable
from evaluation.settings import ScoreSettings
from evaluation.solids import diameter, volume_iou
from evaluation.truthless import scores_without_truth
from evaluation.views import View
from evaluation.visibility import seen


def score_object(
    mesh: trimesh.Trimesh,
    truth: Truth | None,
    views: Sequence[View],
    instance_id: int,
    settings: ScoreSettings,
) -> dict[str, float]:
    """Every measure that truth and views allow, by its key (``evaluation.records`` lists them).

    Seen and hidden surface need both; ``instance_id`` says which pixels of the views are the object's.  Raises
    UserError where a number would mislead: a mesh without area, in other units or in another frame than its truth.
    """
    refuse_unscorable(mesh, truth, views, instance_id)
    against_truth = {} if truth is None else _against_truth(mesh, truth, views, settings)
    return against_truth | scores_without_truth(mesh, views, instance_id, settings)


def score_missing(truth: Truth, views: Sequence[View], settings: ScoreSettings) -> dict[str, float]:
    """The measures of an object that ought to have a usable mesh and has none: nothing of its surface is found."""
    regions = _regions(surface_of_truth(truth, settings.samples, settings.seed + 1), views)
    names = ["", *(f"_{name}" for name, inside in regions.items() if inside.any())]
    at = [*(f"_{t:g}" for t in settings.thresholds_m), *(f"_rel_{share:g}" for share in RELATIVE)]
    scores = {f"{kind}{name}{suffix}": 0.0 for name in names for kind in ("f", "recall") for suffix in at}
    return scores | {f"precision{suffix}": 0.0 for suffix in at}


def _against_truth(
    mesh: trimesh.Trimesh, truth: Truth, views: Sequence[View], settings: ScoreSettings
) -> dict[str, float]:
    # Different seeds: the same draw would hide the floor of distances between samples.
    predicted = surface_of(mesh, settings.samples, settings.seed)
    true = surface_of_truth(truth, settings.samples, settings.seed + 1)
    scores = compare(predicted, true, settings.thresholds_m, _regions(true, views), diameter(truth))
    if true.area_m2:
        scores["sampling_floor_m"] = (predicted.floor_m + true.floor_m) / 2
    if isinstance(truth, trimesh.Trimesh) and (iou := volume_iou(mesh, truth)) is not None:
        scores["volume_iou"] = iou
    return scores


def _regions(true: Surface, views: Sequence[View]) -> dict[str, Bool[np.ndarray, " t"]]:
    """Which points of a true surface some view saw, and which none; nothing where that cannot be told."""
    if not views or true.normals is None:
        return {}
    visible = seen(true.points, true.normals, views)
    return {"seen": visible, "hidden": ~visible}
