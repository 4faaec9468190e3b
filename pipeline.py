"""The whole way from a scan to meshes, scores and a page, stage by stage; each does only what is missing or changed.

A stage's output carries the fingerprint of what it was made from: the scan's files, the settings it reads, the seed and
the program's version.  Objects are worked on side by side, each in a process of its own with one thread, so that the
result depends neither on the number of cores nor on the other objects.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from scene.config import to_dict
from scene.errors import UserError
from scene.files import fingerprint, is_current, read_json, stage_folder, write_json
from scene.records import Scan
from scene.runlog import Countdown, Stopwatch, log, peak_memory_mb, provenance, set_up_logging
from scene.scannet import open_scan
from settings import Settings

FORMAT = 1  # raised when the same settings give other results


@dataclass(frozen=True)
class Job:
    """One run: what, where to, and how."""

    scan_folder: Path
    out: Path
    settings: Settings
    objects: tuple[int, ...] | None = None  # instance ids; none: all that are not background
    truth: Path | None = None  # the scene's folder of true meshes
    seed: int = 0
    device: str = "cpu"

    @property
    def work(self) -> Path:
        return self.out / "work"


@dataclass(frozen=True)
class ObjectTask:
    """What one object's process is told."""

    instance_id: int
    object_folder: Path
    training_folder: Path
    fit_folder: Path
    mesh: Path
    settings: Settings
    seed: int
    device: str
    mark: str


def run(job: Job) -> int:
    """Run what is missing; returns how many objects failed.  Raises UserError when the run cannot go on."""
    watch = Stopwatch()
    with watch.stage("open"):
        scan, scan_mark = open_with_instances(job)
    with watch.stage("extract"):
        folders, extract_mark = extract_objects(job, scan, scan_mark)
    with watch.stage("reconstruct"):
        results = reconstruct_objects(job, folders, extract_mark)
    outcome = [[one["mark"], one["error"]] for one in results]
    meshes_mark = fingerprint([extract_mark, to_dict(job.settings), job.seed, outcome])
    return finish(job, scan, results, meshes_mark, watch)


def scan_fingerprint(folder: Path) -> str:
    """Names, sizes and times of all files of a scan: reading every byte of a long one would take minutes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return fingerprint([[str(f.relative_to(folder)), f.stat().st_size, f.stat().st_mtime_ns] for f in files])


def open_with_instances(job: Job) -> tuple[Scan, str]:
    """The scan, with instances found from its geometry where it has none; and the fingerprint of both."""
    scan = open_scan(job.scan_folder)
    mark = fingerprint([FORMAT, scan_fingerprint(job.scan_folder)])
    if scan.instances:
        return scan, mark
    from preprocess.segment_scan import segment

    segment_settings = job.settings.segment
    mark = fingerprint([mark, to_dict(segment_settings)])
    folder = job.work / "instances"
    if not is_current(folder, mark):
        log.info("%s has no instance masks; finding its objects", scan.name)
    stage_folder(folder, mark, lambda temporary: segment(scan, temporary, segment_settings))
    return open_scan(job.scan_folder, folder), mark


def extract_objects(job: Job, scan: Scan, scan_mark: str) -> tuple[dict[int, Path], str]:
    """Object folders by instance id; and the fingerprint that any one of them depends on."""
    from preprocess.object_mask_with_clip import extract

    mark = fingerprint([scan_mark, to_dict(job.settings.extract)])
    root = job.work / "objects"
    chosen = fingerprint([mark, job.objects])

    def make(temporary: Path) -> None:
        extract(scan, temporary, job.settings.extract, job.objects)

    stage_folder(root, chosen, make)
    names = sorted((path for path in root.iterdir() if path.is_dir()), key=_instance_id)
    if not names:
        raise UserError(f"{job.scan_folder}: no frame shows any of its objects large enough to be reconstructed")
    return {_instance_id(path): path for path in names}, mark


def reconstruct_objects(job: Job, folders: dict[int, Path], extract_mark: str) -> list[dict[str, Any]]:
    """One record an object: label, seconds, memory, marks, and the error where it failed."""
    settings = job.settings
    made_from = {key: to_dict(getattr(settings, key)) for key in ("prepare", "fit", "mesh")}
    tasks = []
    for instance_id, folder in folders.items():
        name = folder.name.replace("_scannet_obj_", "_obj_")
        tasks.append(
            ObjectTask(
                instance_id,
                folder,
                job.work / "training" / folder.name,
                job.work / "fit" / folder.name,
                job.out / "meshes" / f"{name}.ply",
                settings,
                job.seed,
                job.device,
                fingerprint([extract_mark, instance_id, made_from, job.seed]),
            )
        )
    _remove_strangers(job.out / "meshes", {task.mesh.stem for task in tasks})
    results = {task.instance_id: done for task in tasks if (done := finished(task)) is not None}
    missing = [task for task in tasks if task.instance_id not in results]
    results.update(_in_processes(missing, job.device))
    return [results[task.instance_id] for task in tasks]


def finished(task: ObjectTask) -> dict[str, Any] | None:
    """The record of an object whose mesh is there and current."""
    sidecar = task.mesh.with_suffix(".json")
    if not (sidecar.is_file() and task.mesh.is_file() and task.mesh.with_suffix(".glb").is_file()):
        return None
    record = read_json(sidecar)
    return record.get("run") if isinstance(record, dict) and record.get("fingerprint") == task.mark else None


def reconstruct_object(task: ObjectTask) -> dict[str, Any]:
    """One object, from its folder to its saved mesh.  Runs in a process of its own."""
    import numba
    import torch

    from preprocess.training_folder import prepare
    from scene.mesh import save_mesh
    from scene.object_folder import read_training_folder
    from scene.view_notes import read_notes
    from training.extract_mesh import mesh_of_field
    from training.trainer import fit

    torch.set_num_threads(1)
    numba.set_num_threads(1)
    torch.use_deterministic_algorithms(task.device == "cpu")
    watch = Stopwatch()
    with watch.stage("prepare"):
        prepare_mark = fingerprint([task.mark, "prepare"])
        stage_folder(
            task.training_folder,
            prepare_mark,
            lambda temporary: prepare(task.object_folder, temporary, task.settings.prepare),
        )
        views = dataclasses.replace(read_training_folder(task.training_folder), name=task.object_folder.name)
    with watch.stage("fit"):
        if not is_current(task.fit_folder, task.mark):
            shutil.rmtree(task.fit_folder, ignore_errors=True)
            write_json(task.fit_folder / "fingerprint.json", {"fingerprint": task.mark})
        field = fit(views, task.settings.fit, task.fit_folder, task.device, task.seed)
    with watch.stage("mesh"):
        mesh = mesh_of_field(field, task.settings.mesh, views.world_from_normalized, torch.device(task.device))
    record = {
        "instance_id": task.instance_id,
        "label": views.label,
        "error": None,
        "marks": list(read_notes(task.training_folder, range(len(views))).marks),
        "seconds": {stage["stage"]: stage["seconds"] for stage in watch.stages},
        "peak_memory_mb": round(peak_memory_mb(), 1),
        "mark": task.mark,
    }
    about = {"object": views.name, "label": views.label, "fingerprint": task.mark, "run": record}
    save_mesh(task.mesh, mesh, views.up, about)
    return record


def finish(job: Job, scan: Scan, results: Sequence[dict[str, Any]], mark: str, watch: Stopwatch) -> int:
    """Scores, provenance and the page; returns how many objects failed."""
    failed = [one for one in results if one["error"]]
    truth_mark = None if job.truth is None else fingerprint([str(job.truth)], [job.truth])
    page_mark = fingerprint([mark, truth_mark])
    if is_current(job.out / "report", page_mark):
        log.info("%s: everything is there already", job.out)
        return len(failed)
    from evaluation.measures import write_scores
    from evaluation.report import build_report
    from evaluation.scoring import score_scene
    from evaluation.views import views_of_scan

    with watch.stage("score"):
        views = views_of_scan(scan, job.settings.score.max_frames)
        labels = {one["instance_id"]: one["label"] for one in results}
        scene = score_scene(scan.name, job.out / "meshes", job.truth, views, job.settings.score, labels, only=[*labels])
        write_scores(job.out, [scene])
    record = {
        "scan": str(job.scan_folder.resolve()),
        "seed": job.seed,
        "device": job.device,
        "settings": to_dict(job.settings),
        "provenance": provenance(),
        "fingerprint": mark,
        "stages": watch.stages,
        "objects": list(results),
    }
    write_json(job.out / "run.json", record)
    with watch.stage("report"):
        build_report(job.out, scan, job.settings.report)
    write_json(job.out / "run.json", {**record, "stages": watch.stages})
    write_json(job.out / "report" / "fingerprint.json", {"fingerprint": page_mark})
    return len(failed)


def _in_processes(tasks: Sequence[ObjectTask], device: str) -> dict[int, dict[str, Any]]:
    """Run the tasks side by side; one that fails becomes a record with its error."""
    if not tasks:
        return {}
    workers = 1 if device != "cpu" else min(len(tasks), os.cpu_count() or 1)
    results: dict[int, dict[str, Any]] = {}
    countdown = Countdown("objects", len(tasks))
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=set_up_logging)
    try:
        futures: dict[Future[dict[str, Any]], ObjectTask] = {
            pool.submit(reconstruct_object, task): task for task in tasks
        }
        for future in as_completed(futures):
            task = futures[future]
            error = future.exception()
            if error is None:
                results[task.instance_id] = future.result()
            else:
                results[task.instance_id] = _failure(task, error)
                log.error("object %d failed: %s", task.instance_id, results[task.instance_id]["error"])
            countdown.done(task.object_folder.name)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return results


def _failure(task: ObjectTask, error: BaseException) -> dict[str, Any]:
    """The record of an object that failed; an error that is no user's keeps its type's name."""
    if isinstance(error, BrokenProcessPool):
        text = "its process was stopped from outside, most likely for want of memory; try --set mesh.voxel_m=0.02"
    else:
        text = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        log.debug("object %d", task.instance_id, exc_info=error)
    label = task.object_folder / "semantic.txt"
    name = label.read_text(encoding="utf-8").strip() if label.is_file() else "object"
    return {
        "instance_id": task.instance_id,
        "label": name,
        "error": text,
        "marks": [],
        "seconds": {},
        "mark": task.mark,
    }


def _remove_strangers(meshes: Path, wanted: set[str]) -> None:
    """Meshes of an earlier run with other objects would be scored and shown beside this run's."""
    for path in meshes.glob("*_obj_*"):
        if path.suffix in (".ply", ".glb", ".json") and path.stem not in wanted:
            path.unlink()


def _instance_id(folder: Path) -> int:
    return int(folder.name.rpartition("_")[2])
