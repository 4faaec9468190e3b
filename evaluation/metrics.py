"""How well a mesh matches a true one: distances in metres, shares in [0, 1].

P are points of the predicted surface, T of the true one, both drawn evenly by area.  accuracy = mean distance from P to
T, completion = mean distance from T to P, chamfer = their mean.  At a threshold: precision = share of P nearer to T
than it, recall = share of T nearer to P, F = their harmonic mean.  Normal consistency = mean |n . n'| over nearest
pairs, both ways (signs are ignored: not every true mesh is oriented).

A *region* is a part of the true surface (seen, hidden).  Its recall and completion run over the T within it, its
precision and accuracy over the P whose nearest T lies within it; the other side is always the whole surface.

*Relative* measures are the same with lengths as shares of the true surface's diameter (``evaluation.solids``), as newer
papers have them: an object's size then no longer tells how hard a threshold is.

Distances run from sample to sample, as everywhere in the field, so even equal surfaces are a little apart:
``Surface.floor_m``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from evaluation.sampling import Surface

RELATIVE = (0.01, 0.02)  # thresholds as shares of the true surface's diameter


def nearest(
    source: Float[np.ndarray, "n 3"], target: Float[np.ndarray, "m 3"]
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Distance from each source point to its nearest target point, and which that is."""
    # Plain midpoint splits: on samples of flat furniture four times faster for far queries than scipy's default.
    tree = cKDTree(target, balanced_tree=False, compact_nodes=False)
    distance, index = tree.query(source, workers=-1)
    return np.asarray(distance), np.asarray(index).astype(np.int64)


def compare(
    predicted: Surface,
    truth: Surface,
    thresholds_m: Sequence[float],
    regions: Mapping[str, Bool[np.ndarray, " t"]] | None = None,
    diameter_m: float | None = None,
    judged: Bool[np.ndarray, " p"] | None = None,
) -> dict[str, float]:
    """All measures of ``predicted`` against ``truth``; keys carry units, region and threshold.

    ``chamfer_m``, ``f_0.02``, ``normal_consistency`` ... for the whole surface and ``chamfer_hidden_m``,
    ``f_hidden_0.02`` ... for each of ``regions`` (name -> which true points belong to it), with its share of the true
    surface.  With the true surface's ``diameter_m`` also ``chamfer_relative``, ``f_rel_0.01``, ``f_hidden_rel_0.01``
    ...  Where the truth is a part of a surface, ``judged`` says which predicted points count in accuracy and precision;
    near all of them true points are looked for.  What cannot be measured is left out: a region without true points,
    normals where a side has none.
    """
    to_truth, true_index = nearest(predicted.points, truth.points)
    to_predicted, predicted_index = nearest(truth.points, predicted.points)
    pairs = _Pairs(to_truth, to_predicted, None, None)
    if predicted.normals is not None and truth.normals is not None:
        predicted_cos = np.abs((predicted.normals * truth.normals[true_index]).sum(1))
        truth_cos = np.abs((truth.normals * predicted.normals[predicted_index]).sum(1))
        pairs = _Pairs(to_truth, to_predicted, predicted_cos, truth_cos)
    if judged is not None:
        pairs, true_index = pairs.within(judged, np.ones(len(to_predicted), bool)), true_index[judged]
    scores = pairs.scores("", thresholds_m, diameter_m)
    scores["hausdorff_m"] = float(max(pairs.to_truth.max(initial=0.0), to_predicted.max()))
    if diameter_m is not None:
        scores["diameter_m"] = diameter_m
    for name, inside in (regions or {}).items():
        scores[f"share_{name}"] = float(inside.mean())
        if inside.any():
            scores |= pairs.within(inside[true_index], inside).scores(f"_{name}", thresholds_m, diameter_m)
    return scores


@dataclass(frozen=True)
class _Pairs:
    """Distances (m) and normal cosines of nearest pairs, one a predicted and one a true point."""

    to_truth: Float[np.ndarray, " p"]
    to_predicted: Float[np.ndarray, " t"]
    predicted_cos: Float[np.ndarray, " p"] | None
    truth_cos: Float[np.ndarray, " t"] | None

    def within(self, predicted: Bool[np.ndarray, " p"], truth: Bool[np.ndarray, " t"]) -> _Pairs:
        if self.predicted_cos is None or self.truth_cos is None:
            return _Pairs(self.to_truth[predicted], self.to_predicted[truth], None, None)
        return _Pairs(
            self.to_truth[predicted], self.to_predicted[truth], self.predicted_cos[predicted], self.truth_cos[truth]
        )

    def scores(self, region: str, thresholds_m: Sequence[float], diameter_m: float | None) -> dict[str, float]:
        """The measures of these pairs; where nothing was predicted there is no accuracy, and F is 0."""
        scores = {f"completion{region}_m": float(self.to_predicted.mean())}
        if len(self.to_truth):
            scores[f"accuracy{region}_m"] = float(self.to_truth.mean())
            scores[f"chamfer{region}_m"] = (scores[f"accuracy{region}_m"] + scores[f"completion{region}_m"]) / 2
            if diameter_m is not None:
                scores[f"chamfer{region}_relative"] = scores[f"chamfer{region}_m"] / diameter_m
            if self.predicted_cos is not None and self.truth_cos is not None:
                consistency = (self.predicted_cos.mean() + self.truth_cos.mean()) / 2
                scores[f"normal_consistency{region}"] = float(consistency)
        for threshold_m in thresholds_m:
            scores |= self._shares(f"{region}_{threshold_m:g}", threshold_m)
        if diameter_m is not None:
            for share in RELATIVE:
                scores |= self._shares(f"{region}_rel_{share:g}", share * diameter_m)
        return scores

    def _shares(self, suffix: str, threshold_m: float) -> dict[str, float]:
        recall = float((self.to_predicted < threshold_m).mean())
        precision = float((self.to_truth < threshold_m).mean()) if len(self.to_truth) else 0.0
        both = precision + recall
        shares = {f"recall{suffix}": recall, f"f{suffix}": 2 * precision * recall / both if both else 0.0}
        return shares | ({f"precision{suffix}": precision} if len(self.to_truth) else {})
