"""Meshes gathered from the folders of training runs."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from evaluation.gather import gather, newest_mesh, objects_of_runs, objects_of_training, seen_part
from evaluation.mesh_files import find_meshes
from evaluation.views import View
from scene.camera import Intrinsics
from scene.errors import UserError

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


def test_the_mesh_of_most_steps_in_the_world_is_the_newest(exps):
    folder = next(exps.glob("*obj_3*/exp_*/meshes"))
    BOX.export(folder / "00020010_reso512_s_world_cleaned_mesh.ply")  # O2-Recon's: a part
    assert newest_mesh(folder.glob("*.ply")).name == "00020010_reso512_s_world.ply"
    assert newest_mesh([]) is None


def test_objects_of_training_are_gathered_by_method_and_scene_and_the_missing_named(exps, tmp_path):
    found = objects_of_training(exps, "inpainted")
    view = replace(VIEW, depth_m=np.full((48, 64), 0.6, np.float32))  # of the box three times as large
    assert gather(found, tmp_path / "out", {"scene0005_00": [view]}) == ["scene0005_00_scannet_obj_4_inpainted"]
    scene = tmp_path / "out" / "inpainted" / "scene0005_00"
    name = "scene0005_00_scannet_obj_3_inpainted"
    assert {path.name for path in scene.iterdir()} == {f"{name}_{k}.ply" for k in ("full_mesh", "mesh", "pointcloud")}
    full = trimesh.load(scene / f"{name}_full_mesh.ply")
    np.testing.assert_allclose(full.extents, [1.2, 1.2, 1.2], atol=1e-6)
    part = trimesh.load(scene / f"{name}_mesh.ply")
    cloud = trimesh.load(scene / f"{name}_pointcloud.ply")
    assert len(cloud.vertices) == 200_000
    assert part.area < full.area / 2
    np.testing.assert_allclose(cloud.bounds, part.bounds, atol=1e-2)
    assert find_meshes(tmp_path / "out" / "inpainted")["scene0005_00"][3].stem == f"{name}_full_mesh"


def test_several_runs_of_reconstruct_are_gathered_with_their_sidecars(tmp_path):
    for run, scene in (("a", "scene0005_00"), ("b", "scene0006_00")):
        (tmp_path / run / "meshes").mkdir(parents=True)
        BOX.export(tmp_path / run / "meshes" / f"{scene}_obj_3.ply")
        (tmp_path / run / "meshes" / f"{scene}_obj_3.json").write_text('{"units": "m"}')
    (tmp_path / "b" / "run.json").write_text('{"objects": [{"instance_id": 3}, {"instance_id": 9}]}')
    found = [one for run in ("a", "b") for one in objects_of_runs(tmp_path / run, "ours")]
    assert gather(found, tmp_path / "out", {}) == ["scene0006_00_scannet_obj_9_ours"]
    for scene in ("scene0005_00", "scene0006_00"):
        folder = tmp_path / "out" / "ours" / scene
        name = f"{scene}_scannet_obj_3_ours"
        files = {f"{name}_full_mesh.ply", f"{name}_full_mesh.json", f"{name}_pointcloud.ply"}
        assert {path.name for path in folder.iterdir()} == files
        original = tmp_path / ("a" if scene == "scene0005_00" else "b") / "meshes" / f"{scene}_obj_3.ply"
        assert (folder / f"{name}_full_mesh.ply").read_bytes() == original.read_bytes()
    with pytest.raises(UserError, match="scene0005_00_scannet_obj_3_ours: two runs hold it"):
        gather([*objects_of_runs(tmp_path / "a", "ours")] * 2, tmp_path / "out", {})


def test_a_mesh_that_no_view_saw_has_no_points(tmp_path):
    (tmp_path / "run" / "meshes").mkdir(parents=True)
    BOX.copy().apply_translation([50.0, 0, 0]).export(tmp_path / "run" / "meshes" / "scene0005_00_obj_3.ply")
    assert gather(objects_of_runs(tmp_path / "run", "ours"), tmp_path / "out", {"scene0005_00": [VIEW]}) == []
    assert [path.stem for path in tmp_path.glob("out/*/*/*")] == ["scene0005_00_scannet_obj_3_ours_full_mesh"]


@pytest.mark.parametrize("flag", ["--exp_root", "--exps"])
def test_the_command_runs_by_its_path(exps, tmp_path, flag):
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, root / "evaluation" / "collect_mesh.py", flag, exps, "--out", tmp_path / "out"]
    run = subprocess.run([*map(str, command)], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 1
    assert "without a mesh: scene0005_00_scannet_obj_4" in run.stderr
    assert len(list((tmp_path / "out" / "inpainted" / "scene0005_00").iterdir())) == 2


def test_the_seen_part_of_a_box_is_its_front():
    part = seen_part(BOX.subdivide(), [VIEW])
    assert part.area == pytest.approx(0.16)
    np.testing.assert_allclose(part.vertices[:, 2], -0.2)
