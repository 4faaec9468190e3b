"""What a mesh knows of its own vertices, on the page."""

from __future__ import annotations

import base64
import gzip
import io
from pathlib import Path

import numpy as np
import trimesh

from evaluation.page_meshes import simplified
from evaluation.report import build_report
from evaluation.settings import ReportSettings
from scene.mesh import save_mesh, surface_mean
from tests.evaluation.test_report import BALL, Page, scan_of_ball

UP = np.array([0.0, -1.0, 0.0])
BUTTON = 'role="radio" data-mode="confidence"'


def told_ball() -> trimesh.Trimesh:
    """Its lower half is called seen, whatever the views show."""
    half = BALL.copy()
    below = half.vertices[:, 1] > 0
    half.vertex_attributes["seen"] = below.astype(np.uint8)
    half.vertex_attributes["confidence"] = np.where(below, 0.9, 0.3).astype(np.float32)
    return half


def test_the_page_shows_what_the_mesh_tells(tmp_path: Path) -> None:
    half = told_ball()
    save_mesh(tmp_path / "meshes" / "room_obj_3.ply", half, UP, {})
    html = build_report(tmp_path, scan_of_ball(), ReportSettings(faces=800, views=1)).read_text()
    page = Page(html)
    words = " ".join(page.text.split())
    assert f"{100 * surface_mean(half, 'seen'):.0f} % of its surface was seen" in words
    assert f"Mean confidence {100 * surface_mean(half, 'confidence'):.0f} %" in words
    assert BUTTON in html
    scene = trimesh.load(io.BytesIO(gzip.decompress(base64.b64decode(page.scripts["glb-3"]))), file_type="glb")
    attributes = next(iter(scene.geometry.values())).vertex_attributes
    shown = attributes["_CONFIDENCE"].reshape(-1)
    np.testing.assert_array_equal(attributes["_SEEN"].reshape(-1), shown > 0.6)
    assert set(np.unique(shown)) == {np.float32(0.3), np.float32(0.9)}


def test_a_mesh_that_tells_nothing_is_shown_without(tmp_path: Path) -> None:
    save_mesh(tmp_path / "meshes" / "room_obj_3.ply", BALL, UP, {})
    html = build_report(tmp_path, scan_of_ball(), ReportSettings(faces=800, views=1)).read_text()
    assert BUTTON not in html
    assert "Mean confidence" not in Page(html).text


def test_simplifying_keeps_what_a_vertex_tells() -> None:
    light = simplified(told_ball(), 600)
    far = np.abs(light.vertices[:, 1]) > 0.05
    np.testing.assert_array_equal(light.vertex_attributes["seen"][far], light.vertices[far, 1] > 0)
