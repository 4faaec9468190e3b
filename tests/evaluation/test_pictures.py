"""Pictures of boxes whose every pixel is known."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh

from evaluation.pictures import (
    beside_scan,
    camera_around,
    facing,
    join,
    orbit_sheet,
    render_mesh,
    up_of,
    yaw_towards,
)
from evaluation.shading import render_rgba
from scene.camera import Intrinsics, project
from scene.mesh import save_mesh

ROOT = Path(__file__).resolve().parents[2]
CAMERA = Intrinsics(80, 60, 80.0, 80.0, 39.5, 29.5)
BEFORE = trimesh.transformations.translation_matrix([0.0, 0.0, -2.0])  # 2 m before the origin, looking along +z
BOX = trimesh.creation.box((0.5, 0.5, 0.5))
CORNERS = np.asarray(BOX.vertices)


def colored(rgb: tuple[int, int, int]) -> trimesh.Trimesh:
    return trimesh.Trimesh(BOX.vertices, BOX.faces, vertex_colors=np.tile(rgb, (8, 1)).astype(np.uint8))


def test_a_box_covers_the_pixels_that_arithmetic_says():
    rgba = render_rgba(BOX, CAMERA, BEFORE)
    half = 80 * 0.25 / 1.75  # the front face, 1.75 m away
    assert rgba[..., 3].sum() / 255 == pytest.approx((2 * half) ** 2, rel=0.05)
    covered = np.flatnonzero(rgba[30, :, 3])
    assert (covered.min(), covered.max()) == (round(39.5 - half), round(39.5 + half))


def test_normals_are_drawn_as_colours():
    image = render_mesh(BOX, CAMERA, BEFORE, color="normal")
    np.testing.assert_allclose(image[30, 40], [128, 128, 0], atol=1)
    assert (image[0, 0] == 255).all()


def test_colours_background_and_inner_sides():
    assert render_mesh(colored((200, 40, 40)), CAMERA, BEFORE, background=(1, 2, 3))[0, 0].tolist() == [1, 2, 3]
    ground = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    over = render_mesh(colored((40, 40, 220)), CAMERA, BEFORE, background=ground)
    np.testing.assert_array_equal(over[:5], ground[:5])
    red, green, blue = over[30, 40].tolist()
    assert blue > 3 * red
    assert red == green
    inside_out = colored((40, 40, 220))
    inside_out.invert()
    red, green, blue = render_mesh(inside_out, CAMERA, BEFORE)[30, 40].tolist()
    assert red > 1.5 * blue


def test_seen_and_completed_have_their_colours():
    mesh = BOX.copy()
    mesh.vertex_attributes["seen"] = (mesh.vertices[:, 0] > 0).astype(np.float32)
    image = render_mesh(mesh, CAMERA, BEFORE, color="seen").astype(int)
    assert image[30, 48, 2] > image[30, 48, 0]  # blue where seen
    assert image[30, 31, 0] > image[30, 31, 2]  # orange where completed


def test_a_mesh_at_and_behind_the_camera_is_drawn_or_left_out():
    inside = render_rgba(BOX, CAMERA, np.eye(4))  # the camera stands in the box
    assert (inside[..., 3] == 255).all()
    assert render_rgba(BOX, CAMERA, trimesh.transformations.translation_matrix([0, 0, 5.0])).max() == 0
    assert render_rgba(BOX, CAMERA, trimesh.transformations.translation_matrix([9.0, 0, -2])).max() == 0


def test_joined_meshes_keep_their_colours():
    shifted = colored((0, 0, 200)).apply_translation([0.6, 0, 0])
    joined = join([colored((200, 0, 0)), shifted])
    assert len(joined.faces) == 24
    image = render_mesh(joined, CAMERA, BEFORE).astype(int)
    assert image[30, 40, 0] > image[30, 40, 2]
    assert image[30, 66, 2] > image[30, 66, 0]


@pytest.mark.parametrize("up", [(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.5, -0.6, 0.3)])
def test_the_camera_frames_all_points_and_stands_upright(up):
    points = np.random.default_rng(0).normal(size=(200, 3)) * [0.4, 1.0, 0.2] + 5.0
    camera, world_from_camera = camera_around(points, np.array(up), 70.0, width=200, height=150, margin=1.0)
    uv, z = project(points, camera, world_from_camera)
    assert (z > 0).all()
    assert (uv > -0.6).all()
    assert (uv < [199.6, 149.6]).all()
    free = np.concatenate([uv.min(0), [199, 149] - uv.max(0)])
    assert min(free[0], free[1]) < 2  # as large as can be
    down_in_image = world_from_camera[:3, 1]
    assert down_in_image @ np.array(up) < 0
    assert np.linalg.det(world_from_camera[:3, :3]) == pytest.approx(1.0)


def test_facing_takes_away_what_is_looked_at_from_behind():
    assert facing(BOX, BEFORE).area == pytest.approx(0.25)


def test_a_camera_can_be_asked_to_stand_on_a_side():
    up = np.array([0.2, 1.0, -0.1])
    direction = np.array([0.3, 0.4, -0.8])
    _, world_from_camera = camera_around(CORNERS, up, yaw_towards(direction, up), 0.0)
    on_the_ground = direction - up * (direction @ up) / (up @ up)
    np.testing.assert_allclose(world_from_camera[:3, 2], -on_the_ground / np.linalg.norm(on_the_ground), atol=1e-9)


def test_a_scan_stands_beside_its_objects_without_the_wall_before_them():
    up = np.array([0.0, 0.0, 1.0])
    # A closed room round the box, its faces turned inward: the camera outside looks through the nearer walls.
    room = trimesh.creation.box((4.0, 4.0, 4.0))
    room.invert()
    scan = join([colored((30, 30, 200)), trimesh.Trimesh(room.vertices, room.faces)])
    picture = beside_scan(scan, [colored((200, 30, 30))], up, 0.0, width=160, height=120).astype(int)
    assert picture.shape == (120, 320, 3)
    assert picture[60, 80, 2] > 2 * picture[60, 80, 0]  # the scanned box, blue
    assert picture[60, 240, 0] > 2 * picture[60, 240, 2]  # the completed one, red
    assert (picture[1, 240] == 255).all()


def test_the_command_draws_a_sheet_with_the_sidecars_up(tmp_path):
    save_mesh(tmp_path / "box.ply", BOX, np.array([0.0, -1.0, 0.0]), {})
    np.testing.assert_allclose(up_of(tmp_path / "box.ply"), [0, -1, 0], atol=1e-9)
    (tmp_path / "box.json").write_text(json.dumps({}))
    np.testing.assert_array_equal(up_of(tmp_path / "box.ply"), [0, 0, 1])
    command = [sys.executable, "-m", "evaluation.pictures", tmp_path / "box.ply", "--out", tmp_path / "sheet.png"]
    run = subprocess.run([*map(str, command), "--views", "1"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (360, 480, 3)
    np.testing.assert_array_equal(sheet[..., ::-1], orbit_sheet(BOX, np.array([0.0, 0, 1]), 1, caption="box"))
