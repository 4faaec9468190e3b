"""The creases of a fused surface, and its cut into small patches that end at them.

People take things apart where a surface turns inwards (the minima rule of Hoffman and Richards 1984): concavity is how
fast the surface's normal turns towards itself, in radians a metre; 0 where it is flat or convex.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

from preprocess.fused_surface import FusedSurface

_NORMAL_SMOOTHING = 3  # rounds of averaging over neighbours: about four voxels, the reach of depth noise


@dataclass(frozen=True)
class Shape:
    """The mesh as a graph, its smoothed normals and its concavity."""

    edges: Int64[np.ndarray, "e 2"]
    normals: Float32[np.ndarray, "v 3"]
    concavity: Float64[np.ndarray, " v"]


def find_shape(surface: FusedSurface) -> Shape:
    """Concavity of every vertex from the turn of smoothed normals along the edges round it."""
    edges, count = surface.edges(), len(surface)
    neighbours = _graph(edges, np.ones(len(edges), np.float32), count)
    neighbours = neighbours + csr_matrix((np.ones(count, np.float32), (np.arange(count), np.arange(count))))
    average = csr_matrix(neighbours.multiply(1.0 / neighbours.sum(axis=1)))
    normals = surface.normals
    for _ in range(_NORMAL_SMOOTHING):
        normals = average @ normals
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    places = average @ surface.vertices
    first, second = edges.T
    step = places[second] - places[first]
    length = np.maximum(np.linalg.norm(step, axis=1), 0.4 * surface.voxel_m)
    turn = ((normals[second] - normals[first]) * step).sum(axis=1) / length**2  # > 0 where convex
    degree = np.maximum(np.bincount(edges.ravel(), minlength=count), 1)
    mean_turn = np.bincount(edges.ravel(), np.repeat(turn, 2), count) / degree
    return Shape(edges, normals.astype(np.float32), np.maximum(-(average @ mean_turn), 0).astype(np.float64))


def cut_into_patches(
    surface: FusedSurface,
    shape: Shape,
    vertices: Int64[np.ndarray, " n"],
    edges: Int64[np.ndarray, "e 2"],
    patch_m: float,
    crease_cost: float,
) -> Int64[np.ndarray, " v"]:
    """A patch number (from 0) for each of ``vertices``, -1 for all others; patches follow the given ``edges`` only.

    The least concave vertex of every cell of a grid is a seed, and every vertex goes to the seed with the shortest way
    along the surface, where a crease makes the way longer.
    """
    cell = np.floor(surface.vertices[vertices] / patch_m).astype(np.int64)
    # Surfaces that do not hang together get seeds of their own even within one cell, so that every vertex has one.
    part = _part_of(len(surface), edges)[vertices]
    _, index = np.unique(np.column_stack([cell, part]), axis=0, return_inverse=True)
    order = np.lexsort((shape.concavity[vertices], index.ravel()))
    first_of_cell = np.diff(index.ravel()[order], prepend=-1) > 0
    seeds = vertices[order[first_of_cell]]
    first, second = edges.T
    length = np.linalg.norm(surface.vertices[first] - surface.vertices[second], axis=1)
    cost = length * (1 + crease_cost * (shape.concavity[first] + shape.concavity[second]) / 2) + 1e-6
    graph = _graph(edges, cost, len(surface))
    nearest = dijkstra(graph, indices=seeds, min_only=True, return_predecessors=True)[2].astype(np.int64)
    patch = np.full(len(surface), -1, np.int64)
    patch[vertices] = np.unique(nearest[vertices], return_inverse=True)[1].ravel()
    return patch


def connected_parts(
    count: int, vertices: Int64[np.ndarray, " n"], edges: Int64[np.ndarray, "e 2"]
) -> list[Int64[np.ndarray, " m"]]:
    """The vertices sorted into the connected parts that ``edges`` (between them alone) make of them."""
    if len(vertices) == 0:
        return []
    part = _part_of(count, edges)
    order = vertices[np.argsort(part[vertices], kind="stable")]
    return np.split(order, np.flatnonzero(np.diff(part[order])) + 1)


def _part_of(count: int, edges: Int64[np.ndarray, "e 2"]) -> Int32[np.ndarray, " v"]:
    """The number of the connected part that each of ``count`` vertices lies in."""
    return connected_components(_graph(edges, np.ones(len(edges), bool), count), directed=False)[1]


def _graph(edges: Int64[np.ndarray, "e 2"], weights: np.ndarray, count: int) -> csr_matrix:
    rows, columns = np.concatenate([edges, edges[:, ::-1]]).T
    return csr_matrix((np.concatenate([weights, weights]), (rows, columns)), shape=(count, count))
