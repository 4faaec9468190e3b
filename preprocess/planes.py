"""Vertical planes in a fused surface, found by a Hough transform over their direction and offset.

Letters: n a plane's horizontal normal in plan coordinates, towards the side it was seen from; d its offset, so that
points on it have n . plan = d; t the coordinate along it, across n.  Metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

AZIMUTHS = 120  # steps of 3 degrees in which planes are looked for
OFFSET_M = 0.03  # and steps of their offset
INLIER_M = 0.05
SLANT_COS = float(np.cos(np.radians(25)))  # of the angle a vertex's normal may have to its plane's
_SPREAD = 3  # azimuth steps a vertex votes to either side: fused normals scatter by about 10 degrees
_TRUST_COS = float(np.cos(np.radians(8)))  # a fit that turns a plane by more is not believed
_MAX_PLANES = 80


@dataclass(frozen=True)
class VerticalPlane:
    """n and d of a vertical plane."""

    normal: Float64[np.ndarray, " 2"]
    offset_m: float

    @property
    def along(self) -> Float64[np.ndarray, " 2"]:
        return np.array([-self.normal[1], self.normal[0]])

    def before_m(self, plan_m: Float[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n"]:
        """How far in front of the plane points lie; negative behind it."""
        return np.asarray(plan_m @ self.normal - self.offset_m)

    def plan_m(self, t: Float[np.ndarray, "*n"], before_m: float) -> Float64[np.ndarray, "*n 2"]:
        """Plan coordinates of points along the plane and so far in front of it."""
        return t[..., None] * self.along + self.normal * (self.offset_m + before_m)

    def has(
        self, plan_m: Float[np.ndarray, "n 2"], normals: Float[np.ndarray, "n 2"], width_m: float = INLIER_M
    ) -> Bool[np.ndarray, " n"]:
        """Which surface points lie on the plane and face as it does."""
        return (np.abs(self.before_m(plan_m)) < width_m) & (normals @ self.normal > SLANT_COS)


class _Votes:
    """The square metres of surface on each candidate plane."""

    def __init__(
        self,
        plan_m: Float64[np.ndarray, "v 2"],
        normals: Float64[np.ndarray, "v 2"],
        area_m2: Float32[np.ndarray, " v"],
    ) -> None:
        self._plan_m, self._area_m2 = plan_m, area_m2.astype(np.float64)
        self._azimuth = np.floor(np.arctan2(normals[:, 1], normals[:, 0]) / (2 * np.pi) * AZIMUTHS).astype(np.int64)
        self._radius_m = float(np.linalg.norm(plan_m, axis=1).max(initial=0.0)) + 1.0
        self._sum_m2 = np.zeros((AZIMUTHS, int(2 * self._radius_m / OFFSET_M) + 2))

    def add(self, vertices: Int64[np.ndarray, " n"], sign: float) -> None:
        for step in range(-_SPREAD, _SPREAD + 1):
            row = (self._azimuth[vertices] + step) % AZIMUTHS
            angle = (row + 0.5) * 2 * np.pi / AZIMUTHS
            offset = self._plan_m[vertices, 0] * np.cos(angle) + self._plan_m[vertices, 1] * np.sin(angle)
            column = ((offset + self._radius_m) / OFFSET_M).astype(np.int64)
            np.add.at(self._sum_m2, (row, column), sign * self._area_m2[vertices])

    def best(self) -> tuple[VerticalPlane, float, tuple[int, int]]:
        """The plane of most surface, its square metres, and where they are counted."""
        pairs = self._sum_m2[:, :-1] + self._sum_m2[:, 1:]
        row, column = (int(i) for i in np.unravel_index(int(pairs.argmax()), pairs.shape))
        angle = (row + 0.5) * 2 * np.pi / AZIMUTHS
        plane = VerticalPlane(np.array([np.cos(angle), np.sin(angle)]), (column + 1) * OFFSET_M - self._radius_m)
        return plane, float(pairs[row, column]), (row, column)

    def forget(self, place: tuple[int, int]) -> None:
        self._sum_m2[place[0], place[1] : place[1] + 2] = 0


def find_vertical_planes(
    plan_m: Float64[np.ndarray, "v 2"],
    normals: Float64[np.ndarray, "v 2"],
    area_m2: Float32[np.ndarray, " v"],
    least_m2: float,
) -> list[tuple[VerticalPlane, Int64[np.ndarray, " n"]]]:
    """Vertical planes of at least ``least_m2`` and the vertices on each, the largest first.

    ``normals`` are the vertex normals in plan coordinates; those that are not nearly horizontal are left out.
    """
    left = np.linalg.norm(normals, axis=1) > SLANT_COS
    votes = _Votes(plan_m, normals, area_m2)
    votes.add(np.flatnonzero(left), 1.0)
    planes: list[tuple[VerticalPlane, Int64[np.ndarray, " n"]]] = []
    while len(planes) < _MAX_PLANES:
        plane, voted_m2, place = votes.best()
        if voted_m2 < least_m2:
            break
        ids = np.flatnonzero(left)
        plane = _refined(plane, plan_m[ids], normals[ids])
        inliers = ids[plane.has(plan_m[ids], normals[ids])]
        votes.add(inliers, -1.0)
        votes.forget(place)  # what the fit moved away from would be found again for ever
        left[inliers] = False
        planes.append((plane, inliers))
    return planes


def _refined(
    plane: VerticalPlane, plan_m: Float64[np.ndarray, "n 2"], normals: Float64[np.ndarray, "n 2"]
) -> VerticalPlane:
    """The plane through what lies on it: total least squares, three times, starting wide."""
    for width_m in (1.6 * INLIER_M, INLIER_M, INLIER_M):
        on = plan_m[plane.has(plan_m, normals, width_m)]
        if len(on) < 3:
            break
        spread = on - on.mean(axis=0)
        direction = np.linalg.eigh(spread.T @ spread)[1][:, 0]
        direction = direction if direction @ plane.normal > 0 else -direction
        # A short piece says little of its own direction; its neighbours in the histogram know it better.
        normal = direction if direction @ plane.normal > _TRUST_COS else plane.normal
        plane = VerticalPlane(normal, float(np.median(on @ normal)))
    return plane
