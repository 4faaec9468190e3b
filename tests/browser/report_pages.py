"""Small pages of meshes that are known, straight from their records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import trimesh

from evaluation.measures import MEASURES
from evaluation.page.glb import glb_base64, points_base64
from evaluation.page.html import stage_bars, write_page
from evaluation.page.meshes import data_url, thumbnail
from evaluation.page.records import Curve, PageFit, PageObject, PageRoom, PageRun, PageSide, PageView
from evaluation.records import Verdict

UP = np.array([0.0, 1.0, 0.0])
DIRECTION = np.array([0.3, 0.4, 1.0])
HOSTILE = "</script><img src=x onerror=alert(1)> \"q\" & 's' {{ 7*7 }}"


def ball(center: tuple[float, float, float], subdivisions: int = 3) -> trimesh.Trimesh:
    """Seen above, completed below; surer and nearer to the truth the higher."""
    mesh = trimesh.creation.icosphere(subdivisions, 0.3)
    height = np.clip(mesh.vertices[:, 1] / 0.6 + 0.5, 0, 1)
    mesh.visual.vertex_colors = np.where(mesh.vertices[:, :1] > 0, [[200, 90, 70, 255]], [[70, 140, 90, 255]])
    mesh.vertex_attributes["seen"] = (height > 0.5).astype(np.uint8)
    mesh.vertex_attributes["confidence"] = height.astype(np.float32)
    mesh.vertex_attributes["error_m"] = (0.08 * (1 - height)).astype(np.float32)
    return mesh.apply_translation(center)


def picture(level: int) -> str:
    image = np.full((120, 160, 3), level, np.uint8)
    return data_url(cv2.circle(image, (80, 60), 34, (210, 90, 60), -1))


def page_object(instance_id: int, label: str, x: float, subdivisions: int = 3) -> PageObject:
    """A ball with all that an object can have."""
    mesh = ball((x, 0.3, 0.0), subdivisions)
    truth = trimesh.creation.box((0.62, 0.62, 0.62), trimesh.transformations.translation_matrix((x, 0.3, 0.0)))
    truth.visual.vertex_colors = [180, 180, 180, 255]
    points = mesh.vertices[::3] * 1.01 + [0.0, 0.02, 0.0]
    colors = np.full((len(points), 3), [250, 210, 40], np.uint8)
    scores = {measure.key: 0.031 + 0.01 * k for k, measure in enumerate(MEASURES)} | {"watertight": 1.0}
    scores |= {f"{kind}_{region}_0.02": 0.5 for kind in ("f", "recall") for region in ("seen", "hidden")}
    scores |= {f"confidence_in_{tenth / 10:.1f}": (tenth + 1) / 55 for tenth in range(10)}
    steps = list(range(0, 400, 10))
    return PageObject(
        instance_id,
        label,
        scores,
        Verdict("amber", ("a third of its surface was completed",)),
        marks=["seen from one side"],
        notes=["its true surface is partial"],
        size_m=(0.6, 0.6, 0.6),
        faces=len(mesh.faces),
        seen=0.5,
        confidence=0.5,
        glb=glb_base64(mesh, UP),
        truth=glb_base64(truth, UP),
        missed=missed_plate(x),
        points=points_base64(points.astype(np.float32), colors, UP),
        thumbnail=thumbnail(mesh, UP, DIRECTION),
        yaw=0.3,
        views=[PageView("frame 10", picture(120), picture(230)), PageView("frame 20", picture(90), picture(230))],
        fit_views=[PageFit("frame 10, 12% of it painted", picture(60), picture(200), picture(140))],
        curves=[
            Curve("depth", steps, [0.1 * 0.98**s for s in steps]),
            Curve("eikonal", [0, 200, 400], [0.02, 0.03, 0.01]),
        ],
    )


def missed_plate(x: float) -> str:
    """A plate of 16 cm with its middle 50 cm over the floor's, 45 cm before the ball's; 3.5 cm from it, right 12 cm."""
    across, up = (axis.reshape(-1) for axis in np.meshgrid(np.linspace(-0.08, 0.08, 60), np.linspace(-0.08, 0.08, 60)))
    points = np.stack([x + across, 0.5 + up, np.full(len(up), 0.45)], axis=1).astype(np.float32)
    distance_m = np.where(across > 0, 0.12, 0.035)
    return points_base64(points, np.full(points.shape, 128, np.uint8), UP, {"error_m": distance_m})


def page_side(name: str = "", subdivisions: int = 3) -> PageSide:
    """Two good objects and one that failed."""
    objects = [page_object(3, "chair", -0.5, subdivisions), page_object(5, HOSTILE, 0.5, subdivisions)]
    failed = PageObject(7, "lamp", {}, Verdict("red", ("no view shows it",)), truth=objects[0].truth)
    wall = np.stack([np.linspace(-1, 1, 200), np.full(200, 0.8), np.full(200, -0.6)], 1).astype(np.float32)
    room_points = points_base64(wall, np.full((200, 3), 90, np.uint8), UP)
    stages = [{"stage": f"stage {k}", "seconds": 2.0 + k, "peak_memory_mb": 300 + 90 * k} for k in range(4)]
    run = PageRun(
        stage_bars(stages),
        5,
        "cpu",
        {"python": "3.11", "packages": {"torch": "2"}, HOSTILE: HOSTILE},
        {"fit": {"note": HOSTILE, "steps": 400}},
        {"CLIP": "views by sharpness and visible area"},
    )
    return PageSide(name, PageRoom(objects[0].thumbnail, 0.2, room_points), [*objects, failed], run)


def one_side(folder: Path) -> Path:
    write_page(folder / "one.html", f"room {HOSTILE}", [page_side()])
    return folder / "one.html"


def two_sides(folder: Path, first_name: str = "first run") -> Path:
    """The second run has another setting, worse scores of one object, and knows nothing of the lamp."""
    first, second = page_side(first_name), page_side(f"second {HOSTILE}", 2)
    chair = second.objects[0]
    worse = replace(chair, scores={**chair.scores, "f_0.02": 0.0, "chamfer_m": 0.0})
    run = replace(second.run, settings={"fit": {"note": HOSTILE, "steps": 800}})
    second = replace(second, objects=[worse, second.objects[1]], run=run)
    write_page(folder / "two.html", "room", [first, second])
    return folder / "two.html"
