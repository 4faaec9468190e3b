"""A generated room as it really is: what hides what, and how a thing would look if nothing stood before it.

The scan's poses are a little off; ``hidden`` is told for the images as they were taken, from the true poses, and a
``TrueThing`` shows itself to any camera in the scan's world.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, UInt8

from scene.camera import Intrinsics, nearest_pixel, project, transform
from scene.room.picture import Renderer, View

_CLEARLY_M = 0.01  # what stands less far before a surface touches it
_ON_SURFACE_M = 0.002
_FRAMES_KEPT = 64  # depth images in memory


@dataclass(frozen=True)
class Appearance:
    """A thing as a camera sees it that sees nothing else."""

    color: UInt8[np.ndarray, "h w 3"]
    depth_m: Float[np.ndarray, "h w"]  # Z in metres, 0 where it is not
    normal: Float[np.ndarray, "h w 3"]  # camera frame (OpenCV axes), unit, towards the camera; 0 where it is not


class TrueThing:
    """One thing, seen without all others, in the room's light."""

    def __init__(self, renderer: Renderer, room_from_world: Float[np.ndarray, "4 4"]) -> None:
        self._renderer, self._room_from_world = renderer, room_from_world

    def look(self, camera: Intrinsics, world_from_camera: Float[np.ndarray, "4 4"], seed: int = 0) -> Appearance:
        """What a camera in the scan's world would see of it; ``seed`` is that of the sensor's grain."""
        room_from_camera = self._room_from_world @ world_from_camera
        view: View = self._renderer.view(camera, room_from_camera, np.random.default_rng(seed))
        met = view.triangle >= 0
        normal = np.zeros((*met.shape, 3), np.float32)
        of_face = self._renderer.surface.mesh.face_normals[view.triangle[met]]
        in_camera = np.einsum("nj,jk->nk", of_face, room_from_camera[:3, :3])
        away = np.einsum("nj,nj->n", in_camera, camera.directions()[met]) > 0
        normal[met] = np.where(away[:, None], -in_camera, in_camera)
        return Appearance(view.color, view.depth_m.astype(np.float32), normal)


class TrueRoom:
    """A room, furnished and lit, and the walk through it.  Frames are numbered as in the scan."""

    def __init__(
        self,
        renderer: Renderer,
        camera: Intrinsics,
        room_from_camera: Float[np.ndarray, "n 4 4"],
        world_from_room: Float[np.ndarray, "4 4"],
        thing_of_instance: Mapping[int, int],
    ) -> None:
        self._renderer, self.camera, self._poses = renderer, camera, room_from_camera
        self._world_from_room, self._thing_of_instance = world_from_room, thing_of_instance
        self._depth = lru_cache(_FRAMES_KEPT)(self._first_depth)

    def thing(self, instance_id: int) -> TrueThing:
        """One of the things by its id in the scan."""
        alone = self._renderer.alone(self._thing_of_instance[instance_id])
        return TrueThing(alone, np.linalg.inv(self._world_from_room))

    def hidden(self, instance_id: int, frames: list[int]) -> Bool[np.ndarray, "n h w"]:
        """The pixels of these frames at whose centre a thing would be seen, did something else not stand before it."""
        caster = self._renderer.alone(self._thing_of_instance[instance_id]).caster
        result = np.zeros((len(frames), self.camera.height, self.camera.width), bool)
        for k, frame in enumerate(frames):
            own_m, _ = caster.render(self.camera, self._poses[frame])
            result[k] = (own_m > 0) & (own_m - self._depth(frame) > _CLEARLY_M)
        return result

    def hides(self, points: Float[np.ndarray, "n 3"], instance_id: int, frames: list[int]) -> Bool[np.ndarray, " n"]:
        """The points of a thing's surface (scan's world) that only something else keeps some frame from seeing.

        A frame would see a point that falls into its image and before which nothing of the thing itself lies.
        """
        alone = self._renderer.alone(self._thing_of_instance[instance_id]).caster
        in_room = transform(np.linalg.inv(self._world_from_room), points.astype(np.float64))
        found = np.zeros(len(points), bool)
        for pose in self._poses[frames]:
            uv, z = project(in_room, self.camera, pose)
            asked = nearest_pixel(uv, z, self.camera)[0]
            asked = asked[~found[asked]]
            rays = in_room[asked] - pose[:3, 3]
            length_m = np.linalg.norm(rays, axis=1)
            eyes = np.broadcast_to(pose[:3, 3], rays.shape)
            gap_m = [(1.0 - caster.first_hit(eyes, rays)[0]) * length_m for caster in (alone, self._renderer.caster)]
            found[asked] = (np.abs(gap_m[0]) < _ON_SURFACE_M) & (gap_m[1] > _CLEARLY_M)
        return found

    def _first_depth(self, frame: int) -> Float[np.ndarray, "h w"]:
        return self._renderer.caster.render(self.camera, self._poses[frame])[0].astype(np.float32)
