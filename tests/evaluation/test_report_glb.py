"""Meshes and points in as few bytes as a page's viewer can read."""

from __future__ import annotations

import base64
import gzip
import json
import struct

import numpy as np
import pytest
import trimesh

from evaluation.page.glb import glb_base64, points_base64
from evaluation.page.meshes import simplified
from scene.mesh import rotation_between
from tests.evaluation.ball_run import BALL, UP, unpacked

GLB_FROM_SCAN = rotation_between(UP, np.array([0.0, 1.0, 0.0]))[:3, :3]


def json_of(glb: str) -> dict:
    data = gzip.decompress(base64.b64decode(glb))
    assert struct.unpack_from("<4sII", data) == (b"glTF", 2, len(data))
    return json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])


def test_a_mesh_comes_back_turned_up_to_a_quarter_of_a_millimetre() -> None:
    ball = BALL.copy()
    ball.vertex_attributes["seen"] = (ball.vertices[:, 0] > 0).astype(np.uint8)
    ball.vertex_attributes["error_m"] = np.linspace(0.0, 0.05, len(ball.vertices)).astype(np.float32)
    back = unpacked(glb_base64(ball, UP))
    np.testing.assert_allclose(back.vertices, ball.vertices @ GLB_FROM_SCAN.T, atol=0.5 / 4096 + 1e-9)
    np.testing.assert_array_equal(back.faces, ball.faces)
    np.testing.assert_array_equal(back.visual.vertex_colors, ball.visual.vertex_colors)
    np.testing.assert_array_equal(back.vertex_attributes["_SEEN"].reshape(-1), ball.vertex_attributes["seen"])
    error_m = back.vertex_attributes["_ERROR_M"].reshape(-1)
    np.testing.assert_allclose(error_m, ball.vertex_attributes["error_m"], atol=0.5 / 1024 + 1e-9)


def test_points_come_back_with_their_colours() -> None:
    points = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    colors = np.random.default_rng(1).integers(0, 256, (500, 3)).astype(np.uint8)
    back = unpacked(points_base64(points, colors, UP))
    assert isinstance(back, trimesh.PointCloud)
    np.testing.assert_allclose(back.vertices, points @ GLB_FROM_SCAN.T, atol=1e-3)
    np.testing.assert_array_equal(back.colors[:, :3], colors)
    assert points_base64(points[:0], colors[:0], UP) == ""


@pytest.mark.parametrize(("subdivisions", "component"), [(4, 5123), (7, 5125)])
def test_every_part_of_the_file_is_where_the_format_wants_it(subdivisions: int, component: int) -> None:
    """Starts at multiples of four bytes; indices of two bytes where there are few vertices, else of four."""
    tree = json_of(glb_base64(trimesh.creation.icosphere(subdivisions, 0.3), UP))
    assert all(view["byteOffset"] % 4 == 0 for view in tree["bufferViews"])
    ends = [view["byteOffset"] + view["byteLength"] for view in tree["bufferViews"]]
    assert max(ends) <= tree["buffers"][0]["byteLength"]
    (primitive,) = tree["meshes"][0]["primitives"]
    assert tree["accessors"][primitive["indices"]]["componentType"] == component
    position = tree["accessors"][primitive["attributes"]["POSITION"]]
    np.testing.assert_allclose(position["max"], 0.3, atol=0.01)


def test_a_triangle_takes_few_bytes() -> None:
    """Rough, many-coloured and with every attribute: what the page's bound of 15 MB is reckoned with."""
    random = np.random.default_rng(0)
    rough = trimesh.creation.icosphere(6, 0.4)
    rough.vertices += random.normal(0.0, 0.002, rough.vertices.shape)
    rough.visual.vertex_colors = random.integers(0, 256, (len(rough.vertices), 4)).astype(np.uint8)
    rough.vertex_attributes["seen"] = (rough.vertices[:, 0] > 0).astype(np.uint8)
    rough.vertex_attributes["confidence"] = random.random(len(rough.vertices)).astype(np.float32)
    light = simplified(rough, 25_000)
    light.vertex_attributes["error_m"] = np.abs(random.normal(0.0, 0.02, len(light.vertices))).astype(np.float32)
    assert 20_000 < len(light.faces) <= 25_000
    assert len(glb_base64(light, UP)) < 16 * len(light.faces)
