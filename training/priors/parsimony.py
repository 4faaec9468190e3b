"""Of all shapes that explain the evidence, the one of least surface, and of little volume.

The occupancy u in [0, 1] minimises  sum |grad u| + sum f u  (a minimal cut, relaxed: Chan, Esedoglu and Nikolova
2006), by the primal-dual steps of Chambolle and Pock 2011.  f > 0 holds a voxel outside, f < 0 inside; in unknown
space it is a small price on volume.
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float
from scipy import ndimage

from training.evidence import INSIDE, OUTSIDE, UNKNOWN, Evidence
from training.priors import prior, suppose

_CELL = 2  # voxels along a cell: closing needs no fine grid, and information travels a cell a step
_HOLD = 6.0  # f of evidence; above 6 no gradient can move a cell
_STEP = np.float32(0.28)  # primal and dual; step^2 * 12 < 1 makes them converge


@prior("parsimony")
def parsimony(
    evidence: Evidence,
    *,
    volume_price: float = 2.0,
    steps: int = 200,
    free_contact: bool = True,
    confidence: float = 0.2,
) -> Evidence:
    """Assume the least surface that closes what was seen, at ``volume_price`` m^2 of surface a m^3 of volume.

    With ``free_contact`` the surface on which the object rests costs nothing, so that undersides close on the support
    rather than above it.
    """
    if (evidence.side != UNKNOWN).all():
        return evidence
    force = _HOLD * evidence.side * evidence.confidence
    force = np.where(evidence.side == UNKNOWN, volume_price * evidence.voxel_m * _CELL, force)
    cells = _means_of_cells(force.astype(np.float32))
    ground = np.zeros(cells.shape, np.bool_)
    if free_contact and evidence.support_m is not None:
        ground = _means_of_cells((evidence.heights() < evidence.support_m).astype(np.float32)) > 0.5
    occupancy = minimal_surface(cells, ground, steps)
    fine = ndimage.zoom(occupancy, _CELL, order=1, grid_mode=True, mode="nearest")
    x, y, z = evidence.side.shape
    side = np.where(fine[:x, :y, :z] > 0.5, INSIDE, OUTSIDE).astype(np.int8)
    return suppose(evidence, np.ones(side.shape, np.bool_), side, confidence)


def minimal_surface(force: Float[np.ndarray, "x y z"], ground: np.ndarray, steps: int) -> Float[np.ndarray, "x y z"]:
    """The relaxed minimal cut for forces in units of one cell's face; no face to a ``ground`` cell costs anything."""
    u = (force < 0).astype(np.float32)
    ahead = u.copy()
    p, q, r = np.zeros_like(u), np.zeros_like(u), np.zeros_like(u)
    for _ in range(steps):
        _dual_step(ahead, p, q, r, ground)
        _primal_step(u, ahead, p, q, r, force)
    return u


@numba.njit(parallel=True, cache=True)
@no_type_check
def _dual_step(ahead, p, q, r, ground):
    nx, ny, nz = ahead.shape
    for i in numba.prange(nx):
        for j in range(ny):
            for k in range(nz):
                if ground[i, j, k]:
                    continue
                here = ahead[i, j, k]
                if i + 1 < nx and not ground[i + 1, j, k]:
                    p[i, j, k] += _STEP * (ahead[i + 1, j, k] - here)
                if j + 1 < ny and not ground[i, j + 1, k]:
                    q[i, j, k] += _STEP * (ahead[i, j + 1, k] - here)
                if k + 1 < nz and not ground[i, j, k + 1]:
                    r[i, j, k] += _STEP * (ahead[i, j, k + 1] - here)
                length = np.sqrt(p[i, j, k] ** 2 + q[i, j, k] ** 2 + r[i, j, k] ** 2)
                if length > np.float32(1):
                    p[i, j, k] /= length
                    q[i, j, k] /= length
                    r[i, j, k] /= length


@numba.njit(parallel=True, cache=True)
@no_type_check
def _primal_step(u, ahead, p, q, r, force):
    nx, ny, nz = u.shape
    for i in numba.prange(nx):
        for j in range(ny):
            for k in range(nz):
                divergence = p[i, j, k] + q[i, j, k] + r[i, j, k]
                if i > 0:
                    divergence -= p[i - 1, j, k]
                if j > 0:
                    divergence -= q[i, j - 1, k]
                if k > 0:
                    divergence -= r[i, j, k - 1]
                before = u[i, j, k]
                now = before + _STEP * (divergence - force[i, j, k])
                now = min(np.float32(1), max(np.float32(0), now))
                u[i, j, k] = now
                ahead[i, j, k] = np.float32(2) * now - before


def _means_of_cells(values: Float[np.ndarray, "x y z"]) -> Float[np.ndarray, "x2 y2 z2"]:
    """Means over cells of 2 x 2 x 2 voxels; the last slice is repeated where a side is odd."""
    padded = np.pad(values, [(0, -n % _CELL) for n in values.shape], mode="edge")
    x, y, z = (n // _CELL for n in padded.shape)
    return padded.reshape(x, _CELL, y, _CELL, z, _CELL).mean(axis=(1, 3, 5))
