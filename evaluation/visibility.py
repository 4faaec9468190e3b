"""Which parts of a surface the scan's cameras saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh
from jaxtyping import Bool, Float

from evaluation.sampling import surface_of
from evaluation.views import View
from scene.camera import nearest_pixel, project

_TOLERANCE_M = 0.02
_TOLERANCE_SHARE = 0.01


def seen(
    points: Float[np.ndarray, "n 3"],
    normals: Float[np.ndarray, "n 3"],
    views: Sequence[View],
) -> Bool[np.ndarray, " n"]:
    """Whether some view's sensed evidence shows each point of a true surface (``normals`` point outward).

    A point is seen where it falls into a view whose depth there agrees with its own Z within 2 cm plus 1 % of Z, and
    whose camera its normal faces: the first hit of the true scene, told by what was really sensed.  Depth that is
    missing shows nothing.  The tolerance forgives depth noise; the normal keeps the far side of a panel thinner than
    it from counting as seen.
    """
    return _within_sight(points, normals, views, in_front=False)


def looked_at(
    points: Float[np.ndarray, "n 3"],
    normals: Float[np.ndarray, "n 3"],
    views: Sequence[View],
) -> Bool[np.ndarray, " n"]:
    """Whether some view would have seen each point of a mesh, right or wrong, had it been there.

    That is what is ``seen``, and also what stands in front of what was sensed: no camera can miss it.
    """
    return _within_sight(points, normals, views, in_front=True)


def _within_sight(
    points: Float[np.ndarray, "n 3"],
    normals: Float[np.ndarray, "n 3"],
    views: Sequence[View],
    in_front: bool,
) -> Bool[np.ndarray, " n"]:
    points, normals = points.astype(np.float32), normals.astype(np.float32)
    offset_m = (normals * points).sum(1)
    result = np.zeros(len(points), bool)
    for view in views:
        # einsum: a threaded product of this shape spends its time waiting for its threads.
        facing = np.einsum("nj,j->n", normals, view.world_from_camera[:3, 3].astype(np.float32)) > offset_m
        left = np.flatnonzero(facing & ~result)
        uv, z = project(points[left], view.camera, view.world_from_camera)
        inside, u, v = nearest_pixel(uv, z, view.camera)
        depth_m, z = view.depth_m[v, u], z[inside]
        tolerance_m = _TOLERANCE_M + _TOLERANCE_SHARE * z
        agrees = (depth_m > 0) & (z - depth_m <= tolerance_m) & (in_front | (depth_m - z <= tolerance_m))
        result[left[inside[agrees]]] = True
    return result


def surface_seen(mesh: trimesh.Trimesh, views: Sequence[View], samples: int = 50_000, seed: int = 0) -> float:
    """The share of a mesh's area that some view saw; the rest is its maker's guess."""
    surface = surface_of(mesh, samples, seed)
    assert surface.normals is not None
    return float(seen(surface.points, surface.normals, views).mean())


def mark_seen(mesh: trimesh.Trimesh, views: Sequence[View]) -> None:
    """Give the mesh the vertex attribute ``seen``: 1 where some view saw it, 0 where it was completed."""
    visible = seen(np.asarray(mesh.vertices), np.asarray(mesh.vertex_normals), views)
    mesh.vertex_attributes["seen"] = visible.astype(np.float32)
