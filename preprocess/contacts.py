"""How much the patches of a surface touch: the evidence by which they are joined to objects.

Contact is a length in metres: of the border two patches share, counted less across a crease, and of the stretch along
which they come near without touching, counted by how their surfaces lie to each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8
from scipy.spatial import cKDTree

from preprocess.fused_surface import FusedSurface
from preprocess.patches import Shape
from preprocess.segment_settings import ObjectSettings

_LIGHTNESS = 0.3  # weight of a difference in lightness: shading changes it within one object
_CROSSINGS = 2.0  # mesh edges that cross a border, for each voxel of its length


@dataclass(frozen=True)
class Contacts:
    """The patches, and the contact of each pair that touches (i < j)."""

    area_m2: Float64[np.ndarray, " p"]
    color: Float64[np.ndarray, "p 3"]  # mean, in ``contrast_lab``
    pairs: Int64[np.ndarray, "c 2"]
    length_m: Float64[np.ndarray, " c"]


def contrast_lab(rgb: UInt8[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    """CIE Lab with lightness scaled down, so that Euclidean distance is contrast between things, not of light."""
    lab = cv2.cvtColor(rgb[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    return lab * np.array([_LIGHTNESS, 1, 1], np.float32)


def find_contacts(
    surface: FusedSurface,
    shape: Shape,
    patch: Int64[np.ndarray, " v"],
    stack: Int64[np.ndarray, " v"],
    edges: Int64[np.ndarray, "e 2"],
    settings: ObjectSettings,
) -> Contacts:
    """Areas, colours and contacts of patches; ``edges`` are those of the mesh that hold patches together."""
    count = int(patch.max(initial=-1)) + 1
    inside = np.flatnonzero(patch >= 0)
    size = np.maximum(np.bincount(patch[inside], minlength=count), 1)
    lab = contrast_lab(surface.color[inside])
    color = np.stack([np.bincount(patch[inside], lab[:, c], count) for c in range(3)], axis=1) / size[:, None]
    border = edges[patch[edges[:, 0]] != patch[edges[:, 1]]]
    crease = shape.concavity[border].max(axis=1)
    sharpness = np.clip((crease - settings.flat_rad_m) / (settings.sharp_rad_m - settings.flat_rad_m), 0, 1)
    border_m = (1 - (1 - settings.concave_weight) * sharpness) * surface.voxel_m / _CROSSINGS
    near, near_m = _near_contacts(surface, shape, patch, stack, settings)
    pairs = np.sort(np.concatenate([patch[border], near]), axis=1)
    keys, index = np.unique(pairs[:, 0] * count + pairs[:, 1], return_inverse=True)
    return Contacts(
        area_m2=np.bincount(patch[inside], surface.area_m2[inside], count),
        color=color,
        pairs=np.stack(np.divmod(keys, max(count, 1)), axis=1),
        length_m=np.bincount(index.ravel(), np.concatenate([border_m, near_m]), len(keys)),
    )


def _near_contacts(
    surface: FusedSurface,
    shape: Shape,
    patch: Int64[np.ndarray, " v"],
    stack: Int64[np.ndarray, " v"],
    settings: ObjectSettings,
) -> tuple[Int64[np.ndarray, "c 2"], Float64[np.ndarray, " c"]]:
    """Contact of patches of one stack whose surfaces come near each other: depth has holes, and thin parts are lost.

    Two pieces of one sheet, and the two sides of a thin one, lie beside or behind each other; surfaces that look at
    each other across a gap belong to two things, so the more they do the less they touch.
    """
    inside = np.flatnonzero(patch >= 0)
    close = cKDTree(surface.vertices[inside]).query_pairs(settings.gap_m, output_type="ndarray")
    first, second = inside[close].T if len(close) else np.zeros((2, 0), np.int64)
    other = (patch[first] != patch[second]) & (stack[first] == stack[second])
    first, second = first[other], second[other]
    way = surface.vertices[second] - surface.vertices[first]
    open_gap = surface.space.at(surface.vertices[first] + way / 2)
    way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
    ahead = np.maximum((shape.normals[first] * way).sum(axis=1), 0)
    ahead += np.maximum(-(shape.normals[second] * way).sum(axis=1), 0)
    weight = np.clip(1 - ahead, 0, 1) * np.where(open_gap, settings.open_gap_weight, 1.0)
    # Each vertex counts once for each patch it is near to, by its best partner there.
    count = int(patch.max(initial=-1)) + 1
    low, high = np.minimum(patch[first], patch[second]), np.maximum(patch[first], patch[second])
    key = np.tile(low * count + high, 2)
    vertex, weight = np.concatenate([first, second]), np.tile(weight, 2)
    order = np.lexsort((-weight, vertex, key))
    key, vertex, weight = key[order], vertex[order], weight[order]
    best = (np.diff(key, prepend=-1) != 0) | (np.diff(vertex, prepend=-1) != 0)
    keys, index = np.unique(key[best], return_inverse=True)
    near_m2 = np.bincount(index.ravel(), weight[best] * surface.voxel_m**2, len(keys))
    # The two strips within reach of each other are ``gap_m`` wide together on each side.
    return np.stack(np.divmod(keys, max(count, 1)), axis=1), near_m2 / (2 * settings.gap_m)
