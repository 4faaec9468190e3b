"""The page on in-painting: its arithmetic, the oracle, the pictures; the runs themselves are the bench's."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh

from preprocess.painting import Painter, PaintView
from scene.camera import Intrinsics
from scene.records import Fact
from scene.room.truth import Appearance
from scripts.inpaint_gain import WAYS
from scripts.inpaint_oracle import OraclePainter
from scripts.inpaint_page import LEAST_OCCLUDED, Made, page
from scripts.inpaint_panel import panel, write_sheet
from scripts.inpaint_scores import RoomScoring, score_room, scores_of
from scripts.inpaint_truth import DRAWN, LEAST_TRUE_PX, MaskCounts
from tests.preprocess.boarded_box import boarded_box
from tests.scene.tiny_scan import write_tiny_scan

MADE = Made("Made by this.", 7_100_000, 2, WAYS, None)


def _counts(true: int, found: int, both: int, instance_id: int = 4) -> MaskCounts:
    return MaskCounts("scene9300_00", instance_id, "chair", 10, true, found, both)


def _scores(occluded: float, share: float = 0.1) -> dict[str, float]:
    return {"recall_occluded_0.02": occluded, "share_occluded": share, "chamfer_m": 0.012, "f_0.02": 0.8}


def test_counts_are_told_as_shares():
    counts = _counts(true=4000, found=5000, both=3000)
    assert counts.iou == pytest.approx(0.5)
    assert counts.precision == pytest.approx(0.6)
    assert counts.recall == pytest.approx(0.75)
    assert counts.is_judged
    assert not _counts(LEAST_TRUE_PX - 1, 0, 0).is_judged
    assert _counts(LEAST_TRUE_PX, 0, 0).iou == 0.0


def test_the_page_tells_means_over_judged_objects_and_wrong_pixels_of_the_others():
    counts = [_counts(4000, 5000, 3000), _counts(4000, 4000, 4000, 5), _counts(10, 300, 0, 6)]
    scores = {
        "none": [_scores(0.2), _scores(0.4)],
        "oracle": [_scores(0.5), _scores(0.6)],
        DRAWN: [_scores(0.6), _scores(0.3)],
        "classical": [_scores(0.1)] * 2,
    }
    text = page(MADE, counts, scores)
    assert "Mean IoU 0.750 (median 0.750; 1 of 2 objects at 0.6 or more)" in text
    assert "the masks hold 30 wrong pixels a view" in text
    assert "| none | 0.300 |" in text
    assert "1.20" in text
    assert "is +0.250 (2 of 2 objects gain, 0 lose more than 0.01) (wanted: +0.10)" in text
    assert "with the true masks +0.150 (1 of 2 objects gain, 1 lose more than 0.01)" in text


def test_an_object_with_hardly_any_occluded_surface_has_no_say_there():
    little = _scores(1.0, LEAST_OCCLUDED / 2)
    recalls = {"none": 0.2, "oracle": 0.5, DRAWN: 0.5, "classical": 0.1}
    scores = {way: [_scores(recall), little] for way, recall in recalls.items()}
    text = page(MADE, [_counts(4000, 5000, 3000)] * 2, scores)
    assert "| oracle | 0.500 |" in text
    assert "is +0.300" in text


@dataclass
class Thing:
    """Looks like the number of the look."""

    looks: list[int] = field(default_factory=list)

    def look(self, camera: Intrinsics, world_from_camera: np.ndarray, seed: int = 0) -> Appearance:
        self.looks.append(seed)
        shape = (camera.height, camera.width)
        return Appearance(
            np.full((*shape, 3), seed, np.uint8),
            np.full(shape, 1.0 + seed, np.float32),
            np.zeros((*shape, 3), np.float32),
        )


def test_the_oracle_answers_what_the_thing_looks_like_and_looks_once():
    camera, thing = Intrinsics(8, 6, 8.0, 8.0, 3.5, 2.5), Thing()
    oracle = OraclePainter(thing)  # type: ignore[arg-type]
    assert isinstance(oracle, Painter)
    none = np.zeros((6, 8), bool)
    views = [
        PaintView(
            i,
            "box",
            camera,
            np.eye(4),
            np.zeros((6, 8, 3), np.uint8),
            none * 1.0,
            none.astype(np.uint8),
            none,
            np.zeros(3, np.uint8),
        )
        for i in (3, 5)
    ]
    assert [oracle.depth(view)[0, 0] for view in views] == [4.0, 6.0]
    assert [oracle.color(view)[0, 0, 0] for view in views] == [3, 5]
    assert not oracle.normal(views[0], np.ones((6, 8, 3), np.float32)).any()
    assert thing.looks == [3, 5]


def test_panels_show_the_masks_in_their_colours_and_make_a_small_sheet(tmp_path: Path):
    scene = boarded_box()
    own = np.isin(scene.views.fact, (Fact.OBJECT, Fact.OBJECT_NO_DEPTH))
    right = panel(scene.views, scene.hidden, scene.hidden)
    missed = panel(scene.views, scene.hidden, np.zeros_like(own))
    half = right.shape[1] // 2
    np.testing.assert_array_equal(right[:, :half], missed[:, :half])
    changed = (right != missed).any(axis=2)[:, half:]
    assert changed.sum() > 500
    told_right, told_missed = right[:, half:][changed].astype(int), missed[:, half:][changed].astype(int)
    assert (told_right[:, 1] > told_right[:, 0] + 30).mean() > 0.9  # green
    assert (told_missed[:, 0] > told_missed[:, 2] + 30).mean() > 0.9  # yellow
    paths = [tmp_path / f"{k}.png" for k in range(3)]
    for path in paths:
        cv2.imwrite(str(path), right)
    write_sheet(tmp_path / "sheet.png", paths)
    assert cv2.imread(str(tmp_path / "sheet.png")).shape[:2] == (2 * right.shape[0], 2 * right.shape[1])


def test_scores_have_a_region_of_their_own_for_occluded_surface_and_a_missing_mesh_finds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from evaluation.settings import ScoreSettings

    monkeypatch.setattr("scripts.inpaint_scores.ScoreSettings", lambda: ScoreSettings(samples=2000))
    monkeypatch.setattr("scripts.inpaint_truth.ScoreSettings", lambda: ScoreSettings(samples=2000))
    scan = tmp_path / "scene9300_00_scannet"
    write_tiny_scan(scan, frames=3)
    truth = trimesh.creation.box((1.0, 0.6, 0.8)).apply_translation((0, 0, 0.4))
    half = trimesh.creation.box((0.5, 0.6, 0.8)).apply_translation((-0.25, 0, 0.4))
    for folder in ("truth", "whole", "half", "absent", "looked"):
        (tmp_path / folder).mkdir()
    truth.export(tmp_path / "truth" / "obj_1.ply")
    truth.export(tmp_path / "whole" / "scene9300_00_obj_2.ply")
    half.export(tmp_path / "half" / "scene9300_00_obj_2.ply")
    from scripts.inpaint_truth import scored_points

    points, _ = scored_points(truth)
    np.save(tmp_path / "looked" / "occluded.npy", points[:, 0] > 0.1)
    meshes = {way: tmp_path / way for way in ("whole", "half", "absent")}
    scoring = RoomScoring(scan, tmp_path / "truth", meshes, {2: tmp_path / "looked"}, tmp_path / "gain")
    score_room(scoring)
    found = scores_of(scoring)
    assert found["whole"][2]["recall_occluded_0.05"] > 0.98
    assert found["half"][2]["recall_occluded_0.05"] < 0.1
    assert found["absent"][2]["recall_occluded_0.05"] == 0.0
    assert "chamfer_m" not in found["absent"][2]
    share = found["whole"][2]["share_occluded"]
    assert share == found["absent"][2]["share_occluded"] == pytest.approx((points[:, 0] > 0.1).mean())
    before = (tmp_path / "gain" / "gain.json").stat().st_mtime_ns
    score_room(scoring)
    assert (tmp_path / "gain" / "gain.json").stat().st_mtime_ns == before
