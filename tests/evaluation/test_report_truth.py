"""The true surface on a page, how far a mesh is from it, and the points that the camera measured."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh

from evaluation.page.points import ColoredPoints, points_of_scan, thinned
from evaluation.page.truth import page_truth
from evaluation.records import ObjectScore
from evaluation.settings import ReportSettings
from scene.mesh import rotation_between, save_mesh
from scene.records import Scan
from tests.evaluation.ball_run import (
    BALL,
    NASTY,
    RADIUS_M,
    UP,
    scan_of_ball,
    side_of,
    the_object,
    unpacked,
    views_of_ball,
    write_run,
)

GLB_FROM_SCAN = rotation_between(UP, np.array([0.0, 1.0, 0.0]))[:3, :3]


def scored(truth: Path) -> ObjectScore:
    return ObjectScore(3, NASTY, "m", str(truth), {"f_0.02": 0.5})


def test_errors_are_distances_to_the_true_surface(tmp_path: Path) -> None:
    """The mesh is the true ball blown up by 2 cm on one half."""
    BALL.export(tmp_path / "obj_2.ply")
    blown = BALL.copy()
    blown.vertices[blown.vertices[:, 0] > 0] *= 1 + 0.02 / RADIUS_M
    write_run(tmp_path, [scored(tmp_path / "obj_2.ply")])
    save_mesh(tmp_path / "meshes" / "room_obj_3.ply", blown, UP, {})
    one = the_object(side_of(tmp_path))
    mesh = unpacked(one.glb)
    error_m = mesh.vertex_attributes["_ERROR_M"].reshape(-1)
    out = np.linalg.norm(mesh.vertices, axis=1) > RADIUS_M + 0.01
    assert out.any()
    np.testing.assert_allclose(error_m[out], 0.02, atol=0.005)  # the seam's vertices went half of the way
    assert (error_m[~out] < 0.012).all()
    assert np.median(error_m[~out]) < 0.003
    true = unpacked(one.truth)
    np.testing.assert_allclose(np.linalg.norm(true.vertices, axis=1), RADIUS_M, atol=1e-3)


def test_what_the_mesh_misses_is_on_the_page(tmp_path: Path) -> None:
    """The mesh lacks the true ball's cap, which no distance of what is there tells."""
    BALL.export(tmp_path / "obj_2.ply")
    cut = BALL.submesh([np.flatnonzero((BALL.triangles[..., 0] < 0.1).all(1))], append=True)
    write_run(
        tmp_path, [scored(tmp_path / "obj_2.ply"), dataclasses.replace(scored(tmp_path / "obj_2.ply"), instance_id=4)]
    )
    save_mesh(tmp_path / "meshes" / "room_obj_3.ply", cut, UP, {})
    side = side_of(tmp_path, points=900)
    one, meshless = the_object(side), the_object(side, 4)
    assert unpacked(one.glb).vertex_attributes["_ERROR_M"].max() < 0.01
    missed = points_and_distances(one.missed)
    assert 300 < len(missed) <= 900
    x = missed[:, :3] @ GLB_FROM_SCAN @ [1.0, 0.0, 0.0]
    assert x.min() > 0.1  # the mesh ends up to a triangle before, which is short of 2 cm
    assert x.max() == pytest.approx(RADIUS_M, abs=0.005)
    rim = np.hypot(x - 0.1, np.sqrt(RADIUS_M**2 - x**2) - np.sqrt(RADIUS_M**2 - 0.1**2))  # the nearest that is left
    np.testing.assert_allclose(missed[:, 3], rim, atol=0.03)  # of which the triangles make a zigzag
    assert np.median(missed[:, 3]) == pytest.approx(np.median(rim), abs=0.015)
    assert missed[:, 3].min() > 0.02
    assert np.isinf(points_and_distances(meshless.missed)[:, 3]).all()
    save_mesh(tmp_path / "meshes" / "room_obj_3.ply", BALL, UP, {})
    assert the_object(side_of(tmp_path)).missed == ""


def points_and_distances(glb: str) -> np.ndarray:
    """Of a cloud with ``_ERROR_M``: x, y, z, distance; trimesh reads no attributes of points."""
    data = gzip.decompress(base64.b64decode(glb))
    length = struct.unpack_from("<I", data, 12)[0]
    tree = json.loads(data[20 : 20 + length])
    attributes = tree["meshes"][0]["primitives"][0]["attributes"]
    parts = []
    for name, size in (("POSITION", 3), ("_ERROR_M", 1)):
        accessor = tree["accessors"][attributes[name]]
        begin = 28 + length + tree["bufferViews"][accessor["bufferView"]].get("byteOffset", 0)
        parts.append(np.frombuffer(data, np.float32, size * accessor["count"], begin).reshape(-1, size))
    return np.concatenate(parts, axis=1)


def test_a_true_mesh_is_simplified_and_a_cloud_is_shown_as_points(tmp_path: Path) -> None:
    trimesh.creation.icosphere(5, RADIUS_M).export(tmp_path / "obj_2.ply")
    settings = ReportSettings(truth_faces=500, points=300)
    truth = page_truth(str(tmp_path / "obj_2.ply"), UP, settings)
    assert truth is not None
    assert 200 < len(unpacked(truth.shown).faces) <= 500
    points = trimesh.creation.icosphere(5, RADIUS_M).vertices
    trimesh.PointCloud(points).export(tmp_path / "cloud.ply")
    cloud = page_truth(str(tmp_path / "cloud.ply"), UP, settings)
    assert cloud is not None
    shown = unpacked(cloud.shown)
    assert isinstance(shown, trimesh.PointCloud)
    assert 200 < len(shown.vertices) <= 300
    mesh = BALL.copy()
    cloud.mark_errors(mesh)
    assert mesh.vertex_attributes["error_m"].max() < 0.01


def test_a_true_mesh_that_is_gone_is_logged_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_run(tmp_path, [scored(tmp_path / "gone.ply")])
    one = the_object(side_of(tmp_path))
    assert one.truth == ""
    assert "_ERROR_M" not in unpacked(one.glb).vertex_attributes
    assert "gone.ply" in caplog.text
    assert "goes without" in caplog.text


def test_points_lie_on_what_was_seen_in_its_colour(tmp_path: Path) -> None:
    side = side_of(write_run(tmp_path), scan_of_ball(wall=True), points=400, room_points=300)
    ball, rest = unpacked(the_object(side).points), unpacked(side.room.points)
    assert 200 < len(ball.vertices) <= 400
    assert 150 < len(rest.vertices) <= 300
    np.testing.assert_allclose(np.linalg.norm(ball.vertices, axis=1), RADIUS_M, atol=0.01)
    assert (ball.colors[:, :3] == [200, 60, 60]).all()
    assert (rest.colors[:, :3] == 90).all()
    np.testing.assert_allclose(rest.vertices @ GLB_FROM_SCAN @ [0.0, 0.0, 1.0], 0.95, atol=0.01)  # the wall's near side


def test_the_room_is_open_above(tmp_path: Path) -> None:
    """Half a metre over the ball the wall ends, which goes on to one metre over its middle."""
    side = side_of(write_run(tmp_path), scan_of_ball(wall=True))
    assert unpacked(side.room.points).vertices[:, 1].max() == pytest.approx(RADIUS_M + 0.5, abs=0.03)


def test_points_that_hang_between_surfaces_are_left_out() -> None:
    """A column of depth halfway between the ball and the wall, as sensors make them."""
    scan = scan_of_ball(wall=True)

    def load_frame(k: int):
        frame = scan.load_frame(k)
        depth_m = frame.depth_m.copy()
        edge = (frame.instance == 3) & (np.roll(frame.instance, 1, axis=1) != 3)
        depth_m[edge] = 2.4
        return dataclasses.replace(frame, depth_m=depth_m)

    flying = dataclasses.replace(scan, load_frame=load_frame)
    cloud = points_of_scan(flying, views_of_ball(), [3], ReportSettings()).objects[3]
    np.testing.assert_allclose(np.linalg.norm(cloud.points, axis=1), RADIUS_M, atol=0.01)


def test_thinned_points_are_about_evenly_far_apart() -> None:
    """Of a square metre measured a hundred times as densely on its left half."""
    random = np.random.default_rng(0)
    x = np.concatenate([random.uniform(0.0, 0.5, 200_000), random.uniform(0.5, 1.0, 2_000)])
    points = np.stack([x, random.uniform(0.0, 1.0, len(x)), np.zeros(len(x))], axis=1).astype(np.float32)
    thin = thinned(ColoredPoints(points, np.full((len(points), 3), 7, np.uint8)), 400)
    assert 250 < len(thin) <= 400
    left = (thin.points[:, 0] < 0.5).mean()
    assert 0.4 < left < 0.6
    assert (thin.colors == 7).all()
    few = ColoredPoints(points[:5], np.zeros((5, 3), np.uint8))
    assert len(thinned(few, 400)) == 5
    assert len(thinned(few, 2)) == 2


def test_a_scan_without_masks_has_points_of_the_room_alone(tmp_path: Path) -> None:
    scan = scan_of_ball(wall=True)

    def load_frame(k: int):
        return dataclasses.replace(scan.load_frame(k), instance=None)

    bare: Scan = dataclasses.replace(scan, load_frame=load_frame, instances=())
    side = side_of(write_run(tmp_path), bare)
    one = the_object(side)
    assert one.points == ""
    assert one.views == []
    assert one.glb
    assert len(unpacked(side.room.points).vertices) > 1000
