"""Meshes gathered from the folders of training runs."""

import json
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


def collect(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, Path(__file__).resolve().parents[2] / "evaluation" / "collect_mesh.py", *arguments]
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)


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
    (tmp_path / "b" / "run.json").write_text(
        '{"scan": "s/scene0006_00_scannet", "objects": [{"instance_id": 3}, {"instance_id": 9}]}'
    )
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


def a_run(folder: Path, scene: str, made: tuple[int, ...], failed: tuple[int, ...] = ()) -> Path:
    """The output of a run that made some objects' meshes and failed to make others'."""
    (folder / "meshes").mkdir(parents=True)
    for i in made:
        BOX.export(folder / "meshes" / f"{scene}_obj_{i}.ply")
        (folder / "meshes" / f"{scene}_obj_{i}.json").write_text("{}")
    objects = [{"instance_id": i} for i in (*made, *failed)]
    (folder / "run.json").write_text(json.dumps({"scan": f"/scans/{scene}_scannet", "objects": objects}))
    return folder


def test_a_run_in_which_everything_failed_is_named(tmp_path):
    runs = a_run(tmp_path / "a", "scene0005_00", (3,)), a_run(tmp_path / "b", "scene0006_00", (), (4, 5))
    assert collect("--exp_root", *runs, "--method", "m", "--out", tmp_path / "out").returncode == 1
    (runs[1] / "meshes").rmdir()
    run = collect("--exp_root", *runs, "--method", "m", "--out", tmp_path / "out")
    assert run.returncode == 1
    assert "without a mesh: scene0006_00_scannet_obj_4_m, scene0006_00_scannet_obj_5_m" in run.stderr
    (runs[1] / "run.json").write_text("[]")
    with pytest.raises(UserError, match="is not a run's record"):
        objects_of_runs(runs[1], "m")


def test_files_of_an_earlier_gathering_do_not_stand_in_for_an_object_that_is_lost(tmp_path):
    gather(objects_of_runs(a_run(tmp_path / "a", "scene0005_00", (3, 6)), "m"), tmp_path / "out", {"scene0005_00": []})
    folder = tmp_path / "out" / "m" / "scene0005_00"
    (folder / "scene0005_00_scannet_obj_6_m_mesh.ply").write_bytes(b"an old part")
    other = folder / "scene0005_00_scannet_obj_61_m_full_mesh.ply"
    other.write_bytes(b"of another run")
    gather(objects_of_runs(a_run(tmp_path / "b", "scene0005_00", (3,), (6,)), "m"), tmp_path / "out", {})
    names = {f"scene0005_00_scannet_obj_3_m_{kind}" for kind in ("full_mesh.ply", "full_mesh.json", "pointcloud.ply")}
    assert {path.name for path in folder.iterdir()} == {*names, other.name}


def test_seen_parts_are_of_all_scenes_or_none(tmp_path):
    found = [
        *objects_of_runs(a_run(tmp_path / "a", "scene0005_00", (3,)), "m"),
        *objects_of_runs(a_run(tmp_path / "b", "scene0006_00", (3,)), "m"),
    ]
    with pytest.raises(UserError, match="scene0006_00: give its --scan too, or none at all"):
        gather(found, tmp_path / "out", {"scene0005_00": [VIEW]})
    with pytest.raises(UserError, match="--scan scene0007_00: the runs hold no object of that scene"):
        gather(found, tmp_path / "out", {"scene0005_00": [VIEW], "scene0006_00": [VIEW], "scene0007_00": [VIEW]})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["ours_full", "full"])
def test_a_method_whose_files_would_read_as_another_kind_is_refused(tmp_path, method):
    found = objects_of_runs(a_run(tmp_path / "a", "scene0005_00", (3,)), method)
    with pytest.raises(UserError, match="told by the word full; give another --method"):
        gather(found, tmp_path / "out", {})


def test_two_meshes_of_one_object_are_no_choice(tmp_path):
    for method in ("a", "b"):
        (tmp_path / method).mkdir()
        BOX.export(tmp_path / method / f"scene0005_00_scannet_obj_7_{method}_full_mesh.ply")
    with pytest.raises(UserError, match=r"a/.*_a_full_mesh\.ply and .*b/.*_b_full_mesh\.ply: are of one object"):
        find_meshes(tmp_path)


@pytest.mark.parametrize("flag", ["--exp_root", "--exps"])
def test_the_command_runs_by_its_path(exps, tmp_path, flag):
    run = collect(flag, exps, "--out", tmp_path / "out")
    assert run.returncode == 1
    assert "without a mesh: scene0005_00_scannet_obj_4" in run.stderr
    assert len(list((tmp_path / "out" / "inpainted" / "scene0005_00").iterdir())) == 2


def test_the_seen_part_of_a_box_is_its_front():
    part = seen_part(BOX.subdivide(), [VIEW])
    assert part.area == pytest.approx(0.16)
    np.testing.assert_allclose(part.vertices[:, 2], -0.2)
