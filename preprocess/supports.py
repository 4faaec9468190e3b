"""What stands on what: things on tables are told apart from the tables, legs and pedestals belong to what they carry.

Heights are metres above the floor, footprints lie in plan coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.spatial import ConvexHull, QhullError

from preprocess.fused_surface import FreeSpace, FusedSurface
from preprocess.patches import Shape, connected_parts
from preprocess.room_frame import RoomFrame
from preprocess.segment_settings import ObjectSettings

_LEVEL_COS = float(np.cos(np.radians(22)))  # of the slope up to which a surface carries things
_LEVEL_STEP = 0.5  # of a voxel: neighbours of one level surface differ in height by less
_MAX_TILT = 0.12  # slope of the plane through a surface that carries
_ABOVE_M = 0.02  # what is higher above the surface's plane than this stands on it
_TOUCH_M = 0.05  # and reaches down to within this of it
_LEAST_HEIGHT_M = 0.05  # lower things are creases of the surface
_LEAST_M2 = 0.005  # of a thing's surface; less is noise
_CELL_M = 0.05  # grid in which footprints are compared
_RIM_M = 0.03  # a footprint may stand out over another's hull by this
_AIR_M = 0.15  # a part whose lowest point is higher than this above the floor does not stand on it
_SINK_M = 0.1  # a carrying part may reach this far up into what it carries
_MAX_OPEN = 0.5  # share of the space between two parts that may be seen to be free
_LEAST_VERTICES = 12  # of a part that can carry or be carried


def tell_stacks_apart(
    surface: FusedSurface,
    shape: Shape,
    frame: RoomFrame,
    vertices: Int64[np.ndarray, " n"],
    settings: ObjectSettings,
) -> Int64[np.ndarray, " v"]:
    """A stack number for every vertex: things that stand on a horizontal surface have another than the surface.

    A thing stands on a surface when it rises from it and its footprint lies inside the surface's own.  The back of a
    sofa or of a chair does not: it stands at or beyond the seat's rim.
    """
    height_m, plan_m = frame.height_m(surface.vertices), frame.plan_m(surface.vertices)
    chosen = np.zeros(len(surface), bool)
    chosen[vertices] = True
    edges = shape.edges[chosen[shape.edges].all(axis=1)]
    stack, stacks = np.zeros(len(surface), np.int64), 0
    for level in _level_surfaces(surface, shape, frame, chosen, edges, settings.min_support_m2):
        plane = np.linalg.lstsq(np.column_stack([plan_m[level], np.ones(len(level))]), height_m[level], rcond=None)[0]
        hull = Hull.around(plan_m[level])
        if hull is None or np.hypot(plane[0], plane[1]) > _MAX_TILT:
            continue
        above_m = height_m - plan_m @ plane[:2] - plane[2]
        over = chosen & (stack == stack[level[0]]) & (above_m > _ABOVE_M)
        for part in connected_parts(len(surface), np.flatnonzero(over), edges[over[edges].all(axis=1)]):
            stands = above_m[part].min() < _TOUCH_M and above_m[part].max() > _LEAST_HEIGHT_M
            if not stands or surface.area_m2[part].sum() < _LEAST_M2:
                continue
            if (hull.depth_m(plan_m[part]) > -0.01).mean() > settings.stand_share:
                stacks += 1
                stack[part] = stacks
    return stack


def _level_surfaces(
    surface: FusedSurface,
    shape: Shape,
    frame: RoomFrame,
    chosen: Bool[np.ndarray, " v"],
    edges: Int64[np.ndarray, "e 2"],
    least_m2: float,
) -> list[Int64[np.ndarray, " m"]]:
    """The connected horizontal surfaces that face up, the lowest first."""
    height_m = frame.height_m(surface.vertices)
    level = chosen & (shape.normals.astype(np.float64) @ frame.up > _LEVEL_COS)
    step_m = np.abs(height_m[edges[:, 0]] - height_m[edges[:, 1]])
    joined = edges[level[edges].all(axis=1) & (step_m < _LEVEL_STEP * surface.voxel_m)]
    parts = connected_parts(len(surface), np.flatnonzero(level), joined)
    large = [part for part in parts if surface.area_m2[part].sum() >= least_m2]
    return sorted(large, key=lambda part: float(np.median(height_m[part])))


@dataclass(frozen=True)
class Hull:
    """The convex hull of a footprint: half planes n . plan <= d."""

    normals: Float64[np.ndarray, "h 2"]
    offsets_m: Float64[np.ndarray, " h"]

    @staticmethod
    def around(plan_m: Float64[np.ndarray, "n 2"]) -> Hull | None:
        """None where the points have no area."""
        try:
            equations = ConvexHull(plan_m).equations
        except (QhullError, ValueError):
            return None
        return Hull(equations[:, :2], -equations[:, 2])

    def depth_m(self, plan_m: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, " n"]:
        """How far inside the hull points lie; negative outside."""
        depth = np.full(len(plan_m), np.inf)
        for normal, offset in zip(self.normals, self.offsets_m, strict=True):  # few half planes, many points
            np.minimum(depth, offset - plan_m @ normal, out=depth)
        return depth


@dataclass(frozen=True)
class _Standing:
    """One part as it stands in the room."""

    label: int
    bottom_m: float
    top_m: float
    cells_m: Float64[np.ndarray, "c 2"]  # its footprint
    hull: Hull | None
    stack: int


def join_carried(
    labels: Int64[np.ndarray, " v"],
    stack: Int64[np.ndarray, " v"],
    surface: FusedSurface,
    frame: RoomFrame,
    settings: ObjectSettings,
) -> Int64[np.ndarray, " v"]:
    """Join parts that hang in the air with what carries them: seats with stems, tops with legs, shades with poles.

    Nothing hangs in the air.  A part that touches neither floor nor support rests on what lies below it, within its
    own footprint and with no seen free space between; the nearest such pair is joined first.
    """
    labels = labels.copy()
    parts = {label: _standing(label, labels, stack, surface, frame) for label in _labels_of(labels)}
    joins: dict[tuple[int, int], float] = {}

    def find_joins(upper: _Standing, lower: _Standing) -> None:
        way = _rests_on(upper, lower, surface.space, frame, settings)
        if way is not None:
            joins[upper.label, lower.label] = way

    for upper, lower in permutations(parts.values(), 2):
        find_joins(upper, lower)
    while joins:
        upper_label, lower_label = min(joins, key=lambda pair: (joins[pair], pair))
        labels[labels == lower_label] = upper_label
        del parts[lower_label]
        for pair in [pair for pair in joins if {upper_label, lower_label} & set(pair)]:
            del joins[pair]
        joined = parts[upper_label] = _standing(upper_label, labels, stack, surface, frame)
        for other in parts.values():
            if other is not joined:
                find_joins(joined, other)
                find_joins(other, joined)
    return labels


def _labels_of(labels: Int64[np.ndarray, " v"]) -> list[int]:
    values, counts = np.unique(labels[labels >= 0], return_counts=True)
    return [int(v) for v in values[counts >= _LEAST_VERTICES]]


def _standing(
    label: int,
    labels: Int64[np.ndarray, " v"],
    stack: Int64[np.ndarray, " v"],
    surface: FusedSurface,
    frame: RoomFrame,
) -> _Standing:
    vertices = np.flatnonzero(labels == label)
    points = surface.vertices[vertices]
    plan_m = frame.plan_m(points)
    bottom_m, top_m = np.percentile(frame.height_m(points), [1, 99])
    cells_m = np.unique(np.round(plan_m / _CELL_M), axis=0) * _CELL_M
    return _Standing(label, float(bottom_m), float(top_m), cells_m, Hull.around(plan_m), int(stack[vertices].min()))


def _rests_on(
    upper: _Standing, lower: _Standing, space: FreeSpace, frame: RoomFrame, settings: ObjectSettings
) -> float | None:
    """How far (metres, plus the share of free space between) an upper part is above one that carries it, or None."""
    gap_m = upper.bottom_m - lower.top_m
    in_air = upper.bottom_m > _AIR_M and upper.stack in (0, lower.stack)
    if not in_air or upper.hull is None or not -_SINK_M < gap_m < settings.carry_gap_m:
        return None
    below = upper.hull.depth_m(lower.cells_m) > -_RIM_M
    if lower.bottom_m > upper.bottom_m - _RIM_M or below.mean() < settings.carry_share:
        return None
    height_m = np.arange(lower.top_m + 0.02, upper.bottom_m - 0.01, 0.025)
    plan_m = np.repeat(lower.cells_m[below], len(height_m), axis=0)
    between = frame.point(plan_m, np.tile(height_m, int(below.sum())))
    seen_open = float(space.at(between).mean()) if len(between) else 0.0
    return gap_m + seen_open if seen_open <= _MAX_OPEN else None
