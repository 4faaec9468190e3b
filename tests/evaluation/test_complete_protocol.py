"""The complete protocol over several methods, both kinds of truth, and meshes that carry a pose."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from evaluation.cal_metric import main
from evaluation.complete_protocol import scenes_of
from evaluation.mesh_files import find_truth, truth_folder
from evaluation.object_scores import score_object
from evaluation.score_files import read_scores
from evaluation.scoring import score_scene
from evaluation.settings import ScoreSettings
from scene.errors import UserError
from scene.mesh import load_mesh

ROOT = Path(__file__).resolve().parents[2]
SCENE = "scene0005_00"
FAST = ScoreSettings(samples=5_000)
CHAIR = trimesh.creation.box((0.5, 0.5, 0.9))
STILL = {"translation": [0.0, 0, 0], "rotation": [1.0, 0, 0, 0], "scale": [1.0, 1, 1]}


@pytest.fixture
def collected(tmp_path) -> Path:
    """Two methods in O2-Recon's names, of which the second lacks an object, and truth in both layouts."""
    for method, ids in (("good", (3, 4)), ("poor", (3,))):
        (tmp_path / "data" / method / SCENE).mkdir(parents=True)
        for i in ids:
            CHAIR.export(tmp_path / "data" / method / SCENE / f"{SCENE}_scannet_obj_{i}_{method}_full_mesh.ply")
    (tmp_path / "gt" / SCENE / "gt").mkdir(parents=True)
    (tmp_path / "cad" / SCENE).mkdir(parents=True)
    for k in (2, 3):
        CHAIR.export(tmp_path / "gt" / SCENE / "gt" / f"obj_{k}.ply")
    trimesh.PointCloud(CHAIR.sample(5_000, seed=0)).export(tmp_path / "cad" / SCENE / "scannet_2_pointcloud.ply")
    return tmp_path


def cal_metric(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "evaluation/cal_metric.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_methods_are_compared_over_the_same_objects_against_either_truth(collected):
    out = collected / "o"
    truths = ["--scannet_gt_dir", collected / "gt", "--scan2cad_gt_dir", collected / "cad"]
    methods = ["--methods", "good", "poor", "--samples", "5000", "--out", out]
    run = cal_metric("--meshes", collected / "data", *truths, *methods)
    assert run.returncode == 1, run.stderr  # an object without a mesh, and one without a CAD
    means = {}
    for kind, objects in (("scannet", 2), ("scan2cad", 1)):
        for method in ("good", "poor"):
            [scene] = read_scores(out / kind / method / "scores.json")
            means[kind, method] = scene.mean()
            assert means[kind, method].counts["f_0.05"] == objects
        rows = (out / kind / "methods.tex").read_text().splitlines()
        assert [row.split(" & ")[0] for row in rows[:3]] == ["% method", "good", "poor"]
    assert means["scannet", "good"].values["f_0.05"] == 1.0
    assert means["scannet", "poor"].values["f_0.05"] == 0.5
    assert means["scannet", "good"].values["volume_iou"] == pytest.approx(1.0)
    assert "volume_iou" not in means["scan2cad", "good"].values
    text = (out / "scannet" / "methods.txt").read_text()
    assert re.search(r"\ngood \(2\) .*\npoor \(2\) .*\d \(0\.0–\d", text)
    compared = json.loads((out / "scannet" / "methods.json").read_text())["means"]
    assert [one["means"]["counts"]["chamfer_m"] for one in compared] == [1, 1], "one method has no mesh of the other"
    rows = list(csv.DictReader((out / "scannet" / "methods.csv").open()))
    assert {(row["name"], row["objects"]) for row in rows if row["measure"] == "chamfer_m"} == {
        ("good", "1"),
        ("poor", "1"),
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--max_dist", "5"], "--max_dist: means nothing to --protocol complete"),
        (["--protocol", "o2recon"], "needs --scannet_gt_dir, --scan2cad_gt_dir or both"),
        (["--protocol", "o2recon", "--seed", "1"], "--seed: means nothing to --protocol o2recon"),
        (["--samples", "0"], "--samples: must be from 1 to 10,000,000, not 0"),
        (["--samples", "1000000000000000000000"], "--samples: must be from 1 to 10,000,000"),
        (["--samples", "many"], "invalid"),
        (["--seed", "-1"], "--seed: must not be negative, not -1"),
        *((["--protocol", "o2recon", "--max_dist", d], f"--max_dist: must be positive, not {d}") for d in ("nan", "0")),
        (["--methods", "absent"], "absent: there is no such folder"),
        (["--truth", "gt"], "name them by --methods"),
        (["--methods", "good", "--truth", "gt", "--scenes", "scene9"], "scene9: there is no mesh of that scene"),
    ],
)
def test_what_does_not_fit_together_is_a_sentence(collected, arguments, words):
    run = cal_metric("--meshes", collected / "data", *[collected / "gt" if one == "gt" else one for one in arguments])
    assert run.returncode == 2
    assert words in run.stderr
    assert "Traceback" not in run.stderr


def test_scenes_are_those_of_any_method(collected):
    other = collected / "data" / "poor" / "scene0006_00"
    other.mkdir()
    CHAIR.export(other / "scene0006_00_scannet_obj_3_poor_full_mesh.ply")
    methods = {name: collected / "data" / name for name in ("good", "poor")}
    assert scenes_of(methods, [], []) == [SCENE, "scene0006_00"]
    assert scenes_of(methods, [], [SCENE]) == [SCENE]
    with pytest.raises(UserError, match="scene0006_00: is to be scored, but no --scan is of that name: scene0005_00"):
        scenes_of(methods, [SCENE], [])


def test_truth_of_one_scene_may_lie_in_the_folder_itself(collected):
    assert truth_folder(SCENE, collected / "gt", alone=False) == collected / "gt" / SCENE
    assert truth_folder("other", collected / "cad" / SCENE, alone=True) == collected / "cad" / SCENE
    with pytest.raises(UserError, match="holds no true surfaces of other"):
        truth_folder("other", collected / "cad" / SCENE, alone=False)
    assert set(find_truth(collected / "cad" / SCENE)) == {3}


def test_a_mesh_that_carries_a_pose_is_judged_by_it(collected):
    mesh = collected / "data" / "good" / SCENE / f"{SCENE}_scannet_obj_3_good_full_mesh.json"
    truth = collected / "cad" / SCENE / "scannet_2_pointcloud.json"
    truth.write_text(json.dumps({"pose": STILL, "sym": "NONE", "label": "chair"}))
    scored = []
    for pose in (STILL | {"translation": [0.1, 0, 0]}, STILL | {"scale": [1.5, 1.5, 1.5]}, {"translation": [0.0]}):
        mesh.write_text(json.dumps({"pose": pose}))
        folder = collected / "data" / "good"
        scored.append(score_scene(SCENE, folder, collected / "cad" / SCENE, [], FAST, only=[3]).objects[0])
    right, large, broken = scored
    assert (right.scores["alignment_correct"], large.scores["alignment_correct"]) == (1.0, 0.0)
    assert right.scores["alignment_translation_m"] == pytest.approx(0.1)
    assert large.scores["alignment_scale_error"] == pytest.approx(0.5)
    assert broken.scores["alignment_correct"] == 0.0
    assert "the pose's translation is not a list of 3 numbers" in broken.problems[0]
    assert broken.scores["f_0.05"] > 0.99, "what is wrong with its pose is not held against its surface"


def test_what_made_the_truth_tells_labels_and_why_there_is_none(collected):
    told = {
        "with_truth": [{"instance_id": 3, "label": "chair", "file": "scannet_2_pointcloud.ply"}],
        "without_truth": [{"instance_id": 4, "what": "instance 4 desk", "reason": "no CAD", "detail": "none overlaps"}],
    }
    (collected / "cad" / SCENE / "groundtruth.json").write_text(json.dumps(told))
    chair, other = score_scene(SCENE, collected / "data" / "good", collected / "cad" / SCENE, [], FAST).objects
    assert (chair.label, chair.problems) == ("chair", [])
    assert other.problems == ["scene0005_00 has no true surface of it (no CAD; none overlaps)"]


def test_the_bench_chamfer_repeats_between_seeds(shared_data):
    truth = load_mesh(shared_data / "bench" / "truth" / "scene9102_00" / "obj_4.ply")  # the largest thing, a sofa
    mesh = truth.copy().apply_transform(trimesh.transformations.rotation_matrix(0.02, [0, 0, 1], truth.centroid))
    scores = [score_object(mesh, truth, [], 5, ScoreSettings(seed=10 * seed)) for seed in range(3)]
    assert np.ptp([one["chamfer_m"] for one in scores]) < 5e-5
    itself = score_object(truth, truth, [], 5, ScoreSettings())
    assert itself["f_0.02"] == 1.0
    assert itself["chamfer_m"] == pytest.approx(itself["sampling_floor_m"], rel=0.02)


def test_want_of_memory_is_told_in_this_commands_words(collected, monkeypatch):
    def too_much(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("evaluation.complete_protocol.score_methods", too_much)
    arguments = ["--meshes", collected / "data" / "good", "--truth", collected / "gt", "--samples", "9000000"]
    monkeypatch.setattr("sys.argv", ["cal_metric.py", *map(str, arguments)])
    with pytest.raises(UserError, match="not enough memory for 9,000,000 points; give fewer --samples"):
        main()
