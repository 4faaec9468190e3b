"""One object of a run as the page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import trimesh
from jaxtyping import Float

from evaluation.page.curves import read_curves
from evaluation.page.fit import fit_views
from evaluation.page.glb import glb_base64, points_base64
from evaluation.page.meshes import data_url, simplified, thumbnail, viewer_yaw
from evaluation.page.points import ColoredPoints, ScanPoints
from evaluation.page.records import PageObject, PageView
from evaluation.page.run_folder import RunFolder, without_repeats
from evaluation.page.truth import PageTruth, page_truth
from evaluation.page.views import pick_views, pictures_of, with_color
from evaluation.records import ObjectScore
from evaluation.settings import ReportSettings
from evaluation.verdict import verdict
from evaluation.views import View
from evaluation.visibility import mark_seen
from scene.errors import UserError
from scene.mesh import load_mesh, surface_mean
from scene.records import Scan
from scene.runlog import log


@dataclass(frozen=True)
class ScanShown:
    """A scan as its pages show it; two runs of one scan share it."""

    scan: Scan
    views: Sequence[View]
    points: ScanPoints
    up: Float[np.ndarray, " 3"]


def page_object(
    instance_id: int, found: RunFolder, shown: ScanShown, faces: int, settings: ReportSettings
) -> tuple[PageObject, trimesh.Trimesh | None]:
    """One object's pictures and words, and its mesh of at most ``faces`` triangles; a mesh that cannot be used becomes
    a mark."""
    told = found.told.get(instance_id, ObjectScore(instance_id, "", None, None))
    mesh, problem = _usable_mesh(instance_id, found)
    if mesh is None and problem is None and not (told.problems or told.marks):
        problem = "there is no mesh of it"
    if problem is not None:
        told = replace(told, problems=without_repeats([*told.problems, problem]))
    known = bool(told.scores or told.marks or told.problems)
    points = shown.points.objects[instance_id]
    center = _center(points, mesh)
    picked = pick_views(shown.views, instance_id, center, settings.views)
    direction = (picked or shown.views)[0].world_from_camera[:3, 3] - center
    truth = page_truth(told.truth, shown.up, settings)
    light = None if mesh is None else _light(mesh, faces, shown.views, truth)
    one = PageObject(
        instance_id=instance_id,
        label=told.label,
        scores=told.scores,
        verdict=verdict(told) if known else None,
        marks=without_repeats([*told.problems, *told.marks]),
        notes=without_repeats(told.notes),
        size_m=() if mesh is None else tuple(map(float, mesh.extents)),
        faces=0 if mesh is None else len(mesh.faces),
        # One number on the panel: what the scores measured beats what the maker says of it.
        seen=None if mesh is None else told.scores.get("surface_seen", surface_mean(mesh, "seen")),
        confidence=None if mesh is None else surface_mean(mesh, "confidence"),
        glb="" if light is None else glb_base64(light, shown.up),
        truth="" if truth is None else truth.shown,
        missed="" if truth is None else truth.missed(light, shown.up, settings.points),
        points=points_base64(points.points, points.colors, shown.up),
        thumbnail="" if light is None else thumbnail(light, shown.up, direction),
        yaw=viewer_yaw(direction, shown.up),
        views=_page_views(instance_id, light, shown.scan, picked, settings),
        fit_views=fit_views(found.work("training", instance_id), shown.scan, settings.fit_views, settings.view_width),
        curves=read_curves(found.work("fit", instance_id) / "logs" / "losses.jsonl", settings.curve_points),
    )
    return one, light


def _center(points: ColoredPoints, mesh: trimesh.Trimesh | None) -> Float[np.ndarray, " 3"]:
    """The middle of what the scan has of an object, so that all runs show it from the same sides; else of its mesh."""
    if len(points):
        return (points.points.min(0) + points.points.max(0)).astype(np.float64) / 2
    return np.zeros(3) if mesh is None else np.asarray(mesh.bounds.mean(0))


def _light(mesh: trimesh.Trimesh, faces: int, views: Sequence[View], truth: PageTruth | None) -> trimesh.Trimesh:
    """The mesh as the page shows it, which knows of every vertex what can be known."""
    light = simplified(mesh, faces)
    if "seen" not in light.vertex_attributes:  # a mesh that was made elsewhere
        mark_seen(light, views)
    if truth is not None:
        truth.mark_errors(light)
    return light


def _usable_mesh(instance_id: int, found: RunFolder) -> tuple[trimesh.Trimesh | None, str | None]:
    """The mesh, or why there is none; neither where the run has no file of it."""
    if instance_id not in found.meshes:
        return None, None
    path = found.meshes[instance_id]
    try:
        mesh = load_mesh(path)
        if not mesh.area > 0.0:
            raise UserError(f"{path}: has no area; export it again")
    except UserError as error:
        log.warning("%s", error)
        return None, str(error)
    return mesh, None


def _page_views(
    instance_id: int, mesh: trimesh.Trimesh | None, scan: Scan, picked: Sequence[View], settings: ReportSettings
) -> list[PageView]:
    shown = []
    for view in picked:
        colored = with_color(view, scan)
        if colored is not None:
            photo, render = pictures_of(colored, instance_id, mesh, settings.view_width)
            frame_id = scan.frame_ids[view.index]
            shown.append(PageView(f"frame {frame_id}", data_url(photo), "" if render is None else data_url(render)))
    return shown
