"""Tiny analytic objects for the fit: made by casting rays at a mesh inside a larger room."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
import trimesh

from scene.camera import Intrinsics
from scene.raycast import RayCaster
from scene.records import Fact, ObjectViews

PLACE_M = np.array([1.0, -2.0, 0.7])
SCALE_M = 0.5  # metres a normalised unit


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small run fastest on one thread, all the more on a machine that does other work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def looking_at(eye: np.ndarray, target: np.ndarray) -> np.ndarray:
    """World-from-camera of a camera at ``eye`` that looks at ``target``, +z up."""
    z = (target - eye) / np.linalg.norm(target - eye)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    pose[:3, 3] = eye
    return pose


def views_of(mesh: trimesh.Trimesh, count: int = 8, width: int = 48, height: int = 36) -> ObjectViews:
    """Views all round ``mesh`` (placed at PLACE_M, in metres) in a spherical room of radius 3 m; colour is by place."""
    camera = Intrinsics(width, height, 0.9 * width, 0.9 * width, (width - 1) / 2, (height - 1) / 2)
    room = trimesh.creation.icosphere(subdivisions=4, radius=3.0)
    room.apply_translation(PLACE_M)
    caster = RayCaster(trimesh.util.concatenate([mesh, room]))
    world_from_normalized = np.diag([SCALE_M, SCALE_M, SCALE_M, 1.0])
    world_from_normalized[:3, 3] = PLACE_M
    poses, colors, depths, facts, normals = [], [], [], [], []
    for k in range(count):
        turn = 2.0 * np.pi * k / count
        eye = PLACE_M + 1.4 * np.array([np.cos(turn), np.sin(turn), 0.5 * (-1) ** k])
        pose = looking_at(eye, PLACE_M)
        depth, triangle = caster.render(camera, pose)
        of_object = (triangle >= 0) & (triangle < len(mesh.faces))
        facing = caster.mesh.face_normals[triangle] @ pose[:3, :3]
        poses.append(pose)
        colors.append(np.where(of_object[..., None], (127 + 100 * caster.mesh.face_normals[triangle]), 40))
        depths.append(np.rint(depth * 1000.0))
        facts.append(np.where(of_object, Fact.OBJECT, np.where(triangle >= 0, Fact.OTHER, Fact.UNKNOWN)))
        normals.append(np.where(of_object[..., None], facing, 0.0))
    return ObjectViews(
        name="scene0000_00_scannet_obj_1",
        label="ball",
        camera=camera,
        world_from_camera=np.stack(poses),
        world_from_normalized=world_from_normalized,
        color=np.stack(colors).astype(np.uint8),
        depth_mm=np.stack(depths).astype(np.uint16),
        fact=np.stack(facts).astype(np.uint8),
        normal=np.stack(normals).astype(np.float32),
        scores=tuple(float(k) for k in range(count)),
        up=np.array([0.0, 0.0, 1.0]),
    )


@pytest.fixture(scope="session")
def sphere_views() -> ObjectViews:
    """A ball of radius 0.3 m (0.6 normalised)."""
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.3)
    ball.apply_translation(PLACE_M)
    return views_of(ball)


@pytest.fixture(scope="session")
def box_views() -> ObjectViews:
    """A box of 0.5 x 0.3 x 0.4 m."""
    box = trimesh.creation.box(extents=(0.5, 0.3, 0.4))
    box.apply_translation(PLACE_M)
    return views_of(box)
