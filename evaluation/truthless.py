"""How well a mesh fits what the cameras saw, and how sound it is, without any true mesh.

Depth agreement asks whether the mesh is where the object was seen; free-space violation whether it is also where the
cameras saw through.  Together they bound the seen surface from both sides; of the hidden surface they say nothing.
The outlines say whether anything is missing or too much (``evaluation.silhouettes``).  Of the mesh alone are told its
holes, its parts, where it passes through itself, and how sure its maker was of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import trimesh
from jaxtyping import Float

from evaluation.mesh_rays import drawn_pixels, first_depth_m, slant
from evaluation.sampling import surface_of
from evaluation.self_intersections import self_intersections
from evaluation.settings import ScoreSettings
from evaluation.silhouettes import silhouette_iou
from evaluation.views import View
from evaluation.visibility import surface_seen
from scene.camera import nearest_pixel, project, transform
from scene.mesh import surface_mean
from scene.raycast import RayCaster

AGREEMENT_M = 0.02
FREE_SPACE_MARGIN_M = 0.03
FREE_SPACE_VIEWS = 3


def scores_without_truth(
    mesh: trimesh.Trimesh, views: Sequence[View], instance_id: int, settings: ScoreSettings
) -> dict[str, float]:
    """The measures of ``evaluation.records`` that need no true mesh; without views, those of the mesh alone.

    What cannot be measured is left out: where no view shows the object's pixels or their depth, where fewer than three
    look at any of the mesh, or where it carries no confidence.
    """
    scores = _soundness(mesh) | _confidence(mesh)
    if not views:
        return scores
    found = {
        "depth_agreement": depth_agreement(mesh, views, instance_id, settings.agreement_pixels, settings.seed),
        "free_space_violation": free_space_violation(mesh, views, settings.free_space_samples, settings.seed),
        "silhouette_iou": silhouette_iou(mesh, views, instance_id, settings.silhouette_pixels, settings.seed),
        "surface_seen": surface_seen(mesh, views, settings.free_space_samples, settings.seed),
    }
    return scores | {key: value for key, value in found.items() if value is not None}


def _soundness(mesh: trimesh.Trimesh) -> dict[str, float]:
    """Whether it encloses a volume, in how many parts that share no vertex, and how often it passes through itself."""
    used = mesh.copy()
    used.remove_unreferenced_vertices()
    pairs, all_counted = self_intersections(mesh)
    scores = {
        "watertight": float(mesh.is_watertight),
        "components": float(used.body_count),
        "area_m2": float(mesh.area),
    }
    if pairs or all_counted:
        scores |= {"self_intersections": float(pairs)}
    if not all_counted:
        scores |= {"self_intersections_uncounted": 1.0}
    return scores


def _confidence(mesh: trimesh.Trimesh) -> dict[str, float]:
    """The mean of the vertices' confidence over the surface, and the share of the surface in each tenth of it.

    A vertex stands for a third of the triangles that it belongs to.
    """
    mean = surface_mean(mesh, "confidence")
    if mean is None:
        return {}
    confidence = np.asarray(mesh.vertex_attributes["confidence"], np.float64)
    area_m2 = np.bincount(mesh.faces.reshape(-1), np.repeat(mesh.area_faces / 3, 3), len(mesh.vertices))
    # Rounded first: 0.7 in single precision is 0.69999999, and belongs to the tenth that begins with it.
    tenth = np.floor(np.round(confidence * 10, 5)).clip(0, 9).astype(np.int64)
    shares = np.bincount(tenth, area_m2, 10) / area_m2.sum()
    return {"confidence_mean": mean} | {f"confidence_in_{k / 10:.1f}": float(share) for k, share in enumerate(shares)}


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
    shown = [np.flatnonzero(view.shows(instance_id) & (view.depth_m > 0)) for view in views]
    if not any(map(len, shown)):
        return None
    pixels = drawn_pixels(shown, max_pixels, seed)
    sensed_m = np.concatenate([view.depth_m.reshape(-1)[i] for view, i in zip(views, pixels, strict=True)])
    along = np.concatenate([slant(view, index) for view, index in zip(views, pixels, strict=True)])
    apart_m = np.abs(first_depth_m(RayCaster(mesh), views, pixels) - sensed_m) * along
    return float((apart_m <= AGREEMENT_M).mean()) if len(apart_m) else None


def free_space_violation(
    mesh: trimesh.Trimesh,
    views: Sequence[View],
    samples: int = 50_000,
    seed: int = 0,
) -> float | None:
    """Share of the mesh's area that lies more than 3 cm, along the ray, in front of what at least three views saw.

    None where no three views have depth at one point of it: nothing could be found to be wrong.
    """
    points = surface_of(mesh, samples, seed).points
    told, seen_through = np.zeros((2, samples), np.int32)
    for view in views:
        in_front_m = _in_front(points, view)
        told += in_front_m > -np.inf
        seen_through += in_front_m > FREE_SPACE_MARGIN_M
    if told.max() < FREE_SPACE_VIEWS:
        return None
    return float((seen_through >= FREE_SPACE_VIEWS).mean())


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
