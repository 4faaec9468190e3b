"""What an object's views know of the space round it, averaged once and read by priors and by the fit.

Each voxel is known to lie outside the object (a view saw through it, or sensed something else there), inside (just
behind the object's sensed surface), or is unknown.  Priors (``training.priors``) speak of unknown voxels, and with
less confidence.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int8

from scene.camera import transform, unproject_where
from scene.errors import UserError
from scene.fusion import Fusion, Volume
from scene.painted import painted_points
from scene.records import Fact, ObjectViews
from scene.runlog import log
from training.alignment import align
from training.settings import EvidenceSettings

OUTSIDE, UNKNOWN, INSIDE = 1, 0, -1
_WORLD_UP = np.array([0.0, 0.0, 1.0])  # ScanNet's, where a scan does not say


@dataclass(frozen=True)
class Evidence:
    """What is known, and then supposed, of each voxel; voxel (i, j, k) has its centre at origin + voxel_m (i, j, k)."""

    origin_m: Float[np.ndarray, " 3"]
    voxel_m: float
    side: Int8[np.ndarray, "x y z"]  # OUTSIDE, INSIDE or UNKNOWN
    confidence: Float[np.ndarray, "x y z"]  # of the side: 1 sensed, 0 unknown, between: a prior's
    sdf_m: Float[np.ndarray, "x y z"]  # signed distance near a surface, of the sign of ``side``; else +-band_m
    band_m: float  # distances are measured up to here
    other: Bool[np.ndarray, "x y z"]  # something else's surface was sensed here
    up: Float[np.ndarray, " 3"]  # unit, away from gravity, world
    support_m: float | None = None  # height along ``up`` of what the object stands on, where a prior found it
    views: ObjectViews | None = None  # from which it was gathered, their poses aligned

    def points(self, index: np.ndarray) -> Float[np.ndarray, "n 3"]:
        """World points of (fractional) voxel indices (n, 3)."""
        return (self.origin_m + self.voxel_m * index).astype(np.float32)

    def heights(self) -> Float[np.ndarray, "x y z"]:
        """Height of every voxel along ``up``, in metres."""
        axes = [(self.origin_m[a] + self.voxel_m * np.arange(n)) * self.up[a] for a, n in enumerate(self.side.shape)]
        return (axes[0][:, None, None] + axes[1][None, :, None] + axes[2][None, None, :]).astype(np.float32)

    def surface(self) -> Bool[np.ndarray, "x y z"]:
        """Voxels through which a sensed surface of the object runs."""
        return (self.confidence == 1.0) & (np.abs(self.sdf_m) < self.voxel_m)


def gather(views: ObjectViews, settings: EvidenceSettings) -> Evidence:
    """Fuse an object's views.  Raises UserError when none of them has depth on the object."""
    low_m, high_m = _bounds(views, settings)
    if settings.alignment.rounds:
        views = align(views, low_m, high_m, settings.alignment)
    extent_m = high_m - low_m
    finest_m = float(np.cbrt(np.prod(extent_m) / settings.max_voxels))
    voxel_m = max(finest_m, min(settings.voxel_m, float(np.linalg.norm(extent_m)) / settings.min_voxels_across))
    fusion = Fusion(low_m, high_m, voxel_m, settings.front_m, settings.thickness_m)
    for view in range(len(views)):
        depth_m = views.depth_mm[view].astype(np.float32) / 1000.0
        fusion.add(depth_m, views.camera, views.world_from_camera[view], np.ascontiguousarray(views.fact[view]))
    if views.up is None:
        log.warning("%s: nothing says which way is up; +z is taken, and symmetry and support with it", views.name)
    evidence = interpret(fusion.result(), settings, _WORLD_UP if views.up is None else views.up)
    return dataclasses.replace(evidence, views=views)


def interpret(volume: Volume, settings: EvidenceSettings, up: Float[np.ndarray, " 3"]) -> Evidence:
    """Decide for every voxel of a fused volume what is known of it."""
    sensed = volume.weight[volume.weight > 0]
    if sensed.size == 0:
        raise UserError("no view has depth on the object; check its masks and depth images")
    # A far or slanted view weighs little: what counts as seen is measured by how well the best of the object is seen.
    least = settings.least_weight * min(1.0, float(np.percentile(sensed, 95)))
    seen = volume.weight > least
    inside = seen & (volume.sdf_m < 0)
    others = volume.other >= settings.min_views
    outside = (seen | (volume.free >= settings.min_views) | others) & ~inside
    side = np.where(inside, INSIDE, np.where(outside, OUTSIDE, UNKNOWN)).astype(np.int8)
    band_m = min(settings.front_m, settings.thickness_m)
    sdf_m = np.where(seen, np.clip(volume.sdf_m, -band_m, band_m), band_m * side).astype(np.float32)
    known = (side != UNKNOWN).astype(np.float32)
    return Evidence(volume.origin_m, volume.voxel_m, side, known, sdf_m, band_m, others & ~seen, up)


def object_points(views: ObjectViews, per_view: int = 2000) -> Float[np.ndarray, "n 3"]:
    """World points of the object's sensed pixels, evenly thinned."""
    parts = []
    for view in range(len(views)):
        pixels = np.flatnonzero((views.fact[view] == Fact.OBJECT) & (views.depth_mm[view] > 0))
        chosen = np.zeros(views.fact[view].size, bool)
        chosen[pixels[:: max(1, len(pixels) // per_view)]] = True
        depth_m = views.depth_mm[view].astype(np.float32) / 1000.0
        parts.append(
            unproject_where(chosen.reshape(depth_m.shape), depth_m, views.camera, views.world_from_camera[view])
        )
    return np.concatenate(parts) if parts else np.zeros((0, 3), np.float32)


def _bounds(views: ObjectViews, settings: EvidenceSettings) -> tuple[np.ndarray, np.ndarray]:
    """The box that is looked at: what was seen of the object and room on every side for what was not."""
    points = object_points(views)
    if len(points) < 50:
        raise UserError(f"{views.name}: fewer than 50 of its pixels have depth; it cannot be reconstructed")
    low, high = np.percentile(points, [0.2, 99.8], axis=0)
    room_m = np.clip(settings.room_share * np.linalg.norm(high - low), settings.least_room_m, settings.most_room_m)
    low, high = low - room_m, high + room_m
    painted = painted_points(views, per_view=2000)
    if len(painted):
        # The box is left as it is where it holds them: another grid is another rounding of all that was sensed.
        band_m = settings.front_m + settings.thickness_m
        painted_low, painted_high = np.percentile(painted, [0.2, 99.8], axis=0)
        low, high = np.minimum(low, painted_low - band_m), np.maximum(high, painted_high + band_m)
    sphere_m = transform(views.world_from_normalized, np.array([[-1.0] * 3, [1.0] * 3]))
    return np.maximum(low, sphere_m[0]), np.minimum(high, sphere_m[1])
