"""From vertices whose truth is known to tables of probability, and how far those can be believed.

Letters: n vertices; *sureness* only orders them, *confidence* claims to be the probability of being right.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from training.confidence import Table

_CUTS = 400  # groups of equal size that vertices are sorted into first: isotonic steps of single vertices are noise
_LEAST_SHARE = 0.03  # of all vertices, in a step of the table; fewer tell of the rooms they are from


@dataclass(frozen=True)
class _Step:
    """Vertices of like sureness, from ``low`` to ``high``, that are given one probability."""

    low: float
    high: float
    right: float
    count: int

    def joined(self, after: _Step) -> _Step:
        count = self.count + after.count
        return _Step(self.low, after.high, (self.right * self.count + after.right * after.count) / count, count)


def rising_table(sureness: Float[np.ndarray, " n"], right: Bool[np.ndarray, " n"]) -> Table:
    """The rising table nearest to the truth in least squares, in steps that hold enough vertices.

    Isotonic regression by pooling adjacent violators (Barlow et al. 1972).  Raises ValueError without vertices.
    """
    if len(sureness) == 0:
        raise ValueError("no vertex to calibrate with")
    # By value, not by count: vertices of one sureness stay together.
    cuts = np.unique(np.quantile(sureness, np.linspace(0.0, 1.0, _CUTS + 1)[1:-1]))
    group = np.searchsorted(cuts, sureness, side="right")
    steps: list[_Step] = []
    for k in np.unique(group).tolist():
        here = group == k
        inside = sureness[here]
        steps.append(_Step(float(inside.min()), float(inside.max()), float(right[here].mean()), int(here.sum())))
        while len(steps) > 1 and steps[-1].right <= steps[-2].right:
            steps[-2:] = [steps[-2].joined(steps[-1])]
    while len(steps) > 1:
        k = min(range(len(steps)), key=lambda k: steps[k].count)
        if steps[k].count >= _LEAST_SHARE * len(sureness):
            break
        # To the neighbour that is more like it.
        rises = [one.right - before.right for before, one in itertools.pairwise(steps)]
        first = k if k == 0 or (k < len(rises) and rises[k] < rises[k - 1]) else k - 1
        steps[first : first + 2] = [steps[first].joined(steps[first + 1])]
    return _table(steps)


def _table(steps: Sequence[_Step]) -> Table:
    """Level over each step, steep between them."""
    knots: dict[float, float] = {}
    for step in steps:
        for end in (step.low, step.high):
            # Where one step ends and the next begins may be written alike; a step may be a single number.
            at = max(round(end, 4), round(max(knots, default=-1.0) + 1e-4, 4))
            knots[at] = round(step.right, 4)
    return Table(tuple(knots), tuple(knots.values()))


@dataclass(frozen=True)
class Bin:
    """Vertices whose confidence lies in [low, high)."""

    low: float
    high: float
    count: int
    confidence: float  # their mean
    right: float  # the share of them that is right


@dataclass(frozen=True)
class Reliability:
    """How far confidence can be believed."""

    bins: Sequence[Bin]  # without the empty ones
    count: int
    right: float  # share of all
    error: float  # expected calibration error: mean |confidence - share right| of the bins, by count
    brier: float  # mean squared error of the confidence as a forecast; lower is better
    brier_constant: float  # the same of the best forecast that is the same for all

    @staticmethod
    def of(confidence: Float[np.ndarray, " n"], right: Bool[np.ndarray, " n"], count: int = 10) -> Reliability:
        """Over ``count`` bins of equal width.  Raises ValueError without vertices."""
        if len(confidence) == 0:
            raise ValueError("no vertex to be judged by")
        place = np.minimum((confidence * count).astype(int), count - 1)
        bins = []
        for k in np.unique(place).tolist():
            here = place == k
            share = float(right[here].mean())
            bins.append(Bin(k / count, (k + 1) / count, int(here.sum()), float(confidence[here].mean()), share))
        total, share = len(right), float(right.mean())
        error = sum(one.count * abs(one.confidence - one.right) for one in bins) / total
        brier = float(np.mean((confidence - right) ** 2))
        return Reliability(bins, total, share, error, brier, share * (1.0 - share))
