"""Views of things on a floor, ray-cast without noise: what an object's evidence is tested with.

Import it as ``from tests.training.exact_views import views_of``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh

from scene.camera import Intrinsics
from scene.raycast import RayCaster
from scene.records import Fact, ObjectViews
from tests.scene.tiny_scan import box, look_at


def views_of(
    things: list[trimesh.Trimesh],
    eyes: Sequence[tuple[float, float, float]],
    target: tuple[float, float, float] = (0.3, -0.2, 0.25),
) -> ObjectViews:
    """Exact views of the first mesh; the others, and the floor, hide what they hide."""
    camera = Intrinsics(160, 120, 150.0, 150.0, 79.5, 59.5)
    scene = [*things, box((0, 0, -0.05), (6, 6, 0.1))]
    caster = RayCaster(trimesh.util.concatenate(scene))
    depth, fact, poses = [], [], []
    for eye in eyes:
        pose = look_at(eye, target)
        z, triangle = caster.render(camera, pose)
        own = (triangle >= 0) & (triangle < len(things[0].faces))
        poses.append(pose)
        depth.append(np.rint(1000 * z).astype(np.uint16))
        fact.append(np.where(own, Fact.OBJECT, np.where(triangle >= 0, Fact.OTHER, Fact.UNKNOWN)).astype(np.uint8))
    to_world = np.diag([0.6, 0.6, 0.6, 1.0])
    to_world[:3, 3] = things[0].bounds.mean(axis=0)
    color = np.zeros((len(eyes), camera.height, camera.width, 3), np.uint8)
    return ObjectViews(
        "room_scannet_obj_2",
        "box",
        camera,
        np.stack(poses),
        to_world,
        color,
        np.stack(depth),
        np.stack(fact),
        up=np.array([0.0, 0.0, 1.0]),
    )
