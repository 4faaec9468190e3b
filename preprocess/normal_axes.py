"""Whether a source's normals mean what they are said to mean: their axes and signs, checked against depth.

A sign that is wrong in silence turns the fit inside out.  So the normals are turned by each of the 48 signed
permutations of axes (mirrored ones too: green may mean up or down) and compared with those that the depth gives.
Directions that many pixels share do not outvote the others: pixels are put into 26 cells by direction, and an error is
the mean over cells of the cell's median angle.

The stated axes stand where they fit as well as any, so also where permutations tie because all normals look one way.
Other axes must fit clearly better, and better than all others, or than all others that are a known convention
(``scene.normal_conventions.AXES``).  Where none fits, the normals are refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from scene.normal_conventions import AXES, all_axes

_GOOD_DEG = 35.0  # error of normals that can be used
_CLEARLY_DEG = 10.0  # errors closer than this are the same
_VARIED_DEG = 20.0  # where the depth's normals differ so much from one direction, a source must do better than
_INFORMED = 0.85  # this share of the error of that one direction
_LEAST_SHARE = 0.02  # of the pixels, in a cell that counts
_LEAST_PIXELS = 200  # with fewer there is nothing to check against


@dataclass(frozen=True)
class AxisCheck:
    """What came of a check: how to turn normals that were read by their stated axes (None: they are refused)."""

    turn: Int[np.ndarray, "3 3"] | None  # ours = turn @ read
    stated_deg: float  # error as stated; NaN where it could not be told
    best_deg: float  # of the axes that fit best
    ties: int  # so many permutations fit as well as the best, itself among them

    @property
    def as_stated(self) -> bool:
        return self.turn is not None and bool((self.turn == np.eye(3)).all())


def checked_axes(
    predicted: Float[np.ndarray, "m 3"], from_depth: Float[np.ndarray, "m 3"], axes: str = "opencv"
) -> AxisCheck:
    """Check the normals of some pixels, read by the stated ``axes``, against those that depth gives of the same pixels;
    both unit, ours, none unknown."""
    turns = all_axes()
    if len(predicted) < _LEAST_PIXELS:
        return AxisCheck(np.eye(3, dtype=np.int64), np.nan, np.nan, len(turns))
    read, true = predicted.astype(np.float32), from_depth.astype(np.float32)
    cells = _cells(true)
    errors = np.array([_error_deg((read @ turn.T.astype(np.float32) * true).sum(1), cells) for turn in turns])
    tied = np.flatnonzero(errors < errors.min() + _CLEARLY_DEG)
    chosen = _choose(turns, tied, AXES.get(axes, np.eye(3, dtype=np.int64)))
    # One direction for all pixels says nothing, yet is not far off where they look much the same way.
    one_deg = _error_deg(true @ _mean_direction(true, cells), cells)
    most_deg = min(_GOOD_DEG, _INFORMED * one_deg) if one_deg > _VARIED_DEG else _GOOD_DEG
    turn = turns[chosen] if chosen is not None and errors[chosen] <= most_deg else None
    return AxisCheck(turn, float(errors[_place(turns, np.eye(3))]), float(errors.min()), len(tied))


def _choose(
    turns: list[Int[np.ndarray, "3 3"]], tied: Int[np.ndarray, " k"], ours_from_stated: Int[np.ndarray, "3 3"]
) -> int | None:
    """Which of the turns that fit alike: none at all, the only one, or the only one that gives a known convention."""
    stated = _place(turns, np.eye(3))
    if stated in tied:
        return stated
    known = [k for k in tied if any((turns[k] @ ours_from_stated == matrix).all() for matrix in AXES.values())]
    candidates = tied if len(tied) == 1 else known
    return int(candidates[0]) if len(candidates) == 1 else None


def _place(turns: list[Int[np.ndarray, "3 3"]], turn: Float[np.ndarray, "3 3"]) -> int:
    return next(k for k, other in enumerate(turns) if (other == turn).all())


def _cells(normal: Float[np.ndarray, "m 3"]) -> list[Bool[np.ndarray, " m"]]:
    """The pixels of every direction that is there: face, edge or corner of a cube, whichever is nearest or so."""
    key = np.rint(normal * 1.4).astype(np.int64) @ np.array([1, 3, 9])
    found, count = np.unique(key, return_counts=True)
    return [key == one for one in found[count >= _LEAST_SHARE * len(normal)]]


def _error_deg(cosine: Float[np.ndarray, " m"], cells: list[Bool[np.ndarray, " m"]]) -> float:
    return float(np.mean([np.degrees(np.arccos(np.clip(np.median(cosine[cell]), -1, 1))) for cell in cells]))


def _mean_direction(normal: Float[np.ndarray, "m 3"], cells: list[Bool[np.ndarray, " m"]]) -> Float[np.ndarray, " 3"]:
    mean = np.sum([normal[cell].mean(axis=0) for cell in cells], axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-6)
