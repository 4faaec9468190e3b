"""Scores against cut-outs of a scan: nothing is held against a mesh for going on where the scan ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from evaluation.records import ObjectScore
from evaluation.scoring import score_scene
from evaluation.settings import ScoreSettings
from evaluation.truth.cutouts import cut_out
from evaluation.truth.scannet import read_annotated_scan
from evaluation.views import View
from evaluation.visibility import seen
from scene.mesh import save_mesh
from tests.evaluation.annotated_scan import write_annotated_scan
from tests.evaluation.ball_run import BALL, UP, WALL, views_of_ball

SETTINGS = ScoreSettings(samples=5000)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ball as it was scanned, which is what seven cameras on one side saw of it: some two thirds."""
    scanned = BALL.copy()
    scanned.update_faces(seen(np.asarray(BALL.triangles_center), np.asarray(BALL.face_normals), views_of_ball()))
    scanned.remove_unreferenced_vertices()
    assert 0.4 < scanned.area / BALL.area < 0.8
    folder = tmp_path_factory.mktemp("truth")
    lamp = trimesh.creation.icosphere(1, 0.1).apply_translation([3.0, 0.0, 0.0])
    things = [("wall", WALL), ("lamp", lamp), ("ball", scanned)]
    cut_out(read_annotated_scan("room", write_annotated_scan(folder, "room", things)), folder, [3], room=False)
    return folder


def scored(mesh: trimesh.Trimesh, truth: Path, views: list[View], folder: Path) -> ObjectScore:
    save_mesh(folder / "room_obj_3.ply", mesh, UP, {})
    (one,) = score_scene("room", folder, truth, views, SETTINGS).objects
    return one


def test_the_whole_object_is_a_perfect_mesh(truth: Path, tmp_path: Path) -> None:
    one = scored(BALL, truth, views_of_ball(), tmp_path)
    assert one.problems == []
    for key in ("precision_0.02", "recall_0.02", "f_0.02"):
        assert one.scores[key] > 0.999  # but for the cut's edge
    assert one.scores["chamfer_m"] < 1.2 * one.scores["sampling_floor_m"]
    assert one.scores["normal_consistency"] > 0.99
    assert not any("hidden" in key or "volume" in key for key in one.scores)
    assert any("only what was scanned" in note for note in one.notes)


def test_what_cameras_looked_at_and_is_wrong_still_counts(truth: Path, tmp_path: Path) -> None:
    larger = scored(BALL.copy().apply_scale(1.2), truth, views_of_ball(), tmp_path)  # 6 cm off everywhere
    assert larger.scores["precision_0.02"] == 0.0
    assert larger.scores["recall_0.02"] == 0.0
    behind = trimesh.creation.icosphere(2, 0.1).apply_translation([0.0, 0.0, 0.15])  # inside, where nobody looks
    before = trimesh.creation.icosphere(2, 0.1).apply_translation([0.0, 0.0, -0.6])  # towards the cameras
    for part, low, high in ((behind, 0.999, 1.0), (before, 0.7, 0.95)):
        one = scored(trimesh.util.concatenate([BALL, part]), truth, views_of_ball(), tmp_path)
        assert low <= one.scores["precision_0.02"] <= high
        assert one.scores["recall_0.02"] > 0.999


def test_half_of_it_is_missed(truth: Path, tmp_path: Path) -> None:
    half = BALL.copy()
    half.update_faces(half.triangles_center[:, 0] > 0.0)
    one = scored(half, truth, views_of_ball(), tmp_path)
    assert one.scores["recall_0.02"] == pytest.approx(0.5, abs=0.05)
    assert one.scores["precision_0.02"] > 0.99


def test_without_views_only_what_was_found_is_told(truth: Path, tmp_path: Path) -> None:
    one = scored(BALL, truth, [], tmp_path)
    assert one.scores["recall_0.02"] == 1.0
    assert not any(key.startswith(("precision", "f_", "chamfer", "accuracy", "normal")) for key in one.scores)
    assert len(one.notes) == 1
