"""What a walk shows: which things are in how many frames, and how much of each piece's surface any frame sees."""

from __future__ import annotations

import numpy as np
import trimesh
from jaxtyping import Bool, Float, Int

from scene.camera import Intrinsics, nearest_pixel, project
from scene.mesh import sample_surface
from scene.raycast import RayCaster
from scene.room.records import Room

SEEN_SHARE = 0.001  # a thing is in a frame when it fills this share of its pixels
_SLACK_M = 0.01


class Watch:
    """The bare room, to look round in quickly."""

    def __init__(self, room: Room) -> None:
        self._room = room
        meshes = [thing.mesh() for thing in room.things]
        joined = trimesh.util.concatenate(meshes)
        assert isinstance(joined, trimesh.Trimesh)
        self._caster = RayCaster(joined)
        self._thing = np.repeat(np.arange(len(meshes)), [len(m.faces) for m in meshes])

    def surface_seen(
        self, camera: Intrinsics, room_from_camera: Float[np.ndarray, "n 4 4"]
    ) -> Float[np.ndarray, " pieces"]:
        """Which share of each piece's surface some frame sees, about."""
        pieces = [SeenSurface(piece.mesh(), samples=600) for piece in self._room.pieces]
        for pose in room_from_camera:
            depth, _ = self._caster.render(camera, pose)
            for piece in pieces:
                piece.look(depth, camera, pose)
        return np.array([piece.share for piece in pieces])

    def frames_seen(
        self, camera: Intrinsics, room_from_camera: Float[np.ndarray, "n 4 4"]
    ) -> Int[np.ndarray, " things"]:
        """In how many of the frames each thing is seen."""
        total = np.zeros(int(self._thing.max()) + 1, dtype=np.int64)
        for pose in room_from_camera:
            _, triangle = self._caster.render(camera, pose)
            total += in_frame(self._thing[triangle[triangle >= 0]], len(total), triangle.size)
        return total


def in_frame(things: Int[np.ndarray, " n"], count: int, pixels: int) -> Bool[np.ndarray, " things"]:
    """Which of ``count`` things fill enough of a frame's ``pixels``, given the thing of each pixel that shows one."""
    return np.bincount(things, minlength=count) >= max(SEEN_SHARE * pixels, 2)


class SeenSurface:
    """Samples of one piece's surface, and which of them some frame has seen."""

    def __init__(self, mesh: trimesh.Trimesh, samples: int = 4000, seed: int = 0) -> None:
        self._points, self._normals = sample_surface(mesh, samples, seed)
        self._seen = np.zeros(samples, dtype=bool)

    def look(
        self, depth_m: Float[np.ndarray, "h w"], camera: Intrinsics, world_from_camera: Float[np.ndarray, "4 4"]
    ) -> None:
        """Mark what this frame's exact depth shows: samples that face the camera and are the first thing met."""
        uv, z = project(self._points, camera, world_from_camera)
        inside, column, row = nearest_pixel(uv, z, camera)
        to_eye = world_from_camera[:3, 3] - self._points[inside]
        facing = (to_eye * self._normals[inside]).sum(1) / np.linalg.norm(to_eye, axis=1)
        # A pixel's depth is that of its centre; on slanted surfaces half a pixel away means more depth.
        slack = _SLACK_M + z[inside] / camera.fx / np.maximum(facing, 0.05)
        self._seen[inside[(facing > 0.02) & (np.abs(depth_m[row, column] - z[inside]) < slack)]] = True

    @property
    def share(self) -> float:
        """Of the surface that any frame has seen, by area."""
        return float(self._seen.mean())
