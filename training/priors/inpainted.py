"""What an in-painter saw behind occluders: weaker facts of the same kind as the sensed ones."""

from __future__ import annotations

import numpy as np

from scene.fusion import Fusion
from scene.painted import with_depth
from scene.records import Fact
from training.evidence import INSIDE, OUTSIDE, UNKNOWN, Evidence
from training.priors import prior, suppose

_MOST_CONFIDENCE = 0.95  # a painted surface is never as good as a sensed one


@prior("inpainted")
def inpainted(evidence: Evidence, *, least: float = 0.05, front_m: float = 0.04, thickness_m: float = 0.03) -> Evidence:
    """Assume the surface that was in-painted where an occluder hides the object, and free space in front of it.

    In-painted depth is averaged over the views as sensed depth is, ``thickness_m`` of solid behind it; pixels less sure
    than ``least`` do not count.  How sure the pixels are, on average, is how sure the voxels are.
    """
    views = evidence.views
    if views is None or views.hidden is None:
        return evidence
    hidden, told = views.hidden, with_depth(views.hidden, least)
    if not told.any():
        return evidence
    last_m = evidence.origin_m + evidence.voxel_m * (np.array(evidence.side.shape) - 1.5)  # rounded up by the fusion
    fusion = Fusion(evidence.origin_m, last_m, evidence.voxel_m, front_m, thickness_m)
    for view in np.flatnonzero(told.any(axis=(1, 2))):
        depth_m = hidden.depth_mm[view].astype(np.float32) / 1000.0
        fact = np.where(told[view], Fact.OBJECT, Fact.UNKNOWN).astype(np.uint8)
        fusion.add(depth_m, views.camera, views.world_from_camera[view], fact)
    volume = fusion.result()
    near = volume.weight > 0
    side = np.where(near, np.where(volume.sdf_m < 0, INSIDE, OUTSIDE), np.where(volume.free > 0, OUTSIDE, UNKNOWN))
    sdf_m = np.where(near, volume.sdf_m, evidence.band_m * side).astype(np.float32)
    confidence = min(float(hidden.confidence[told].mean()) / 255, _MOST_CONFIDENCE)
    return suppose(evidence, evidence.side == UNKNOWN, side.astype(np.int8), confidence, sdf_m)
