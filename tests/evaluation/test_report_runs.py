"""What is read of a run's folder: nothing in it is trusted, and what is wrong becomes a sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evaluation.page.run_folder import open_scan_of, read_run
from evaluation.records import ObjectScore
from evaluation.report import build_report
from evaluation.settings import ReportSettings
from scene.errors import UserError
from tests.evaluation.ball_run import NASTY, scan_of_ball, side_of, the_object, write_run
from tests.scene.tiny_scan import write_tiny_scan

GUESS = "little of it was seen"


def test_a_sentence_told_twice_stands_once_and_gives_the_verdict(tmp_path: Path) -> None:
    objects = [
        ObjectScore(3, "ball", "m", None, {"watertight": 1.0}, [], [GUESS]),
        ObjectScore(4, "lamp", None, None, {}, ["there is no mesh of it"]),
    ]
    record = {"objects": [{"instance_id": 3, "marks": [GUESS]}, {"instance_id": 4, "error": "no view shows it"}]}
    side = side_of(write_run(tmp_path, objects, record))
    ball, lamp = the_object(side), the_object(side, 4)
    assert ball.marks == [GUESS]
    assert ball.verdict is not None
    assert ball.verdict.light == "amber"
    assert lamp.marks == ["there is no mesh of it", "no view shows it"]
    assert lamp.verdict is not None
    assert lamp.verdict.light == "red"
    assert lamp.glb == ""


def test_a_mesh_of_which_nothing_is_known_has_no_verdict(tmp_path: Path) -> None:
    one = the_object(side_of(write_run(tmp_path)))
    assert one.label == NASTY  # the scan's name for it
    assert one.verdict is None
    assert one.marks == []


def test_a_mesh_that_cannot_be_used_becomes_a_mark(tmp_path: Path) -> None:
    write_run(tmp_path)
    (tmp_path / "meshes" / "room_obj_4.ply").write_text("rubbish")
    flat = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    flat += "element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n2 0 0\n3 0 1 2\n"
    (tmp_path / "meshes" / "room_obj_5.ply").write_text(flat)
    side = side_of(tmp_path)
    for instance_id, words in ((4, "cannot be read as a mesh"), (5, "has no area")):
        one = the_object(side, instance_id)
        (mark,) = one.marks
        assert words in mark
        assert one.glb == ""
        assert one.verdict is not None
        assert one.verdict.light == "red"
    assert the_object(side).glb


@pytest.mark.parametrize(
    "broken",
    [
        '{"objects": [{}]}',
        '{"objects": [3]}',
        '{"objects": [{"instance_id": 3, "marks": "word"}]}',
        '{"objects": [{"instance_id": 1e999}]}',
        '{"stages": [{"stage": "fit"}]}',
        '{"stages": 3}',
        '{"seed": "five"}',
        "[]",
        "null",
        '{"settings": 3}',
        '{"parts": [{"part": "clip"}]}',
        "[[",
        "\x00",
    ],
)
def test_a_broken_record_is_told_in_a_sentence(tmp_path: Path, broken: str) -> None:
    write_run(tmp_path)
    (tmp_path / "run.json").write_text(broken)
    with pytest.raises(UserError, match=r"run\.json: (is not a run's record|cannot be read as JSON)"):
        read_run(tmp_path, scan_of_ball())


@pytest.mark.parametrize(
    "broken",
    [
        "[]",
        '{"scenes": [3]}',
        '{"scenes": [{"scene": "room", "objects": [3]}]}',
        '{"scenes": [{"scene": "room", "objects": [{"instance_id": "x", "label": "", "mesh": null, "truth": null}]}]}',
        '{"scenes": [{"scene": "room", "objects": [{"instance_id": 3}]}]}',
        '{"scenes": [{"scene": "room", "objects": [{"instance_id": 3, "label": "", "mesh": null, "truth": null, '
        '"scores": 3}]}]}',
        "{",
    ],
)
def test_broken_scores_are_told_in_a_sentence(tmp_path: Path, broken: str) -> None:
    write_run(tmp_path)
    (tmp_path / "scores.json").write_text(broken)
    with pytest.raises(UserError, match=r"scores\.json: "):
        read_run(tmp_path, scan_of_ball())


def test_what_is_no_number_is_no_score_and_a_strange_id_is_an_object(tmp_path: Path) -> None:
    write_run(tmp_path)
    scores = {"f_0.02": "high", "chamfer_m": float("nan"), "watertight": True, "area_m2": 2}
    entries = [{"instance_id": i, "label": "x", "mesh": None, "truth": None, "scores": scores} for i in (3, 10**12, -7)]
    (tmp_path / "scores.json").write_text(json.dumps({"scenes": [{"scene": "room", "objects": entries}]}))
    side = side_of(tmp_path)
    assert [one.instance_id for one in side.objects] == [-7, 3, 10**12]
    assert the_object(side).scores == {"watertight": 1.0, "area_m2": 2.0}
    assert the_object(side, -7).marks == ["there is no mesh of it"]


def test_what_is_no_run_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no mesh and no score of room; reconstruct"):
        read_run(tmp_path, scan_of_ball())
    write_run(tmp_path)
    (tmp_path / "meshes" / "room_obj_3.ply").rename(tmp_path / "meshes" / "hall_obj_3.ply")
    with pytest.raises(UserError, match="of room, but meshes of hall"):
        read_run(tmp_path, scan_of_ball())


def test_a_run_tells_its_scan(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(UserError, match="there is no such folder"):
        open_scan_of(run)
    run.mkdir()
    with pytest.raises(UserError, match=r"run\.json: names no scan; say with --scan"):
        open_scan_of(run)
    scan = tmp_path / "scene0001_00_scannet"
    write_tiny_scan(scan, frames=4)
    (run / "run.json").write_text(json.dumps({"scan": str(scan)}))
    assert open_scan_of(run).name == "scene0001_00"
    moved = tmp_path / "moved" / scan.name
    moved.parent.mkdir()
    scan.rename(moved)
    with pytest.raises(UserError, match="is no longer there; say with --scan where it is now"):
        open_scan_of(run)
    assert [thing.instance_id for thing in open_scan_of(run, moved).instances] == [1, 2, 3]


def test_a_scan_without_masks_is_shown_with_those_that_the_run_found(tmp_path: Path) -> None:
    masked, bare, run = tmp_path / "with" / "room_scannet", tmp_path / "room_scannet", tmp_path / "run"
    write_tiny_scan(masked, frames=4)
    write_tiny_scan(bare, frames=4, annotated=False)
    found = run / "work" / "instances"
    shutil.copytree(masked / "instance-filt", found / "instance-filt")
    things = [{"instance_id": 2, "label": "thing", "nyu40_id": 0}]
    (found / "instances.json").write_text(json.dumps(things))
    write_run(run, record={"scan": str(bare)})
    (run / "meshes" / "room_obj_3.ply").rename(run / "meshes" / "room_obj_2.ply")
    scan = open_scan_of(run)
    assert [thing.label for thing in scan.instances] == ["thing"]
    assert the_object(side_of(run, scan), 2).views
    shutil.rmtree(found)
    assert build_report(run, open_scan_of(run), ReportSettings(views=1)).is_file()


def test_views_and_losses_that_are_gone_are_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record = {"stages": [{"stage": "fit", "seconds": 1.0, "peak_memory_mb": 1.0}]}
    side_of(write_run(tmp_path, record=record))
    assert caplog.text.count("views or losses of object 3 are not there any more") == 1
    caplog.clear()
    (tmp_path / "run.json").unlink()
    side_of(tmp_path)
    assert "not there any more" not in caplog.text  # a mesh made elsewhere never had any


def test_the_pages_own_stage_is_no_part_of_it(tmp_path: Path) -> None:
    """While the page is drawn that stage is not over: it is left out of later pages too."""
    stages = [{"stage": name, "seconds": 1.0, "peak_memory_mb": 1.0} for name in ("fit", "report")]
    found = read_run(write_run(tmp_path, record={"stages": stages}), scan_of_ball())
    assert [bar.stage for bar in found.run.stages] == ["fit"]
