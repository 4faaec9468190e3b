"""Meshes gathered from the folders of training runs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from evaluation.collect_mesh import collect, newest_mesh, seen_part
from evaluation.scoring import find_meshes
from evaluation.views import View
from scene.camera import Intrinsics

BOX = trimesh.creation.box((0.4, 0.4, 0.4))
# A camera 1 m before the box that sees its front face.
VIEW = View(
    Intrinsics(64, 48, 60.0, 60.0, 31.5, 23.5),
    trimesh.transformations.translation_matrix([0.0, 0.0, -1.2]),
    np.full((48, 64), 1.0, np.float32),
)


@pytest.fixture
def exps(tmp_path):
    """Two runs, one with meshes of several steps and one without any."""
    for name in ("scene0005_00_scannet_obj_3_inpainted", "scene0005_00_scannet_obj_4"):
        (tmp_path / "exps" / name / f"exp_{name}" / "meshes").mkdir(parents=True)
    meshes = tmp_path / "exps/scene0005_00_scannet_obj_3_inpainted/exp_scene0005_00_scannet_obj_3_inpainted/meshes"
    for stem, size in (("00009000_world", 1.0), ("00020010", 2.0), ("00020010_reso512_s_world", 3.0), ("odd", 4.0)):
        BOX.copy().apply_scale(size).export(meshes / f"{stem}.ply")
    return tmp_path / "exps"


def test_the_mesh_of_most_steps_in_the_world_is_the_newest(exps, tmp_path):
    folder = next(exps.glob("*obj_3*/exp_*/meshes"))
    assert newest_mesh(folder).name == "00020010_reso512_s_world.ply"
    assert newest_mesh(tmp_path) is None


def test_objects_are_gathered_by_scene_and_the_missing_named(exps, tmp_path):
    assert collect(exps, tmp_path / "out", {"scene0005_00": [VIEW]}) == ["scene0005_00_scannet_obj_4"]
    scene = tmp_path / "out" / "scene0005_00"
    assert {path.name for path in scene.iterdir()} == {
        f"scene0005_00_scannet_obj_3_{kind}.ply" for kind in ("full_mesh", "mesh", "pointcloud")
    }
    full = trimesh.load(scene / "scene0005_00_scannet_obj_3_full_mesh.ply")
    np.testing.assert_allclose(full.extents, [1.2, 1.2, 1.2], atol=1e-6)
    cloud = trimesh.load(scene / "scene0005_00_scannet_obj_3_pointcloud.ply")
    np.testing.assert_allclose(np.abs(cloud.vertices).max(1), 0.6, atol=1e-6)
    assert find_meshes(tmp_path / "out")["scene0005_00"][3].stem.endswith("full_mesh")


def test_the_command_runs_by_its_path(exps, tmp_path):
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, root / "evaluation" / "collect_mesh.py", "--exps", exps, "--out", tmp_path / "out"]
    run = subprocess.run([*map(str, command)], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 1
    assert "without a mesh: scene0005_00_scannet_obj_4" in run.stderr
    assert len(list((tmp_path / "out" / "scene0005_00").iterdir())) == 2


def test_the_seen_part_of_a_box_is_its_front():
    part = seen_part(BOX.subdivide(), [VIEW])
    assert part.area == pytest.approx(0.16)
    np.testing.assert_allclose(part.vertices[:, 2], -0.2)
