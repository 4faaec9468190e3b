"""Patches joined to objects: the pair that touches most for its size first, until none touches enough.

Objects touch each other along short stretches, the parts of one object along long ones; so contact length is set
against the size of the smaller part.  Colour counts too: two parts of one colour more likely belong together.
"""

from __future__ import annotations

import heapq

import numpy as np
from jaxtyping import Float64, Int64

from preprocess.contacts import Contacts, find_contacts
from preprocess.fragments import join_fragments
from preprocess.fused_surface import FusedSurface
from preprocess.patches import cut_into_patches, find_shape
from preprocess.segment_settings import ObjectSettings
from preprocess.structure import Part, Room
from preprocess.supports import join_carried, tell_stacks_apart


def find_objects(surface: FusedSurface, room: Room, settings: ObjectSettings) -> Int64[np.ndarray, " v"]:
    """An object number (from 0, the largest first) for every vertex; -1 for the room and for what is too small."""
    vertices = np.flatnonzero(room.part == Part.OBJECT)
    if len(vertices) == 0:
        return np.full(len(surface), -1, np.int64)
    shape = find_shape(surface)
    stack = tell_stacks_apart(surface, shape, room.frame, vertices, settings)
    first, second = shape.edges.T
    within = (room.part[first] == Part.OBJECT) & (room.part[second] == Part.OBJECT) & (stack[first] == stack[second])
    edges = shape.edges[within]
    patch = cut_into_patches(surface, shape, vertices, edges, settings.patch_m, settings.crease_cost)
    cluster = join_patches(find_contacts(surface, shape, patch, stack, edges, settings), settings)
    labels = np.where(patch >= 0, cluster[patch], -1)
    labels = join_fragments(labels, stack, surface, settings)
    labels = join_carried(labels, stack, surface, room.frame, settings)
    return _large_ones(labels, surface, settings)


def join_patches(contacts: Contacts, settings: ObjectSettings) -> Int64[np.ndarray, " p"]:
    """The number of the cluster each patch ends in (the number of one of its patches)."""
    clusters = _Clusters(contacts, settings)
    count = len(contacts.area_m2)
    queue = [(-clusters.affinity(a, b), a, b, 0, 0) for a in range(count) for b in clusters.contact_m[a] if a < b]
    heapq.heapify(queue)
    while queue:
        cost, a, b, a_version, b_version = heapq.heappop(queue)
        if clusters.version[a] != a_version or clusters.version[b] != b_version:
            continue  # one of them has grown since: the pair stands in the queue anew
        if -cost < settings.min_contact:
            break
        grown = clusters.join(a, b)
        for other in clusters.contact_m[grown]:
            versions = clusters.version[grown], clusters.version[other]
            heapq.heappush(queue, (-clusters.affinity(grown, other), grown, other, *versions))
    return clusters.root


class _Clusters:
    """Clusters of patches under construction, each known by one of its patches."""

    def __init__(self, contacts: Contacts, settings: ObjectSettings) -> None:
        self._settings = settings
        self._area_m2 = contacts.area_m2.tolist()
        self._color = contacts.color.tolist()
        count = len(self._area_m2)
        self._members: list[list[int]] = [[i] for i in range(count)]
        self.root = np.arange(count)
        self.version = [0] * count  # rises with each change; -1 once joined to another
        self.contact_m: list[dict[int, float]] = [{} for _ in range(count)]
        for (a, b), length_m in zip(contacts.pairs.tolist(), contacts.length_m.tolist(), strict=True):
            self.contact_m[a][b] = self.contact_m[b][a] = length_m

    def affinity(self, a: int, b: int) -> float:
        """Contact over the size of the smaller, weighted by how alike their colours are."""
        (l1, a1, b1), (l2, a2, b2) = self._color[a], self._color[b]
        contrast = ((l1 - l2) ** 2 + (a1 - a2) ** 2 + (b1 - b2) ** 2) ** 0.5 / self._settings.color_contrast
        alike = 1 - (1 - self._settings.contrast_weight) * min(contrast, 1.0)
        return self.contact_m[a][b] * alike / max(min(self._area_m2[a], self._area_m2[b]), 1e-9) ** 0.5

    def join(self, a: int, b: int) -> int:
        """Join two clusters; returns the one that goes on."""
        if self._area_m2[a] < self._area_m2[b]:
            a, b = b, a
        total = max(self._area_m2[a] + self._area_m2[b], 1e-9)
        share = self._area_m2[b] / total
        self._color[a] = [(1 - share) * x + share * y for x, y in zip(self._color[a], self._color[b], strict=True)]
        self._area_m2[a] = total
        for other, length_m in self.contact_m[b].items():
            del self.contact_m[other][b]
            if other != a:
                self.contact_m[a][other] = self.contact_m[other][a] = self.contact_m[a].get(other, 0.0) + length_m
        self.contact_m[b] = {}
        self._members[a] += self._members[b]
        self.root[self._members[b]] = a
        self.version[a] += 1
        self.version[b] = -1
        return a


def _large_ones(
    labels: Int64[np.ndarray, " v"], surface: FusedSurface, settings: ObjectSettings
) -> Int64[np.ndarray, " v"]:
    """The labels numbered anew by size, those of things too small replaced by -1."""
    kept: list[tuple[float, int]] = []
    for label in np.unique(labels[labels >= 0]).tolist():
        mine = labels == label
        area_m2, extent_m = float(surface.area_m2[mine].sum()), _longest_m(surface.vertices[mine].astype(np.float64))
        if area_m2 >= settings.min_area_m2 and extent_m >= settings.min_size_m:
            kept.append((-area_m2, label))
    numbers = np.full(int(labels.max(initial=-1)) + 2, -1)  # the last entry is for label -1
    for number, (_, label) in enumerate(sorted(kept)):
        numbers[label] = number
    return numbers[labels]


def _longest_m(points: Float64[np.ndarray, "n 3"]) -> float:
    """Extent along the points' principal axis."""
    centred = points - points.mean(axis=0)
    along = centred @ np.linalg.eigh(centred.T @ centred)[1][:, -1]
    return float(np.ptp(along))
