"""Truth from Scan2CAD in a scan whose CADs' places are known."""

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

from evaluation.alignment_accuracy import Placement, Pose, alignment, read_placement
from evaluation.groundtruth import SceneTruth
from evaluation.mesh_files import find_truth
from evaluation.sampling import surface_of_truth
from evaluation.truth.annotations import placed_cads, read_annotations, read_object_ids
from evaluation.truth.cads import Cads, place_cads
from evaluation.truth.scannet import read_annotated_scan
from scene.errors import UserError
from scene.mesh import load_mesh_or_points
from tests.evaluation.annotated_scan import write
from tests.evaluation.cad_scan import CATEGORY, SCENE, CadScan, make_cad_scan

ROOT = Path(__file__).resolve().parents[2]
POINTS = 3000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> CadScan:
    return make_cad_scan(tmp_path_factory.mktemp("cad_scan"))


def entry_of(scan: CadScan) -> dict[str, Any]:
    return json.loads(scan.annotations.read_text())[0]


def truth_of(
    scan: CadScan,
    out: Path,
    entry: dict[str, Any] | None = None,
    object_ids: dict[int, int] | None = None,
    shapenet: Path | None = None,
) -> SceneTruth:
    annotations = {SCENE: entry_of(scan) if entry is None else entry}
    cads = Cads(annotations, {SCENE: object_ids or {}}, shapenet or scan.shapenet, POINTS)
    return place_cads(read_annotated_scan(SCENE, scan.folder), cads, out)


def test_cads_lie_where_they_were_put(made: CadScan) -> None:
    placed, broken = placed_cads(read_annotations(made.annotations)[SCENE], {})
    assert broken == []
    for cad, expected in zip(placed, made.scan_from_cad, strict=True):
        np.testing.assert_allclose(cad.scan_from_cad, expected, atol=1e-9)
        corners = trimesh.transform_points(trimesh.load(cad.file(made.shapenet), force="mesh").vertices, expected)
        np.testing.assert_allclose(cad.load(made.shapenet).bounds, [corners.min(0), corners.max(0)], atol=1e-5)


def test_the_command_writes_outer_surfaces_and_names_the_rest(made: CadScan, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "evaluation/scan2cad_gt.py"), "--annotations", str(made.annotations)]
    command += ["--shapenet", str(made.shapenet), "--scannet_root", str(made.scannet)]
    command += ["--save_gt_dir", str(tmp_path / "gt"), "--points", str(POINTS)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "in all: objects with truth: 3; instance without CAD model: 1; part of the room: 1\n" in done.stdout
    assert "instance 5 lamp: instance without CAD model" in done.stdout
    files = find_truth(tmp_path / "gt" / SCENE)
    assert {i: path.name for i, path in files.items()} == {i: f"scannet_{i - 1}_pointcloud.ply" for i in (2, 3, 4)}
    for scan_from_cad, instance_id in zip(made.scan_from_cad, made.instance_ids, strict=True):
        sidecar = files[instance_id].with_suffix(".json")
        about = json.loads(sidecar.read_text())
        np.testing.assert_allclose(about["scan_from_cad"], scan_from_cad, atol=1e-9)
        placed = read_placement(sidecar)
        assert placed is not None
        np.testing.assert_allclose(placed.pose.matrix, scan_from_cad, atol=1e-9)
        assert alignment(placed, placed)["alignment_correct"] == 1.0
        assert (about["instance_id"], about["matched_by"], about["catid_cad"]) == (instance_id, "overlap", CATEGORY)
        assert about["overlap"] > 0.5


def test_only_the_cabinets_outer_box_is_sampled_with_outward_normals(made: CadScan, tmp_path: Path) -> None:
    truth_of(made, tmp_path)
    surface = surface_of_truth(load_mesh_or_points(tmp_path / "scannet_2_pointcloud.ply"), 10 * POINTS, seed=0)
    in_cad = trimesh.transform_points(surface.points, np.linalg.inv(made.scan_from_cad[0]))
    np.testing.assert_allclose(np.abs(in_cad / [0.3, 0.35, 0.15]).max(axis=1), 1.0, atol=1e-5)
    box = trimesh.creation.box((0.6, 0.7, 0.3))
    box.apply_transform(made.scan_from_cad[0])
    assert surface.area_m2 == pytest.approx(box.area, rel=0.01)
    assert surface.normals is not None
    away = surface.points - made.scan_from_cad[0][:3, 3]
    assert (away * surface.normals).sum(axis=1).min() > 0.1
    on_faces = trimesh.proximity.closest_point(box, surface.points[:50])[2]
    np.testing.assert_allclose(surface.normals[:50], box.face_normals[on_faces], atol=1e-4)


def test_people_who_said_which_object_are_believed_where_it_overlaps(made: CadScan, tmp_path: Path) -> None:
    right = {index: instance_id - 1 for index, instance_id in enumerate(made.instance_ids)}
    result = truth_of(made, tmp_path / "a", object_ids=right)
    assert [one.instance_id for one in result.with_truth] == [2, 3, 4]
    sidecar = json.loads((tmp_path / "a" / "scannet_2_pointcloud.json").read_text())
    assert sidecar["matched_by"] == "annotated id"

    result = truth_of(made, tmp_path / "b", object_ids={0: 4, 1: 99})
    assert [one.instance_id for one in result.with_truth] == [4]
    without = {one.what: one.detail for one in result.without_truth if one.reason == "CAD model without instance"}
    assert without == {
        f"CAD model 0 ({CATEGORY}/cabinet1)": "annotated as instance 5, which it is nowhere near",
        f"CAD model 1 ({CATEGORY}/chair1)": "annotated as instance 100, of which the scan has no points",
    }


def test_the_annotated_center_tells_where_a_cad_is_compared(made: CadScan, tmp_path: Path) -> None:
    """As the benchmark's own code has it: the translation of inv(M_scan) M_cad C(-center)."""
    entry = entry_of(made)
    entry["aligned_models"][0]["center"] = [0.1, -0.2, 0.05]
    truth_of(made, tmp_path, entry)
    sidecar = tmp_path / "scannet_2_pointcloud.json"
    assert json.loads(sidecar.read_text())["center"] == [0.1, -0.2, 0.05]
    shift = trimesh.transformations.translation_matrix([-0.1, 0.2, -0.05])
    of_benchmark = Pose.of_matrix(made.scan_from_cad[0] @ shift)
    truth = read_placement(sidecar)
    assert truth is not None
    submitted = Placement(of_benchmark, category=CATEGORY, center=np.zeros(3))
    assert alignment(submitted, truth)["alignment_translation_m"] == pytest.approx(0.0, abs=1e-6)
    assert json.loads((tmp_path / "scannet_1_pointcloud.json").read_text())["center"] is None


def test_people_name_scannets_object_ids_not_places_in_the_list(tmp_path: Path) -> None:
    scan = make_cad_scan(tmp_path)
    path = scan.folder / f"{SCENE}_vh_clean.aggregation.json"
    groups = json.loads(path.read_text())["segGroups"]
    write(path, {"segGroups": [{**group, "objectId": 70 + k} for k, group in enumerate(groups)]})
    result = truth_of(scan, tmp_path / "gt", object_ids={1: 71})
    assert result.with_truth[0].notes == ()
    assert json.loads((tmp_path / "gt/scannet_1_pointcloud.json").read_text())["matched_by"] == "annotated id"


def test_a_cad_that_shapenet_lacks_is_named(made: CadScan, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = truth_of(made, tmp_path / "gt", shapenet=tmp_path / "empty")
    assert result.with_truth == []
    assert result.counts()["without_truth"] == {
        "CAD model not in the ShapeNet folder": 3,
        "instance without CAD model": 4,
        "part of the room": 1,
    }
    assert "cabinet1/models/model_normalized.obj" in result.without_truth[0].detail
    assert "3 CAD models of the scan came to nothing" in result.without_truth[-1].detail


def test_a_cad_in_the_air_and_a_second_one_in_one_place_stand_for_nothing(made: CadScan, tmp_path: Path) -> None:
    entry = entry_of(made)
    first = entry["aligned_models"][0]
    up = {**first["trs"], "translation": [50.0, 0.0, 0.0]}
    entry["aligned_models"] += [{**first, "trs": up}, first]
    result = truth_of(made, tmp_path, entry)
    lacks = {one.what: one.detail for one in result.without_truth if one.reason == "CAD model without instance"}
    assert lacks[f"CAD model 3 ({CATEGORY}/cabinet1)"] == "no instance is near it"
    assert any("another CAD model stands for instance 3" in why for why in lacks.values())
    assert len(lacks) == 2
    assert len(result.with_truth) == 3


def test_a_scan_that_scan2cad_does_not_name(made: CadScan, tmp_path: Path) -> None:
    of_earlier_run, of_somebody = tmp_path / "scannet_1_pointcloud.ply", tmp_path / "scannet_2_pointcloud.ply"
    for path in (of_earlier_run, of_earlier_run.with_suffix(".json"), of_somebody):
        path.touch()
    cads = Cads({}, {}, made.shapenet, POINTS)
    result = place_cads(read_annotated_scan(SCENE, made.folder), cads, tmp_path)
    assert result.counts() == {"with_truth": 0, "without_truth": {"part of the room": 1, "scan not in Scan2CAD": 4}}
    assert not of_earlier_run.exists()
    assert of_somebody.exists()


def broken(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda model: model.update({key: value})


GOOD = {"translation": [0, 0, 0], "rotation": [1, 0, 0, 0], "scale": [1, 1, 1]}


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (broken("trs", None), "the pose is not an object"),
        (broken("trs", {**GOOD, "rotation": [float("nan"), 0, 0, 0]}), "rotation is not finite"),
        (broken("trs", {**GOOD, "scale": [1, 1, -1]}), "mirrors"),
        (broken("trs", {"translation": [0, 0, 0]}), "rotation is not a list of 4"),
        (broken("catid_cad", "../../../etc"), "is not the name of a ShapeNet folder"),
        (broken("id_cad", 7), "is not the name of a ShapeNet folder"),
        (broken("center", [0.0, 1.0]), "center is not a list of 3 numbers"),
        (broken("sym", "__SYM_SPHERE"), "symmetry '__SYM_SPHERE' is not known"),
    ],
)
def test_a_broken_annotation_is_named_and_costs_no_other(
    made: CadScan, spoil: Callable[[dict[str, Any]], None], why: str
) -> None:
    entry = entry_of(made)
    spoil(entry["aligned_models"][1])
    placed, lost = placed_cads(entry, {})
    assert [cad.index for cad in placed] == [0, 2]
    assert lost[0].name == "CAD model 1"
    assert why in lost[0].why


@pytest.mark.parametrize("value", [None, {}, {"trs": GOOD}, {"trs": GOOD, "aligned_models": {}}, {"trs": 3}])
def test_a_scan_whose_entry_is_broken_is_refused(value: Any) -> None:
    with pytest.raises(UserError, match="Scan2CAD's"):
        placed_cads(value or {}, {})


def test_a_scan_scaled_unevenly_shears_its_cads(made: CadScan) -> None:
    entry = entry_of(made)
    entry["trs"]["scale"] = [1.0, 2.0, 1.0]
    placed, lost = placed_cads(entry, {})
    assert placed == []
    assert all("shears" in one.why for one in lost)


@pytest.mark.parametrize("content", [{}, [1], [{"id_scan": 3}], "text", 2 * [{"id_scan": "scene0000_00"}]])
def test_files_that_are_no_annotations_are_refused(content: Any, tmp_path: Path) -> None:
    write(tmp_path / "full_annotations.json", content)
    with pytest.raises(UserError, match=r"full_annotations\.json"):
        read_annotations(tmp_path / "full_annotations.json")


def test_object_ids_are_read_from_numbers_and_digits(tmp_path: Path) -> None:
    path = tmp_path / "aligned_cad2inst_id.json"
    write(path, {SCENE: {"0": 4, "7": "12"}})
    assert read_object_ids(path) == {SCENE: {0: 4, 7: 12}}
    for bad in ([], {SCENE: [1]}, {SCENE: {"a": 1}}, {SCENE: {"1": None}}, {SCENE: 3}):
        write(path, bad)
        with pytest.raises(UserError, match="aligned_cad2inst_id"):
            read_object_ids(path)
