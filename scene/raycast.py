"""First hits of rays with a triangle mesh (Embree)."""

from __future__ import annotations

import numpy as np
import trimesh
from jaxtyping import Bool, Float, Int

from scene.camera import Intrinsics


class RayCaster:
    """A mesh ready for ray queries; in Embree's single precision, about 2e6 rays a second a core."""

    def __init__(self, mesh: trimesh.Trimesh) -> None:
        from trimesh.ray.ray_pyembree import RayMeshIntersector

        self.mesh = mesh
        self._intersector = RayMeshIntersector(mesh)

    def first_hit(
        self, origins: Float[np.ndarray, "n 3"], directions: Float[np.ndarray, "n 3"]
    ) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"]]:
        """Distance along each direction (in units of its length; inf for a miss) and triangle (-1 for a miss)."""
        triangle = np.asarray(self._intersector.intersects_first(origins, directions)).astype(np.int64)
        hit = triangle >= 0
        # The plane of the triangle met gives the distance exactly, in double precision.
        normal = self.mesh.face_normals[triangle[hit]]
        corner = self.mesh.vertices[self.mesh.faces[triangle[hit], 0]]
        distance = np.full(len(origins), np.inf)
        along = (normal * directions[hit]).sum(1)
        along = np.where(np.abs(along) < 1e-12, np.nan, along)
        distance[hit] = ((corner - origins[hit]) * normal).sum(1) / along
        lost = ~np.isfinite(distance) | (distance < 0)
        distance[lost] = np.inf
        triangle[lost] = -1
        return distance, triangle

    def meets(self, origins: Float[np.ndarray, "n 3"], directions: Float[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
        """Whether each ray meets the mesh at all; origins must lie off the surface by more than single precision."""
        return np.asarray(self._intersector.intersects_any(origins, directions), bool)

    def render(
        self, camera: Intrinsics, world_from_camera: Float[np.ndarray, "4 4"]
    ) -> tuple[Float[np.ndarray, "h w"], Int[np.ndarray, "h w"]]:
        """Depth image in metres (0 where nothing is hit) and triangle image (-1 where nothing is hit)."""
        # einsum: a threaded matrix product of this shape spends its time waiting for its threads.
        directions = np.einsum("hwj,kj->hwk", camera.directions(), world_from_camera[:3, :3]).reshape(-1, 3)
        origins = np.broadcast_to(world_from_camera[:3, 3], directions.shape)
        depth, triangle = self.first_hit(origins, directions)
        shape = (camera.height, camera.width)
        return np.where(np.isfinite(depth), depth, 0.0).reshape(shape), triangle.reshape(shape)


class PartCaster(RayCaster):
    """Some of a mesh's triangles, which keep the numbers that they have in the whole mesh."""

    def __init__(self, mesh: trimesh.Trimesh, triangles: Int[np.ndarray, " t"]) -> None:
        super().__init__(trimesh.Trimesh(mesh.vertices, mesh.faces[triangles], process=False))
        self._triangles = triangles

    def first_hit(
        self, origins: Float[np.ndarray, "n 3"], directions: Float[np.ndarray, "n 3"]
    ) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"]]:
        distance, triangle = super().first_hit(origins, directions)
        return distance, np.where(triangle >= 0, self._triangles[triangle], -1)
