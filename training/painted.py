"""What an in-painter saw behind occluders: weaker facts of the same kind as the sensed ones."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float

from scene.camera import Intrinsics
from scene.fusion import Fusion
from scene.painted import with_depth
from scene.records import Fact
from scene.registration import surface_step
from training.evidence import INSIDE, OUTSIDE, UNKNOWN, Evidence
from training.priors import suppose
from training.settings import EvidenceSettings

_MOST_CONFIDENCE = 0.95  # a painted surface is never as good as a sensed one
_LEAST = 0.05  # pixels less sure than this do not count
_LEAST_WEIGHT = 0.05  # of the evidence of its best part: surface with less, seen only at a slant, does not count


def with_painted(evidence: Evidence, settings: EvidenceSettings) -> Evidence:
    """The evidence with the surface that was in-painted where an occluder hides the object, and free space before it.

    In-painted depth is averaged over the views as sensed depth is, every pixel as far as it is trusted; pixels that
    hardly are do not count, nor do those at edges of depth.  It decides unknown voxels alone: one near the surface is
    as sure as the pixels that say so, one in the free space before it as all are on average.
    """
    views = evidence.views
    if views is None or views.hidden is None:
        return evidence
    hidden, told = views.hidden, with_depth(views.hidden, _LEAST)
    if not told.any():
        return evidence
    last_m = evidence.origin_m + evidence.voxel_m * (np.array(evidence.side.shape) - 1.5)  # rounded up by the fusion
    # Averaged beside the distance, as a colour is: how sure the pixels are.
    fusion = Fusion(
        evidence.origin_m, last_m, evidence.voxel_m, settings.front_m, settings.thickness_m, with_color=True
    )
    for view in np.flatnonzero(told.any(axis=(1, 2))):
        depth_m = hidden.depth_mm[view].astype(np.float32) / 1000.0
        sound = told[view] & ~_at_edges(depth_m, views.camera)
        fact = np.where(sound, Fact.OBJECT, Fact.UNKNOWN).astype(np.uint8)
        sure = hidden.confidence[view]
        as_color = np.repeat(sure[..., None], 3, axis=2)
        fusion.add(depth_m, views.camera, views.world_from_camera[view], fact, as_color, sure / np.float32(255))
    volume = fusion.result()
    assert volume.color is not None
    weights = volume.weight[volume.weight > 0]
    near = volume.weight > (_LEAST_WEIGHT * min(1.0, float(np.percentile(weights, 95))) if weights.size else 0.0)
    side = np.where(near, np.where(volume.sdf_m < 0, INSIDE, OUTSIDE), np.where(volume.free > 0, OUTSIDE, UNKNOWN))
    sdf_m = np.where(near, volume.sdf_m, evidence.band_m * side).astype(np.float32)
    on_average = hidden.confidence[told].mean() / np.float32(255)
    confidence = np.where(near, volume.color[..., 0] / np.float32(255), on_average).clip(max=_MOST_CONFIDENCE)
    return suppose(evidence, evidence.side == UNKNOWN, side.astype(np.int8), confidence, sdf_m)


def _at_edges(depth_m: Float[np.ndarray, "h w"], camera: Intrinsics) -> Bool[np.ndarray, "h w"]:
    """Pixels beside one of another surface: their slant, taken across the edge, would reach far behind them.

    Among sensed pixels such are left out by their facts; in-painted ones have none of their own.
    """
    kernel = np.ones((3, 3), np.uint8)
    farthest = cv2.dilate(depth_m, kernel)
    nearest = cv2.erode(np.where(depth_m > 0, depth_m, np.float32(np.inf)), kernel)
    return (depth_m > 0) & (farthest - nearest > 2 * surface_step(camera) * depth_m)
