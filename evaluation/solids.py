"""Measures of whole solids: how large a true surface is, and how much of their volume two closed meshes share."""

from __future__ import annotations

from collections.abc import Sequence

import manifold3d
import numpy as np
import trimesh
from jaxtyping import Float, Integer
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

_FEW = 4_000  # points of which all pairs are compared
_DIRECTIONS = 1_000  # of more, only the outermost along so many: no direction is farther than 4 degrees from one
_AT_ONCE = 1_000  # rows of a matrix that are in memory at a time


def diameter(shape: trimesh.Trimesh | trimesh.PointCloud) -> float:
    """The largest distance (m) between two points of a surface or of a cloud.

    Two such points are corners of the convex hull, so only its corners are compared.  Of a ball's thousands of corners
    only the outermost along many directions are; what that finds is at most a quarter of a per cent too short.
    """
    points = np.asarray(shape.vertices, np.float64)
    if isinstance(shape, trimesh.Trimesh):
        points = points[np.unique(shape.faces)]
    if len(points) > _FEW:  # joggled (by about 1e-12 of their size): Qhull refuses points that lie in a plane
        points = points[ConvexHull(points, qhull_options="QJ").vertices]
    if len(points) > _FEW:
        points = points[_outermost(points)]
    return max(float(cdist(points[i : i + _AT_ONCE], points).max()) for i in range(0, len(points), _AT_ONCE))


def _outermost(points: Float[np.ndarray, "n 3"]) -> Integer[np.ndarray, " m"]:
    """The points farthest along ``_DIRECTIONS`` directions, spread evenly (a spiral) over half a sphere, and against.

    Along a direction at angle a from that of the largest distance D, the outermost points are at least D cos(a) apart.
    """
    steps = np.arange(_DIRECTIONS) + 0.5
    up, turn = steps / _DIRECTIONS, np.pi * (1.0 + np.sqrt(5.0)) * steps
    across = np.sqrt(1.0 - up**2)
    directions = np.stack([across * np.cos(turn), across * np.sin(turn), up], axis=1)
    found: list[int] = []
    for some in np.array_split(directions, 1 + directions.shape[0] * len(points) // 4_000_000):
        along = np.einsum("di,pi->dp", some, points)  # the same bits whatever the number of cores
        found += [*along.argmin(axis=1).tolist(), *along.argmax(axis=1).tolist()]
    return np.unique(found)


def volume_iou(mesh: trimesh.Trimesh, truth: trimesh.Trimesh) -> float | None:
    """Shared volume over joint volume of two closed meshes, by an exact Boolean operation.

    None where one of them does not enclose a volume: it has holes, its triangles do not agree on what is outside, or
    the Boolean operation refuses it (an edge of four triangles).
    """
    if (second := _solid(truth)) is None or (first := _solid(mesh)) is None:
        return None
    shared_m3 = (first ^ second).volume()
    joint_m3 = first.volume() + second.volume() - shared_m3
    return float(min(max(shared_m3 / joint_m3, 0.0), 1.0)) if joint_m3 > 0 else None


def _solid(mesh: trimesh.Trimesh) -> manifold3d.Manifold | None:
    """The volume that a mesh encloses: the union of its bodies, each without its cavities.

    A part whose triangles face inwards is a cavity of the smallest part around it.  Where there is none around it, it
    is inside out, and so is all within it.
    """
    if not (mesh.is_watertight and mesh.is_winding_consistent):
        return None
    whole = _manifold(np.asarray(mesh.vertices), np.asarray(mesh.faces))
    if whole.status() != manifold3d.Error.NoError or whole.is_empty():
        return None
    parts = whole.decompose()
    outward = [part.volume() > 0 for part in parts]
    parts = [part if faces_out else _inside_out(part) for part, faces_out in zip(parts, outward, strict=True)]
    around = _around(parts, outward)
    right_way = list(outward)  # whether the part, or what it lies in, faces outwards as it should
    bodies = {}
    for i, others in around.items():
        right_way[i] = right_way[others[-1]] if others else outward[i]
        if outward[i] == right_way[i]:
            bodies[i] = [parts[i]]
        elif owner := [other for other in others if other in bodies]:
            bodies[owner[0]].append(parts[i])
    solids = [manifold3d.Manifold.batch_boolean(body, manifold3d.OpType.Subtract) for body in bodies.values()]
    return manifold3d.Manifold.batch_boolean(solids, manifold3d.OpType.Add)


def _around(parts: Sequence[manifold3d.Manifold], outward: Sequence[bool]) -> dict[int, list[int]]:
    """Of each part, the largest first, those that hold more than half of its volume, the smallest first.

    Left out are pairs that both face outwards: neither is a cavity of the other.
    """
    volumes = [part.volume() for part in parts]
    boxes = np.array([part.bounding_box() for part in parts]).reshape(-1, 2, 3)
    by_volume = sorted(range(len(parts)), key=volumes.__getitem__)
    around: dict[int, list[int]] = {i: [] for i in reversed(by_volume)}
    for place, i in enumerate(by_volume):
        for other in by_volume[place + 1 :]:
            apart = (boxes[i, 1] < boxes[other, 0]) | (boxes[i, 0] > boxes[other, 1])
            if apart.any() or (outward[i] and outward[other]):
                continue
            if (parts[i] ^ parts[other]).volume() > volumes[i] / 2:
                around[i].append(other)
    return around


def _inside_out(part: manifold3d.Manifold) -> manifold3d.Manifold:
    mesh = part.to_mesh64()
    return _manifold(mesh.vert_properties[:, :3], mesh.tri_verts[:, ::-1].astype(np.int64))


def _manifold(vertices: Float[np.ndarray, "v 3"], faces: Integer[np.ndarray, "f 3"]) -> manifold3d.Manifold:
    return manifold3d.Manifold(
        manifold3d.Mesh64(np.array(vertices, np.float64, order="C"), np.array(faces, np.uint64, order="C"))
    )
