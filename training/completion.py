"""From evidence with priors to one complete shape: a signed distance everywhere, with a confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from scene.errors import UserError
from training.distance import distance_m
from training.evidence import INSIDE, Evidence

_AGREES = 0.6  # of the band: nearer to a surface than this a sensed distance is more exact than the voxels
_SMOOTH_VOXELS = 0.8  # a distance between voxel centres has steps of half a voxel; this evens them out


@dataclass(frozen=True)
class CompleteShape:
    """A shape closed everywhere; voxel (i, j, k) has its centre at origin + voxel_m (i, j, k)."""

    origin_m: Float[np.ndarray, " 3"]
    voxel_m: float
    sdf_m: Float[np.ndarray, "x y z"]  # positive outside
    confidence: Float[np.ndarray, "x y z"]  # 1 where sensed, less where a prior supposes


def complete(evidence: Evidence, least_part: float = 0.02) -> CompleteShape:
    """The signed distance of the evidence's inside, parts with less than ``least_part`` of the largest left out.

    Unknown voxels count as outside: a prior (parsimony) should have decided them.  Raises UserError when
    nothing is inside.
    """
    inside = _main_parts(evidence.side == INSIDE, least_part)
    if not inside.any():
        raise UserError("the views agree on no surface of the object; check its masks and the scan's poses")
    outward, inward = distance_m(~inside, 1.0), distance_m(inside, 1.0)
    # The surface runs half-way between the last voxel inside and the first outside.
    distance = (np.where(inside, 0.5 - inward, outward - 0.5) * evidence.voxel_m).astype(np.float32)
    smooth = ndimage.gaussian_filter(distance, _SMOOTH_VOXELS)
    # Smoothing must not swallow a part one or two voxels thick.
    distance = np.where(np.sign(smooth) == np.sign(distance), smooth, 0.3 * distance)
    exact = np.abs(evidence.sdf_m) < _AGREES * evidence.band_m
    exact &= (evidence.confidence > 0) & (evidence.sdf_m != 0) & ((evidence.sdf_m < 0) == inside)
    return CompleteShape(
        evidence.origin_m, evidence.voxel_m, np.where(exact, evidence.sdf_m, distance), evidence.confidence
    )


def _main_parts(inside: Bool[np.ndarray, "x y z"], least_part: float) -> Bool[np.ndarray, "x y z"]:
    """The connected parts of at least ``least_part`` of the largest's size: the rest is noise."""
    parts, count = ndimage.label(inside)
    if count <= 1:
        return inside
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return (sizes >= least_part * sizes.max())[parts]
