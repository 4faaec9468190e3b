"""Most furniture is its own mirror image in a vertical plane; some things in every plane through an axis.

A plane is the set of x with (x - centre) . n = offset, n horizontal at ``angle`` to the first horizontal axis.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from training.distance import distance_m
from training.evidence import OUTSIDE, UNKNOWN, Evidence
from training.priors import prior, suppose

_POINTS = 2500  # surface points that vote; more change nothing
_ANGLE_STEP = np.deg2rad(4.0)
_OFFSET_STEP_M = 0.025
_HIT_M = 0.02  # a mirrored point this near to sensed surface agrees
_MISS_M = 0.035  # one this deep in space seen to be free disagrees
_REFINEMENTS = ((0.035, 0.0125), (0.012, 0.006), (0.005, 0.003))  # angle in rad, offset in m, about the best so far


@dataclass(frozen=True)
class MirrorPlane:
    """A candidate plane, with the shares of surface points whose image lies on surface, and in free space."""

    angle: float
    offset_m: float
    hit: float
    miss: float

    @property
    def score(self) -> float:
        return self.hit - 2.0 * self.miss


@prior("symmetry")
def symmetry(
    evidence: Evidence,
    *,
    planes: int = 2,
    least_hit: float = 0.4,
    most_miss: float = 0.04,
    confidence: float = 0.5,
) -> Evidence:
    """Assume that what was seen on one side of a mirror plane is there on the other, where nobody saw.

    Up to ``planes`` vertical planes are used, each only if enough of the sensed surface meets sensed surface when
    mirrored and next to none lands in space seen to be free.
    """
    scorer = Scorer(evidence)
    found = find_planes(scorer, planes)
    for plane in found:
        if plane.hit >= least_hit and plane.miss <= most_miss:
            evidence = _add_mirrored(evidence, scorer, plane, confidence)
    return evidence


class Scorer:
    """Scores planes against sensed surface and free space."""

    def __init__(self, evidence: Evidence) -> None:
        first = np.cross(evidence.up, np.eye(3)[np.argmin(np.abs(evidence.up))])
        self.first = first / np.linalg.norm(first)
        self.second = np.cross(evidence.up, self.first)
        surface = evidence.surface()
        free = (evidence.side == OUTSIDE) & (evidence.confidence == 1.0)
        voxel_m = evidence.voxel_m
        self._to_surface_m = distance_m(~surface, voxel_m)
        self._into_free_m = distance_m(free, voxel_m)
        index = np.argwhere(surface)
        chosen = np.random.default_rng(0).permutation(len(index))[:_POINTS]
        self.points = evidence.points(index[chosen]).astype(np.float64)
        self.centre = (self.points.min(axis=0) + self.points.max(axis=0)) / 2.0 if len(index) else evidence.origin_m
        self._evidence = evidence

    def normal(self, angle: float) -> Float[np.ndarray, " 3"]:
        return np.cos(angle) * self.first + np.sin(angle) * self.second

    def heights(self, angle: float) -> Float[np.ndarray, " n"]:
        """The points' signed distance to the plane through the centre."""
        return (self.points - self.centre) @ self.normal(angle)

    def mirror(self, plane: MirrorPlane) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, " 3"]]:
        """Matrix and shift that take a voxel's index to that of its mirror image."""
        normal, evidence = self.normal(plane.angle), self._evidence
        turn = np.eye(3) - 2.0 * np.outer(normal, normal)
        shift = 2.0 * ((self.centre - evidence.origin_m) @ normal + plane.offset_m) * normal / evidence.voxel_m
        return turn, shift

    def __call__(self, angle: float, offset_m: float) -> MirrorPlane:
        away = self.heights(angle) - offset_m
        moved = np.abs(away) > 1.5 * _HIT_M  # points by the plane meet themselves whatever it is
        if moved.sum() < 50:
            return MirrorPlane(angle, offset_m, 0.0, 1.0)
        image = self.points[moved] - 2.0 * away[moved, None] * self.normal(angle)
        index = np.rint((image - self._evidence.origin_m) / self._evidence.voxel_m).astype(int)
        inside = ((index >= 0) & (index < self._to_surface_m.shape)).all(axis=1)
        i, j, k = index[inside].T
        hit = self._to_surface_m[i, j, k] < _HIT_M
        miss = (self._into_free_m[i, j, k] > _MISS_M) & ~hit
        return MirrorPlane(angle, offset_m, float(hit.sum() / moved.sum()), float(miss.sum() / moved.sum()))


def find_planes(scorer: Scorer, count: int) -> list[MirrorPlane]:
    """The best planes of clearly different angles, best first."""
    if len(scorer.points) < 50:
        return []
    tried: list[MirrorPlane] = []
    for angle in np.arange(0.0, np.pi, _ANGLE_STEP):
        heights = scorer.heights(angle)
        middle_m, reach_m = (heights.min() + heights.max()) / 2.0, 0.2 * np.ptp(heights)
        offsets = middle_m + np.arange(-reach_m, reach_m + 1e-9, _OFFSET_STEP_M)
        tried.extend(scorer(float(angle), float(offset_m)) for offset_m in offsets)
    tried.sort(key=lambda plane: -plane.score)
    best: list[MirrorPlane] = []
    for plane in tried:
        if len(best) > count:  # one more than asked for: refining may change their order
            break
        if all(_angle_between(plane.angle, other.angle) > np.deg2rad(20.0) for other in best):
            best.append(_refine(scorer, plane))
    return sorted(best, key=lambda plane: -plane.score)[:count]


def _refine(scorer: Scorer, plane: MirrorPlane) -> MirrorPlane:
    """The best plane near ``plane``, by steps that grow finer."""
    for angle_step, offset_step_m in _REFINEMENTS:
        around = itertools.product((-angle_step, 0.0, angle_step), (-offset_step_m, 0.0, offset_step_m))
        near = [scorer(plane.angle + a, plane.offset_m + o) for a, o in around]
        plane = max([plane, *near], key=lambda candidate: candidate.score)
    return plane


def _angle_between(a: float, b: float) -> float:
    difference = abs(a - b) % np.pi
    return min(difference, np.pi - difference)


def _add_mirrored(evidence: Evidence, scorer: Scorer, plane: MirrorPlane, confidence: float) -> Evidence:
    """Suppose for unknown voxels what is known at their mirror image."""
    index = np.argwhere(evidence.side == UNKNOWN)
    turn, shift = scorer.mirror(plane)
    image = (index @ turn.T + shift).T

    def sample(values: np.ndarray, order: int) -> np.ndarray:
        return ndimage.map_coordinates(values, image, order=order, mode="constant", cval=0.0)

    nearest_side = sample(evidence.side, 0)
    distance_m = sample(evidence.sdf_m, 1)
    i, j, k = index.T
    side = np.zeros(evidence.side.shape, np.int8)
    sdf_m = np.zeros(evidence.side.shape, np.float32)
    # The interpolated distance decides; where it mixes with unknown voxels it is not to be trusted.
    side[i, j, k] = np.where(nearest_side == np.sign(distance_m), nearest_side, UNKNOWN)
    sdf_m[i, j, k] = distance_m
    return suppose(evidence, side != UNKNOWN, side, confidence, sdf_m)
