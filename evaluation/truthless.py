"""How well a mesh fits what the cameras saw, without any true mesh.

Depth agreement asks whether the mesh is where the object was seen; free-space violation whether it is also where the
cameras saw through.  Together they bound the seen surface from both sides; of the hidden surface they say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import trimesh
from jaxtyping import Float

from evaluation.sampling import surface_of
from evaluation.views import View
from scene.camera import nearest_pixel, project, transform
from scene.raycast import RayCaster

AGREEMENT_M = 0.02
FREE_SPACE_MARGIN_M = 0.03
FREE_SPACE_VIEWS = 3


def depth_agreement(
    mesh: trimesh.Trimesh,
    views: Sequence[View],
    instance_id: int,
    max_pixels: int = 200_000,
    seed: int = 0,
) -> float | None:
    """Share of the object's depth pixels whose ray first meets the mesh within 2 cm, along the ray, of what was sensed.

    Of more than ``max_pixels`` in all views together about that many are drawn, evenly.  None where no view has a depth
    pixel of the object.
    """
    pixels = [np.flatnonzero(view.shows(instance_id) & (view.depth_m > 0)) for view in views]
    total = sum(map(len, pixels))
    if total == 0:
        return None
    generator = np.random.default_rng(seed)
    caster = RayCaster(mesh)
    tried = agreeing = 0
    for view, index in zip(views, pixels, strict=True):
        if total > max_pixels:
            index = index[generator.random(len(index)) < max_pixels / total]
        if len(index) == 0:
            continue
        local = view.camera.directions().reshape(-1, 3)[index].astype(np.float64)
        directions = local @ view.world_from_camera[:3, :3].T
        z_m, _ = caster.first_hit(np.broadcast_to(view.world_from_camera[:3, 3], directions.shape), directions)
        along_ray_m = np.abs(z_m - view.depth_m.reshape(-1)[index]) * np.linalg.norm(local, axis=1)
        tried += len(index)
        agreeing += int((along_ray_m <= AGREEMENT_M).sum())
    return agreeing / tried if tried else None


def free_space_violation(
    mesh: trimesh.Trimesh,
    views: Sequence[View],
    samples: int = 50_000,
    seed: int = 0,
) -> float:
    """Share of the mesh's area that lies more than 3 cm, along the ray, in front of what at least three views saw."""
    points = surface_of(mesh, samples, seed).points
    seen_through = sum((_in_front(points, view) > FREE_SPACE_MARGIN_M).astype(np.int32) for view in views)
    return float(np.mean(np.asarray(seen_through) >= FREE_SPACE_VIEWS))


def _in_front(points: Float[np.ndarray, "n 3"], view: View) -> Float[np.ndarray, " n"]:
    """How far (m, along the ray) each point lies in front of what the view saw; -inf where the view cannot tell.

    The nearest of the 3 x 3 pixels round the point counts, and all nine must have depth: a sensor's edges are half a
    pixel off, frayed or missing, and no point on an object's outline may be called empty for that.
    """
    nearest_m = cv2.erode(view.depth_m.astype(np.float32), np.ones((3, 3), np.uint8), borderValue=0.0)
    uv, z = project(points, view.camera, view.world_from_camera)
    inside, u, v = nearest_pixel(uv, z, view.camera)
    range_m = np.linalg.norm(transform(np.linalg.inv(view.world_from_camera), points[inside]), axis=1)
    depth_m = nearest_m[v, u].astype(np.float64)
    result = np.full(len(points), -np.inf)
    result[inside] = np.where(depth_m > 0, (depth_m / z[inside] - 1.0) * range_m, -np.inf)
    return result
