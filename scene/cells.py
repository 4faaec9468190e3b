"""Points sorted into the cells of a coarse grid: which label most views give a cell, and which cells hang together.

A mask that leaks onto a wall, or a depth pixel that flies between two surfaces, lands in cells that most views call
something else, or far from all others.  Both would blow up an object's box, so both are told apart here.

A cell's key packs its three indices, 15 bits each and offset by 2^14, so that a 16-bit label still fits beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64, Integer
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

_BITS = 15
_LABEL_BITS = 16
_HALF = 1 << (_BITS - 1)
_MERGE_AT = 4_000_000  # votes held before equal ones are merged


@dataclass(frozen=True)
class CellGrid:
    """Cubes of ``size_m`` whose corner (0, 0, 0) lies at ``origin_m``; it spans +-16,000 cells along each axis."""

    origin_m: Float[np.ndarray, " 3"]
    size_m: float

    def keys(self, points: Float[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
        """The key of the cell each point lies in (points beyond the grid's span share its outermost cells)."""
        index = np.floor((points - self.origin_m) / self.size_m)
        return _pack(np.clip(index, 2 - _HALF, _HALF - 3).astype(np.int64))

    def centers(self, keys: Int64[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
        return self.origin_m + (_unpack(keys) + 0.5) * self.size_m


class LabelVotes:
    """Counts, cell by cell, how many views saw a surface of each label there (one vote a view)."""

    def __init__(self, grid: CellGrid) -> None:
        self.grid = grid
        self._votes: list[np.ndarray] = []
        self._merged = np.zeros(0, np.int64), np.zeros(0, np.int64)

    def add_view(self, points: Float[np.ndarray, "n 3"], labels: Integer[np.ndarray, " n"]) -> None:
        """One view's surface points and their labels (0 to 65535)."""
        self._votes.append(np.unique((self.grid.keys(points) << _LABEL_BITS) | labels.astype(np.int64)))
        if sum(map(len, self._votes)) > _MERGE_AT:
            self._merge()

    def won_cells(self) -> Mapping[int, tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]]:
        """By label, the cells (sorted keys) in which no other label has more votes, and the label's votes there."""
        self._merge()
        pairs, votes = self._merged
        cells, labels = pairs >> _LABEL_BITS, pairs & ((1 << _LABEL_BITS) - 1)
        starts = np.flatnonzero(np.diff(cells, prepend=cells[:1] - 1))
        most = np.maximum.reduceat(votes, starts) if len(starts) else votes
        won = votes == np.repeat(most, np.diff(np.append(starts, len(cells))))
        return {
            int(label): (cells[won & (labels == label)], votes[won & (labels == label)])
            for label in np.unique(labels).tolist()
        }

    def _merge(self) -> None:
        """Pairs of (cell, label), sorted, and the votes of each."""
        pairs = np.concatenate([self._merged[0], *self._votes])
        votes = np.concatenate([self._merged[1], *(np.ones(len(v), np.int64) for v in self._votes)])
        unique, inverse = np.unique(pairs, return_inverse=True)
        self._merged = unique, np.bincount(inverse, votes, len(unique)).astype(np.int64)
        self._votes = []


def main_cells(
    keys: Int64[np.ndarray, " n"], weights: Integer[np.ndarray, " n"], reach: int = 3, share: float = 0.02
) -> Int64[np.ndarray, " m"]:
    """The cells of the object proper: the heaviest group, and every group of at least ``share`` of its weight.

    Cells are grouped when at most ``reach`` steps apart along each axis.  ``keys`` must be sorted and unique.
    """
    if len(keys) == 0:
        return keys
    first, second = [], []
    for shift in _shifts(reach):
        other = keys + shift
        position = np.searchsorted(keys, other)
        found = keys[np.minimum(position, len(keys) - 1)] == other
        first.append(np.flatnonzero(found))
        second.append(position[found])
    rows, columns = np.concatenate(first), np.concatenate(second)
    links = coo_matrix((np.ones(len(rows), bool), (rows, columns)), shape=(len(keys), len(keys)))
    _, group = connected_components(links, directed=False)
    weight = np.bincount(group, weights)
    return keys[weight[group] >= share * weight.max()]


def grown(keys: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " m"]:
    """The cells and all their neighbours, sorted."""
    return np.unique(np.concatenate([keys, *(keys + s for s in _shifts(1)), *(keys - s for s in _shifts(1))]))


def contains(keys: Int64[np.ndarray, " m"], asked: Int64[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Which of the ``asked`` cells are among ``keys`` (sorted)."""
    if len(keys) == 0:
        return np.zeros(len(asked), bool)
    return keys[np.minimum(np.searchsorted(keys, asked), len(keys) - 1)] == asked


def _shifts(reach: int) -> list[int]:
    """Key differences to half of the neighbours within ``reach`` (the other half are their negatives)."""
    steps = range(-reach, reach + 1)
    all_shifts = [(i << 2 * _BITS) + (j << _BITS) + k for i in steps for j in steps for k in steps]
    return [shift for shift in all_shifts if shift > 0]


def _pack(index: Int64[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
    i, j, k = (index + _HALF).T
    return (i << 2 * _BITS) | (j << _BITS) | k


def _unpack(keys: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, "n 3"]:
    mask = 2 * _HALF - 1
    return np.stack([keys >> 2 * _BITS, (keys >> _BITS) & mask, keys & mask], axis=1) - _HALF
