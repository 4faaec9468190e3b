"""A ScanNet export small enough for tests, ray-cast from boxes on a floor: every pixel's truth is known.

    floor (instance 1), a table-sized box (2), a small box standing half before it (3)

Import it as ``from tests.scene.tiny_scan import ...``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import trimesh

from scene.camera import Intrinsics
from scene.raycast import RayCaster

CAMERA = Intrinsics(160, 120, 150.0, 148.0, 80.3, 59.1)
TSV = "id\traw_category\tnyu40id\n1\twall\t1\n3\tfloor\t2\n7\tcabinet\t3\n26\tbox\t29\n"


@dataclass(frozen=True)
class TinyRoom:
    """Meshes in metres (z up) by instance id, their names, and the ids their label images carry."""

    meshes: dict[int, trimesh.Trimesh]
    names: dict[int, str] = field(default_factory=lambda: {1: "floor", 2: "cabinet", 3: "box"})
    label_ids: dict[int, int] = field(default_factory=lambda: {1: 3, 2: 7, 3: 26})

    def render(self, camera: Intrinsics, world_from_camera: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Exact depth (m, 0 = none) and instance ids (0 = none)."""
        ids = np.concatenate([np.full(len(mesh.faces), i) for i, mesh in self.meshes.items()])
        depth, triangle = RayCaster(trimesh.util.concatenate(list(self.meshes.values()))).render(
            camera, world_from_camera
        )
        return depth.astype(np.float32), np.where(triangle >= 0, ids[triangle], 0).astype(np.uint8)


def tiny_room() -> TinyRoom:
    return TinyRoom(
        {
            1: box((0, 0, -0.05), (4, 4, 0.1)),
            2: box((0, 0, 0.4), (1.0, 0.6, 0.8)),
            3: box((0.1, -0.7, 0.15), (0.4, 0.3, 0.3)),
        }
    )


def box(center: Sequence[float], size: Sequence[float]) -> trimesh.Trimesh:
    mesh = trimesh.creation.box(size)
    mesh.apply_translation(center)
    return mesh


def look_at(eye: Sequence[float], target: Sequence[float] = (0.0, -0.2, 0.3)) -> np.ndarray:
    """World from camera (OpenCV axes) of a camera at ``eye`` that sees ``target`` in its middle, upright."""
    forward = np.subtract(target, eye)
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right = right / np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = np.stack([right, np.cross(forward, right), forward], axis=1), eye
    return pose


def walk(frames: int, radius_m: float = 2.2) -> np.ndarray:
    """Poses (n, 4, 4) on an arc that never sees the back."""
    angles = np.linspace(-2.6, -0.6, frames)
    return np.stack([look_at((radius_m * np.cos(a), radius_m * np.sin(a), 1.2 + 0.2 * np.sin(3 * a))) for a in angles])


def write_tiny_scan(
    folder: Path,
    frames: int = 6,
    camera: Intrinsics = CAMERA,
    depth_camera: Intrinsics | None = None,
    color_from_depth: np.ndarray | None = None,
    annotated: bool = True,
    room: TinyRoom | None = None,
) -> np.ndarray:
    """Write ``<folder>`` (name it ``<scene>_scannet``) with exact depth; returns world from colour camera (n, 4, 4)."""
    room, depth_camera = room or tiny_room(), depth_camera or camera
    color_from_depth = np.eye(4) if color_from_depth is None else color_from_depth
    for name in ("color", "depth", "pose", "intrinsic", *(("instance-filt", "label-filt") if annotated else ())):
        (folder / name).mkdir(parents=True)
    poses = walk(frames)
    for i, world_from_color in enumerate(poses):
        world_from_depth = world_from_color @ color_from_depth
        depth, _ = room.render(depth_camera, world_from_depth)
        _, instance = room.render(camera, world_from_color)
        cv2.imwrite(str(folder / "color" / f"{i}.png"), paint(instance))
        cv2.imwrite(str(folder / "depth" / f"{i}.png"), np.rint(depth * 1000).astype(np.uint16))
        np.savetxt(folder / "pose" / f"{i}.txt", world_from_depth, fmt="%.6f")
        if annotated:
            label = np.array([room.label_ids.get(k, 0) for k in range(256)], np.uint16)[instance]
            cv2.imwrite(str(folder / "instance-filt" / f"{i}.png"), instance)
            cv2.imwrite(str(folder / "label-filt" / f"{i}.png"), label)
    for kind, one in (("color", camera), ("depth", depth_camera)):
        matrix = np.eye(4)
        matrix[:3, :3] = one.matrix
        np.savetxt(folder / "intrinsic" / f"intrinsic_{kind}.txt", matrix, fmt="%.6f")
    np.savetxt(folder / "intrinsic" / "extrinsic_color.txt", np.eye(4), fmt="%.6f")
    np.savetxt(folder / "intrinsic" / "extrinsic_depth.txt", color_from_depth, fmt="%.6f")
    if annotated:
        scene = folder.name.removesuffix("_scannet")
        groups = [{"id": k - 1, "segments": [k], "label": room.names[k]} for k in sorted(room.names)]
        (folder / f"{scene}_vh_clean.aggregation.json").write_text(json.dumps({"segGroups": groups}))
        (folder / f"{scene}.txt").write_text("axisAlignment = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n")
        (folder.parent / "scannetv2-labels.combined.tsv").write_text(TSV)
    return poses


def paint(instance: np.ndarray) -> np.ndarray:
    """A BGR image with a colour and some texture for every instance."""
    height, width = instance.shape
    v, u = np.mgrid[:height, :width]
    texture = (((u // 4 + v // 4) % 2) * 40).astype(np.uint8)
    base = np.array([[20, 20, 20], [120, 90, 60], [60, 160, 60], [60, 60, 190]], np.uint8)
    return base[np.minimum(instance, 3)] + texture[..., None]
