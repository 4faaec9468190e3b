"""What a mesh knows of its vertices goes round through PLY and GLB."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh

from scene.mesh import load_mesh, save_mesh, surface_mean


@pytest.fixture
def told() -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=0.4)
    count = len(mesh.vertices)
    mesh.visual.vertex_colors = np.random.default_rng(0).integers(0, 255, (count, 4)).astype(np.uint8)
    mesh.vertex_attributes["confidence"] = np.random.default_rng(1).random(count).astype(np.float32)
    mesh.vertex_attributes["seen"] = (mesh.vertices[:, 0] > 0.1).astype(np.uint8)
    return mesh


def by_place(mesh: trimesh.Trimesh, values: np.ndarray) -> np.ndarray:
    return values[np.lexsort(np.round(mesh.vertices, 5).T)]


def test_a_ply_keeps_them_beside_its_colours(told: trimesh.Trimesh, tmp_path: Path) -> None:
    path = tmp_path / "ball.ply"
    save_mesh(path, told, None, {})
    header = path.read_bytes().partition(b"end_header")[0].decode()
    assert "property float confidence" in header
    assert "property uchar seen" in header
    again = load_mesh(path)
    for name, kind in (("confidence", np.float32), ("seen", np.uint8)):
        values = again.vertex_attributes[name]
        assert values.dtype == kind
        np.testing.assert_array_equal(by_place(again, values), by_place(told, told.vertex_attributes[name]))
    np.testing.assert_array_equal(
        by_place(again, again.visual.vertex_colors), by_place(told, told.visual.vertex_colors)
    )
    assert trimesh.load(path, process=False).is_watertight  # as any other reader has it


def test_merged_vertices_keep_their_own(told: trimesh.Trimesh, tmp_path: Path) -> None:
    """A mesh whose every face has corners of its own, as some programs write them."""
    loose = trimesh.Trimesh(
        told.vertices[told.faces].reshape(-1, 3), np.arange(3 * len(told.faces)).reshape(-1, 3), process=False
    )
    loose.vertex_attributes["confidence"] = told.vertex_attributes["confidence"][told.faces].reshape(-1)
    save_mesh(tmp_path / "loose.ply", loose, None, {})
    again = load_mesh(tmp_path / "loose.ply")
    assert len(again.vertices) == len(told.vertices)
    np.testing.assert_array_equal(
        by_place(again, again.vertex_attributes["confidence"]), by_place(told, told.vertex_attributes["confidence"])
    )


def test_a_glb_names_them_as_the_standard_wants(told: trimesh.Trimesh, tmp_path: Path) -> None:
    save_mesh(tmp_path / "ball.ply", told, np.array([0.0, -1.0, 0.0]), {})
    data = (tmp_path / "ball.glb").read_bytes()
    tree = json.loads(data[20 : 20 + struct.unpack("<I", data[12:16])[0]])
    named = tree["meshes"][0]["primitives"][0]["attributes"]
    assert {"POSITION", "NORMAL", "COLOR_0", "_CONFIDENCE", "_SEEN"} == set(named)
    for name in ("_CONFIDENCE", "_SEEN"):
        accessor = tree["accessors"][named[name]]
        assert (accessor["componentType"], accessor["type"]) == (5126, "SCALAR")  # 32 bit float
    scene = trimesh.load(tmp_path / "ball.glb")
    (mesh,) = scene.geometry.values()
    np.testing.assert_array_equal(mesh.vertex_attributes["_CONFIDENCE"].ravel(), told.vertex_attributes["confidence"])
    np.testing.assert_array_equal(mesh.vertex_attributes["_SEEN"].ravel(), told.vertex_attributes["seen"])


def test_a_mesh_without_stays_without(tmp_path: Path) -> None:
    save_mesh(tmp_path / "box.ply", trimesh.creation.box(), None, {})
    assert not load_mesh(tmp_path / "box.ply").vertex_attributes
    assert surface_mean(load_mesh(tmp_path / "box.ply"), "seen") is None


def test_a_mean_over_the_surface_weighs_by_area() -> None:
    """Two triangles, one of three times the other's area."""
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 0, 0], [8, 0, 0], [5, 1, 0]], float)
    mesh = trimesh.Trimesh(vertices, [[0, 1, 2], [3, 4, 5]], process=False)
    mesh.vertex_attributes["seen"] = np.array([1, 1, 1, 0, 0, 0], np.uint8)
    assert surface_mean(mesh, "seen") == pytest.approx(0.25)
