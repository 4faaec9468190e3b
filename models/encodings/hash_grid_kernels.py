"""The compiled loops of ``hash_grid_numba``: everything in float32, on flat arrays.

``table`` is flat (rows * features); ``weight`` (levels) multiplies each level; g is the upstream gradient (n, l * f).
Every output element is summed by one thread in one order (points are shared out where each point has its own output,
levels where all points add into a level's rows), so the same input gives the same bits whatever the number of threads.
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np

from models.encodings.hash_grid import PRIMES

_COMPILE = {"cache": True, "nogil": True, "boundscheck": False}
_PRIME_Y, _PRIME_Z = np.uint32(PRIMES[1]), np.uint32(PRIMES[2])
_BLOCK = 1024  # points handled level by level, so that a level's rows stay in the core's cache
_HALF, _ZERO, _ONE = np.float32(0.5), np.float32(0.0), np.float32(1.0)


@numba.njit(inline="always")
@no_type_check
def _clamp(value):
    """To [0, 1]; what is not a number goes to 0, for it must not become an index."""
    value = value if value > _ZERO else _ZERO
    return value if value < _ONE else _ONE


@numba.njit(inline="always")
@no_type_check
def _locate(position, n, scale):
    """Cell (three integers) and fraction within it of point n, rounded exactly as in the reference."""
    x = _clamp(position[n, 0]) * scale + _HALF
    y = _clamp(position[n, 1]) * scale + _HALF
    z = _clamp(position[n, 2]) * scale + _HALF
    i, j, k = np.floor(x), np.floor(y), np.floor(z)
    return np.int64(i), np.int64(j), np.int64(k), x - i, y - j, z - k


@numba.njit(inline="always")
@no_type_check
def _wrap(row, rows):
    """row modulo rows, for row < 2 rows, which is all that the outermost half cell can reach."""
    return row - rows if row >= rows else row


@numba.njit(inline="always")
@no_type_check
def _starts(i, j, k, resolution, rows, offset, features):
    """Where the features of the cell's eight vertices start in the flat table; x runs fastest, then y, then z."""
    if resolution * resolution * resolution <= rows:
        dy, dz = resolution, resolution * resolution
        r0 = _wrap(i + j * dy + k * dz, rows)
        r1, r2, r3 = _wrap(r0 + 1, rows), _wrap(r0 + dy, rows), _wrap(r0 + dy + 1, rows)
        r4, r5 = _wrap(r0 + dz, rows), _wrap(r0 + dz + 1, rows)
        r6, r7 = _wrap(r0 + dz + dy, rows), _wrap(r0 + dz + dy + 1, rows)
    else:
        last = np.uint32(rows - 1)
        x0 = np.uint32(i)
        x1 = np.uint32(i + 1)
        y0 = np.uint32(j) * _PRIME_Y
        y1 = np.uint32(j + 1) * _PRIME_Y
        z0 = np.uint32(k) * _PRIME_Z
        z1 = np.uint32(k + 1) * _PRIME_Z
        r0, r1 = np.int64((x0 ^ y0 ^ z0) & last), np.int64((x1 ^ y0 ^ z0) & last)
        r2, r3 = np.int64((x0 ^ y1 ^ z0) & last), np.int64((x1 ^ y1 ^ z0) & last)
        r4, r5 = np.int64((x0 ^ y0 ^ z1) & last), np.int64((x1 ^ y0 ^ z1) & last)
        r6, r7 = np.int64((x0 ^ y1 ^ z1) & last), np.int64((x1 ^ y1 ^ z1) & last)
    # Unsigned: an index known not to be negative is not tested for it.
    return (
        np.uint64((offset + r0) * features),
        np.uint64((offset + r1) * features),
        np.uint64((offset + r2) * features),
        np.uint64((offset + r3) * features),
        np.uint64((offset + r4) * features),
        np.uint64((offset + r5) * features),
        np.uint64((offset + r6) * features),
        np.uint64((offset + r7) * features),
    )


@numba.njit(inline="always")
@no_type_check
def _shares(x1, y1, z1):
    """Trilinear shares of the eight vertices."""
    x0, y0, z0 = _ONE - x1, _ONE - y1, _ONE - z1
    a, b, c, d = x0 * y0, x1 * y0, x0 * y1, x1 * y1
    return a * z0, b * z0, c * z0, d * z0, a * z1, b * z1, c * z1, d * z1


@numba.njit(inline="always")
@no_type_check
def _slopes(x1, y1, z1, vx, vy, vz):
    """Derivative of the eight shares when the fraction moves along (vx, vy, vz)."""
    x0, y0, z0 = _ONE - x1, _ONE - y1, _ONE - z1
    # Change of the share of the (y, z) edge as a whole, and along x at each edge.
    a, b, c, d = vy * z0 + vz * y0, vy * z0 - vz * y1, vz * y0 - vy * z1, vy * z1 + vz * y1
    return (
        -vx * y0 * z0 - x0 * a,
        vx * y0 * z0 - x1 * a,
        -vx * y1 * z0 + x0 * b,
        vx * y1 * z0 + x1 * b,
        -vx * y0 * z1 + x0 * c,
        vx * y0 * z1 + x1 * c,
        -vx * y1 * z1 + x0 * d,
        vx * y1 * z1 + x1 * d,
    )


@numba.njit(inline="always")
@no_type_check
def _pulled(g, n, start, table, starts, features):
    """Upstream gradient of point n times the features of each of the eight vertices."""
    r0, r1, r2, r3, r4, r5, r6, r7 = starts
    d0 = d1 = d2 = d3 = d4 = d5 = d6 = d7 = _ZERO
    for feature in range(features):
        f = np.uint64(feature)
        u = g[n, start + feature]
        d0 += u * table[r0 + f]
        d1 += u * table[r1 + f]
        d2 += u * table[r2 + f]
        d3 += u * table[r3 + f]
        d4 += u * table[r4 + f]
        d5 += u * table[r5 + f]
        d6 += u * table[r6 + f]
        d7 += u * table[r7 + f]
    return d0, d1, d2, d3, d4, d5, d6, d7


@numba.njit(inline="always")
@no_type_check
def _inside(value):
    """1 where a coordinate is not clamped, 0 where it is."""
    return _ONE if _ZERO <= value <= _ONE else _ZERO


@numba.njit(parallel=True, **_COMPILE)
@no_type_check
def gather(position, tangent, along, table, weight, scales, resolutions, offsets, features, out):
    """Features (n, l f) by trilinear shares; with ``along``, their derivative along ``tangent`` instead."""
    for block in numba.prange(-(-len(position) // _BLOCK)):
        first, end = block * _BLOCK, min((block + 1) * _BLOCK, len(position))
        for level in range(len(scales)):
            if weight[level] == _ZERO:
                out[first:end, level * features : (level + 1) * features] = _ZERO
                continue
            scale, resolution, offset = scales[level], resolutions[level], offsets[level]
            rows = offsets[level + 1] - offset
            for n in range(first, end):
                i, j, k, x, y, z = _locate(position, n, scale)
                r0, r1, r2, r3, r4, r5, r6, r7 = _starts(i, j, k, resolution, rows, offset, features)
                if along:
                    vx = tangent[n, 0] * _inside(position[n, 0]) * scale
                    vy = tangent[n, 1] * _inside(position[n, 1]) * scale
                    vz = tangent[n, 2] * _inside(position[n, 2]) * scale
                    w0, w1, w2, w3, w4, w5, w6, w7 = _slopes(x, y, z, vx, vy, vz)
                else:
                    w0, w1, w2, w3, w4, w5, w6, w7 = _shares(x, y, z)
                for feature in range(features):
                    f = np.uint64(feature)
                    total = w0 * table[r0 + f] + w1 * table[r1 + f] + w2 * table[r2 + f] + w3 * table[r3 + f]
                    total += w4 * table[r4 + f] + w5 * table[r5 + f] + w6 * table[r6 + f] + w7 * table[r7 + f]
                    out[n, level * features + feature] = total * weight[level]


@numba.njit(parallel=True, **_COMPILE)
@no_type_check
def scatter(position, tangent, along, g, order, weight, scales, resolutions, offsets, features, out):
    """Gradient of the flat table: the transpose of ``gather``.  Each level's rows are one thread's alone."""
    for task in numba.prange(len(order)):
        level = order[task]
        scale, resolution, offset = scales[level], resolutions[level], offsets[level]
        rows = offsets[level + 1] - offset
        for n in range(len(position)):
            i, j, k, x, y, z = _locate(position, n, scale)
            r0, r1, r2, r3, r4, r5, r6, r7 = _starts(i, j, k, resolution, rows, offset, features)
            if along:
                vx = tangent[n, 0] * _inside(position[n, 0]) * scale
                vy = tangent[n, 1] * _inside(position[n, 1]) * scale
                vz = tangent[n, 2] * _inside(position[n, 2]) * scale
                w0, w1, w2, w3, w4, w5, w6, w7 = _slopes(x, y, z, vx, vy, vz)
            else:
                w0, w1, w2, w3, w4, w5, w6, w7 = _shares(x, y, z)
            for feature in range(features):
                f = np.uint64(feature)
                u = g[n, level * features + feature] * weight[level]
                out[r0 + f] += w0 * u
                out[r1 + f] += w1 * u
                out[r2 + f] += w2 * u
                out[r3 + f] += w3 * u
                out[r4 + f] += w4 * u
                out[r5 + f] += w5 * u
                out[r6 + f] += w6 * u
                out[r7 + f] += w7 * u


@numba.njit(parallel=True, **_COMPILE)
@no_type_check
def pull_back(position, tangent, curved, g, table, weight, scales, resolutions, offsets, features, out):
    """Gradient (n, 3) of g . features to the position; with ``curved``, of its product with ``tangent`` instead."""
    for n in numba.prange(len(position)):
        ax = ay = az = _ZERO
        for level in range(len(scales)):
            if weight[level] == _ZERO:
                continue
            scale, offset = scales[level], offsets[level]
            i, j, k, x1, y1, z1 = _locate(position, n, scale)
            x0, y0, z0 = _ONE - x1, _ONE - y1, _ONE - z1
            starts = _starts(i, j, k, resolutions[level], offsets[level + 1] - offset, offset, features)
            d0, d1, d2, d3, d4, d5, d6, d7 = _pulled(g, n, level * features, table, starts, features)
            if curved:
                vx = tangent[n, 0] * _inside(position[n, 0])
                vy = tangent[n, 1] * _inside(position[n, 1])
                vz = tangent[n, 2] * _inside(position[n, 2])
                xy = z0 * (d3 - d2 - d1 + d0) + z1 * (d7 - d6 - d5 + d4)
                xz = y0 * (d5 - d4 - d1 + d0) + y1 * (d7 - d6 - d3 + d2)
                yz = x0 * (d6 - d4 - d2 + d0) + x1 * (d7 - d5 - d3 + d1)
                factor = weight[level] * scale * scale
                ax += factor * (vy * xy + vz * xz)
                ay += factor * (vx * xy + vz * yz)
                az += factor * (vx * xz + vy * yz)
            else:
                factor = weight[level] * scale
                ax += factor * (z0 * (y0 * (d1 - d0) + y1 * (d3 - d2)) + z1 * (y0 * (d5 - d4) + y1 * (d7 - d6)))
                ay += factor * (z0 * (x0 * (d2 - d0) + x1 * (d3 - d1)) + z1 * (x0 * (d6 - d4) + x1 * (d7 - d5)))
                az += factor * (y0 * (x0 * (d4 - d0) + x1 * (d5 - d1)) + y1 * (x0 * (d6 - d2) + x1 * (d7 - d3)))
        out[n, 0] = ax * _inside(position[n, 0])
        out[n, 1] = ay * _inside(position[n, 1])
        out[n, 2] = az * _inside(position[n, 2])
