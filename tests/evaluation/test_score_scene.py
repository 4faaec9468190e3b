"""What scores of a folder count: placements, faults of the truth, and truth that is only what was scanned."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from evaluation.records import SceneScores
from evaluation.score_files import read_scores, write_scores
from evaluation.scoring import score_scene
from evaluation.settings import ScoreSettings
from evaluation.truth.cutouts import cut_out
from evaluation.truth.scannet import read_annotated_scan
from evaluation.views import View, views_of_scan
from scene.camera import Intrinsics
from scene.mesh import load_mesh
from scene.raycast import RayCaster
from scene.scannet import open_scan

CAMERA = Intrinsics(160, 120, 150.0, 150.0, 79.5, 59.5)
FAST = ScoreSettings(samples=20_000, free_space_samples=2_000)
CHAIR = trimesh.creation.box((0.5, 0.5, 0.9))
STILL = {"translation": [0.0, 0, 0], "rotation": [1.0, 0, 0, 0], "scale": [1.0, 1, 1]}


def away(metres: float) -> dict[str, Any]:
    return STILL | {"translation": [metres, 0, 0]}


class Folders:
    """Meshes and true surfaces of one scene, by instance id."""

    def __init__(self, root: Path) -> None:
        self.meshes, self.truth = root / "meshes", root / "truth"
        self.meshes.mkdir()
        self.truth.mkdir()

    def mesh(self, i: int, mesh: trimesh.Trimesh = CHAIR, pose: Any = None, scene: str = "s") -> None:
        _write(self.meshes / f"{scene}_obj_{i}.ply", mesh, {"units": "m"} | ({} if pose is None else {"pose": pose}))

    def true(self, i: int, truth: trimesh.Trimesh = CHAIR, **about: Any) -> None:
        _write(self.truth / f"obj_{i - 1}.ply", truth, about)

    def score(self, views: list[View] | None = None) -> SceneScores:
        return score_scene("s", self.meshes, self.truth, views or [], FAST)


def _write(path: Path, mesh: trimesh.Trimesh, about: dict[str, Any]) -> None:
    mesh.export(path)
    path.with_suffix(".json").write_text(json.dumps(about))


@pytest.fixture
def folders(tmp_path) -> Folders:
    return Folders(tmp_path)


def views_of(mesh: trimesh.Trimesh, instance_id: int) -> list[View]:
    """Three views along +z of what is there."""
    views = []
    for x in (-0.1, 0.0, 0.1):
        pose = np.eye(4)
        pose[:3, 3] = x, 0.0, -2.0
        depth_m = RayCaster(mesh).render(CAMERA, pose)[0].astype(np.float32)
        views.append(View(CAMERA, pose, depth_m, np.where(depth_m > 0, instance_id, 0)))
    return views


# ---------------------------------------------------------------------------------------------------------- placements


def test_every_cad_that_ought_to_be_placed_counts(folders):
    for i in range(1, 7):
        folders.true(i, pose=STILL, sym="NONE")
    folders.mesh(1, pose=away(0.1))
    folders.mesh(2, CHAIR.copy().apply_translation([1.5, 0, 0]), away(1.5))  # so far off that its surface is refused
    folders.mesh(3, CHAIR.copy().apply_scale(1000.0), STILL)  # its surface is unusable, its pose is right
    folders.mesh(4)  # tells no pose
    folders.mesh(5, pose={"translation": [0.0]})
    # Of 6 there is no mesh.
    scene = folders.score()
    assert [one.scores["alignment_correct"] for one in scene.objects] == [1.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    assert scene.mean().values["alignment_correct"] == pytest.approx(2 / 6)
    assert scene.mean().counts["alignment_correct"] == 6
    assert scene.objects[1].scores["alignment_translation_m"] == pytest.approx(1.5)
    assert "bring it into the scan's frame" in scene.objects[1].problems[0]
    assert "carries no pose, which others of its folder do; counted as placed wrong" in scene.objects[3].problems[0]
    assert "is not a list of 3 numbers; counted as placed wrong" in scene.objects[4].problems[0]


def test_meshes_that_carry_no_poses_are_not_judged_by_them(folders):
    for i in (1, 2):
        folders.true(i, pose=STILL)
    folders.mesh(1)
    assert not any("alignment_correct" in one.scores for one in folders.score().objects)
    folders.mesh(7, pose=STILL, scene="other")  # the same method's, of another scene: here it placed none
    assert [one.scores["alignment_correct"] for one in folders.score().objects] == [0.0, 0.0]


def test_a_truth_without_a_pose_or_with_a_broken_one_judges_none(folders):
    folders.true(1)
    folders.true(2, pose=STILL, sym="SOMEHOW")
    for i in (1, 2):
        folders.mesh(i, pose=STILL)
    one, other = folders.score().objects
    assert "alignment_correct" not in one.scores | other.scores
    assert one.problems == []
    assert "SOMEHOW" in other.problems[0]
    assert "its placement is not judged" in other.problems[0]


# ------------------------------------------------------------------------------------------------- faults of the truth

FLAT = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], process=False)


@pytest.mark.parametrize(
    ("truth", "words"),
    [
        (FLAT, "its true mesh has no area"),
        (CHAIR.copy().apply_scale(1000.0), "m large, as nothing in a room is; give it in metres"),
        (trimesh.Trimesh([[0.0, 0, 0]], np.zeros((0, 3), int)), ""),
    ],
)
def test_a_fault_of_the_truth_is_no_fault_of_the_mesh(folders, truth, words):
    folders.mesh(5)
    folders.true(5, CHAIR)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        truth.export(folders.truth / "obj_4.ply")
        [one] = folders.score().objects
    assert words in one.problems[0]
    assert "obj_4.ply" in one.problems[0]
    assert not any(key.startswith(("f_", "recall", "precision", "chamfer")) for key in one.scores)
    assert one.scores["area_m2"] == pytest.approx(CHAIR.area), "what needs no truth is measured"


def test_a_truth_that_the_views_contradict_judges_no_mesh(folders):
    moved = CHAIR.copy().apply_translation([50.0, 0, 0])
    folders.true(5, moved)
    folders.mesh(5, moved)  # and a mesh in the same wrong frame is not right for that
    [one] = folders.score(views_of(CHAIR, 5)).objects
    assert one.scores == {}
    assert "no part of its true mesh lies within 0.1 m of what the views saw of it" in one.problems[0]
    assert "no part of the mesh lies within" in one.problems[1]


def test_an_unusable_mesh_counts_as_nothing_found(folders):
    folders.true(5)
    folders.mesh(5, CHAIR.copy().apply_scale(1000.0))
    [one] = folders.score().objects
    assert {one.scores[key] for key in ("f_0.02", "recall_0.02", "precision_0.02")} == {0.0}
    assert one.problems[0].endswith("give both in metres; counted as F, precision and recall 0")


# ----------------------------------------------------------------------------------------- truth that is only scanned


def scanned(views: list[View]) -> trimesh.Trimesh:
    """What cameras along +z saw of the chair, and a scrap behind it, as fusion leaves them."""
    front = CHAIR.submesh([np.flatnonzero(CHAIR.face_normals[:, 2] < -0.5)], append=True)
    scrap = trimesh.creation.box((0.5, 0.5, 0.01), trimesh.transformations.translation_matrix([0, 0, 0.8]))
    assert isinstance(front, trimesh.Trimesh)
    return trimesh.util.concatenate([front, scrap])


def test_against_what_was_scanned_a_perfect_mesh_is_perfect(folders):
    views = views_of(CHAIR, 5)
    folders.true(5, scanned(views), partial=True)
    folders.mesh(5)
    [one] = folders.score(views).objects
    for key in ("precision_0.02", "recall_0.02", "f_0.02"):
        assert one.scores[key] == pytest.approx(1.0, abs=0.02), key
    assert one.scores["chamfer_m"] < 0.01
    assert one.problems == []
    assert "only what was scanned" in one.notes[0]
    assert not any("hidden" in key or key == "volume_iou" for key in one.scores)
    folders.true(5, scanned(views))  # the same, said to be all of the object
    [marked_down] = folders.score(views).objects
    assert marked_down.scores["precision_0.02"] < 0.5
    assert marked_down.notes == []


def test_against_what_was_scanned_what_is_wrong_and_looked_at_counts(folders):
    views = views_of(CHAIR, 5)
    folders.true(5, scanned(views), partial=True)
    folders.mesh(5, trimesh.creation.box((0.5, 0.5, 1.1)))  # its front 10 cm too near
    [one] = folders.score(views).objects
    assert one.scores["precision_0.05"] == one.scores["f_0.05"] == 0.0 < one.scores["recall_0.05"] < 0.4  # its sides
    board = trimesh.creation.box((0.35, 0.35, 0.02), trimesh.transformations.translation_matrix([0, 0, -0.8]))
    folders.mesh(5, trimesh.util.concatenate([CHAIR, board]))  # a second front, in front of the right one
    [one] = folders.score(views).objects
    assert one.scores["recall_0.05"] == 1.0
    assert one.scores["precision_0.05"] == pytest.approx(0.5**2 / (0.5**2 + 0.35**2), abs=0.02)


def test_without_views_a_truth_that_was_scanned_tells_only_what_is_missing(folders):
    folders.true(5, scanned([]), partial=True)
    folders.true(6, scanned([]), partial=True)
    folders.mesh(5, trimesh.util.concatenate([CHAIR, scanned([])]))
    one, missing = folders.score().objects
    told = {key for key in one.scores if key not in ("area_m2", "watertight", "components", "self_intersections")}
    assert told == {
        *(f"recall_{at}" for at in ("0.01", "0.02", "0.05", "0.1", "rel_0.01", "rel_0.02")),
        *("completion_m", "diameter_m"),
    }
    assert one.scores["recall_0.02"] == 1.0
    assert "without views of it (--scan) only recall and completion are told" in one.notes[0]
    assert set(missing.scores) == {key for key in told if key.startswith("recall")}
    assert missing.problems[0].endswith("counted as recall 0")


def test_notes_are_written_and_read(folders, tmp_path):
    folders.true(5, scanned([]), partial=True)
    folders.mesh(5)
    scene = folders.score()
    write_scores(tmp_path, [scene])
    assert read_scores(tmp_path / "scores.json")[0].objects[0].notes == scene.objects[0].notes != []


def test_true_meshes_of_the_bench_do_well_against_what_was_scanned_of_them(shared_data, tmp_path):
    """What is left of precision is the noise and the frayed edges of the scan's own mesh."""
    scene, ids = "scene9102_00", [7, 10]
    folder = shared_data / "bench" / "scannet" / f"{scene}_scannet"
    cut_out(read_annotated_scan(scene, folder), tmp_path / "truth", ids, room=False)
    (tmp_path / "meshes").mkdir()
    for i in ids:
        load_mesh(shared_data / "bench" / "truth" / scene / f"obj_{i - 1}.ply").export(
            tmp_path / "meshes" / f"{scene}_obj_{i}.ply"
        )
    views = views_of_scan(open_scan(folder), 60)
    found = score_scene(scene, tmp_path / "meshes", tmp_path / "truth", views, FAST)
    assert [one.instance_id for one in found.objects] == ids
    for one in found.objects:
        assert one.scores["f_0.02"] > 0.92
        assert one.scores["precision_0.05"] > 0.99
