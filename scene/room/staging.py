"""One demo scan from a seed: the room is furnished, walked through, lit, photographed and written."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float, Int

from scene.camera import Intrinsics
from scene.depth_noise import ScanNoise, lost, sense, shaken
from scene.room.cad import load_cad
from scene.room.furnish import furnish
from scene.room.picture import Renderer, View
from scene.room.records import Room
from scene.room.sightings import SeenSurface, Watch, in_frame
from scene.room.truth import TrueRoom
from scene.room.walk import best_walk
from scene.runlog import progress
from scene.scannet_writer import ScannetWriter

_FOCAL_SHARE = 577.87 / 640  # ScanNet's camera: focal length over image width
# Another room is furnished when some piece is in fewer of the frames, or less of its surface is seen.
_MIN_FRAMES_SHARE, _MIN_SURFACE_SHARE = 0.34, 0.22
_ROOMS = 12  # how many are tried
_AT_ONCE = 8  # frames in memory
_THREADS = 2


class Staging:
    """A scan in the making; what needs the room is worked out when first asked for."""

    def __init__(self, name: str, seed: int, frames: int, size: tuple[int, int], cad: Path | None) -> None:
        self.name, self._seed, self._frames, self._cad = name, seed, frames, cad
        width, height = size
        focal = _FOCAL_SHARE * width
        self.camera = Intrinsics(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)

    def write_truth(self, folder: Path) -> None:
        """``obj_<k>.ply`` for every piece of furniture."""
        for instance_id, mesh in self._true_meshes().items():
            path = folder / f"obj_{instance_id - 1}.ply"
            path.write_bytes(trimesh.exchange.ply.export_ply(mesh, vertex_normal=False))

    def write_scan(self, folder: Path, noise: ScanNoise) -> list[dict[str, Any]]:
        """The ScanNet export; returns per piece its id and label, in how many frames it is and how much is seen."""
        room, poses, world_from_room = self._staged
        renderer = Renderer(room, self._seed)
        writer = ScannetWriter(folder, self.name, self.camera, self._labels)
        writer.intrinsics()
        writer.information(self._frames, np.linalg.inv(world_from_room))
        reported = self._reported_poses(world_from_room @ poses, noise)
        true_meshes = self._true_meshes()
        surfaces = {i: SeenSurface(mesh) for i, mesh in true_meshes.items()}
        frames_in = np.zeros(len(room.things), dtype=np.int64)
        met = np.zeros(len(renderer.surface.thing) + 1, dtype=bool)  # the last: no triangle
        for index, view in self._views(renderer, writer, reported, noise):
            met[view.triangle] = True
            shown = view.thing[view.thing >= 0]
            frames_in += in_frame(shown, len(frames_in), view.thing.size)
            for surface in surfaces.values():
                surface.look(view.depth_m, self.camera, world_from_room @ poses[index])
        mesh = renderer.surface.mesh.copy()
        mesh.apply_transform(world_from_room)
        writer.mesh(mesh, renderer.vertex_color(), self._instance_of_thing[renderer.surface.vertex_thing()], met[:-1])
        in_frames = dict(zip(self._instance_of_thing.tolist(), frames_in.tolist(), strict=True))
        return [
            {
                "instance_id": i,
                "label": self._labels[i - 1],
                "frames": in_frames[i],
                "seen_share": round(surface.share, 4),
                "watertight": bool(true_meshes[i].is_watertight),
            }
            for i, surface in surfaces.items()
        ]

    def truth(self) -> TrueRoom:
        """What nobody knows who has only the scan."""
        room, poses, world_from_room = self._staged
        thing_of_instance = {int(i): thing for thing, i in enumerate(self._instance_of_thing) if i > 0}
        return TrueRoom(Renderer(room, self._seed), self.camera, poses, world_from_room, thing_of_instance)

    @cached_property
    def _staged(self) -> tuple[Room, Float[np.ndarray, "n 4 4"], Float[np.ndarray, "4 4"]]:
        """The room, the walk (room from camera), and where the scan's world frame lies (world from room)."""
        rng = np.random.default_rng([self._seed, 0])
        pieces = None if self._cad is None else load_cad(self._cad)
        tried: list[tuple[float, Room, np.ndarray]] = []
        while len(tried) < _ROOMS and (not tried or tried[-1][0] < 1.0):
            room = furnish(rng, pieces)
            poses, frames_share, surface_share = best_walk(rng, room, self._frames, self.camera)
            tried.append((min(frames_share / _MIN_FRAMES_SHARE, surface_share / _MIN_SURFACE_SHARE), room, poses))
        _, room, poses = max(tried, key=lambda one: one[0])
        # As in ScanNet, z points up and nothing else is aligned; the room lies at positive coordinates.
        yaw = rng.uniform(-np.pi, np.pi)
        world_from_room = np.eye(4)
        world_from_room[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
        world_from_room[:2, 3] = np.hypot(room.width_m, room.depth_m) / 2 + rng.uniform(0.2, 0.6, 2)
        return room, poses, world_from_room

    @cached_property
    def _instance_of_thing(self) -> Int[np.ndarray, " things"]:
        """The instance id of each thing; 0 for parts of the building that no frame sees, as nobody annotates them."""
        room, poses, _ = self._staged
        small = self.camera.resized(self.camera.width // 4, self.camera.height // 4)
        shown = Watch(room).frames_seen(small, poses) > 0
        shown[len(room.building) :] = True
        return np.where(shown, np.cumsum(shown), 0)

    @property
    def _labels(self) -> list[str]:
        """The class of each instance, by id from 1."""
        things = self._staged[0].things
        return [thing.label for thing, i in zip(things, self._instance_of_thing, strict=True) if i > 0]

    def _true_meshes(self) -> dict[int, trimesh.Trimesh]:
        """The complete surface of every piece in the scan's frame, by instance id."""
        room, _, world_from_room = self._staged
        meshes = {}
        for piece, instance_id in zip(room.pieces, self._instance_of_thing[len(room.building) :].tolist(), strict=True):
            meshes[instance_id] = piece.mesh()
            meshes[instance_id].apply_transform(world_from_room)
        return meshes

    def _reported_poses(
        self, world_from_camera: Float[np.ndarray, "n 4 4"], noise: ScanNoise
    ) -> Float[np.ndarray, "n 4 4"]:
        """What the tracker says of the poses; never the first frame's is lost."""
        rng = np.random.default_rng([self._seed, 3])
        reported = shaken(world_from_camera, rng, noise.pose_degrees, noise.pose_m)
        return lost(reported, int(rng.integers(1, self._frames))) if noise.lose_a_pose else reported

    def _views(
        self, renderer: Renderer, writer: ScannetWriter, reported: Float[np.ndarray, "n 4 4"], noise: ScanNoise
    ) -> Iterator[tuple[int, View]]:
        """Take and write every frame, several at a time; yields them in order."""
        poses = self._staged[1]

        def take(index: int) -> View:
            rng = np.random.default_rng([self._seed, 4, index])
            view = renderer.view(self.camera, poses[index], rng)
            depth_mm = sense(view.depth_m, view.facing, rng, noise.depth)
            instance = np.append(self._instance_of_thing, 0)[view.thing]
            writer.frame(index, view.color, depth_mm, reported[index], instance)
            return view

        with ThreadPoolExecutor(_THREADS) as pool:
            for start in progress(range(0, self._frames, _AT_ONCE), "frames"):
                indices = range(start, min(start + _AT_ONCE, self._frames))
                yield from zip(indices, pool.map(take, indices), strict=True)
