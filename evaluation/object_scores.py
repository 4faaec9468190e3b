"""All measures of one object; where it has no usable mesh, what it counts for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from evaluation.visibility import looked_at, seen


def score_object(
    mesh: trimesh.Trimesh,
    truth: Truth | None,
    views: Sequence[View],
    instance_id: int,
    settings: ScoreSettings,
) -> dict[str, float]:
    """Every measure that truth and views allow, by its key (``evaluation.records`` lists them).

    Seen and hidden surface need both; ``instance_id`` says which pixels of the views are the object's.  Raises
    UserError where a number would mislead: a mesh without area, in other units or in another frame than its truth,
    which is one that ``evaluation.sanity.refuse_truth`` let pass.
    """
    refuse_unscorable(mesh, truth, views, instance_id)
    against_truth = {} if truth is None else _against_truth(mesh, truth, views, settings)
    return against_truth | scores_without_truth(mesh, views, instance_id, settings)


def score_missing(truth: Truth, views: Sequence[View], settings: ScoreSettings) -> dict[str, float]:
    """The measures of an object that ought to have a usable mesh and has none: nothing of its surface is found."""
    true = surface_of_truth(truth, settings.samples, settings.seed + 1)
    at = [*(f"_{t:g}" for t in settings.thresholds_m), *(f"_rel_{share:g}" for share in RELATIVE)]
    if _is_partial(truth) and _seen_part(true, views) is None:
        return {f"recall{suffix}": 0.0 for suffix in at}
    regions = {} if _is_partial(truth) else _regions(true, views)
    names = ["", *(f"_{name}" for name, inside in regions.items() if inside.any())]
    scores = {f"{kind}{name}{suffix}": 0.0 for name in names for kind in ("f", "recall") for suffix in at}
    return scores | {f"precision{suffix}": 0.0 for suffix in at}


def notes_on(truth: Truth, scores: Mapping[str, float]) -> list[str]:
    """What to know of these scores against this truth, in sentences."""
    if not _is_partial(truth):
        return []
    if any(key.startswith("precision") for key in scores):
        told = "compared is what of it the views saw with what of the mesh they looked at, and nothing hidden is told"
    else:
        told = "without views of it (--scan) only recall and completion are told"
    return [f"its true surface is only what was scanned: {told}"]


def _against_truth(
    mesh: trimesh.Trimesh, truth: Truth, views: Sequence[View], settings: ScoreSettings
) -> dict[str, float]:
    # Different seeds: the same draw would hide the floor of distances between samples.
    predicted = surface_of(mesh, settings.samples, settings.seed)
    true = surface_of_truth(truth, settings.samples, settings.seed + 1)
    if _is_partial(truth):
        return _against_part(predicted, true, views, settings, diameter(truth))
    scores = compare(predicted, true, settings.thresholds_m, _regions(true, views), diameter(truth))
    if true.area_m2:
        scores["sampling_floor_m"] = (predicted.floor_m + true.floor_m) / 2
    if isinstance(truth, trimesh.Trimesh) and (iou := volume_iou(mesh, truth)) is not None:
        scores["volume_iou"] = iou
    return scores


def _against_part(
    predicted: Surface, true: Surface, views: Sequence[View], settings: ScoreSettings, diameter_m: float
) -> dict[str, float]:
    """Against a truth that is only what was scanned: a mesh may well go on where it ends, or where no camera looked.

    Scanned surface that no view's depth confirms, as frayed edges leave it, is not asked for.
    """
    part = _seen_part(true, views)
    if part is None or predicted.normals is None:
        scores = compare(predicted, true, settings.thresholds_m, None, diameter_m)
        return {key: one for key, one in scores.items() if key.startswith(("recall", "completion", "diameter"))}
    judged = looked_at(predicted.points, predicted.normals, views)
    scores = compare(predicted, part, settings.thresholds_m, None, diameter_m, judged)
    return scores | {"sampling_floor_m": (predicted.floor_m + part.floor_m) / 2}


def _seen_part(true: Surface, views: Sequence[View]) -> Surface | None:
    """What of a true surface some view saw; None where none did, or that cannot be told."""
    visible = _regions(true, views).get("seen")
    if visible is None or true.normals is None or not visible.any():
        return None
    return Surface(true.points[visible], true.normals[visible], true.area_m2 * float(visible.mean()))


def _is_partial(truth: Truth) -> bool:
    return bool(truth.metadata.get("partial"))


def _regions(true: Surface, views: Sequence[View]) -> dict[str, Bool[np.ndarray, " t"]]:
    """Which points of a true surface some view saw, and which none; nothing where that cannot be told."""
    if not views or true.normals is None:
        return {}
    visible = seen(true.points, true.normals, views)
    return {"seen": visible, "hidden": ~visible}
