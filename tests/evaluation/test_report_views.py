"""What a page shows of an object: a simplified mesh, what of it was seen, and views that tell it from all sides."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import trimesh

from evaluation.page.meshes import simplified
from evaluation.page.views import Crop, pick_views, pictures_of
from evaluation.records import ObjectScore
from evaluation.views import View
from evaluation.visibility import mark_seen
from scene.mesh import rotation_between, save_mesh, surface_mean
from tests.evaluation.ball_run import (
    BALL,
    CAMERA,
    UP,
    scan_of_ball,
    side_of,
    the_object,
    unpacked,
    views_of_ball,
    write_run,
)


def told_ball() -> trimesh.Trimesh:
    """Its lower half is called seen, whatever the views show."""
    half = BALL.copy()
    below = half.vertices[:, 1] > 0
    half.vertex_attributes["seen"] = below.astype(np.uint8)
    half.vertex_attributes["confidence"] = np.where(below, 0.9, 0.3).astype(np.float32)
    return half


def test_the_mesh_on_the_page_is_the_simplified_one_turned_up(tmp_path: Path) -> None:
    save_mesh(tmp_path / "meshes" / "room_obj_3.ply", BALL, UP, {})
    one = the_object(side_of(tmp_path))
    mesh = unpacked(one.glb)
    assert 400 < len(mesh.faces) <= 800
    assert one.faces == len(BALL.faces)
    np.testing.assert_allclose(mesh.extents, 0.6, atol=0.02)
    np.testing.assert_allclose(one.size_m, 0.6, atol=0.02)
    assert (mesh.visual.vertex_colors[:, :3] == [200, 60, 60]).all()
    seen = mesh.vertex_attributes["_SEEN"].reshape(-1) > 0.5
    towards_cameras = rotation_between(UP, np.array([0.0, 1.0, 0.0]))[:3, :3] @ [0.0, 0.0, -1.0]
    assert mesh.vertices[seen].mean(0) @ towards_cameras > 0.05
    assert mesh.vertices[~seen].mean(0) @ towards_cameras < -0.05
    assert "_CONFIDENCE" not in mesh.vertex_attributes
    assert one.confidence is None


def test_the_page_has_what_the_mesh_tells(tmp_path: Path) -> None:
    half = told_ball()
    save_mesh(tmp_path / "meshes" / "room_obj_3.ply", half, UP, {})
    one = the_object(side_of(tmp_path))
    assert one.seen == pytest.approx(surface_mean(half, "seen"))
    assert one.confidence == pytest.approx(surface_mean(half, "confidence"))
    attributes = unpacked(one.glb).vertex_attributes
    shown = attributes["_CONFIDENCE"].reshape(-1)
    np.testing.assert_array_equal(attributes["_SEEN"].reshape(-1), shown > 0.6)
    np.testing.assert_allclose(np.unique(shown), [0.3, 0.9], atol=1 / 256)


def test_how_much_was_seen_is_one_number(tmp_path: Path) -> None:
    """What was measured, though the mesh's maker tells another."""
    write_run(tmp_path, [ObjectScore(3, "ball", "m", None, {"surface_seen": 0.3}, notes=["its truth is partial"])])
    save_mesh(tmp_path / "meshes" / "room_obj_3.ply", told_ball(), UP, {})
    one = the_object(side_of(tmp_path))
    assert one.seen == 0.3
    assert one.notes == ["its truth is partial"]


def test_the_meshes_tell_the_up_vector_that_the_scan_does_not(tmp_path: Path) -> None:
    tall = BALL.copy().apply_scale([1.0, 2.0, 1.0])
    save_mesh(tmp_path / "meshes" / "room_obj_3.ply", tall, np.array([1.0, 0.0, 0.0]), {})
    scan = dataclasses.replace(scan_of_ball(), up=None)
    mesh = unpacked(the_object(side_of(tmp_path, scan)).glb)
    assert mesh.extents[1] == pytest.approx(0.6, abs=0.01)  # what lay along x now stands


def test_simplifying_keeps_shape_colours_and_what_a_vertex_tells() -> None:
    halves = told_ball()
    left = halves.vertices[:, 0] < 0
    halves.visual.vertex_colors[left] = [0, 0, 255, 255]
    light = simplified(halves, 600)
    assert len(light.faces) <= 600
    assert light.volume == pytest.approx(BALL.volume, rel=0.03)
    far = np.abs(light.vertices[:, 0]) > 0.05
    blue = light.visual.vertex_colors[:, 2] > 200
    np.testing.assert_array_equal(blue[far], light.vertices[far, 0] < 0)
    far = np.abs(light.vertices[:, 1]) > 0.05
    np.testing.assert_array_equal(light.vertex_attributes["seen"][far], light.vertices[far, 1] > 0)
    assert len(simplified(BALL, 10**6).faces) == len(BALL.faces)


def test_seen_vertices_face_the_cameras() -> None:
    ball = BALL.copy()
    mark_seen(ball, views_of_ball())
    seen = ball.vertex_attributes["seen"] > 0
    assert seen[ball.vertices[:, 2] < -0.1].all()
    assert not seen[ball.vertices[:, 2] > 0.28].any()


def test_picked_views_are_far_apart_and_show_the_object() -> None:
    views = views_of_ball()
    views[2] = View(CAMERA, views[2].world_from_camera, views[2].depth_m, np.zeros((120, 160), int), index=2)
    picked = [view.index for view in pick_views(views, 3, np.zeros(3), 3)]
    assert len(picked) == 3
    assert {0, 6} <= set(picked)  # the ends of the arc
    assert 2 not in picked
    assert pick_views(views, 9, np.zeros(3), 3) == []


def test_a_view_and_the_render_of_a_right_mesh_show_it_in_the_same_place() -> None:
    view = views_of_ball()[3]
    photo, render = pictures_of(view, 3, BALL, 200)
    assert photo.shape == render.shape == (150, 200, 3)
    drawn = np.argwhere(render[..., 0].astype(int) - render[..., 2] > 40)  # the red ball before the grey photograph
    outline = np.argwhere((photo == [255, 170, 40]).all(-1))
    np.testing.assert_allclose(drawn.min(0), outline.min(0), atol=4)
    np.testing.assert_allclose(drawn.max(0), outline.max(0), atol=4)
    assert pictures_of(view, 3, None, 200)[1] is None


def test_a_crop_of_nothing_is_the_whole_image() -> None:
    crop = Crop.around(np.zeros((120, 160), bool), CAMERA, 320)
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8)
    assert crop.color(image).shape == (240, 320, 3)
    assert crop.camera == CAMERA.resized(320, 240)
