"""Plain fusion of an object's depth against a plane and a ball whose surface is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from evaluation.baselines import fuse_object
from scene.camera import Intrinsics
from scene.errors import UserError
from scene.raycast import RayCaster
from scene.records import Fact, ObjectViews

CAMERA = Intrinsics(160, 120, 150.0, 150.0, 79.5, 59.5)
RADIUS_M = 0.3


@pytest.fixture(scope="module")
def front_views() -> ObjectViews:
    """A ball before a wall, seen from three cameras on its -z side only."""
    ball = trimesh.creation.icosphere(subdivisions=4, radius=RADIUS_M)
    wall = trimesh.creation.box(extents=(6.0, 6.0, 0.1))
    wall.apply_translation((0.0, 0.0, 1.0))
    scene = RayCaster(trimesh.util.concatenate([ball, wall]))
    poses, depths, facts = [], [], []
    for x_m in (-0.4, 0.0, 0.4):
        pose = np.eye(4)
        pose[:3, 3] = (x_m, 0.0, -1.2)
        depth_m, triangle = scene.render(CAMERA, pose)
        poses.append(pose)
        depths.append(np.rint(depth_m * 1000).astype(np.uint16))
        facts.append(
            np.where(triangle < 0, Fact.UNKNOWN, np.where(triangle < len(ball.faces), Fact.OBJECT, Fact.OTHER))
        )
    return ObjectViews(
        name="ball",
        label="ball",
        camera=CAMERA,
        world_from_camera=np.stack(poses),
        world_from_normalized=np.diag([0.4, 0.4, 0.4, 1.0]),
        color=np.zeros((3, 120, 160, 3), np.uint8),
        depth_mm=np.stack(depths),
        fact=np.stack(facts).astype(np.uint8),
    )


def test_fusion_gives_what_was_seen_and_no_more(front_views: ObjectViews) -> None:
    mesh = fuse_object(front_views)
    off_m = np.abs(np.linalg.norm(mesh.vertices, axis=1) - RADIUS_M)
    assert np.median(off_m) < 0.002
    assert off_m.max() < 0.02
    assert not mesh.is_watertight
    # From 1.2 m away the camera's rim of the ball lies at z = -r^2 / 1.2.
    assert mesh.vertices[:, 2].max() < 0.05
    seen_m2 = 2 * np.pi * RADIUS_M**2 * (1 - RADIUS_M / 1.2)
    assert mesh.area == pytest.approx(seen_m2, rel=0.15)
    # Outward: towards the cameras.
    outward = (mesh.face_normals * mesh.triangles_center).sum(axis=1) > 0
    assert mesh.area_faces[outward].sum() > 0.999 * mesh.area


def test_floaters_are_left_out(front_views: ObjectViews) -> None:
    depth_mm = front_views.depth_mm.copy()
    fact = front_views.fact.copy()
    depth_mm[1, 99:102, 49:52], fact[1, 99:102, 49:52] = 900, Fact.OBJECT
    views = replace(front_views, depth_mm=depth_mm, fact=fact)
    assert fuse_object(views, least_faces=0).body_count > 1
    assert fuse_object(views).body_count == 1


def test_an_object_without_depth_is_told(front_views: ObjectViews) -> None:
    with pytest.raises(UserError, match="ball: no view has depth on the object"):
        fuse_object(replace(front_views, depth_mm=np.zeros_like(front_views.depth_mm)))
