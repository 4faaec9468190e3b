"""What the camera measured, as coloured points: of every object, and of the room round them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from evaluation.settings import ReportSettings
from evaluation.views import View
from scene.camera import unproject_where
from scene.cells import CellGrid
from scene.facts import find_doubts
from scene.records import Frame, Scan
from scene.stream import stream_frames

_ROOM_OVER_OBJECTS_M = 0.5
_SPARE = 8  # so many times as many pixels as points are looked at: the finer, the more evenly points can be thinned
_FINEST_M = 0.004  # of the cells that points are thinned by
_PASSES = 4  # of coarser and coarser cells; each comes close to the number wanted from above


@dataclass(frozen=True)
class ColoredPoints:
    """Points in the world, in metres, and what colour they were seen in."""

    points: Float[np.ndarray, "n 3"]
    colors: UInt8[np.ndarray, "n 3"]

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def of(cls, parts: Sequence[ColoredPoints]) -> ColoredPoints:
        nothing = (np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8))
        return cls(
            np.concatenate([nothing[0], *(part.points for part in parts)]),
            np.concatenate([nothing[1], *(part.colors for part in parts)]),
        )


@dataclass(frozen=True)
class ScanPoints:
    """Points of each object by its id, and of all the rest."""

    objects: Mapping[int, ColoredPoints]
    rest: ColoredPoints


def points_of_scan(scan: Scan, views: Sequence[View], ids: Collection[int], settings: ReportSettings) -> ScanPoints:
    """What some of the ``views``' frames, evenly spread over the scan, measured; pixels that hang between two surfaces
    are left out."""
    chosen = np.unique(np.linspace(0, len(views) - 1, min(settings.point_frames, len(views))).round().astype(int))
    indices = [views[k].index for k in chosen]
    found: dict[int, list[ColoredPoints]] = {instance_id: [] for instance_id in ids}
    rest = []
    of_object = _SPARE * settings.points // len(indices) + 1
    of_rest = _SPARE * settings.room_points // len(indices) + 1
    for _, frame in stream_frames(scan, f"gathering points of {scan.name}", indices):
        instance = np.zeros(frame.depth_m.shape, np.int32) if frame.instance is None else frame.instance
        frame = replace(frame, instance=instance)
        sure = (frame.depth_m > 0) & ~find_doubts(frame).flying
        for instance_id, parts in found.items():
            parts.append(_some(frame, sure & (instance == instance_id), of_object))
        rest.append(_some(frame, sure & ~np.isin(instance, list(ids)), of_rest))
    return ScanPoints(
        {instance_id: thinned(ColoredPoints.of(parts), settings.points) for instance_id, parts in found.items()},
        thinned(ColoredPoints.of(rest), settings.room_points),
    )


def open_above(points: ScanPoints, up: Float[np.ndarray, " 3"]) -> ScanPoints:
    """Without the ceiling, so that one looks in from above: the room ends some way over the highest object."""
    tops = [float((cloud.points @ up).max()) for cloud in points.objects.values() if len(cloud)]
    below = points.rest.points @ up < max(tops, default=np.inf) + _ROOM_OVER_OBJECTS_M
    return replace(points, rest=ColoredPoints(points.rest.points[below], points.rest.colors[below]))


def thinned(cloud: ColoredPoints, most: int) -> ColoredPoints:
    """At most ``most`` points, about evenly far apart: those within a cell of a grid become their mean."""
    size_m = _FINEST_M
    for _ in range(_PASSES):
        merged = _merged(cloud, size_m)
        if len(merged) <= most:
            return merged
        size_m *= 1.02 * np.sqrt(len(merged) / most)  # cells that surfaces pass through, by their size squared
    keep = np.linspace(0, len(merged) - 1, most).round().astype(int)
    return ColoredPoints(merged.points[keep], merged.colors[keep])


def _merged(cloud: ColoredPoints, size_m: float) -> ColoredPoints:
    if not len(cloud):
        return cloud
    _, cell = np.unique(CellGrid(np.zeros(3), size_m).keys(cloud.points), return_inverse=True)
    count = np.bincount(cell)[:, None]
    points, colors = (_sums(cell, values) / count for values in (cloud.points, cloud.colors))
    return ColoredPoints(points.astype(np.float32), np.rint(colors).astype(np.uint8))


def _sums(cell: Int[np.ndarray, " n"], values: np.ndarray) -> np.ndarray:
    return np.stack([np.bincount(cell, weights=values[:, axis]) for axis in range(3)], axis=1)


def _some(frame: Frame, where: Bool[np.ndarray, "h w"], most: int) -> ColoredPoints:
    """The points of at most ``most`` of the pixels, evenly drawn."""
    pixels = np.flatnonzero(where)
    if len(pixels) > most:
        where = np.zeros_like(where)
        where.flat[pixels[np.linspace(0, len(pixels) - 1, most).round().astype(int)]] = True
    points = unproject_where(where, frame.depth_m, frame.camera, frame.world_from_camera)
    return ColoredPoints(points, frame.color[where])
