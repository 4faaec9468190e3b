"""Triangles from marching cubes: pieces welded along their seams, floaters taken out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Triangles:
    """Vertices in grid indices, every one on a grid edge (two whole coordinates, one between), and faces."""

    vertices: Float[np.ndarray, "v 3"]
    faces: Int[np.ndarray, "f 3"]


def weld(pieces: Iterable[Triangles], points: tuple[int, int, int]) -> Triangles:
    """One set of triangles from pieces of a grid of ``points``, each grid edge's vertex kept once.

    A vertex is known by its grid edge, not by its coordinates: welding by distance would merge neighbours where the
    surface passes close to a grid point, and open holes.
    """
    vertices, faces, edges = [np.empty((0, 3))], [np.empty((0, 3), np.int64)], [np.empty(0, np.int64)]
    count = 0
    for piece in pieces:
        lower = np.floor(piece.vertices)
        axis = np.argmax(piece.vertices - lower, axis=1)
        x, y, z = lower.astype(np.int64).T
        edges.append(((x * points[1] + y) * points[2] + z) * 3 + axis)
        vertices.append(piece.vertices)
        faces.append(piece.faces + count)
        count += len(piece.vertices)
    _, first, index = np.unique(np.concatenate(edges), return_index=True, return_inverse=True)
    return Triangles(np.concatenate(vertices)[first], index[np.concatenate(faces)])


def largest_components(triangles: Triangles, count: int) -> Triangles:
    """The ``count`` connected components of largest area (all of them when 0), unused vertices dropped.

    Inner walls of a hollow count as components of their own: keeping one component fills the object.
    """
    faces = triangles.faces
    parts, part_of_vertex = _components(triangles)
    if count == 0 or parts <= count:
        return triangles
    part_of_face = part_of_vertex[faces[:, 0]]
    largest = np.argsort(-np.bincount(part_of_face, weights=_areas(triangles), minlength=parts), kind="stable")[:count]
    kept = np.isin(part_of_vertex, largest)
    renumbered = np.cumsum(kept) - 1
    return Triangles(triangles.vertices[kept], renumbered[faces[kept[faces[:, 0]]]])


def share_of_largest(triangles: Triangles) -> float:
    """The area of the largest connected component over that of all; inner walls of hollows belong to no part."""
    parts, part_of_vertex = _components(triangles)
    a, b, c = (triangles.vertices[triangles.faces[:, k]] for k in range(3))
    part_of_face = part_of_vertex[triangles.faces[:, 0]]
    six_volumes = np.bincount(part_of_face, weights=(a * np.cross(b, c)).sum(axis=1), minlength=parts)
    area = np.where(six_volumes > 0, np.bincount(part_of_face, weights=_areas(triangles), minlength=parts), 0.0)
    return float(area.max() / area.sum()) if area.any() else 1.0


def _areas(triangles: Triangles) -> Float[np.ndarray, " f"]:
    """Twice the area of every face."""
    a, b, c = (triangles.vertices[triangles.faces[:, k]] for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1)


def _components(triangles: Triangles) -> tuple[int, Int[np.ndarray, " v"]]:
    """How many connected components there are, and which each vertex belongs to."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    faces, size = triangles.faces, len(triangles.vertices)
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    links = coo_array((np.ones(len(ends), dtype=bool), (ends[:, 0], ends[:, 1])), shape=(size, size))
    parts, part_of_vertex = connected_components(links, directed=False)
    return int(parts), part_of_vertex
