"""A bench that was stopped goes on with what is missing alone, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trimesh

import object_tasks
from evaluation.records import ObjectScore, SceneScores
from evaluation.score_files import write_scores
from object_tasks import ObjectTask
from pipeline import Job
from scene.errors import UserError
from scene.files import stage_folder, write_json
from scripts import bench_make, bench_scores
from scripts.bench import without_out
from scripts.bench_base import Base, Options
from scripts.bench_make import Record, fuse_objects, run_program
from scripts.bench_scores import Scoring, rows_of
from scripts.bench_subjects import Subject, find_subjects
from settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def record(instance_id: int, error: str | None = None) -> Record:
    seconds = {} if error else {"fit": 2.0, "mesh": 1.0}
    return {
        "instance_id": instance_id,
        "label": "chair",
        "error": error,
        "seconds": seconds,
        "peak_memory_mb": 100.0 * instance_id,
        "mark": f"made {instance_id}",
    }


@pytest.fixture
def base(tmp_path: Path) -> Base:
    """A finished run of three objects, the last of which failed."""
    subject = Subject(tmp_path / "room_scannet", tmp_path / "truth")
    (tmp_path / "truth").mkdir()
    job = Job(subject.scan, tmp_path / "ours", Options().settings())
    folders = {k: tmp_path / f"room_scannet_obj_{k}" for k in (3, 5, 8)}
    objects = [record(3), record(5), record(8, "it failed")]
    scan: Any = SimpleNamespace(name="room")
    labels = dict.fromkeys(folders, "chair")
    return Base(subject, tmp_path, job, scan, "scan", folders, "extracted", labels, {"objects": objects})


def write_mesh(path: Path, about: dict[str, Any] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    trimesh.creation.box().export(path)
    path.with_suffix(".glb").touch()
    if about is not None:
        write_json(path.with_suffix(".json"), about)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[ObjectTask]:
    """The tasks that are really run; each leaves a mesh with its mark, except object 8's."""
    tasks: list[ObjectTask] = []

    def run_tasks(given: Sequence[ObjectTask], device: str) -> dict[int, Record]:
        tasks.extend(given)
        results = {}
        for task in given:
            results[task.instance_id] = record(task.instance_id, "it failed" if task.instance_id == 8 else None)
            if task.instance_id != 8:
                write_mesh(task.mesh, {"fingerprint": task.mark, "run": results[task.instance_id]})
        return results

    monkeypatch.setattr(object_tasks, "run_tasks", run_tasks)
    return tasks


def drained(tasks: list[Any]) -> list[Any]:
    """What is in the list, which is then empty."""
    taken, tasks[:] = list(tasks), []
    return taken


def test_the_program_makes_only_what_is_missing_or_changed(base: Base, run: list[ObjectTask]) -> None:
    settings, out = base.job.settings, base.folder("own")
    assert [one["error"] for one in run_program(base, out, settings)] == [None, None, "it failed"]
    assert [task.instance_id for task in drained(run)] == [3, 5, 8]
    (out / "meshes" / "room_obj_5.ply").unlink()  # as if the bench had been killed before it was made
    assert [one["instance_id"] for one in run_program(base, out, settings)] == [3, 5, 8]
    assert [task.instance_id for task in drained(run)] == [5, 8]
    run_program(base, out, replace(settings, mesh=replace(settings.mesh, voxel_m=0.02)))
    assert [task.instance_id for task in drained(run)] == [3, 5, 8]


def test_settings_may_be_adapted_to_what_each_object_took(base: Base, run: list[ObjectTask]) -> None:
    def adapt(settings: Settings, one: Record) -> Settings:
        return replace(settings, mesh=replace(settings.mesh, resolution=10 * one["instance_id"]))

    run_program(base, base.folder("own"), base.job.settings, adapt)
    # Object 8 did not come out at first, so there is nothing to adapt to.
    assert {task.instance_id: task.settings.mesh.resolution for task in run} == {3: 30, 5: 50}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Threads in place of processes, which would not know what a test puts in."""

    def use(module: Any, name: str, function: Callable[..., Any]) -> None:
        monkeypatch.setattr(module, "worker_pool", ThreadPoolExecutor)
        monkeypatch.setattr(module, name, function)

    return use


def test_fusion_makes_only_what_is_missing(base: Base, at_once: Callable[..., None]) -> None:
    fused: list[int] = []

    def fuse_folder(instance_id: int, training_folder: Path, path: Path, mark: str) -> Record:
        fused.append(instance_id)
        write_mesh(path, {"fingerprint": mark, "run": record(instance_id)})
        return record(instance_id)

    at_once(bench_make, "fuse_folder", fuse_folder)
    out = base.folder("fusion")
    first = fuse_objects(base, out)
    assert sorted(drained(fused)) == [3, 5]
    assert fuse_objects(base, out) == first
    assert fused == []
    (out / "meshes" / "room_obj_3.json").unlink()
    assert fuse_objects(base, out) == first
    assert fused == [3]


def test_only_changed_meshes_are_scored_again(base: Base, at_once: Callable[..., None]) -> None:
    scored: list[str] = []

    def score(scoring: Scoring) -> None:
        scored.append(scoring.out.parent.name)
        assert scoring.expected == (3, 5, 8)
        three = ObjectScore(3, "chair", "3.ply", "truth.ply", {"chamfer_m": 0.01})
        eight = ObjectScore(8, "chair", None, "truth.ply", {"f_0.02": 0.0}, ["there is no mesh of it"])
        scene = SceneScores("room", [three, eight])
        stage_folder(scoring.out, scoring.mark, lambda temporary: write_scores(temporary, [scene]))

    at_once(bench_scores, "score", score)
    made = {"fusion": [record(3), record(8, "it failed")], "ours": [record(3)]}
    for method in made:
        write_mesh(base.folder(method) / "meshes" / "room_obj_3.ply")
    rows = rows_of(base, made)
    assert [(row.instance_id, row.method) for row in rows] == [(i, m) for i in (3, 8) for m in made]
    assert rows[0].scores == {"chamfer_m": 0.01, "seconds": 3.0, "peak_memory_mb": 300.0}
    assert rows[2].scores == {"f_0.02": 0.0}
    assert sorted(drained(scored)) == ["fusion", "ours"]
    assert rows_of(base, made) == rows
    assert scored == []
    trimesh.creation.box(bounds=[[0, 0, 0], [2, 1, 1]]).export(base.folder("ours") / "meshes" / "room_obj_3.ply")
    rows_of(base, made)
    assert scored == ["ours"]


def test_the_command_on_the_page_names_no_folder_of_this_machine() -> None:
    words = ["--out", "/tmp/here", "--generated", "10", "--out=/tmp/there", "--variant", "out=mesh.voxel_m=0.02"]
    assert without_out(words) == ["--generated", "10", "--variant", "out=mesh.voxel_m=0.02"]


def test_rooms_without_true_meshes_and_unknown_names_are_refused(tmp_path: Path) -> None:
    (tmp_path / "scannet" / "room_scannet").mkdir(parents=True)
    with pytest.raises(UserError, match="no such folder of true meshes"):
        find_subjects(tmp_path, None, None)
    (tmp_path / "truth" / "room").mkdir(parents=True)
    assert [one.name for one in find_subjects(tmp_path, None, ["room"])] == ["room"]
    with pytest.raises(UserError, match="--only hall: is not among the scans: room"):
        find_subjects(tmp_path, None, ["hall"])


# A bench whose reconstruct.py is a child that tells its process id and waits to be ended.
BENCH = """
import signal, sys
from pathlib import Path
from scene.runlog import run_cli
from scripts import bench, bench_base
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
bench.find_subjects = lambda *given: [bench.Subject(Path("room_scannet"))]
child = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
bench.reconstruct = lambda *given: bench_base.run_to_end([sys.executable, "-c", child])
sys.argv = ["bench", "--out", sys.argv[1]]
run_cli(bench.main)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_ends_the_bench_ends_what_it_started(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-c", BENCH, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True) as bench:
        assert bench.stderr is not None
        child = next(int(line) for line in bench.stderr if line.strip().isdecimal())
        os.kill(bench.pid, number)  # the bench alone: the child hears nothing of it
        told = bench.stderr.read()
        assert bench.wait(timeout=20) == 130
    assert "the same command goes on from here" in told
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
