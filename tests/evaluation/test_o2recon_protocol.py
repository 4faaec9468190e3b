"""O2-Recon's arithmetic against a re-computation by another way, its files' form, and what cannot be scored."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from evaluation.o2recon_protocol import points_as_given, run_task, scenes_in, score_points, tasks_of, true_index
from scene.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
SCENE = "scene0005_00"
NUMBER = r"([0-9.e+-]+)"
BLOCK = re.compile(
    rf"(\d+)\nchamfer_distance_1m: {NUMBER}; mean_d2gt_1m: {NUMBER}; mean_gt2d_1m: {NUMBER}\.\n"
    + "".join(rf"precision_{cm}cm: {NUMBER};  recall_{cm}cm: {NUMBER};  fscore_{cm}cm: {NUMBER}\n" for cm in (10, 5, 2))
    + "\n"
)
ENDS = ("accuracy", "completion", "chamfer_distance", "fscore_3", "fscore_1", "precision_1", "recall_1", "fscore_2")
UNITS = ("1m", "1m", "1m", "10cm", "5cm", "5cm", "5cm", "2cm")


def parsed(text: str) -> tuple[list[list[float]], list[float]]:
    """Blocks (k, chamfer, accuracy, completion, then p, r, F at 10, 5 and 2 cm) and the means at the end of a text."""
    end = "".join(rf"{n}_avg \({u}\): {NUMBER};\n" for n, u in zip(ENDS, UNITS, strict=True))
    whole = re.fullmatch(rf"((?:{BLOCK.pattern.replace('(', '(?:').replace('(?:?:', '(?:')})*){end}", text)
    assert whole is not None, text
    return [[float(x) for x in block] for block in BLOCK.findall(text)], [float(x) for x in whole.groups()[1:]]


def recomputed(points: np.ndarray, truth: np.ndarray, max_dist: float = 10.0) -> list[float]:
    """The same numbers from all pairs, by differences."""
    squared = [((points[i : i + 500, None] - truth[None]) ** 2).sum(2) for i in range(0, len(points), 500)]
    to_truth = np.sqrt(np.concatenate([one.min(1) for one in squared]))
    to_points = np.sqrt(np.min([one.min(0) for one in squared], axis=0))
    accuracy, completion = (float(np.mean([d for d in ds if d < max_dist])) for ds in (to_truth, to_points))
    shares = []
    for threshold in (0.10, 0.05, 0.02):
        p, r = (sum(d < threshold for d in ds.tolist()) / len(ds) for ds in (to_truth, to_points))
        shares += [p, r, 2 * p * r / (p + r + 1e-8)]
    return [(accuracy + completion) / 2, accuracy, completion, *shares]


def folders(root: Path, pairs: dict[int, tuple[trimesh.PointCloud, trimesh.PointCloud]]) -> tuple[Path, Path, Path]:
    """A method's folder and both kinds of truth, as O2-Recon has them."""
    data, scannet, scan2cad = root / "ours", root / "scannet_gt", root / "scan2cad"
    for folder in (data / SCENE, scannet / SCENE / "gt", scan2cad / SCENE):
        folder.mkdir(parents=True)
    for instance_id, (points, truth) in pairs.items():
        name = f"{SCENE}_scannet_obj_{instance_id}_ours"
        for kind in ("pointcloud", "full_pointcloud", "mesh", "full_mesh"):
            points.export(data / SCENE / f"{name}_{kind}.ply")
        truth.export(scannet / SCENE / "gt" / f"obj_{instance_id - 1}.ply")
        truth.export(scan2cad / SCENE / f"scannet_{instance_id - 1}_pointcloud.ply")
    return data, scannet, scan2cad


def test_the_text_holds_what_a_recomputation_finds(tmp_path):
    generator = np.random.default_rng(0)
    pairs = {}
    for instance_id in (3, 12):
        truth = generator.random((700, 3)) * 0.6
        points = truth[:500] + generator.normal(scale=0.03, size=(500, 3))
        points[:20] += 30.0  # beyond max_dist: not in the mean, but in precision
        pairs[instance_id] = (trimesh.PointCloud(points), trimesh.PointCloud(truth))
    data, scannet, _ = folders(tmp_path, pairs)
    [task] = tasks_of(data, SCENE, scannet, None, "mesh")
    assert run_task(task, 10.0).problems == []
    assert task.text == data / "metrics-new" / f"metric_{SCENE}.txt"
    blocks, means = parsed(task.text.read_text())
    assert [block[0] for block in blocks] == [11, 2]  # in the order of the files' names
    expected = []
    for block, instance_id in zip(blocks, (12, 3), strict=True):
        points, truth = (np.float32(cloud.vertices).astype(np.float64) for cloud in pairs[instance_id])
        expected.append(recomputed(points, truth))
        np.testing.assert_allclose(block[1:], expected[-1], rtol=0, atol=1e-9)
    columns = np.mean(expected, axis=0)
    np.testing.assert_allclose(means, columns[[1, 2, 0, 5, 8, 6, 7, 11]], rtol=0, atol=1e-9)


def test_thresholds_are_strict_and_max_dist_leaves_out_of_means_alone():
    score = score_points(np.array([[0.0, 0, 0.0], [0, 0, 4.0]]), np.zeros((1, 3)), 4.0)
    assert (score.accuracy_m, score.completion_m, score.precision, score.recall) == (0.0, 0.0, (0.5,) * 3, (1.0,) * 3)
    at = score_points(np.array([[0.05, 0.0, 0.0]]), np.zeros((1, 3)), 10.0)
    assert (at.precision, at.f) == ((1.0, 0.0, 0.0), (2 / (2 + 1e-8), 0.0, 0.0))


def test_points_are_taken_as_the_file_gives_them(tmp_path):
    vertices = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 9, 9], [0, 0, 0.1]]  # one that no face uses, one of a second face
    mesh = trimesh.Trimesh([*vertices, [1, 0, 0]], [[0, 1, 2], [4, 5, 2]], process=False)
    mesh.export(tmp_path / "mesh.ply")
    assert len(points_as_given(tmp_path / "mesh.ply")) == 6
    doubles = b"ply\nformat ascii 1.0\nelement vertex 1\nproperty double x\nproperty double y\nproperty double z\n"
    (tmp_path / "double.ply").write_bytes(doubles + b"end_header\n0.1 0.2 0.3\n")
    assert points_as_given(tmp_path / "double.ply").tolist() == [[0.1, 0.2, 0.3]]


def test_full_meshes_count_twice_and_objects_without_cad_are_named(tmp_path, caplog):
    cloud = trimesh.PointCloud(np.random.default_rng(0).random((50, 3)))
    data, scannet, scan2cad = folders(tmp_path, {3: (cloud, cloud), 4: (cloud, cloud)})
    (scan2cad / SCENE / "scannet_3_pointcloud.ply").unlink()
    partial, cad = tasks_of(data, SCENE, scannet, scan2cad, "mesh")
    assert [path.stem[-16:] for path in partial.inputs] == ["_ours_pointcloud"] * 2
    outcome = run_task(cad, 10.0)
    assert [path.stem for path in outcome.scores] == [f"{SCENE}_scannet_obj_3_ours_{k}" for k in ("full_mesh", "mesh")]
    assert outcome.without_truth == [f"{SCENE}_scannet_obj_4_ours_{k}.ply" for k in ("full_mesh", "mesh")]
    assert outcome.problems == []
    assert "count twice" in caplog.text
    assert cad.text.name == f"metric_{SCENE}_scan2cad.txt"
    assert [block[0] for block in parsed(cad.text.read_text())[0]] == [2, 2]
    [_, clouds] = tasks_of(data, SCENE, scannet, scan2cad, "full_pointcloud")
    assert len(clouds.inputs) == 2


def test_true_surfaces_that_no_input_meets_are_named_and_counted(tmp_path):
    cloud = trimesh.PointCloud(np.random.default_rng(0).random((50, 3)))
    data, scannet, scan2cad = folders(tmp_path, {3: (cloud, cloud), 4: (cloud, cloud)})
    for path in data.glob("*/*_obj_4_*"):
        path.unlink()
    tasks = tasks_of(data, SCENE, scannet, scan2cad, "mesh")
    for task, name in zip(tasks, ("obj_3", "scannet_3_pointcloud"), strict=True):
        outcome = run_task(task, 10.0)
        assert {true_index(path) for path in outcome.scores} == {2}
        assert outcome.problems == [f"{task.truth / name}.ply: is a true surface that no input meets"]
    command = ["evaluation/cal_metric.py", "--protocol", "o2recon", "--meshes", data, "--scannet_gt_dir", scannet]
    run = subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "obj_3.ply: is a true surface that no input meets" in run.stderr


def test_a_method_may_be_called_full_anything(tmp_path):
    cloud = trimesh.PointCloud(np.random.default_rng(0).random((50, 3)))
    data, scannet, _ = folders(tmp_path, {3: (cloud, cloud)})
    for path in data.glob("*/*_ours_*"):
        path.rename(path.with_name(path.name.replace("_ours_", "_fuller_")))
    [task] = tasks_of(data, SCENE, scannet, None, "mesh")
    assert [path.stem for path in run_task(task, 10.0).scores] == [f"{SCENE}_scannet_obj_3_fuller_pointcloud"]
    (data / SCENE / f"{SCENE}_scannet_obj_3_fuller_pointcloud.ply").unlink()
    [task] = tasks_of(data, SCENE, scannet, None, "mesh")
    assert re.search(
        r"there is no input; wanted .*_full_pointcloud\.ply are left out", run_task(task, 10.0).problems[0]
    )


def test_what_cannot_be_scored_is_a_sentence_and_no_number(tmp_path):
    good = trimesh.PointCloud(np.random.default_rng(0).random((50, 3)))
    pairs = {i: (good, good) for i in range(1, 7)}
    far = trimesh.PointCloud(good.vertices + 100.0)
    nan = trimesh.PointCloud(np.vstack([good.vertices, [[np.nan, 0, 0]]]))
    data, scannet, _ = folders(tmp_path, pairs | {2: (far, good), 3: (nan, good)})
    names = {i: data / SCENE / f"{SCENE}_scannet_obj_{i}_ours_pointcloud.ply" for i in pairs}
    empty = (
        b"ply\nformat ascii 1.0\nelement vertex 0\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    )
    names[4].write_bytes(empty)
    names[5].write_bytes(b"ply\nrubbish")
    (scannet / SCENE / "gt" / "obj_5.ply").unlink()
    [task] = tasks_of(data, SCENE, scannet, None, "mesh")
    outcome = run_task(task, 10.0)
    assert list(outcome.scores) == [names[1]]
    words = [
        "within 10 m of its true surface",
        "not finite",
        "holds no points",
        "cannot be read",
        "there is no such file",
    ]
    assert [word in problem for word, problem in zip(words, outcome.problems, strict=True)] == [True] * 5
    blocks, means = parsed(task.text.read_text())
    assert [block[0] for block in blocks] == [0]
    assert means[:3] == [0.0] * 3


def test_names_tell_the_object_by_their_fifth_word():
    assert true_index(Path("scene0005_00_scannet_obj_7_inpainted_pointcloud.ply")) == 6
    assert true_index(Path("scene0005_00_some_thing_12_full_pointcloud.ply")) == 11
    assert true_index(Path("room_scannet_obj_3_ours_mesh.ply")) == 2
    with pytest.raises(UserError, match="does not tell which object it is"):
        true_index(Path("scene0005_00_chair_pointcloud.ply"))


def test_the_command_writes_anew_and_says_what_is_missing(tmp_path):
    cloud = trimesh.PointCloud(np.random.default_rng(0).random((50, 3)))
    data, scannet, scan2cad = folders(tmp_path, {3: (cloud, cloud), 4: (cloud, cloud)})
    (scan2cad / SCENE / "scannet_3_pointcloud.ply").unlink()
    (data / "metrics-new").mkdir()
    (data / "metrics-new" / f"metric_{SCENE}.txt").write_text("old")
    assert scenes_in(data) == [SCENE]
    command = ["evaluation/cal_metric.py", "--protocol", "o2recon", "--data_dir", tmp_path, "--methods", "ours"]
    truths = ["--scannet_gt_dir", scannet, "--scan2cad_gt_dir", scan2cad, "--max_dist", "10"]
    run = subprocess.run(
        [sys.executable, *map(str, [*command, *truths])], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "2 without truth, left out: scene0005_00_scannet_obj_4_ours_full_mesh.ply" in run.stderr
    assert "ours metric_scene0005_00: 2 objects, written" in run.stdout
    assert parsed((data / "metrics-new" / f"metric_{SCENE}.txt").read_text())[1][:3] == [0.0] * 3


def test_the_bench_truth_against_itself_moved_is_what_a_recomputation_finds(shared_data, tmp_path):
    generator = np.random.default_rng(1)
    scene = "scene9101_00"
    (tmp_path / scene).mkdir()
    expected = []
    for path in sorted((shared_data / "bench" / "truth" / scene).glob("obj_*.ply")):
        mesh = trimesh.load(path, process=False)
        mesh.vertices = mesh.vertices + generator.normal(scale=0.03, size=mesh.vertices.shape)
        instance_id = int(path.stem.split("_")[1]) + 1
        moved = tmp_path / scene / f"{scene}_scannet_obj_{instance_id}_moved_pointcloud.ply"
        mesh.export(moved)
        raw = [trimesh.load(one, process=False).vertices.astype(np.float64) for one in (moved, path)]
        expected.append((str(moved), instance_id - 1, recomputed(*map(np.asarray, raw))))
    (tmp_path / "gt" / scene).mkdir(parents=True)
    (tmp_path / "gt" / scene / "gt").symlink_to(shared_data / "bench" / "truth" / scene)
    [task] = tasks_of(tmp_path, scene, tmp_path / "gt", None, "mesh")
    assert run_task(task, 10.0).problems == []
    blocks, _ = parsed(task.text.read_text())
    assert len(blocks) == len(expected) == 6
    for block, (_, k, values) in zip(blocks, sorted(expected), strict=True):
        assert block[0] == k
        np.testing.assert_allclose(block[1:], values, rtol=0, atol=1e-9)
