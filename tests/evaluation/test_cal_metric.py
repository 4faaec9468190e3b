"""Folders of meshes: what is scored, what is named as not scored, and the command itself."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from evaluation.alignment_accuracy import Placement, Pose, alignment
from evaluation.measures import MEASURES
from evaluation.score_files import read_scores, write_scores
from evaluation.scoring import find_meshes, find_truth, score_object, score_scene
from evaluation.settings import ScoreSettings
from evaluation.summary import summaries
from evaluation.tables import csv_text, table
from evaluation.views import View, views_of_scan
from scene.camera import Intrinsics
from scene.errors import UserError
from scene.mesh import load_mesh
from scene.scannet import open_scan

ROOT = Path(__file__).resolve().parents[2]
FAST = ScoreSettings(samples=20_000)
CHAIR = trimesh.creation.box((0.5, 0.5, 0.9))


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """Meshes and truth of a scene in which every kind of obstacle stands."""
    meshes, truth = tmp_path / "meshes", tmp_path / "truth" / "scene0001_00"
    meshes.mkdir()
    truth.mkdir(parents=True)
    variants = {
        3: CHAIR,
        4: CHAIR.copy().apply_scale(1000.0),  # millimetres
        5: CHAIR.copy().apply_translation([7.0, 0, 0]),  # another frame
        7: CHAIR,  # no truth
    }
    for instance_id, mesh in variants.items():
        mesh.export(meshes / f"scene0001_00_obj_{instance_id}.ply")
    nan = CHAIR.copy()
    nan.vertices[0] = np.nan
    nan.export(meshes / "scene0001_00_obj_8.ply")
    trimesh.PointCloud(CHAIR.vertices).export(meshes / "scene0001_00_obj_9.ply")
    (meshes / "scene0001_00_obj_10.ply").write_bytes(b"ply\nrubbish")
    for k in (2, 3, 4, 5, 7, 8, 9):
        CHAIR.export(truth / f"obj_{k}.ply")
    return meshes, truth


def test_every_object_is_scored_or_named_with_the_reason(folders):
    result = score_scene("scene0001_00", *folders, [], FAST, {3: "chair"})
    objects = {one.instance_id: one for one in result.objects}
    assert objects[3].scores["f_0.02"] == 1.0
    assert objects[3].problems == []
    expected = {
        4: "times as large as its true mesh",
        5: "no part of the mesh lies within 0.1 m of its true mesh (centres",
        6: "there is no mesh to compare with scene0001_00/obj_5.ply",
        7: "scene0001_00 has no true surface of it",
        8: "not finite",
        9: "holds no triangles",
        10: "cannot be read as a mesh",
    }
    assert objects.keys() == {3, *expected}
    for instance_id, words in expected.items():
        assert len(objects[instance_id].problems) == 1
        assert words in objects[instance_id].problems[0]
        assert "chamfer_m" not in objects[instance_id].scores
        counted = {objects[instance_id].scores.get(f"{kind}_0.02") for kind in ("f", "precision", "recall")}
        assert counted == ({None} if instance_id == 7 else {0.0}), "what has a true mesh counts, what has none cannot"
    mean = result.mean()
    assert (mean.values["f_0.02"], mean.counts["f_0.02"]) == (pytest.approx(1 / 7), 7)
    assert (mean.counts["chamfer_m"], mean.counts["watertight"]) == (1, 2)
    text = table([result])
    assert "scene0001_00\n  3 chair " in text
    assert re.search(r"of 8 objects, over +1 +7 +7 ", text)
    assert all(f"  scene0001_00 {i}: " in text for i in expected)


def test_only_the_asked_ids_are_scored(folders):
    assert [one.instance_id for one in score_scene("scene0001_00", *folders, [], FAST, only=[3, 6]).objects] == [3, 6]


def test_a_missing_mesh_found_nothing_of_seen_and_hidden_surface(tmp_path):
    CHAIR.export(tmp_path / "obj_2.ply")
    pose = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -2], [0, 0, 0, 1]])
    view = View(Intrinsics(64, 48, 60.0, 60.0, 31.5, 23.5), pose, np.full((48, 64), 1.55, np.float32), None)
    missing, unknown = score_scene("scene0001_00", tmp_path / "none", tmp_path, [view], FAST, expected=[9]).objects
    assert {missing.scores[f"recall{region}_0.05"] for region in ("", "_seen", "_hidden")} == {0.0}
    assert "chamfer_m" not in missing.scores
    assert unknown.scores == {}
    assert unknown.problems == [f"{tmp_path.name} has no true surface of it", "there is no mesh of it"]


def test_a_mesh_without_area_is_refused():
    flat = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], process=False)
    with pytest.raises(UserError, match="no area"):
        score_object(flat, CHAIR, [], 1, FAST)


def test_a_true_cloud_of_points_is_scored_by_distances_alone(tmp_path):
    """As the ancestor's ground truth is one; the larger cloud is thinned to as many points as are drawn elsewhere."""
    truth = {3: 5_000, 4: 100_000}
    for instance_id, count in truth.items():
        CHAIR.export(tmp_path / f"scene0001_00_obj_{instance_id}.ply")
        points = trimesh.PointCloud(CHAIR.sample(count, seed=instance_id))
        points.export(tmp_path / f"obj_{instance_id - 1}.ply")
    pose = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -2], [0, 0, 0, 1]])
    view = View(Intrinsics(64, 48, 60.0, 60.0, 31.5, 23.5), pose, np.full((48, 64), 1.55, np.float32), None)
    for one in score_scene("scene0001_00", tmp_path, tmp_path, [view], FAST).objects:
        assert one.problems == []
        assert min(one.scores["precision_0.05"], one.scores["recall_0.02"]) > 0.999
        assert one.scores["chamfer_m"] < 0.01
        assert not {"normal_consistency", "recall_hidden_0.02", "sampling_floor_m"} & one.scores.keys()
    [gone, _] = score_scene("scene0001_00", tmp_path / "none", tmp_path, [view], FAST).objects
    assert gone.scores["f_0.02"] == 0.0
    moved = trimesh.PointCloud(CHAIR.vertices * 1000.0)
    with pytest.raises(UserError, match=r"0\.000\d+ times as large"):
        score_object(CHAIR, moved, [], 3, FAST)


def test_the_ancestors_names_are_found(tmp_path):
    (tmp_path / "scene0005_00").mkdir()
    for kind in ("full_mesh", "mesh", "pointcloud"):
        CHAIR.export(tmp_path / "scene0005_00" / f"scene0005_00_scannet_obj_7_{kind}.ply")
    CHAIR.export(tmp_path / "scene0006_00_obj_8.ply")
    (tmp_path / "gt").mkdir()
    CHAIR.export(tmp_path / "gt" / "obj_6.ply")
    assert find_meshes(tmp_path) == {
        "scene0005_00": {7: tmp_path / "scene0005_00" / "scene0005_00_scannet_obj_7_full_mesh.ply"},
        "scene0006_00": {8: tmp_path / "scene0006_00_obj_8.ply"},
    }
    assert find_truth(tmp_path) == {7: tmp_path / "gt" / "obj_6.ply"}


def test_csv_has_every_measure_and_every_object(folders):
    result = score_scene("scene0001_00", *folders, [], FAST)
    rows = list(csv.DictReader(csv_text([result]).splitlines()))
    assert [int(row["instance_id"]) for row in rows] == [3, 4, 5, 6, 7, 8, 9, 10]
    assert float(rows[0]["f_0.02"]) == 1.0
    assert (rows[1]["f_0.02"], rows[1]["chamfer_m"]) == ("0.0", "")
    assert "times as large" in rows[1]["problems"]


def test_written_scores_read_back_the_same(folders, tmp_path):
    result = score_scene("scene0001_00", *folders, [], FAST, only=[3, 6])
    result.objects[0].marks.append("seen rarely: in 3 views (5 are wanted)")
    light = "lights, from the views and the mesh alone:\n  scene0001_00 3: amber: seen rarely: in 3 views"
    assert light in table([result])
    write_scores(tmp_path / "o", [result])
    assert read_scores(tmp_path / "o" / "scores.json") == [result]
    assert (tmp_path / "o" / "scores.txt").read_text() == table([result], summaries([result])) + "\n"
    (tmp_path / "other.json").write_text('{"scenes": [{}]}')
    with pytest.raises(UserError, match=r"other\.json: is not a file of scores"):
        read_scores(tmp_path / "other.json")


@pytest.mark.parametrize("way", [["evaluation/cal_metric.py"], ["-m", "evaluation.cal_metric"]])
def test_the_command_runs_by_path_and_as_a_module(folders, tmp_path, way):
    meshes, truth = folders
    for path in meshes.glob("*.ply"):
        if path.stem != "scene0001_00_obj_3":
            path.unlink()
    for path in truth.glob("*.ply"):
        if path.stem != "obj_2":
            path.unlink()
    command = [sys.executable, *way, "--meshes", meshes, "--truth", truth.parent, "--samples", "5000"]
    run = subprocess.run([*map(str, command), "--out", str(tmp_path / "o")], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert re.search(r"scene0001_00\n  3 +\d\.\d\d +\d+\.\d ", run.stdout)
    written = json.loads((tmp_path / "o" / "scores.json").read_text())
    assert written["scenes"][0]["objects"][0]["scores"]["recall_0.1"] == 1.0
    assert {path.name for path in (tmp_path / "o").iterdir()} == {
        "scores.json",
        "scores.csv",
        "scores_means.csv",
        "scores.txt",
        "scores.tex",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--meshes", "nowhere", "--truth", "nowhere"], "nowhere: there is no such folder"),
        (["--meshes", "docs"], "--scan or both: there is nothing to measure the meshes against"),
        (["--meshes", "docs", "--truth", "docs"], "docs: holds no mesh named"),
    ],
)
def test_the_command_says_in_a_sentence_what_is_wrong(arguments, words, tmp_path):
    (tmp_path / "docs").mkdir()
    command = [sys.executable, str(ROOT / "evaluation" / "cal_metric.py"), *arguments]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 2
    assert words in run.stderr
    assert "Traceback" not in run.stderr


def test_measures_are_keys_that_scores_have():
    depth_m = np.full((48, 64), 1.55, np.float32)
    pose = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -2], [0, 0, 0, 1]])  # 1.55 m before the box
    view = View(Intrinsics(64, 48, 60.0, 60.0, 31.5, 23.5), pose, depth_m, np.full((48, 64), 1))
    mesh = CHAIR.copy()
    mesh.vertex_attributes["confidence"] = np.full(8, 0.5, np.float32)
    still = Pose(np.zeros(3), np.array([1.0, 0, 0, 0]), np.ones(3))
    scores = score_object(mesh, CHAIR, 3 * [view], 1, FAST) | alignment(Placement(still), Placement(still))
    assert {measure.key for measure in MEASURES} <= scores.keys()


def test_the_bench_truth_scores_itself_perfectly(shared_data):
    scan = open_scan(shared_data / "bench" / "scannet" / "scene9101_00_scannet")
    truth = shared_data / "bench" / "truth" / scan.name
    views = views_of_scan(scan, 12)
    paths = find_truth(truth)
    assert paths.keys() == {5, 6, 7, 8, 9, 10}
    for instance_id in (6, 8):
        mesh = load_mesh(paths[instance_id])
        scores = score_object(mesh, mesh, views, instance_id, ScoreSettings(samples=100_000))
        assert scores["f_0.02"] == scores["recall_seen_0.02"] == scores["recall_hidden_0.02"] == 1.0
        assert scores["depth_agreement"] > 0.9
        assert scores["free_space_violation"] < 0.002
        assert 0.2 < scores["share_seen"] < 0.8
