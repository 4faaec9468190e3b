"""The whole way on a tiny scan: what it writes, what a second run does, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trimesh

from scene.mesh import load_mesh
from tests.scene.tiny_scan import tiny_room, write_tiny_scan

ROOT = Path(__file__).resolve().parents[1]
QUICK = [
    "fit.evidence.voxel_m=0.03",
    "fit.evidence.min_voxels_across=30",
    "fit.phases.geometry.steps=60",
    "fit.phases.geometry.count=1024",
    "fit.phases.refinement.steps=2",
    "fit.phases.refinement.count=64",
    "fit.points.pool=20000",
    "mesh.voxel_m=0.04",
    "score.samples=5000",
]


def reconstruct(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "reconstruct.py"), *map(str, arguments)]
    for setting in QUICK:
        command += ["--set", setting]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NUMBA_NUM_THREADS": "2"})


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A tiny scan, the true meshes, and a finished run."""
    root = tmp_path_factory.mktemp("whole_way")
    scan, truth, out = root / "scene0001_00_scannet", root / "truth", root / "out"
    write_tiny_scan(scan, frames=8)
    truth.mkdir()
    for instance_id, mesh in tiny_room().meshes.items():
        if instance_id > 1:
            mesh.export(truth / f"obj_{instance_id - 1}.ply")
    run = reconstruct(scan, "--out", out, "--truth", truth)
    assert run.returncode == 0, run.stderr
    return scan, truth, out


def test_a_scan_becomes_watertight_meshes_scores_and_a_page(done: tuple[Path, Path, Path]) -> None:
    _, _, out = done
    for instance_id, true_extent in ((2, (1.0, 0.6, 0.8)), (3, (0.4, 0.3, 0.3))):
        path = out / "meshes" / f"scene0001_00_obj_{instance_id}.ply"
        mesh = load_mesh(path)
        assert mesh.is_watertight
        assert mesh.volume > 0
        assert mesh.body_count == 1
        for extent, true in zip(mesh.extents, true_extent, strict=True):
            assert extent == pytest.approx(true, abs=0.12)
        about = json.loads(path.with_suffix(".json").read_text())
        assert about["units"] == "m"
        assert trimesh.load(path.with_suffix(".glb"), force="mesh").extents[1] == pytest.approx(
            mesh.extents[2], abs=1e-3
        ), "+y is up in a GLB"
    scores = json.loads((out / "scores.json").read_text())["scenes"][0]["objects"]
    assert all(one["scores"]["f_0.1"] > 0.9 for one in scores)
    run = json.loads((out / "run.json").read_text())
    assert {stage["stage"] for stage in run["stages"]} >= {"open", "extract", "reconstruct", "score", "report"}
    assert run["seed"] == 0
    assert run["settings"]["mesh"]["voxel_m"] == 0.04
    assert (out / "report" / "index.html").stat().st_size > 100_000


def test_the_same_again_does_nothing_and_the_same_elsewhere_gives_the_same_bytes(
    done: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    scan, truth, out = done
    mesh = out / "meshes" / "scene0001_00_obj_3.ply"
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    again = reconstruct(scan, "--out", out, "--truth", truth)
    assert again.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before
    other = reconstruct(scan, "--out", tmp_path / "other", "--objects", "3")
    assert other.returncode == 0, other.stderr
    assert (tmp_path / "other" / "meshes" / mesh.name).read_bytes() == mesh.read_bytes()
    assert sorted(path.name for path in (tmp_path / "other" / "meshes").glob("*.ply")) == [mesh.name]


def test_a_resumed_run_keeps_the_record_of_who_did_the_work(done: tuple[Path, Path, Path], tmp_path: Path) -> None:
    scan, truth, out = done
    resumed = tmp_path / "resumed"
    shutil.copytree(out, resumed)
    for name in ("meshes/scene0001_00_obj_3.json", "run.json"):  # as if killed before the second object was saved
        (resumed / name).unlink()
    assert reconstruct(scan, "--out", resumed, "--truth", truth).returncode == 0
    first, then = (
        {stage["stage"]: stage for stage in json.loads((folder / "run.json").read_text())["stages"]}
        for folder in (out, resumed)
    )
    assert not any("earlier_run" in stage for stage in first.values())
    assert [name for name, stage in then.items() if "earlier_run" in stage] == ["extract", "reconstruct"]
    assert then["extract"]["seconds"] == pytest.approx(first["extract"]["seconds"], rel=0.5)
    # The mesh that lacked its record was made again from its finished fit; what both took before still counts.
    records = [json.loads(path.read_text())["run"] for path in sorted((resumed / "meshes").glob("*.json"))]
    assert [len(record["worked"]) for record in records] == [1, 2]
    assert records[1]["seconds"]["earlier runs"] > 0.5
    worked = [end - begin for record in records for begin, end in record["worked"]]
    assert max(worked) < then["reconstruct"]["seconds"] <= sum(worked) + 0.01


def test_an_object_that_fails_is_named_and_the_others_are_done(done: tuple[Path, Path, Path], tmp_path: Path) -> None:
    scan = done[0]
    broken = tmp_path / "broken"
    assert reconstruct(scan, "--out", broken, "--objects", "3").returncode == 0
    # What a broken disk leaves: an object folder without its images.
    objects = broken / "work" / "objects"
    for image in (objects / "scene0001_00_scannet_obj_3" / "depth").iterdir():
        image.write_bytes(b"")
    for path in [*(broken / "meshes").iterdir(), *(broken / "work" / "training").glob("*/fingerprint.json")]:
        path.unlink()
    run = reconstruct(scan, "--out", broken, "--objects", "3")
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert "object 3 failed" in run.stderr
    record = json.loads((broken / "run.json").read_text())["objects"][0]
    assert record["error"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--objects", "9"], "there is no object 9"),
        (["--set", "nonsense"], "--set nonsense: write it as key=value, for example --set mesh.voxel_m=0.005"),
        (["--set", "fit.prior.symmetry.enabled=false"], "did you mean fit.priors?"),
        (["--set", "fit.priors.symetry.enabled=true"], "did you mean 'symmetry'?"),
        (["--device", "cuda:7"], "is not to be had here"),
        (["--truth", "nowhere"], "holds no true surfaces of"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence(
    done: tuple[Path, Path, Path], tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    run = reconstruct(done[0], "--out", tmp_path / "out", *arguments)
    assert run.returncode == 2
    assert sentence in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "out").exists(), "what was refused leaves no folders"


def test_another_scene_s_meshes_are_left_alone(done: tuple[Path, Path, Path], tmp_path: Path) -> None:
    mesh = tmp_path / "out" / "meshes" / "office_01_obj_3.ply"
    mesh.parent.mkdir(parents=True)
    mesh.write_bytes(b"ply")
    run = reconstruct(done[0], "--out", tmp_path / "out")
    assert run.returncode == 2
    assert "holds a run of office_01; give another --out for scene0001_00" in run.stderr
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == [mesh.name]


def test_a_missing_scan_and_a_target_that_cannot_be_written(done: tuple[Path, Path, Path], tmp_path: Path) -> None:
    missing = reconstruct(tmp_path / "no_such_scan", "--out", tmp_path / "out")
    assert missing.returncode == 2
    assert "there is no such folder" in missing.stderr
    (tmp_path / "file").write_text("not a folder")
    blocked = reconstruct(done[0], "--out", tmp_path / "file")
    assert blocked.returncode == 2
    assert "cannot be written" in blocked.stderr
    assert "Traceback" not in blocked.stderr
