"""How many pairs of a mesh's triangles pass through each other; a surface that encloses a body has none.

Triangles are sorted along a Morton curve into a binary tree of boxes, in which each looks for later ones whose boxes
meet its own.  Two triangles intersect where each crosses the other's plane and the stretches in which they cross the
planes' common line overlap (Moller, A Fast Triangle-Triangle Intersection Test, Journal of Graphics Tools 1997), in
double precision.  Triangles that share a vertex are neighbours, and those that touch, or lie in one plane, do not pass
through each other: all lengths count only beyond what single precision resolves, in which meshes are saved.
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np
import trimesh
from jaxtyping import Float, Int

MOST = 10_000  # pairs; more tell no more
_LEAF = 4  # triangles a leaf
_STEPS = 2.0**-22  # of the largest coordinate: two steps of single precision
# In tests of two boxes; one of two triangles costs as much as _TRIANGLES.  Reconstructed surfaces need 500 a face.
_WORK, _WORK_PER_FACE, _TRIANGLES = 200_000_000, 2_000, 200


def self_intersections(mesh: trimesh.Trimesh) -> tuple[int, bool]:
    """Pairs of triangles that intersect and share no vertex (vertices at one place are one), and whether these are all.

    A surface of 100,000 faces takes half a second.  Triangles that are no surface may meet each other all: counting
    ends at ``MOST`` pairs, or when the work does that is plenty for a surface of so many faces.
    """
    vertices = np.asarray(mesh.vertices, np.float64)
    faces = _merged(vertices)[np.asarray(mesh.faces, np.int64)]
    real = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    triangles, faces = vertices[mesh.faces[real]], faces[real]
    if len(faces) == 0:
        return 0, True
    low, high = triangles.min(axis=1), triangles.max(axis=1)
    order = np.argsort(_morton((low + high) / 2), kind="stable")
    triangles, faces, low, high = triangles[order], faces[order], low[order], high[order]
    least = _STEPS * float(np.abs(vertices).max())
    work = _WORK + _WORK_PER_FACE * len(faces)
    pairs, all_counted = _count(triangles, faces, low, high, *_tree(low, high), least, work)
    return int(pairs), bool(all_counted)


def _merged(vertices: Float[np.ndarray, "v 3"]) -> Int[np.ndarray, " v"]:
    """A number for every vertex, the same for those at exactly one place."""
    order = np.lexsort(vertices.T)
    new = np.r_[False, (np.diff(vertices[order], axis=0) != 0).any(axis=1)]
    number = np.empty(len(vertices), np.int64)
    number[order] = np.cumsum(new)
    return number


def _morton(points: Float[np.ndarray, "n 3"]) -> Int[np.ndarray, " n"]:
    """Places along a curve that visits a cube of 2^20 cells a side so that near cells come near one another."""
    extent = max(float(np.ptp(points, axis=0).max()), 1e-300)
    cells = ((points - points.min(axis=0)) / extent * (2**20 - 1)).astype(np.int64)
    for shift, mask in (
        (32, 0x1F00000000FFFF),
        (16, 0x1F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ):
        cells = (cells | cells << shift) & mask  # in the end two zeros before every bit
    return cells[:, 0] | cells[:, 1] << 1 | cells[:, 2] << 2


def _tree(
    low: Float[np.ndarray, "n 3"], high: Float[np.ndarray, "n 3"]
) -> tuple[Float[np.ndarray, "m 3"], Float[np.ndarray, "m 3"]]:
    """Boxes of a complete binary tree: node k has children 2k and 2k + 1, its second half are the leaves."""
    leaves = 1 << max(0, int(-(-len(low) // _LEAF) - 1).bit_length())
    lows, highs = np.full((2 * leaves, 3), np.inf), np.full((2 * leaves, 3), -np.inf)
    first = np.arange(0, len(low), _LEAF)
    lows[leaves : leaves + len(first)] = np.minimum.reduceat(low, first)
    highs[leaves : leaves + len(first)] = np.maximum.reduceat(high, first)
    while leaves > 1:
        below = slice(leaves, 2 * leaves)
        leaves //= 2
        lows[leaves : 2 * leaves] = lows[below].reshape(-1, 2, 3).min(axis=1)
        highs[leaves : 2 * leaves] = highs[below].reshape(-1, 2, 3).max(axis=1)
    return lows, highs


@numba.njit(cache=True, nogil=True)
@no_type_check
def _count(triangles, faces, low, high, node_low, node_high, least, work):
    """Pairs i < j that intersect, and whether these are all."""
    leaves, found = len(node_low) // 2, 0
    stack = np.empty(64, np.int64)
    for i in range(len(triangles)):
        stack[0], held = 1, 1
        while held > 0:
            held -= 1
            node = stack[held]
            work -= 1
            if not _boxes_meet(low, high, i, node_low, node_high, node):
                continue
            if node < leaves:
                stack[held], stack[held + 1] = 2 * node, 2 * node + 1
                held += 2
                continue
            first = (node - leaves) * _LEAF
            for j in range(max(i + 1, first), min(first + _LEAF, len(triangles))):
                work -= 1
                if not _boxes_meet(low, high, i, low, high, j) or _neighbours(faces, i, j):
                    continue
                work -= _TRIANGLES
                found += _intersect(triangles[i], triangles[j], least)
                if found >= MOST or work <= 0:
                    return found, False
        if work <= 0:
            return found, False
    return found, True


@numba.njit(cache=True, nogil=True)
@no_type_check
def _boxes_meet(low, high, i, other_low, other_high, j):  # whole arrays: a row of one costs more than what is asked
    for k in range(3):
        apart = low[i, k] > other_high[j, k] or high[i, k] < other_low[j, k]
        if apart:
            return False
    return True


@numba.njit(cache=True, nogil=True)
@no_type_check
def _neighbours(faces, i, j):
    for a in range(3):
        for b in range(3):
            if faces[i, a] == faces[j, b]:
                return True
    return False


@numba.njit(cache=True, nogil=True)
@no_type_check
def _intersect(a, b, least):
    """Whether two triangles pass through each other along more than ``least``."""
    normal_a, normal_b = _normal(a), _normal(b)
    along = np.cross(normal_a, normal_b)
    length = np.sqrt((along**2).sum())
    if length < 1e-12:  # parallel planes
        return False
    along /= length
    from_a, to_a = _stretch(a, b[0], normal_b, along, least)
    if from_a >= to_a:
        return False
    from_b, to_b = _stretch(b, a[0], normal_a, along, least)
    shift = (along * (a[0] - b[0])).sum()  # between the two points from which the stretches are measured
    return min(to_a, to_b + shift) - max(from_a, from_b + shift) > least


@numba.njit(cache=True, nogil=True)
@no_type_check
def _stretch(triangle, origin, normal, along, least):
    """Where a triangle enters and leaves a plane, along the direction in which it crosses it; (0, 0) if it does not."""
    side = np.empty(3)
    for k in range(3):
        side[k] = (normal * (triangle[k] - origin)).sum()
    if side.min() >= -least or side.max() <= least:
        return 0.0, 0.0
    begin, end = np.inf, -np.inf
    for k in range(3):
        m = (k + 1) % 3
        if (side[k] < 0) != (side[m] < 0):
            share = side[k] / (side[k] - side[m])
            place = (along * (triangle[k] - origin + share * (triangle[m] - triangle[k]))).sum()
            begin, end = min(begin, place), max(end, place)
    return begin, end


@numba.njit(cache=True, nogil=True)
@no_type_check
def _normal(triangle):
    """The unit normal; zero where the triangle has no area."""
    normal = np.cross(triangle[1] - triangle[0], triangle[2] - triangle[0])
    length = np.sqrt((normal**2).sum())
    return normal / length if length > 0 else normal
