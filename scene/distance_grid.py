"""Exact signed distances from a regular grid to a closed mesh, near its surface.

The distance is the least over all triangles (Ericson, "Real-Time Collision Detection", 5.1.5); the sign is the winding
number, from the crossings of the vertical line through each voxel with the surface.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

# Lines are moved off the voxels by this share of one, or many would run along the edges of axis-parallel boxes.
_ASIDE = (0.00131, 0.00173)


def signed_distances(
    vertices: Float[np.ndarray, "v 3"],
    faces: Int[np.ndarray, "f 3"],
    origin_m: Float[np.ndarray, " 3"],
    voxel_m: float,
    shape: tuple[int, int, int],
    band_m: float,
) -> Float[np.ndarray, "x y z"]:
    """Signed distance in metres, positive outside, clipped to +-``band_m``, at ``origin_m + voxel_m * (i, j, k)``.

    The mesh must be closed, with faces that look outwards; parts that overlap count as their union.
    """
    corners = ((vertices[faces] - origin_m) / voxel_m).astype(np.float32)
    distance = np.full(shape, band_m / voxel_m, np.float32)
    _least_distances(corners, distance, np.float32(band_m / voxel_m))
    crossings = np.zeros((shape[0], shape[1], shape[2] + 1), np.int16)
    _count_crossings(corners.astype(np.float64), crossings, _ASIDE[0], _ASIDE[1])
    # A crossing lies above all voxels up to its own: sum from the top.
    winding = np.cumsum(crossings[:, :, ::-1], axis=2)[:, :, ::-1][:, :, 1:]
    return np.where(winding > 0, -distance, distance) * np.float32(voxel_m)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _least_distances(corners, distance, band):
    """Lower ``distance`` (in voxels) to that from every voxel to each triangle no farther off than ``band``."""
    nx, ny, nz = distance.shape
    for t in range(corners.shape[0]):
        a, b, c = corners[t, 0], corners[t, 1], corners[t, 2]
        i0, i1 = _span(min(a[0], b[0], c[0]) - band, max(a[0], b[0], c[0]) + band, nx)
        j0, j1 = _span(min(a[1], b[1], c[1]) - band, max(a[1], b[1], c[1]) + band, ny)
        k0, k1 = _span(min(a[2], b[2], c[2]) - band, max(a[2], b[2], c[2]) + band, nz)
        for i in range(i0, i1):
            for j in range(j0, j1):
                for k in range(k0, k1):
                    d = _to_triangle(np.float32(i), np.float32(j), np.float32(k), a, b, c)
                    if d < distance[i, j, k] * distance[i, j, k]:
                        distance[i, j, k] = math.sqrt(d)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _span(low, high, count):
    return max(0, math.ceil(low)), min(count, math.floor(high) + 1)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _to_triangle(px, py, pz, a, b, c):
    """Squared distance from a point to a triangle, by the region (corner, edge, face) the point projects into."""
    abx, aby, abz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    acx, acy, acz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    apx, apy, apz = px - a[0], py - a[1], pz - a[2]
    d1 = abx * apx + aby * apy + abz * apz
    d2 = acx * apx + acy * apy + acz * apz
    bpx, bpy, bpz = px - b[0], py - b[1], pz - b[2]
    d3 = abx * bpx + aby * bpy + abz * bpz
    d4 = acx * bpx + acy * bpy + acz * bpz
    cpx, cpy, cpz = px - c[0], py - c[1], pz - c[2]
    d5 = abx * cpx + aby * cpy + abz * cpz
    d6 = acx * cpx + acy * cpy + acz * cpz
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if d1 <= 0 and d2 <= 0:
        v, w = np.float32(0), np.float32(0)
    elif d3 >= 0 and d4 <= d3:
        v, w = np.float32(1), np.float32(0)
    elif d6 >= 0 and d5 <= d6:
        v, w = np.float32(0), np.float32(1)
    elif vc <= 0 and d1 >= 0 and d3 <= 0:
        v, w = d1 / (d1 - d3), np.float32(0)
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        v, w = np.float32(0), d2 / (d2 - d6)
    elif va <= 0 and d4 >= d3 and d5 >= d6:
        w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        v = np.float32(1) - w
    else:
        total = va + vb + vc
        v, w = vb / total, vc / total
    x, y, z = apx - v * abx - w * acx, apy - v * aby - w * acy, apz - v * abz - w * acz
    return x * x + y * y + z * z


@numba.njit(cache=True, nogil=True)
@no_type_check
def _count_crossings(corners, crossings, aside_x, aside_y):
    """Add +1 above which the line through (i, j) leaves the solid, -1 above which it enters, at its next voxel."""
    nx, ny, levels = crossings.shape
    for t in range(corners.shape[0]):
        a, b, c = corners[t, 0], corners[t, 1], corners[t, 2]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if area == 0:
            continue
        i0, i1 = _span(min(a[0], b[0], c[0]) - aside_x, max(a[0], b[0], c[0]) - aside_x, nx)
        j0, j1 = _span(min(a[1], b[1], c[1]) - aside_y, max(a[1], b[1], c[1]) - aside_y, ny)
        for i in range(i0, i1):
            x = i + aside_x
            for j in range(j0, j1):
                y = j + aside_y
                u = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) / area
                v = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) / area
                w = 1.0 - u - v
                if u < 0 or v < 0 or w < 0:
                    continue
                z = u * a[2] + v * b[2] + w * c[2]
                level = min(max(math.ceil(z), 0), levels - 1)
                crossings[i, j, level] += 1 if area > 0 else -1
