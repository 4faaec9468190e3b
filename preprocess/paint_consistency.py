"""Which in-painted pixels to believe: what other views saw, and what they were painted with, has the last word.

A painted pixel's depth puts a point of the object's surface into space.  Three rules judge it:

*occluder*: it must lie behind what hides it in its own view.
*free space*: no other view may have seen through it, to something (the object or another thing) clearly behind it.
*other fills*: a view painted at depth d says that the space in front of d is free of the object.  A point that stands
there and that view contradict each other.  A point *behind* another view's fill contradicts nothing: every surface has
a rear.  Fills that come from one painting (carried from a reference view into others) have one voice.

"Clearly" is farther than the sensor's noise, and of the painted pixels round it four in nine, three at least, must
agree: the corner of a wrong patch has four, a line of noise three.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import no_type_check

import cv2
import numba
import numpy as np
from jaxtyping import Bool, Float, Int16

from preprocess.reprojection import noise_margin_m, pinhole, reprojected, target_from_source
from preprocess.settings import InpaintSettings
from scene.camera import Intrinsics
from scene.records import Fact, ObjectViews

_LEAST_AGREEING = 3  # painted pixels of 3 x 3
_UNCHECKED = 0.5  # agreement of a pixel without depth: nobody speaks for it either
_FAR_M = np.float32(1e6)


@dataclass(frozen=True)
class Fills:
    """What was painted into the views."""

    mask: Bool[np.ndarray, "n h w"]
    depth_m: Float[np.ndarray, "n h w"]  # 0 where the painter could not tell
    origin: Int16[np.ndarray, "n h w"]  # the view in which the depth was painted; -1 where there is none


@dataclass(frozen=True)
class Verdict:
    """How far each painted pixel agrees with the rest, and which rule dropped it."""

    agreement: Float[np.ndarray, "n h w"]  # 0 to 1; 0 where dropped, and where nothing was painted
    dropped: dict[str, int]  # pixels by rule; one that breaks several counts with the first


class Sight:
    """What the views sensed, ready to be asked whether a painted point stands where one of them looked through."""

    def __init__(self, views: ObjectViews, least_m: float) -> None:
        self.camera, self.poses = views.camera, views.world_from_camera
        self.depth_m = views.depth_mm.astype(np.float32) * np.float32(1e-3)
        self._other, self._least_m = views.fact == Fact.OTHER, least_m
        sure = np.isin(views.fact, (Fact.OBJECT, Fact.OTHER)) & (self.depth_m > 0)
        kernel = np.ones((3, 3), np.uint8)
        # The nearest of 3 x 3, and nothing where one of them is unsure: beside an edge a ray proves little.
        nearest = np.stack([cv2.erode(np.where(s, d, 0), kernel) for s, d in zip(sure, self.depth_m, strict=True)])
        self._free_to_m = (nearest - noise_margin_m(nearest, least_m)).astype(np.float32)

    def behind_occluder(self, depth_m: Float[np.ndarray, "h w"], view: int) -> Bool[np.ndarray, "h w"]:
        """Pixels at which this depth lies clearly behind the other thing that the view sensed, or it sensed none."""
        sensed_m = self.depth_m[view]
        behind = depth_m > sensed_m + noise_margin_m(sensed_m, self._least_m)
        return np.where(self._other[view] & (sensed_m > 0), behind, True)

    def in_free_space(self, depth_m: Float[np.ndarray, "h w"], view: int) -> Bool[np.ndarray, "h w"]:
        """Painted pixels of a view whose points another view saw through."""
        raw = np.zeros(depth_m.shape, bool)
        for other in range(len(self.poses)):
            if other != view:
                to_other = target_from_source(self.poses[other], self.poses[view])
                _mark_nearer(depth_m, self._free_to_m[other], pinhole(self.camera), to_other, raw)
        return agreed(raw, depth_m > 0)

    def stands(self, depth_m: Float[np.ndarray, "h w"], view: int) -> Bool[np.ndarray, "h w"]:
        """Painted pixels that neither rule of what was sensed speaks against."""
        return (depth_m > 0) & self.behind_occluder(depth_m, view) & ~self.in_free_space(depth_m, view)


def agreed(raw: Bool[np.ndarray, "h w"], painted: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The marked pixels of which four in nine of the painted pixels of 3 x 3, and three at least, are marked."""
    if not raw.any():
        return raw
    marked, known = (
        cv2.boxFilter(m.astype(np.uint8), -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
        for m in (raw, painted)
    )
    return raw & (marked >= _LEAST_AGREEING) & (9 * marked >= 4 * known)


def judge(fills: Fills, sight: Sight, settings: InpaintSettings) -> Verdict:
    """The agreement of every painted pixel: (1 + s) / (1 + s + c) of s paintings that agree and c that do not.

    It is 0 where what was sensed speaks against the pixel, which then has no say about others either, and where
    ``settings.contradictions`` paintings do not agree; where the painter gave no depth nothing can be checked.
    """
    agreement = fills.mask * np.where(fills.depth_m > 0, np.float32(1), np.float32(_UNCHECKED))
    dropped = dict.fromkeys(("occluder", "free_space", "other_fills"), 0)
    standing_m = fills.depth_m.copy()
    painted = np.flatnonzero(fills.mask.any(axis=(1, 2))).tolist()
    for view in painted:
        depth_m = fills.depth_m[view]
        before = (depth_m > 0) & ~sight.behind_occluder(depth_m, view)
        seen_through = sight.in_free_space(depth_m, view) & ~before
        dropped["occluder"] += int(before.sum())
        dropped["free_space"] += int(seen_through.sum())
        agreement[view][before | seen_through] = 0.0
        standing_m[view][before | seen_through] = 0.0
    voices = _Voices(replace(fills, depth_m=standing_m), sight, settings.tolerance_m)
    for view in painted:
        supports, contradictions = voices.about(view)
        refuted = contradictions >= settings.contradictions
        agreement[view] *= np.where(refuted, np.float32(0), (1 + supports) / (1 + supports + contradictions))
        dropped["other_fills"] += int(refuted.sum())
    return Verdict(agreement, dropped)


class _Voices:
    """How many paintings agree or disagree with each painted pixel."""

    def __init__(self, fills: Fills, sight: Sight, tolerance_m: float) -> None:
        self._fills, self._poses, self._tolerance_m = fills, sight.poses, np.float32(tolerance_m)
        self._camera: Intrinsics = sight.camera
        self._told = np.flatnonzero((fills.depth_m > 0).any(axis=(1, 2)))
        present = np.where(fills.depth_m > 0, fills.depth_m, _FAR_M)
        kernel = np.ones((3, 3), np.uint8)
        # The nearest painted depth of 3 x 3: what lies in front of that is in front of all of them.
        self._front_m = np.stack([cv2.erode(one, kernel) for one in present])

    def about(self, view: int) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
        """Numbers of paintings that support and that contradict each pixel of a view."""
        fills = self._fills
        painted = fills.depth_m[view] > 0
        support, against = (np.zeros(fills.mask.shape, bool) for _ in range(2))  # by origin
        for other in self._told:
            if other != view and painted.any():
                self._hear(view, int(other), support, against)
        votes = [agreed(one, painted) if one.any() else one for one in against]
        return support.sum(axis=0).astype(np.float32), np.sum(votes, axis=0).astype(np.float32)

    def _hear(self, view: int, other: int, support: np.ndarray, against: np.ndarray) -> None:
        fills, tolerance = self._fills, self._tolerance_m
        to_other = target_from_source(self._poses[other], self._poses[view])
        _compare(
            fills.depth_m[view],
            fills.origin[view],
            np.where(fills.depth_m[other] > 0, self._front_m[other], np.float32(0)),
            fills.depth_m[other],
            fills.origin[other],
            pinhole(self._camera),
            to_other,
            tolerance,
            support,
            against,
        )
        # And what the other view's points say of this view's: they stand in front of what was painted here.
        from_other = np.linalg.inv(to_other)
        seen_m, origin = reprojected(fills.depth_m[other], fills.origin[other], self._camera, from_other)
        before = (seen_m > 0) & (fills.depth_m[view] > 0) & (seen_m < self._front_m[view] - tolerance)
        before &= origin != fills.origin[view]
        v, u = np.nonzero(before)
        against[origin[v, u], v, u] = True


@numba.njit(cache=True, nogil=True)
@no_type_check
def _seen_from(u, v, z, pinhole, to_other, height, width):
    """Row, column and depth of a pixel's point in the other view; row -1 outside it."""
    fx, fy, cx, cy = pinhole
    x, y = (u - cx) / fx * z, (v - cy) / fy * z
    far = to_other[2, 0] * x + to_other[2, 1] * y + to_other[2, 2] * z + to_other[2, 3]
    if far <= 1e-3:
        return -1, -1, far
    column = np.rint(fx * (to_other[0, 0] * x + to_other[0, 1] * y + to_other[0, 2] * z + to_other[0, 3]) / far + cx)
    row = np.rint(fy * (to_other[1, 0] * x + to_other[1, 1] * y + to_other[1, 2] * z + to_other[1, 3]) / far + cy)
    if column < 0 or row < 0 or column >= width or row >= height:
        return -1, -1, far
    return int(row), int(column), far


@numba.njit(cache=True, nogil=True)
@no_type_check
def _mark_nearer(depth, free_to, pinhole, to_other, marked):
    height, width = depth.shape
    for v in range(height):
        for u in range(width):
            if depth[v, u] > 0 and not marked[v, u]:
                row, column, far = _seen_from(u, v, np.float64(depth[v, u]), pinhole, to_other, height, width)
                if row >= 0 and far < free_to[row, column]:
                    marked[v, u] = True


@numba.njit(cache=True, nogil=True)
@no_type_check
def _compare(depth, origin, front, theirs, their_origin, pinhole, to_other, tolerance, support, against):
    height, width = depth.shape
    for v in range(height):
        for u in range(width):
            if depth[v, u] <= 0:
                continue
            row, column, far = _seen_from(u, v, np.float64(depth[v, u]), pinhole, to_other, height, width)
            if row < 0 or theirs[row, column] <= 0 or their_origin[row, column] == origin[v, u]:
                continue
            voice = their_origin[row, column]
            if far < front[row, column] - tolerance:
                against[voice, v, u] = True
            elif abs(far - theirs[row, column]) <= tolerance:
                support[voice, v, u] = True
