"""What every reconstruction must beat: fusing an object's depth images, without completing anything."""

from __future__ import annotations

import mcubes
import numpy as np
import trimesh
from jaxtyping import Float

from scene.camera import unproject_where
from scene.errors import UserError
from scene.fusion import Fusion, Volume
from scene.records import Fact, ObjectViews

_ROOM_M = 0.06  # round the seen part, so that the band about its surface lies within the volume
_FRONT_M = 0.04  # in front of a sensed surface distances are averaged this far; farther is free
_BEHIND_M = 0.03  # behind it this far; wider bands join thin parts and fit no better


def fuse_object(views: ObjectViews, voxel_m: float = 0.01, least_faces: int = 50) -> trimesh.Trimesh:
    """The surface that an object's own pixels show, an open mesh in world metres.

    Object pixels make surface, other pixels only say what is free; parts of fewer than ``least_faces`` triangles are
    left out.  Raises UserError when no view has depth on the object.
    """
    low_m, high_m = _bounds(views)
    fusion = Fusion(low_m, high_m, voxel_m, _FRONT_M, _BEHIND_M)
    for k in range(len(views)):
        depth_m = views.depth_mm[k].astype(np.float32) / 1000.0
        fusion.add(depth_m, views.camera, views.world_from_camera[k], np.ascontiguousarray(views.fact[k]))
    volume = fusion.result()
    mesh = _surface(volume)
    parts = trimesh.graph.connected_components(mesh.face_adjacency, nodes=np.arange(len(mesh.faces)), min_len=1)
    large = [faces for faces in parts if len(faces) >= least_faces]
    mesh.update_faces(np.concatenate(large) if large else np.zeros(0, np.int64))
    mesh.remove_unreferenced_vertices()
    if len(mesh.faces) == 0:
        raise UserError(f"{views.name}: its depth images fuse to no surface; check its masks")
    return mesh


def _bounds(views: ObjectViews) -> tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]]:
    """The box of the object's sensed pixels, a few stray ones left out, and some room."""
    points = np.concatenate(
        [
            unproject_where(
                (views.fact[k] == Fact.OBJECT) & (views.depth_mm[k] > 0),
                views.depth_mm[k].astype(np.float32) / 1000.0,
                views.camera,
                views.world_from_camera[k],
            )
            for k in range(len(views))
        ]
    )
    if len(points) == 0:
        raise UserError(f"{views.name}: no view has depth on the object; check its masks and depth images")
    low, high = np.percentile(points, [0.1, 99.9], axis=0)
    return low - _ROOM_M, high + _ROOM_M


def _surface(volume: Volume) -> trimesh.Trimesh:
    """The zero set within the cells of which all eight corners were sensed."""
    known = volume.weight > 0
    # Positive inside is what makes PyMCubes' faces look outward.
    vertices, faces = mcubes.marching_cubes(np.where(known, -volume.sdf_m, -1.0).astype(np.float32), 0.0)
    whole = known[:-1, :-1, :-1].copy()
    for i, j, k in np.ndindex(2, 2, 2):
        x, y, z = whole.shape
        whole &= known[i : i + x, j : j + y, k : k + z]
    cells = np.floor(vertices[faces.astype(np.int64)].mean(axis=1)).astype(np.int64)
    inside = whole[tuple(np.minimum(cells, np.array(whole.shape) - 1).T)]
    return trimesh.Trimesh(volume.points(vertices), faces[inside].astype(np.int64), process=False)
