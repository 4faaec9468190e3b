"""A red ball seen from one side, as a scan and as a run's folder: what tests of pages are made from."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from evaluation.page.object import ScanShown
from evaluation.page.records import PageObject, PageSide
from evaluation.page.run_folder import read_run
from evaluation.records import ObjectScore, SceneScores
from evaluation.report import page_side, shown_scan
from evaluation.score_files import write_scores
from evaluation.settings import ReportSettings
from evaluation.views import View
from scene.camera import Intrinsics
from scene.mesh import save_mesh
from scene.raycast import RayCaster
from scene.records import Frame, Instance, Scan

CAMERA = Intrinsics(160, 120, 150.0, 150.0, 79.5, 59.5)
RADIUS_M = 0.3
BALL = trimesh.creation.icosphere(4, RADIUS_M)
BALL.visual.vertex_colors = np.tile(np.array([200, 60, 60, 255], np.uint8), (len(BALL.vertices), 1))
WALL = trimesh.creation.box((3.0, 2.0, 0.1), trimesh.transformations.translation_matrix([0.0, 0.0, 1.0]))
NASTY = '</script><b>"x" & y'
UP = np.array([0.0, -1.0, 0.0])


def looking_at_origin(x: float, z: float) -> np.ndarray:
    """A camera at (x, 0, z) that looks at the origin, y down."""
    forward = -np.array([x, 0.0, z]) / np.hypot(x, z)
    down = np.array([0.0, 1.0, 0.0])
    world_from_camera = np.eye(4)
    world_from_camera[:3, :3] = np.stack([np.cross(down, forward), down, forward], axis=1)
    world_from_camera[:3, 3] = x, 0.0, z
    return world_from_camera


POSES = np.stack([looking_at_origin(2 * np.sin(a), -2 * np.cos(a)) for a in np.linspace(-0.9, 0.9, 7)])


def scan_of_ball(wall: bool = False) -> Scan:
    """Seven views of the ball (id 3, red), before a grey wall where asked for; thing 4 is named but never seen."""
    caster = RayCaster(trimesh.util.concatenate([BALL, WALL]) if wall else BALL)

    def load_frame(k: int) -> Frame:
        depth_m, triangle = caster.render(CAMERA, POSES[k])
        instance = np.where((triangle >= 0) & (triangle < len(BALL.faces)), 3, 0)
        color = np.where((instance == 3)[..., None], [200, 60, 60], 90).astype(np.uint8)
        return Frame(100 + k, CAMERA, POSES[k], color, depth_m.astype(np.float32), instance)

    things = (Instance(3, NASTY), Instance(4, "lamp"))
    return Scan("room", [100 + k for k in range(7)], POSES, CAMERA, load_frame, things, UP)


def views_of_ball() -> list[View]:
    frames = [scan_of_ball().load_frame(k) for k in range(7)]
    return [
        View(frame.camera, frame.world_from_camera, frame.depth_m, frame.instance, frame.color, k)
        for k, frame in enumerate(frames)
        if frame is not None
    ]


def write_run(folder: Path, objects: Sequence[ObjectScore] = (), record: dict[str, Any] | None = None) -> Path:
    """A run with a mesh of the ball, and with scores and a record where given."""
    save_mesh(folder / "meshes" / "room_obj_3.ply", BALL, UP, {})
    if objects:
        write_scores(folder, [SceneScores("room", list(objects))])
    if record is not None:
        (folder / "run.json").write_text(json.dumps(record))
    return folder


def side_of(folder: Path, scan: Scan | None = None, **settings: int) -> PageSide:
    """The run's part of a page, small unless ``settings`` say otherwise."""
    chosen = dataclasses.replace(ReportSettings(views=1, faces=800), **settings)
    scan = scan or scan_of_ball()
    found = read_run(folder, scan)
    return page_side("", found, _shown(scan, folder, chosen), chosen)


def _shown(scan: Scan, folder: Path, settings: ReportSettings) -> ScanShown:
    found = read_run(folder, scan)
    return shown_scan(scan, [found], found.ids, settings)


def the_object(side: PageSide, instance_id: int = 3) -> PageObject:
    return next(one for one in side.objects if one.instance_id == instance_id)


def unpacked(glb: str) -> trimesh.Trimesh | trimesh.PointCloud:
    """The one thing in a page's mesh or points."""
    (geometry,) = trimesh.load(io.BytesIO(gzip.decompress(base64.b64decode(glb))), file_type="glb").geometry.values()
    return geometry
