"""Rooms of boxes, and the scans a perfect depth camera makes of them: input whose segmentation is known.

Import it as ``from tests.preprocess.analytic_room import ...``.
"""

from __future__ import annotations

import numpy as np
import trimesh

from preprocess.fused_surface import FreeSpace, FusedSurface
from scene.camera import Intrinsics
from scene.raycast import RayCaster
from scene.records import Frame, Scan

CAMERA = Intrinsics(224, 168, 190.0, 190.0, 111.5, 83.5)


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> trimesh.Trimesh:
    """An axis-aligned box between two corners (z up, metres)."""
    return trimesh.creation.box(bounds=[low, high])


def table(x: float, y: float, width: float = 1.2, depth: float = 0.8, height: float = 0.72) -> trimesh.Trimesh:
    """A table round plan position (x, y): a top of 4 cm on four legs of 6 cm."""
    legs = [
        box(
            (x + sx * width / 2 - 0.03, y + sy * depth / 2 - 0.03, 0),
            (x + sx * width / 2 + 0.03, y + sy * depth / 2 + 0.03, height),
        )
        for sx in (-0.9, 0.9)
        for sy in (-0.9, 0.9)
    ]
    top = box((x - width / 2, y - depth / 2, height - 0.04), (x + width / 2, y + depth / 2, height))
    return trimesh.util.concatenate([top, *legs])


def chair(x: float, y: float, facing: float = 1.0) -> trimesh.Trimesh:
    """A chair: seat, back, four legs of 5 cm; ``facing`` +1 has the back at -y."""
    legs = [
        box((x + sx * 0.18 - 0.025, y + sy * 0.18 - 0.025, 0), (x + sx * 0.18 + 0.025, y + sy * 0.18 + 0.025, 0.45))
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    seat = box((x - 0.21, y - 0.21, 0.42), (x + 0.21, y + 0.21, 0.47))
    rear = y - facing * 0.19
    back = box((x - 0.21, rear - 0.025, 0.44), (x + 0.21, rear + 0.025, 0.92))
    return trimesh.util.concatenate([seat, back, *legs])


def walls_and_floor(half_m: float = 2.2, height_m: float = 2.5, sides: int = 4) -> trimesh.Trimesh:
    """A floor and ``sides`` walls round it (of thin boxes), open at the top."""
    thin, h = 0.1, half_m
    parts = [
        box((-h, -h, -thin), (h, h, 0)),
        box((-h, h, 0), (h, h + thin, height_m)),
        box((h, -h, 0), (h + thin, h, height_m)),
        box((-h, -h - thin, 0), (h, -h, height_m)),
        box((-h - thin, -h, 0), (-h, h, height_m)),
    ]
    return trimesh.util.concatenate(parts[: 1 + sides])


def looking(origin: np.ndarray, target: np.ndarray) -> np.ndarray:
    """World-from-camera of an upright camera (z up, OpenCV axes)."""
    forward = (target - origin) / np.linalg.norm(target - origin)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = origin
    return pose


def walk(count: int, radius_m: float = 1.8, height_m: float = 1.6) -> list[np.ndarray]:
    """Poses on a circle that look at its middle, now a little higher, now a little lower, now to the side."""
    poses = []
    for k in range(count):
        angle = 2 * np.pi * k / count + 0.2
        origin = np.array([radius_m * np.cos(angle), radius_m * np.sin(angle), height_m + 0.15 * np.sin(3 * angle)])
        side = 0.5 * np.sin(5 * angle)
        poses.append(
            looking(origin, np.array([-side * np.sin(angle), side * np.cos(angle), 0.5 + 0.35 * np.cos(4 * angle)]))
        )
    return poses


def scan_of(
    room: trimesh.Trimesh,
    things: list[trimesh.Trimesh],
    poses: list[np.ndarray],
    colors: list[tuple[int, int, int]] | None = None,
    turn: np.ndarray | None = None,
) -> Scan:
    """What the camera sees of a room (instance 0) and things (instances 1, 2, ...); ``turn`` rotates the world."""
    whole = trimesh.util.concatenate([room, *things])
    owner = np.repeat(np.arange(len(things) + 1), [len(room.faces), *(len(t.faces) for t in things)])
    paint = np.array([(180, 175, 170), *(colors or [(120, 110, 100)] * len(things))], np.float64)
    shade = 0.7 + 0.3 * np.abs(whole.face_normals @ np.array([0.36, 0.48, 0.8]))
    caster, world = RayCaster(whole), np.eye(4) if turn is None else turn
    frames = []
    for k, pose in enumerate(poses):
        depth, triangle = caster.render(CAMERA, pose)
        hit = triangle >= 0
        color = np.where(hit[..., None], paint[owner[triangle]] * shade[triangle][..., None], 0).astype(np.uint8)
        instance = np.where(hit, owner[triangle], 0).astype(np.uint8)
        frames.append(Frame(k, CAMERA, world @ pose, color, depth.astype(np.float32), instance))
    return Scan(
        "boxes", list(range(len(frames))), np.stack([f.world_from_camera for f in frames]), CAMERA, frames.__getitem__
    )


def surface_of(mesh: trimesh.Trimesh, voxel_m: float = 0.025) -> FusedSurface:
    """A mesh as if it had been fused: finely cut, grey, with no space seen to be free."""
    fine = mesh.subdivide_to_size(voxel_m * 1.4)
    fine.merge_vertices()
    shape = tuple(np.ceil((fine.extents + 0.4) / voxel_m).astype(int))
    area = np.bincount(fine.faces.ravel(), np.repeat(fine.area_faces / 3, 3), len(fine.vertices))
    return FusedSurface(
        vertices=fine.vertices.astype(np.float32),
        faces=np.asarray(fine.faces, np.int64),
        normals=np.asarray(fine.vertex_normals, np.float32),
        color=np.full((len(fine.vertices), 3), 128, np.uint8),
        area_m2=area.astype(np.float32),
        views=np.full(len(fine.vertices), 5, np.int32),
        voxel_m=voxel_m,
        space=FreeSpace(fine.bounds[0] - 0.2, voxel_m, np.zeros(shape, bool)),
    )
