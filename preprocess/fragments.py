"""Fragments given back to what they broke off: depth cameras lose thin parts, and leaves are seen one by one."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int64
from scipy.spatial import cKDTree

from preprocess.contacts import contrast_lab
from preprocess.fused_surface import FusedSurface
from preprocess.segment_settings import ObjectSettings

_SAMPLE_VOXELS = 1.6  # side of the cells of which one vertex a part is looked at; distances are as coarse as this


def join_fragments(
    labels: Int64[np.ndarray, " v"], stack: Int64[np.ndarray, " v"], surface: FusedSurface, settings: ObjectSettings
) -> Int64[np.ndarray, " v"]:
    """Join small parts with the nearest part of their own colour in their stack, the nearest pair first.

    Small parts joined stay small parts until they grow beyond a fragment's size, so the leaves of a plant find each
    other and then their stem.
    """
    inside = np.flatnonzero(labels >= 0)
    if len(inside) == 0:
        return labels
    numbers, part = np.unique(labels[inside], return_inverse=True)
    part = part.ravel()
    lab = contrast_lab(surface.color[inside])
    size = np.bincount(part)
    color = np.stack([np.bincount(part, lab[:, c]) for c in range(3)], axis=1) / size[:, None]
    area_m2 = np.bincount(part, surface.area_m2[inside])
    root = np.arange(len(numbers))
    near = _near_pairs(surface.vertices[inside], part, stack[inside], surface.voxel_m, settings.fragment_gap_m)
    for first, second in near.tolist():
        a, b = int(root[first]), int(root[second])
        if area_m2[a] < area_m2[b]:
            a, b = b, a
        contrast = float(np.linalg.norm(color[a] - color[b]))
        if a == b or area_m2[b] > settings.fragment_m2 or contrast > settings.fragment_contrast:
            continue
        share = area_m2[b] / max(area_m2[a] + area_m2[b], 1e-9)
        color[a] = (1 - share) * color[a] + share * color[b]
        area_m2[a] += area_m2[b]
        root[root == b] = a
    joined = labels.copy()
    joined[inside] = numbers[root[part]]
    return joined


def _near_pairs(
    points: Float32[np.ndarray, "n 3"],
    part: Int64[np.ndarray, " n"],
    stack: Int64[np.ndarray, " n"],
    voxel_m: float,
    reach_m: float,
) -> Int64[np.ndarray, "p 2"]:
    """Pairs of parts of one stack that come within reach of each other, the nearest first."""
    cell = np.floor(points / (_SAMPLE_VOXELS * voxel_m)).astype(np.int64)
    _, sample = np.unique(np.column_stack([cell, part]), axis=0, return_index=True)
    close = cKDTree(points[sample]).query_pairs(reach_m, output_type="ndarray").reshape(-1, 2)
    first, second = sample[close].T
    apart = (part[first] != part[second]) & (stack[first] == stack[second])
    first, second = first[apart], second[apart]
    distance_m = np.linalg.norm((points[first] - points[second]).astype(np.float64), axis=1)
    pairs = np.sort(np.stack([part[first], part[second]], axis=1), axis=1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], distance_m))  # ties in a fixed order
    _, nearest = np.unique(pairs[order], axis=0, return_index=True)
    return pairs[order[np.sort(nearest)]]
