"""Objects end on what they stand on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from training.evidence import OUTSIDE, Evidence
from training.priors import prior, suppose


@prior("support")
def support(evidence: Evidence, *, most_gap_m: float = 0.3, confidence: float = 0.9) -> Evidence:
    """Assume that nothing of the object lies below the level on which it stands.

    The level is where most of the horizontal surface of other things lies at or below the object's lowest sensed
    points; one farther down than ``most_gap_m`` is not what carries the object (it hangs on a wall, say).
    """
    level_m = find_level(evidence, most_gap_m)
    if level_m is None:
        return evidence
    below = evidence.heights() < level_m
    side = np.full(evidence.side.shape, OUTSIDE, np.int8)
    return replace(suppose(evidence, below, side, confidence), support_m=level_m)


def find_level(evidence: Evidence, most_gap_m: float) -> float | None:
    """Height along ``up`` of the supporting plane, or None where there is no evidence of one."""
    heights = evidence.heights()
    own, others = heights[evidence.surface()], heights[evidence.other]
    if own.size == 0 or others.size == 0:
        return None
    bottom_m = float(np.percentile(own, 0.5))
    near = others[(others < bottom_m + 2 * evidence.voxel_m) & (others > bottom_m - most_gap_m)]
    if near.size < 50:
        return None
    return _fullest(near, evidence.voxel_m)


def _fullest(heights: Float[np.ndarray, " n"], step: float) -> float:
    """The middle of the fullest stretch of three steps: a plane's band is about that thick."""
    first = float(heights.min())
    counts = np.bincount(((heights - first) / step).astype(int))
    smooth = np.convolve(counts, np.ones(3), mode="same")
    return first + (int(np.argmax(smooth)) + 0.5) * step
