"""Walls: large vertical planes with nothing but wall behind them.

A wall differs from a cupboard's front in three ways: it reaches higher than furniture, or at least no camera saw
through the space above it; no camera saw through the space behind it; and no other wall stands behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from scipy import ndimage

from preprocess.fused_surface import FreeSpace, FusedSurface
from preprocess.planes import INLIER_M, SLANT_COS, VerticalPlane, find_vertical_planes
from preprocess.room_frame import RoomFrame
from preprocess.segment_settings import StructureSettings

_CELL_M = 0.1  # grid in a plane in which its pieces are told apart
_CELL_VERTICES = 3  # that make a cell part of a piece
_CLOSING = 3  # cells that a door frame, a poster's border or a hole may interrupt a piece
_MARGIN = 2  # columns beside a wall in which its corners and frames lie
_BEHIND_M = (0.15, 0.2, 0.3, 0.4)  # how far behind a piece is looked for space seen to be free
_ABOVE_M = 0.5  # how far above a piece is looked for it; much higher no camera may have looked
_NEAR_BEHIND_M = 1.5  # furniture stands no farther than this in front of its wall
_SAME_PLANE_M = 0.06
_NOTHING_SEEN = 0.02  # share of a space seen to be free that is noise
_BELOW_CEILING_M = 0.4  # what reaches nearer to the ceiling than this is higher than furniture


@dataclass(frozen=True)
class PlanePiece:
    """A connected piece of a vertical plane: the columns (of _CELL_M along the plane, from ``start_m``) it covers."""

    plane: VerticalPlane
    start_m: float
    columns: Int64[np.ndarray, " c"]
    area_m2: float
    top_m: float  # height that three of four columns do not exceed
    open_above: float  # share of the space above it seen to be free
    open_behind: float  # and behind it

    @property
    def width_m(self) -> float:
        return len(self.columns) * _CELL_M

    @property
    def middle_m(self) -> Float64[np.ndarray, " 2"]:
        """Plan coordinates of its middle."""
        return self.plane.plan_m(np.array(self.start_m + (self.columns.mean() + 0.5) * _CELL_M), 0.0)

    def beside(self, plan_m: Float64[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
        """Which points lie in its columns or a little beside them."""
        covered = np.zeros(int(self.columns.max()) + 2 * _MARGIN + 1, bool)
        covered[self.columns + _MARGIN] = True
        covered = ndimage.binary_dilation(covered, iterations=_MARGIN)
        column = np.floor((plan_m @ self.plane.along - self.start_m) / _CELL_M).astype(np.int64) + _MARGIN
        inside = (column >= 0) & (column < len(covered))
        return inside & covered[np.where(inside, column, 0)]

    def stands_before(self, wall: PlanePiece) -> bool:
        """Whether it stands in front of a wall that faces the same way."""
        column = (float(self.middle_m @ wall.plane.along) - wall.start_m) / _CELL_M
        within = wall.columns.min() <= column <= wall.columns.max() + 1
        return bool(within and self._faces_as(wall) and _SAME_PLANE_M < self._before_m(wall) < _NEAR_BEHIND_M)

    def continues(self, wall: PlanePiece) -> bool:
        """Whether it lies in the plane of a wall."""
        return self._faces_as(wall) and abs(self._before_m(wall)) < _SAME_PLANE_M

    def _faces_as(self, wall: PlanePiece) -> bool:
        return float(self.plane.normal @ wall.plane.normal) > SLANT_COS

    def _before_m(self, wall: PlanePiece) -> float:
        return float(wall.plane.before_m(self.middle_m))


def find_walls(
    surface: FusedSurface,
    frame: RoomFrame,
    candidates: Int64[np.ndarray, " n"],
    ceiling_m: float,
    settings: StructureSettings,
) -> Bool[np.ndarray, " n"]:
    """Which of the candidate vertices belong to walls: on them, a little in front of them, or in their recesses."""
    points = surface.vertices[candidates]
    plan_m, height_m = frame.plan_m(points), frame.height_m(points)
    area_m2, normals = surface.area_m2[candidates], surface.normals[candidates].astype(np.float64) @ frame.across.T
    pieces: list[PlanePiece] = []
    for plane, on in find_vertical_planes(plan_m, normals, area_m2, settings.min_plane_m2):
        cells = _PlaneCells(plane, plan_m[on], height_m[on], area_m2[on])
        pieces += cells.pieces(surface.space, frame, ceiling_m, settings.min_plane_m2)
    found = np.zeros(len(candidates), bool)
    for wall in choose_walls(pieces, ceiling_m, settings):
        before_m = wall.plane.before_m(plan_m)
        found |= wall.beside(plan_m) & (before_m < settings.wall_m) & (before_m > -settings.recess_m)
    return found


def choose_walls(pieces: list[PlanePiece], ceiling_m: float, settings: StructureSettings) -> list[PlanePiece]:
    """The pieces that are walls."""

    def closed(piece: PlanePiece) -> bool:
        # Cameras look over what is low, so a low wall must have been seen by none that saw above it.
        max_above = settings.max_open if piece.top_m >= settings.low_m else _NOTHING_SEEN
        return piece.open_above < max_above and piece.open_behind < settings.max_open

    def high(piece: PlanePiece) -> bool:
        top_m = min(settings.high_m, ceiling_m - _BELOW_CEILING_M)
        return piece.top_m > top_m and piece.width_m >= settings.min_high_wall_m

    possible = sorted(filter(closed, pieces), key=lambda piece: -piece.area_m2)
    walls = [piece for piece in possible if high(piece)]
    # Largest first, so that a wall is known before the furniture in front of it is judged.
    for piece in possible:
        if high(piece) or any(piece.stands_before(wall) for wall in walls):
            continue
        if piece.width_m >= settings.min_wall_m or any(piece.continues(wall) for wall in walls):
            walls.append(piece)
    return walls


class _PlaneCells:
    """The surface on one plane, sorted into a grid of columns (along the plane) and rows (upwards)."""

    def __init__(
        self,
        plane: VerticalPlane,
        plan_m: Float64[np.ndarray, "n 2"],
        height_m: Float64[np.ndarray, " n"],
        area_m2: Float32[np.ndarray, " n"],
    ) -> None:
        t = plan_m @ plane.along
        self._plane, self._start_m, self._bottom_m = plane, float(t.min(initial=0.0)), float(height_m.min(initial=0.0))
        column = ((t - self._start_m) / _CELL_M).astype(np.int64)
        row = ((height_m - self._bottom_m) / _CELL_M).astype(np.int64)
        shape = (int(column.max(initial=0)) + 1, int(row.max(initial=0)) + 1)
        count = np.zeros(shape, np.int64)
        np.add.at(count, (column, row), 1)
        self._filled = count >= _CELL_VERTICES
        self._area_m2 = np.zeros(shape)
        np.add.at(self._area_m2, (column, row), area_m2)

    def pieces(self, space: FreeSpace, frame: RoomFrame, ceiling_m: float, least_m2: float) -> list[PlanePiece]:
        """The connected pieces of at least ``least_m2``, small gaps closed."""
        core = (slice(_CLOSING, -_CLOSING), slice(_CLOSING, -_CLOSING))
        padded = np.pad(self._filled, _CLOSING)
        closed = ndimage.binary_closing(padded, np.ones((3, 3)), _CLOSING)[core] | self._filled
        label, number = ndimage.label(closed, np.ones((3, 3)))
        pieces = []
        for cells in (self._filled & (label == one) for one in range(1, number + 1)):
            area_m2 = float(self._area_m2[cells].sum())
            if area_m2 < least_m2 or not cells.any():
                continue
            columns = np.flatnonzero(cells.any(axis=1))
            tops_m = self._bottom_m + _CELL_M * (cells.shape[1] - cells[columns, ::-1].argmax(axis=1))
            above = self._open_above(space, frame, columns, tops_m, ceiling_m)
            behind = self._open_behind(space, frame, cells)
            top_m = float(np.percentile(tops_m, 75))
            pieces.append(PlanePiece(self._plane, self._start_m, columns, area_m2, top_m, above, behind))
        return pieces

    def _open_above(
        self,
        space: FreeSpace,
        frame: RoomFrame,
        columns: Int64[np.ndarray, " c"],
        tops_m: Float64[np.ndarray, " c"],
        ceiling_m: float,
    ) -> float:
        """Share of the space right above the columns, just behind the plane, that was seen to be free; their mean."""
        height_m = np.arange(tops_m.min(), min(ceiling_m, tops_m.max() + _CELL_M + _ABOVE_M), INLIER_M)
        over_m = height_m[None] - tops_m[:, None] - _CELL_M
        above = (over_m >= 0) & (over_m < _ABOVE_M)
        column, step = np.nonzero(above)
        t = self._start_m + (columns[column] + 0.5) * _CELL_M
        seen_open = np.zeros(above.shape, bool)
        seen_open[column, step] = space.at(frame.point(self._plane.plan_m(t, -INLIER_M), height_m[step]))
        counted = above.any(axis=1)
        if not counted.any():
            return 0.0
        return float((seen_open.sum(axis=1)[counted] / above.sum(axis=1)[counted]).mean())

    def _open_behind(self, space: FreeSpace, frame: RoomFrame, cells: Bool[np.ndarray, "c r"]) -> float:
        """Share of the space behind the cells that was seen to be free."""
        column, row = np.nonzero(cells)
        t, height_m = self._start_m + (column + 0.5) * _CELL_M, self._bottom_m + (row + 0.5) * _CELL_M
        return float(np.mean([space.at(frame.point(self._plane.plan_m(t, -m), height_m)).mean() for m in _BEHIND_M]))
