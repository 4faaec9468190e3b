"""An object hangs together: parts seen apart are joined where nobody could see that they are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import dijkstra

from training.distance import distance_m
from training.evidence import INSIDE, OUTSIDE, Evidence
from training.priors import prior

_MOST_PARTS = 12  # joined; each costs a search through the whole grid
_CELL = 2  # voxels along a cell of the grid in which paths are sought
_NEIGHBOURS = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, -1, 0), (1, 0, -1), (0, 1, -1))


@prior("connection")
def connection(
    evidence: Evidence,
    *,
    least_part: float = 0.02,
    radius_m: float = 0.015,
    doubt_m: float = 0.15,
    large_part: float = 0.2,
    far_m: float = 0.6,
    confidence: float = 0.1,
) -> Evidence:
    """Assume that every part of at least ``least_part`` of the largest is joined to it by the shortest hidden way.

    The way runs through unknown space as a rod of ``radius_m``, and through space seen to be free only within
    ``doubt_m`` of the object, or ``far_m`` for what has ``large_part`` of the largest: what is too thin to be sensed is
    seen through, and no camera mistakes half of an object.  A part that lies farther off in free space stays apart,
    and is later left out as a floater.
    """
    for share, reach_m in ((least_part, doubt_m), (large_part, far_m)):
        evidence = _joined(evidence, share, reach_m, radius_m, confidence)
    return evidence


def _joined(evidence: Evidence, least_part: float, doubt_m: float, radius_m: float, confidence: float) -> Evidence:
    inside = evidence.side == INSIDE
    parts, count = ndimage.label(inside)  # by faces: what meets in an edge or a corner comes apart in the mesh
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    wanted = np.flatnonzero(sizes >= max(1.0, least_part * sizes.max()))
    wanted = wanted[np.argsort(-sizes[wanted], kind="stable")][:_MOST_PARTS]
    if len(wanted) < 2:
        return evidence
    main = np.where(np.isin(parts, wanted), parts, 0)
    sensed_free = (evidence.side == OUTSIDE) & (evidence.confidence == 1.0)
    floor_m = -np.inf if evidence.support_m is None else evidence.support_m
    barred = evidence.heights() < floor_m
    border = sensed_free & (distance_m(main == 0, evidence.voxel_m) <= doubt_m)
    # What another prior supposes to be free was not seen either; but nothing passes below what the object stands on.
    hidden = _largest_of_cells(~sensed_free & ~inside & ~barred) > 0
    border_cells = _largest_of_cells(border) > 0
    labels = _largest_of_cells(main)
    cost = np.where(labels > 0, 0.05, np.where(hidden, 1.0, 5.0))
    rods = np.zeros(inside.shape, np.bool_)
    for path in _paths(labels, hidden | border_cells | (labels > 0), cost, int(np.argmax(sizes))):
        index = np.minimum(_CELL * path + _CELL // 2, np.array(rods.shape) - 1)
        rods[tuple(index.T)] = True
    if not rods.any():
        return evidence
    # The way's voxels lie a cell apart; a voxel more closes it.
    rod = distance_m(~rods, evidence.voxel_m) <= radius_m + evidence.voxel_m
    rod &= ~inside & ~barred
    return replace(
        evidence,
        side=np.where(rod, INSIDE, evidence.side).astype(np.int8),
        confidence=np.where(rod, np.float32(confidence), evidence.confidence),
        sdf_m=np.where(rod, np.float32(-evidence.band_m), evidence.sdf_m),
    )


def _paths(
    labels: Int[np.ndarray, "x y z"],
    passable: Bool[np.ndarray, "x y z"],
    cost: Float[np.ndarray, "x y z"],
    root: int,
) -> list[np.ndarray]:
    """Cells (n, 3) of the cheapest ways that join every label to ``root``, nearest first; none where walled off."""
    graph = _grid_graph(passable, cost)
    joined, left = labels == root, set(np.unique(labels)) - {0, root}
    found = []
    while left:
        distance, before, _ = dijkstra(
            graph, indices=np.flatnonzero(joined.ravel()), return_predecessors=True, min_only=True
        )
        distance = np.where(np.isin(labels.ravel(), list(left)), distance, np.inf)
        cell = int(np.argmin(distance))
        if not np.isfinite(distance[cell]):
            break
        reached = int(labels.ravel()[cell])
        way = []
        while cell >= 0 and not joined.ravel()[cell]:
            way.append(cell)
            cell = int(before[cell])
        way.append(cell)
        found.append(np.stack(np.unravel_index(way, labels.shape), axis=1))
        joined |= labels == reached
        left.discard(reached)
    return found


def _grid_graph(passable: Bool[np.ndarray, "x y z"], cost: Float[np.ndarray, "x y z"]) -> csr_matrix:
    """Neighbouring passable cells joined by edges of the mean of their costs times their distance."""
    number = np.arange(passable.size).reshape(passable.shape)
    rows, columns, weights = [], [], []
    for step in _NEIGHBOURS:
        here = tuple(slice(max(0, -s), n - max(0, s)) for s, n in zip(step, passable.shape, strict=True))
        there = tuple(slice(max(0, s), n - max(0, -s)) for s, n in zip(step, passable.shape, strict=True))
        both = passable[here] & passable[there]
        rows.append(number[here][both])
        columns.append(number[there][both])
        weights.append((cost[here][both] + cost[there][both]) * 0.5 * np.linalg.norm(step))
    row, column, weight = np.concatenate(rows), np.concatenate(columns), np.concatenate(weights)
    size = passable.size
    both_ways = (np.concatenate([weight, weight]), (np.concatenate([row, column]), np.concatenate([column, row])))
    return coo_matrix(both_ways, shape=(size, size)).tocsr()


def _largest_of_cells(values: np.ndarray) -> Int[np.ndarray, "x2 y2 z2"]:
    """The largest value of each cell."""
    padded = np.pad(values.astype(np.int64), [(0, -n % _CELL) for n in values.shape])
    x, y, z = (n // _CELL for n in padded.shape)
    return padded.reshape(x, _CELL, y, _CELL, z, _CELL).max(axis=(1, 3, 5))
