"""Cut-outs of annotated scans: the very vertices of each object, and a sentence for every object without."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from evaluation.mesh_files import find_truth
from evaluation.truth.cutouts import cut_out
from evaluation.truth.scannet import find_scans, read_annotated_scan
from scene.errors import UserError
from scene.mesh import load_mesh_as_written, load_mesh_or_points
from tests.evaluation.annotated_scan import write, write_annotated_scan

ROOT = Path(__file__).resolve().parents[2]
SCENE = "scene0042_00"
NAMES = ["floor", "chair", "chair"]


def things() -> list[tuple[str, trimesh.Trimesh]]:
    """Parts that touch nowhere, at places a float32 cannot hold exactly."""
    meshes = [
        trimesh.creation.box((4, 4, 0.1)),
        trimesh.creation.icosphere(2, 0.3),
        trimesh.creation.box((0.3, 0.3, 1)),
    ]
    for mesh, place in zip(meshes, [(0, 0, 0), (1.1, 0.7, 0.5), (-1.3, 0.1, 0.7)], strict=True):
        mesh.apply_translation(place)
    return list(zip(NAMES, meshes, strict=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_annotated_scan(tmp_path / "scannet", SCENE, things())


def run(folder: Path, out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "evaluation/seg_scannet_gt.py"), "--scannet_root", str(folder.parent)]
    return subprocess.run(
        [*command, "--save_gt_dir", str(out), *arguments], capture_output=True, text=True, cwd=out.parent, check=False
    )


def test_every_object_is_cut_out_as_the_file_has_it(folder: Path, tmp_path: Path) -> None:
    done = run(folder, tmp_path / "gt", "--background")
    assert done.returncode == 0, done.stderr
    assert "in all: objects with truth: 3\n" in done.stdout
    whole = load_mesh_as_written(folder / f"{SCENE}_vh_clean_2.ply")
    segments = np.array(json.loads((folder / f"{SCENE}_vh_clean_2.0.010000.segs.json").read_text())["segIndices"])
    for k, (label, mesh) in enumerate(things()):
        path = tmp_path / "gt" / SCENE / "gt" / f"obj_{k}.ply"
        part = load_mesh_as_written(path)
        np.testing.assert_array_equal(part.vertices, whole.vertices[segments // 10 == k])
        assert np.asarray(part.visual.vertex_colors)[:, :3].tolist() == [[200, 200, 200]] * len(part.vertices)
        assert part.area == pytest.approx(mesh.area, rel=1e-5)
        about = json.loads(path.with_suffix(".json").read_text())
        assert (about["instance_id"], about["label"], about["units"]) == (k + 1, label, "m")
        assert load_mesh_or_points(path).metadata["partial"] is True
    report = json.loads((tmp_path / "gt" / SCENE / "groundtruth.json").read_text())
    assert [(one["instance_id"], one["file"]) for one in report["with_truth"]] == [
        (1, "gt/obj_0.ply"),
        (2, "gt/obj_1.ply"),
        (3, "gt/obj_2.ply"),
    ]
    assert report["counts"] == {"with_truth": 3, "without_truth": {}}


def groups_of(folder: Path) -> list[Any]:
    return json.loads((folder / f"{SCENE}_vh_clean.aggregation.json").read_text())["segGroups"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"segments": []}, "no segments"),
        ({"segments": [10, 11, 777]}, "777"),
        ({"segments": [10**30]}, "not a list of integers"),
        ({"segments": [1.5]}, "not a list of integers"),
        ({"segments": "10"}, "not a list of integers"),
        ({"segments": None}, "not a list of integers"),
    ],
)
def test_an_object_whose_segments_are_useless_is_named_and_counted(
    folder: Path, tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    out = tmp_path / "gt" / SCENE
    cut_out(read_annotated_scan(SCENE, folder), out, None, room=True)  # an earlier run, when all was well
    groups = groups_of(folder)
    groups[1] |= change
    write(folder / f"{SCENE}_vh_clean.aggregation.json", {"segGroups": groups})
    result = cut_out(read_annotated_scan(SCENE, folder), out, None, room=True)
    assert [one.instance_id for one in result.with_truth] == [1, 3]
    (lack,) = result.without_truth
    assert (lack.instance_id, lack.what, lack.reason) == (2, "instance 2 chair", "unusable annotation")
    assert why in lack.detail
    assert not (out / "gt" / "obj_1.ply").exists()
    assert result.counts() == {"with_truth": 2, "without_truth": {"unusable annotation": 1}}


def test_a_group_that_is_no_object_keeps_the_ids_of_the_others(folder: Path) -> None:
    groups = groups_of(folder)
    write(folder / f"{SCENE}_vh_clean.aggregation.json", {"segGroups": [None, *groups[1:]]})
    scan = read_annotated_scan(SCENE, folder)
    assert [(one.instance_id, one.label) for one in scan.groups] == [(1, "object"), (2, "chair"), (3, "chair")]
    with pytest.raises(UserError, match="not a list of integers"):
        scan.vertices_of(scan.groups[0])


def test_the_aggregation_of_the_decimated_mesh_comes_first(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(folder / f"{SCENE}.aggregation.json", {"segGroups": groups_of(folder)[1:]})
    scan = read_annotated_scan(SCENE, folder)
    assert [(one.label, one.instance_id, one.object_id) for one in scan.groups] == [("chair", 1, 1), ("chair", 2, 2)]
    assert f"{SCENE}.aggregation.json: lists other objects than {SCENE}_vh_clean.aggregation.json" in caplog.text


def test_the_label_table_tells_what_is_room(folder: Path) -> None:
    table = "id\traw_category\tnyu40id\n2\tchair\t5\n1\tfloor\t40\n"
    (folder.parent / "scannetv2-labels.combined.tsv").write_text(table.replace("chair\t5", "chair\t38"))
    assert [one.is_room for one in read_annotated_scan(SCENE, folder).groups] == [True, True, True]
    (folder.parent / "scannetv2-labels.combined.tsv").write_text(table)
    assert [one.is_room for one in read_annotated_scan(SCENE, folder).groups] == [True, False, False]


@pytest.mark.parametrize(("label", "name"), [("  a\n b ", "a b"), ("x\ud800", "x?"), ("", "object"), (7, "object")])
def test_any_label_can_be_written_and_told(folder: Path, tmp_path: Path, label: Any, name: str) -> None:
    groups = groups_of(folder)
    write(folder / f"{SCENE}_vh_clean.aggregation.json", {"segGroups": [{**groups[1], "label": label}]})
    result = cut_out(read_annotated_scan(SCENE, folder), tmp_path / "gt", None, room=False)
    assert result.with_truth[0].label == name
    assert json.loads((tmp_path / "gt" / "groundtruth.json").read_text())["with_truth"][0]["label"] == name


def test_an_object_without_a_whole_face_becomes_a_cloud(folder: Path, tmp_path: Path) -> None:
    groups = groups_of(folder)
    scan = read_annotated_scan(SCENE, folder)
    lone = int(scan.segments.max()) + 1
    segments = scan.segments.copy()
    segments[np.flatnonzero(segments // 10 == 1)[:1]] = lone
    write(folder / f"{SCENE}_vh_clean_2.0.010000.segs.json", {"segIndices": segments.tolist()})
    write(folder / f"{SCENE}_vh_clean.aggregation.json", {"segGroups": [{**groups[1], "segments": [lone]}]})
    result = cut_out(read_annotated_scan(SCENE, folder), tmp_path / "gt", None, room=True)
    assert "cloud" in result.with_truth[0].notes[0]
    cloud = load_mesh_or_points(tmp_path / "gt/gt/obj_0.ply")
    assert isinstance(cloud, trimesh.PointCloud)
    assert cloud.metadata["partial"] is True


def test_the_room_is_left_out_unless_asked_for(folder: Path, tmp_path: Path) -> None:
    cut_out(read_annotated_scan(SCENE, folder), tmp_path / "gt" / SCENE, [1], room=False)  # goes again
    done = run(folder, tmp_path / "gt")
    assert done.returncode == 0, done.stderr
    assert "instance 1 floor: part of the room; --background adds it\n" in done.stdout
    assert "objects with truth: 2; part of the room: 1\n" in done.stdout
    found = (tmp_path / "gt" / SCENE / "gt").glob("*.ply")
    assert sorted(path.name for path in found) == ["obj_1.ply", "obj_2.ply"]


def test_objects_can_be_named_the_room_too(folder: Path, tmp_path: Path) -> None:
    done = run(folder, tmp_path / "gt", "--objects", "1", "3", "9")
    assert done.returncode == 0, done.stderr
    assert "objects with truth: 2; left out as asked: 1; not annotated: 1\n" in done.stdout
    assert "instance 9: not annotated" in done.stdout
    found = (tmp_path / "gt" / SCENE / "gt").glob("*.ply")
    assert sorted(path.name for path in found) == ["obj_0.ply", "obj_2.ply"]


def test_what_an_earlier_run_made_is_told_as_long_as_it_lies_there(folder: Path, tmp_path: Path) -> None:
    """Its files are found and scored, so that the report of a run over other objects may not say "left out"."""
    scan, out = read_annotated_scan(SCENE, folder), tmp_path / SCENE
    cut_out(scan, out, None, room=False)
    (out / "gt" / "obj_8.ply").touch()
    (out / "gt" / "obj_8.json").touch()  # as of an annotation that had nine objects
    cut_out(scan, out, [2, 9], room=False)
    report = json.loads((out / "groundtruth.json").read_text())
    assert [(one["instance_id"], one["file"], one["notes"]) for one in report["with_truth"]] == [
        (2, "gt/obj_1.ply", []),
        (3, "gt/obj_2.ply", ["not made anew: it was not named"]),
    ]
    assert {one["instance_id"] for one in report["with_truth"]} == set(find_truth(out))
    assert report["counts"] == {"with_truth": 2, "without_truth": {"left out as asked": 1, "not annotated": 1}}


def break_vertices(folder: Path) -> None:
    write(folder / f"{SCENE}_vh_clean_2.0.010000.segs.json", {"segIndices": [1, 2, 3]})


def break_segments(folder: Path) -> None:
    write(folder / f"{SCENE}_vh_clean_2.0.010000.segs.json", {"segIndices": {"1": 2}})


def break_groups(folder: Path) -> None:
    write(folder / f"{SCENE}_vh_clean.aggregation.json", [1, 2])


def break_mesh(folder: Path) -> None:
    (folder / f"{SCENE}_vh_clean_2.ply").write_bytes(b"ply\nnonsense")


def remove_aggregation(folder: Path) -> None:
    (folder / f"{SCENE}_vh_clean.aggregation.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (break_vertices, "3 segIndices"),
        (break_segments, "segIndices is not a list"),
        (break_groups, "has no segGroups"),
        (break_mesh, "cannot be read as a mesh"),
        (remove_aggregation, "there is no such file"),
    ],
)
def test_broken_files_are_named(folder: Path, spoil: Callable[[Path], None], why: str) -> None:
    spoil(folder)
    with pytest.raises(UserError, match=f"{SCENE}_vh_clean.*{why}"):
        read_annotated_scan(SCENE, folder)


def test_a_broken_scan_does_not_cost_the_others(folder: Path, tmp_path: Path) -> None:
    break_segments(write_annotated_scan(folder.parent, "scene0043_00", things()[1:2]).parent / f"{SCENE}_scannet")
    done = run(folder, tmp_path / "gt")
    assert done.returncode == 1
    assert "objects with truth: 1; scenes failed: 1\n" in done.stdout
    assert f"{SCENE}: no ground truth: " in done.stderr
    assert "Traceback" not in done.stderr


def test_scans_are_found_by_either_name_and_missing_ones_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "scene0001_00").mkdir()
    (folder.parent / "scene0001_00" / "scene0001_00_vh_clean_2.ply").touch()
    assert list(find_scans(folder.parent, None)) == ["scene0001_00", SCENE]
    assert find_scans(folder, None) == {SCENE: folder}
    monkeypatch.chdir(folder)
    assert find_scans(Path("."), None) == {SCENE: folder}
    with pytest.raises(UserError, match="no scan of scene9999_00"):
        find_scans(folder.parent, ["scene9999_00"])
    with pytest.raises(UserError, match="holds no scan"):
        find_scans(folder.parent.parent / "scannet" / "..", None)
    with pytest.raises(UserError, match="no such folder"):
        find_scans(tmp_path / "nowhere", None)
