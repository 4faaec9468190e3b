"""Two runs of one scene on one page, and the command."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from evaluation import report
from evaluation.page.records import PageSide
from evaluation.report import build_comparison, names_apart
from evaluation.settings import ReportSettings
from scene.errors import UserError
from scene.mesh import save_mesh
from tests.evaluation.ball_run import UP, scan_of_ball, unpacked, write_run
from tests.scene.tiny_scan import box, write_tiny_scan

SMALL = ReportSettings(views=2, faces=4000, faces_in_all=1600)


@pytest.fixture
def sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[PageSide]:
    """The records of two runs that share the ball; the second has another object too, and saw the ball elsewhere."""
    told: list[PageSide] = []
    monkeypatch.setattr(report, "write_page", lambda path, scene, sides: told.extend(sides))
    scan = scan_of_ball(wall=True)
    one, other = write_run(tmp_path / "a" / "out"), write_run(tmp_path / "b" / "out")
    moved = trimesh.creation.icosphere(4, 0.2, center=[0.1, 0.0, 0.0])
    save_mesh(other / "meshes" / "room_obj_3.ply", moved, UP, {})
    save_mesh(other / "meshes" / "room_obj_4.ply", moved, UP, {})
    path = build_comparison([(one, scan), (other, scan)], SMALL)
    assert path == other / "report" / "against_a_out" / "index.html"
    return told


def test_sides_are_named_apart_and_have_their_own_objects(sides: list[PageSide]) -> None:
    assert [side.name for side in sides] == ["a/out", "b/out"]
    assert [[one.instance_id for one in side.objects] for side in sides] == [[3], [3, 4]]


def test_both_runs_are_shown_from_the_same_cameras_with_the_same_points(sides: list[PageSide]) -> None:
    one, other = (side.objects[0] for side in sides)
    assert one.yaw == other.yaw
    assert [view.caption for view in one.views] == [view.caption for view in other.views]
    assert [view.photo for view in one.views] == [view.photo for view in other.views]
    assert one.views[0].render != other.views[0].render
    assert one.points == other.points != ""
    assert sides[0].room.points == sides[1].room.points != ""


def test_two_runs_share_out_the_triangles(sides: list[PageSide]) -> None:
    """800 for each run; the second has two objects."""
    (first,), (second, third) = ([len(unpacked(one.glb).faces) for one in side.objects] for side in sides)
    assert 700 < first <= 800
    assert 300 < second <= 400
    assert 300 < third <= 400


def test_what_does_not_belong_together_is_told(tmp_path: Path) -> None:
    scan = scan_of_ball()
    one, other = write_run(tmp_path / "one"), write_run(tmp_path / "other")
    elsewhere = dataclasses.replace(scan, name="hall")
    with pytest.raises(UserError, match=r"one shows room and .*other hall; give two runs of one scene"):
        build_comparison([(one, scan), (other, elsewhere)], SMALL)
    with pytest.raises(UserError, match="is given twice"):
        build_comparison([(one, scan), (one / ".." / "one", scan)], SMALL)


def test_runs_with_other_masks_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[PageSide] = []
    monkeypatch.setattr(report, "write_page", lambda path, scene, sides: told.extend(sides))
    scan = scan_of_ball()
    runs = [write_run(tmp_path / name) for name in ("one", "other")]
    build_comparison([(runs[0], scan), (runs[1], scan)], SMALL)
    build_comparison([(runs[0], scan), (runs[1], dataclasses.replace(scan))], SMALL)
    assert ["may be different things" in side.remark for side in told] == [False, False, False, True]


def test_names_are_as_long_as_it_takes() -> None:
    assert names_apart(Path("/x/one"), Path("/x/two")) == ("one", "two")
    assert names_apart(Path("/x/a/out"), Path("/x/b/out")) == ("a/out", "b/out")
    assert names_apart(Path("/out"), Path("/x/out")) == ("/out", "x/out")


def test_the_command_finds_the_scan_and_says_where_the_page_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scan = tmp_path / "room_scannet"
    write_tiny_scan(scan, frames=4)
    runs = [tmp_path / "one", tmp_path / "two"]
    for run in runs:
        save_mesh(run / "meshes" / "room_obj_2.ply", box((0, 0, 0.4), (1.0, 0.6, 0.8)), np.array([0.0, 0.0, 1.0]), {})
        (run / "run.json").write_text(json.dumps({"scan": str(scan)}))
    for words, page in (
        (runs[:1], runs[0] / "report" / "index.html"),
        (runs, runs[1] / "report" / "against_one" / "index.html"),
        ([*runs, "--out", tmp_path / "page"], tmp_path / "page" / "index.html"),
    ):
        monkeypatch.setattr(sys, "argv", ["report", *map(str, words)])
        report.main()
        assert capsys.readouterr().out == f"{page}\n"
        assert page.read_text().lower().startswith("<!doctype html>")


def test_the_command_names_what_is_missing(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "evaluation.report", str(tmp_path), "--scan", str(tmp_path / "no")]
    run = subprocess.run(words, cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True)
    assert run.returncode == 2
    assert "there is no such scan folder" in run.stderr
    assert "Traceback" not in run.stderr
