"""The room itself: which way is up, and which part of the fused surface is floor, ceiling or wall."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int8

from preprocess.fused_surface import FusedSurface
from preprocess.room_frame import RoomFrame
from preprocess.segment_settings import StructureSettings
from preprocess.walls import find_walls
from scene.records import Scan
from scene.runlog import log

_LEVEL_COS = np.cos(np.radians(20))  # of the slope up to which a surface is level
_TILT_COS = np.cos(np.radians(50))  # cameras are held upright to this: from there the search for "up" starts
_SHARPENING_DEG = (12, 8, 5, 5)  # cones in which the mean of level normals is taken
_SEEDS = 256  # normals tried as "up"
# Camera axes (OpenCV) that may point up, and how likely: upright, on either side, upside down.
_CAMERA_UPS = (((0.0, -1.0, 0.0), 1.0), ((1.0, 0.0, 0.0), 0.5), ((-1.0, 0.0, 0.0), 0.5), ((0.0, 1.0, 0.0), 0.3))
_HEIGHT_BIN_M = 0.02
_FLOOR_SHARE = 0.2  # of the most frequent height: the floor is the lowest height with that much level surface
_FLOOR_CELL_M = 0.5  # grid in which the floor may rise and fall (poses drift over a long scan)
_FLOOR_DRIFT_M = 0.08  # by no more than this
_CEILING_M2 = 0.5  # least surface of a ceiling
_CEILING_BAND_M = 0.1  # lamps' bases, smoke detectors and noise below it


class Part(IntEnum):
    """What a vertex of the fused surface belongs to."""

    OBJECT = 0
    FLOOR = 1
    WALL = 2
    CEILING = 3


@dataclass(frozen=True)
class Room:
    """The room's coordinates, and which vertex of the fused surface belongs to it."""

    frame: RoomFrame
    part: Int8[np.ndarray, " v"]  # ``Part``


def find_room(scan: Scan, surface: FusedSurface, settings: StructureSettings) -> Room:
    """Up, floor, ceiling and walls of a fused scan."""
    up = find_up(scan, surface)
    slope = surface.normals.astype(np.float64) @ up
    along_up = surface.vertices.astype(np.float64) @ up
    frame = RoomFrame.of(up, _lowest_level(along_up, surface.area_m2, slope > _LEVEL_COS))
    height_m = frame.height_m(surface.vertices)
    part = np.full(len(surface), Part.OBJECT, np.int8)
    part[_on_floor(frame.plan_m(surface.vertices), height_m, slope > _LEVEL_COS, settings)] = Part.FLOOR
    ceiling_m = _highest_level(height_m, surface.area_m2, slope < -_LEVEL_COS, settings.high_m)
    part[height_m > ceiling_m - _CEILING_BAND_M] = Part.CEILING
    candidates = np.flatnonzero(part == Part.OBJECT)
    part[candidates[find_walls(surface, frame, candidates, ceiling_m, settings)]] = Part.WALL
    total_m2 = float(surface.area_m2.sum())
    shares = [f"{surface.area_m2[part == p].sum() / total_m2:.0%} {p.name.lower()}" for p in Part]
    log.info("%s: of %.0f m2 of surface %s", scan.name, total_m2, ", ".join(shares))
    return Room(frame, part)


def find_up(scan: Scan, surface: FusedSurface) -> Float64[np.ndarray, " 3"]:
    """The direction most level surface faces, near the scan's own "up" or else near that of its cameras.

    A camera may have been held on its side: the image axis that keeps its direction while the camera turns about, and
    that much surface faces, is the one that points up.
    """
    if scan.up is not None:
        return _faced_direction(surface, np.asarray(scan.up, np.float64))[0]
    best, best_score = np.array([0.0, 0.0, 1.0]), -1.0
    for axis, weight in _CAMERA_UPS:
        mean = (scan.world_from_camera[:, :3, :3] @ np.asarray(axis)).mean(axis=0)
        steadiness = float(np.linalg.norm(mean))
        up, faced_m2 = _faced_direction(surface, mean / max(steadiness, 1e-9))
        if weight * steadiness * faced_m2 > best_score:
            best, best_score = up, weight * steadiness * faced_m2
    return best


def _faced_direction(
    surface: FusedSurface, prior: Float64[np.ndarray, " 3"]
) -> tuple[Float64[np.ndarray, " 3"], float]:
    """The direction near ``prior`` that most surface faces, and how many square metres face it."""
    normals = surface.normals.astype(np.float64)
    near = normals[normals @ prior > _TILT_COS]
    if len(near) == 0:
        return prior, 0.0
    seeds = near[:: -(-len(near) // _SEEDS)]
    sample = near[:: -(-len(near) // 20_000)]
    up = seeds[int((sample @ seeds.T > np.cos(np.radians(6))).sum(axis=0).argmax())]
    for angle in _SHARPENING_DEG:
        up = near[near @ up > np.cos(np.radians(angle))].mean(axis=0)
        up = up / np.linalg.norm(up)
    return up, float(surface.area_m2[normals @ up > np.cos(np.radians(_SHARPENING_DEG[-1]))].sum())


def _lowest_level(
    along_up: Float64[np.ndarray, " v"], area_m2: Float32[np.ndarray, " v"], level: Bool[np.ndarray, " v"]
) -> float:
    """The lowest height at which much surface is level: the floor, or what stands for it."""
    if not level.any():
        return float(np.percentile(along_up, 1))
    low = float(along_up.min())
    bins = ((along_up[level] - low) / _HEIGHT_BIN_M).astype(int)
    smooth = np.convolve(np.bincount(bins, area_m2[level]), np.ones(3), "same")
    peak = int(np.flatnonzero(smooth >= _FLOOR_SHARE * smooth.max())[0])
    while peak + 1 < len(smooth) and smooth[peak + 1] > smooth[peak]:
        peak += 1
    near = level & (np.abs(along_up - low - (peak + 0.5) * _HEIGHT_BIN_M) < 1.5 * _HEIGHT_BIN_M)
    return float(np.median(along_up[near]))


def _on_floor(
    plan_m: Float64[np.ndarray, "v 2"],
    height_m: Float64[np.ndarray, " v"],
    level: Bool[np.ndarray, " v"],
    settings: StructureSettings,
) -> Bool[np.ndarray, " v"]:
    """Vertices no higher above the local floor than the settings say."""
    cell = np.floor((plan_m - plan_m.min(axis=0)) / _FLOOR_CELL_M).astype(int)
    _, index = np.unique(cell, axis=0, return_inverse=True)
    index = index.ravel()
    candidates = np.flatnonzero(level & (np.abs(height_m) < _FLOOR_DRIFT_M))
    # A cell's floor is the median of its level surface; cells without any keep the floor's own height, 0.
    ordered = candidates[np.lexsort((height_m[candidates], index[candidates]))]
    count = np.bincount(index[ordered], minlength=int(index.max()) + 1)
    middle = np.cumsum(count) - count + count // 2
    local = np.zeros(len(count))
    local[count > 0] = height_m[ordered[middle[count > 0]]]
    return height_m - local[index] < settings.floor_m


def _highest_level(
    height_m: Float64[np.ndarray, " v"],
    area_m2: Float32[np.ndarray, " v"],
    facing: Bool[np.ndarray, " v"],
    above: float,
) -> float:
    """Height of the highest level surface that faces down; infinite where no ceiling was seen."""
    facing = facing & (height_m > above)
    if not facing.any():
        return float("inf")
    bins = np.bincount((height_m[facing] / 0.05).astype(int), area_m2[facing])
    large = np.flatnonzero(bins > _CEILING_M2)
    return float(large[-1] * 0.05) if len(large) else float("inf")
