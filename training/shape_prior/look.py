"""What the completion network sees of an object: its views fused on a coarse grid that is turned as the object stands.

The same code serves training rooms and scans.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from scene.camera import transform
from scene.errors import UserError
from scene.fusion import Fusion, Volume
from scene.mesh import rotation_between
from scene.records import ObjectViews
from training.evidence import OUTSIDE, Evidence, interpret, object_points
from training.priors.support import find_level
from training.priors.symmetry import MirrorPlane, Scorer, find_planes
from training.settings import EvidenceSettings

CELL_M = 0.02
PLANES = 2  # mirror planes shown
CHANNELS = 9 + 3 * PLANES
_SETTINGS = EvidenceSettings(voxel_m=CELL_M)
_ROOM_SHARE, _LEAST_ROOM_M, _MOST_ROOM_M = 0.25, 0.16, 0.5  # round what was seen, for what was not
_MOST_CELLS = 2_000_000
_MOST_GAP_M = 0.3  # between an object's lowest sensed point and what it stands on
_RIM = 4  # cells
_Z = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class CoarseLook:
    """The network's input; cell (i, j, k) has its centre at ``origin_m + CELL_M * (i, j, k)`` in the grid's frame."""

    channels: Float[np.ndarray, "c x y z"]  # each in [-1, 1]
    grid_from_world: Float[np.ndarray, "4 4"]  # a rotation: z along up, x and y along the object's sides
    origin_m: Float[np.ndarray, " 3"]

    @property
    def shape(self) -> tuple[int, int, int]:
        x, y, z = self.channels.shape[1:]
        return x, y, z

    def cells_of(self, world_m: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Fractional cell indices of world points."""
        return (transform(self.grid_from_world, world_m) - self.origin_m) / CELL_M


def look(views: ObjectViews) -> CoarseLook:
    """Fuse an object's views for the network.  Raises UserError when none of them has depth on the object."""
    points = object_points(views, per_view=500)
    if len(points) < 20:
        raise UserError(f"{views.name}: hardly any of its pixels has depth; it cannot be completed")
    grid_from_world = _turned_as_it_stands(points, _Z if views.up is None else views.up)
    low, high = np.percentile(transform(grid_from_world, points), [0.2, 99.8], axis=0)
    room_m = np.clip(_ROOM_SHARE * np.linalg.norm(high - low), _LEAST_ROOM_M, _MOST_ROOM_M)
    low, high = low - room_m, high + room_m
    if np.prod((high - low) / CELL_M) > _MOST_CELLS:
        raise UserError(f"{views.name}: spans {high - low} m; that is no single object")
    fusion = Fusion(low, high, CELL_M, _SETTINGS.front_m, _SETTINGS.thickness_m)
    for view in range(len(views)):
        depth_m = views.depth_mm[view].astype(np.float32) / 1000.0
        grid_from_camera = grid_from_world @ views.world_from_camera[view]
        fusion.add(depth_m, views.camera, grid_from_camera, np.ascontiguousarray(views.fact[view]))
    volume = fusion.result()
    evidence = interpret(volume, _SETTINGS, _Z)
    level_m = find_level(evidence, _MOST_GAP_M)
    box = _worth_looking_at(evidence, level_m)
    first = np.array([side.start for side in box])
    return CoarseLook(_channels(volume, evidence, level_m)[:, *box], grid_from_world, volume.origin_m + CELL_M * first)


def _worth_looking_at(evidence: Evidence, level_m: float | None) -> tuple[slice, slice, slice]:
    """The box of all that is not known to be free, and not below the support, with a rim of context."""
    open_cells = evidence.side != OUTSIDE
    if level_m is not None:
        open_cells &= evidence.heights() > level_m
    if not open_cells.any():
        open_cells[:] = True
    spans = []
    for axis, count in enumerate(open_cells.shape):
        others = tuple(a for a in range(3) if a != axis)
        found = np.flatnonzero(open_cells.any(axis=others))
        spans.append(slice(max(0, int(found[0]) - _RIM), min(count, int(found[-1]) + 1 + _RIM)))
    return spans[0], spans[1], spans[2]


def _turned_as_it_stands(points: Float[np.ndarray, "n 3"], up: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "4 4"]:
    """The rotation of ``up`` to z and of the narrowest upright box round the points to the axes."""
    upright = rotation_between(up, _Z)
    flat = transform(upright, points[:: len(points) // 4000 + 1])[:, :2]
    angles = np.deg2rad(np.arange(0.0, 90.0, 1.5))
    along = np.cos(angles)[:, None] * flat[:, 0] + np.sin(angles)[:, None] * flat[:, 1]
    across = -np.sin(angles)[:, None] * flat[:, 0] + np.cos(angles)[:, None] * flat[:, 1]
    spans = [np.subtract(*np.percentile(side, [99.5, 0.5], axis=1)) for side in (along, across)]
    angle = float(angles[np.argmin(spans[0] * spans[1])])
    yaw = np.eye(4)
    yaw[:2, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    return yaw @ upright


def _channels(volume: Volume, evidence: Evidence, level_m: float | None) -> Float[np.ndarray, "c x y z"]:
    seen = (evidence.confidence == 1.0) & (volume.weight > 0) & (np.abs(evidence.sdf_m) < evidence.band_m)
    views = volume.free + volume.behind_object + volume.behind_other + volume.other + (volume.weight > 0)
    total = np.maximum(views, 1).astype(np.float32)
    heights = evidence.heights()
    own = heights[evidence.surface()]
    ground_m = level_m if level_m is not None else float(own.min()) if own.size else float(heights.min())
    layers = [
        np.where(seen, evidence.sdf_m / evidence.band_m, 0.0),
        seen,
        evidence.side == OUTSIDE,
        evidence.other,
        volume.free / total,
        volume.behind_object / total,
        volume.behind_other / total,
        np.minimum(views / 10.0, 1.0),
        np.clip(heights - ground_m, -1.0, 1.0),
    ]
    scorer = Scorer(evidence)
    planes: list[MirrorPlane | None] = [*find_planes(scorer, PLANES)]
    for plane in [*planes, *[None] * PLANES][:PLANES]:
        layers += _mirrored(evidence, scorer, plane)
    return np.stack([np.asarray(layer, np.float32) for layer in layers])


def _mirrored(evidence: Evidence, scorer: Scorer, plane: MirrorPlane | None) -> list[np.ndarray]:
    """Side, distance, and how well the plane fits, at each cell's mirror image; zeros without a plane."""
    shape = evidence.side.shape
    if plane is None or plane.score <= 0.0:
        return [np.zeros(shape, np.float32)] * 3
    turn, shift = scorer.mirror(plane)
    sampled = [
        ndimage.affine_transform(np.asarray(values, np.float32), turn, shift, order=1)
        for values in (evidence.side, evidence.sdf_m / evidence.band_m)
    ]
    return [*sampled, np.full(shape, plane.score, np.float32)]
