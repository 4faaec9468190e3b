"""Distances on voxel grids."""

from __future__ import annotations

import edt
import numpy as np
from jaxtyping import Bool, Float


def distance_m(where: Bool[np.ndarray, "x y z"], voxel_m: float) -> Float[np.ndarray, "x y z"]:
    """Distance in metres of the voxels of ``where`` to the nearest that is not; infinite where there is none."""
    return edt.edt(where, parallel=1) * np.float32(voxel_m)
