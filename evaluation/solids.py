"""Measures of whole solids: how large a true surface is, and how much of their volume two closed meshes share."""

from __future__ import annotations

import manifold3d
import numpy as np
import trimesh
from jaxtyping import Float, Integer
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

_FEW = 500  # points of which all pairs are compared without looking for their hull first
_AT_ONCE = 2_000  # rows of the matrix of distances that are in memory at a time


def diameter(shape: trimesh.Trimesh | trimesh.PointCloud) -> float:
    """The largest distance (m) between two points of a surface or of a cloud.

    Two such points are corners of the convex hull, so only its corners are compared.
    """
    points = np.asarray(shape.vertices, np.float64)
    if isinstance(shape, trimesh.Trimesh):
        points = points[np.unique(shape.faces)]
    if len(points) > _FEW:  # joggled (by about 1e-12 of their size): Qhull refuses points that lie in a plane
        points = points[ConvexHull(points, qhull_options="QJ").vertices]
    return max(float(cdist(points[i : i + _AT_ONCE], points).max()) for i in range(0, len(points), _AT_ONCE))


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
    """The volume that a mesh encloses: the union of its parts, without its cavities."""
    if not (mesh.is_watertight and mesh.is_winding_consistent):
        return None
    faces = np.asarray(mesh.faces) if mesh.volume > 0 else np.asarray(mesh.faces)[:, ::-1]
    whole = _manifold(np.asarray(mesh.vertices), faces)
    if whole.status() != manifold3d.Error.NoError or whole.is_empty():
        return None
    parts = whole.decompose()
    # Parts that overlap, as a table's legs reach into its top, would count twice where they do.
    filled = [part for part in parts if part.volume() > 0]
    union = filled[0] if len(filled) == 1 else manifold3d.Manifold.batch_boolean(filled, manifold3d.OpType.Add)
    for cavity in (part.to_mesh64() for part in parts if part.volume() < 0):
        union -= _manifold(cavity.vert_properties, cavity.tri_verts[:, ::-1].astype(np.int64))
    return union


def _manifold(vertices: Float[np.ndarray, "v 3"], faces: Integer[np.ndarray, "f 3"]) -> manifold3d.Manifold:
    return manifold3d.Manifold(
        manifold3d.Mesh64(np.array(vertices, np.float64, order="C"), np.array(faces, np.uint64, order="C"))
    )
