"""One object from its folder to its saved mesh, and many of them side by side.

Each object has a process and a thread of its own, so that its mesh depends neither on the number of cores nor on the
other objects, and one that fails, or is killed for want of memory, harms no other.
"""

from __future__ import annotations

import dataclasses
import math
import os
import shutil
import time
import traceback
from collections.abc import Iterable, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import parts
from scene.errors import UserError
from scene.files import fingerprint, is_current, read_json, stage_folder, write_json, write_text
from scene.runlog import Countdown, Stopwatch, available_memory, covered, log, peak_memory_mb
from scene.workers import warm_up, worker_pool
from settings import Settings

# Of 23 objects with truth in three rooms, the three of which less was seen had an F@2cm of 58 to 72 %.
_SURE_SHARE = 0.4
# What an object's process would spend seconds to import; torch's optimisers import its compiler when first made.
_IMPORTS = (
    *("evaluation.views", "evaluation.visibility", "preprocess.training_folder", "scene.mesh", "scene.object_folder"),
    *("training.confidence", "training.extract_mesh", "training.trainer", "training.priors.learned", "torch._dynamo"),
)
_MEMORY_A_PROCESS = 2 << 30  # bytes; without pretrained networks none has been seen to need more
_KILLED = (
    "its process was killed, most likely for want of memory; try --set mesh.voxel_m=0.02, and fewer pretrained "
    "networks where some are used"
)
# Of one object: label, seconds, memory, when it was worked on (Unix seconds), marks, and the error where it failed.
Record = dict[str, Any]


@dataclass(frozen=True)
class ObjectTask:
    """What one object's process is told; the marks are fingerprints of what each step is made from."""

    instance_id: int
    object_folder: Path
    training_folder: Path
    fit_folder: Path
    mesh: Path
    settings: Settings
    seed: int
    device: str
    prepare_mark: str
    fit_mark: str
    mark: str


def finished(task: ObjectTask) -> Record | None:
    """The record of an object whose mesh is there and current."""
    sidecar = task.mesh.with_suffix(".json")
    if not (sidecar.is_file() and task.mesh.is_file() and task.mesh.with_suffix(".glb").is_file()):
        return None
    record = read_json(sidecar)
    return record.get("run") if isinstance(record, dict) and record.get("fingerprint") == task.mark else None


def remove_mesh(mesh: Path) -> None:
    """Remove a mesh and what lies beside it, the sidecar first: without it the rest counts for nothing."""
    for suffix in (".json", ".glb", ".ply"):
        mesh.with_suffix(suffix).unlink(missing_ok=True)


def reconstruct_object(task: ObjectTask) -> Record:
    """One object, from its folder to its saved mesh; does only what is missing."""
    watch, began = Stopwatch(), time.time()
    with watch.stage("load"):
        import cv2
        import numba
        import torch

        from evaluation.views import views_of_object
        from evaluation.visibility import surface_seen
        from preprocess.training_folder import prepare
        from scene.mesh import save_mesh, surface_mean
        from scene.object_folder import read_training_folder
        from scene.view_notes import read_notes
        from training.confidence import tell_confidence
        from training.extract_mesh import mesh_of_field
        from training.trainer import fit

        torch.set_num_threads(1)
        numba.set_num_threads(1)
        cv2.setNumThreads(1)
    with watch.stage("prepare"):
        stage_folder(
            task.training_folder,
            task.prepare_mark,
            lambda to: prepare(
                task.object_folder, to, task.settings.prepare, parts.learned_of(task.settings, task.device)
            ),
        )
        views = dataclasses.replace(read_training_folder(task.training_folder), name=task.object_folder.name)
    with watch.stage("fit"):
        if not is_current(task.fit_folder, task.fit_mark):
            shutil.rmtree(task.fit_folder, ignore_errors=True)
            write_json(task.fit_folder / "fingerprint.json", {"fingerprint": task.fit_mark})
        earlier = begin_session(task.fit_folder, began)
        clip = parts.clip_of_fit(task.settings, task.device)
        field = fit(views, task.settings.fit, task.fit_folder, task.device, task.seed, clip=clip)
    with watch.stage("mesh"):
        mesh = mesh_of_field(field, task.settings.mesh, views.world_from_normalized, torch.device(task.device))
        tell_confidence(mesh, views, task.settings.fit, task.fit_folder)
        marks = list(read_notes(task.training_folder, range(len(views))).marks)
        marks += _mark_of(surface_seen(mesh, views_of_object(views, task.instance_id)), views.name)
    record = {
        "instance_id": task.instance_id,
        "label": views.label,
        "error": None,
        "marks": marks,
        "surface": {name: surface_mean(mesh, name) for name in ("seen", "confidence")},
        "seconds": {"earlier runs": round(covered(earlier), 3)}
        | {one["stage"]: one["seconds"] for one in watch.stages},
        "peak_memory_mb": round(peak_memory_mb(), 1),
        "worked": [*earlier, (round(began, 3), round(time.time(), 3))],
        "mark": task.mark,
    }
    about = {"object": views.name, "label": views.label, "fingerprint": task.mark, "run": record}
    save_mesh(task.mesh, mesh, views.up, about)
    return record


def begin_session(fit_folder: Path, began: float) -> list[tuple[float, float]]:
    """Note that work on a fit begins, and return when earlier sessions, killed or finished, worked on the same fit.

    Such a session is taken to have ended with the last file that it left there.
    """
    path = fit_folder / "sessions.json"
    before = [(float(begin), float(end)) for begin, end in read_json(path)] if path.is_file() else []
    if before:
        left = max(file.stat().st_mtime for file in fit_folder.rglob("*") if file.is_file())
        before[-1] = (before[-1][0], round(max(before[-1][0], left), 3))
    write_json(path, [*before, (round(began, 3), round(began, 3))])
    return before


def _mark_of(share: float, name: str) -> list[str]:
    """The mark on a mesh of which its views saw so small a share."""
    if share >= _SURE_SHARE:
        return []
    guess = math.ceil(100 * (1 - share))  # rounded up, or it could read as little enough
    mark = f"little of it was seen: {guess}% of its surface is a guess (at most {1 - _SURE_SHARE:.0%} is wanted)"
    log.warning("%s may have come out badly: %s", name, mark)
    return [mark]


def past_cost(records: Iterable[Record]) -> dict[str, float]:
    """What making these objects took, whichever runs did it: the time in which any was worked on, and peak memory."""
    made = [record for record in records if "worked" in record]
    seconds = covered((begin, end) for record in made for begin, end in record["worked"])
    return {"seconds": seconds, "peak_memory_mb": max((record["peak_memory_mb"] for record in made), default=0.0)}


def warm_up_tasks() -> None:
    """Begin in the background what every object's process needs, where objects are sure to come."""
    warm_up(_IMPORTS)


def run_tasks(tasks: Sequence[ObjectTask], device: str) -> dict[int, Record]:
    """Run the tasks side by side, by instance id; one that fails becomes a record with its error."""
    if tasks:
        warm_up_tasks()
    countdown = Countdown("objects", len(tasks))
    results: dict[int, Record] = {}
    memory = max((parts.memory_of(task.settings) for task in tasks), default=_MEMORY_A_PROCESS)
    workers = 1 if device != "cpu" else worker_count(len(tasks), memory)
    killed = _run(tasks, workers, results, countdown)
    # A process killed from outside takes the whole pool down: what was lost is tried again, one at a time.
    for task in killed:
        if _run([task], 1, results, countdown):
            results[task.instance_id] = _failure(task, UserError(_KILLED))
            countdown.done(task.object_folder.name)
    return results


def worker_count(tasks: int, memory: int = _MEMORY_A_PROCESS) -> int:
    """As many processes as there are tasks, cores this process may use, and memory for (bytes each)."""
    return max(1, min(tasks, len(os.sched_getaffinity(0)), available_memory() // memory))


def _run(
    tasks: Sequence[ObjectTask], workers: int, results: dict[int, Record], countdown: Countdown
) -> list[ObjectTask]:
    """Fill ``results``; returns the tasks that were lost because a process was killed."""
    if not tasks:
        return []
    killed: list[ObjectTask] = []
    with worker_pool(workers) as pool:
        futures = {pool.submit(reconstruct_object, task): task for task in tasks}
        for future in as_completed(futures):
            task, error = futures[future], future.exception()
            if isinstance(error, BrokenProcessPool):
                killed.append(task)
                continue
            if error is None:
                results[task.instance_id] = future.result()
            elif isinstance(error, Exception):
                results[task.instance_id] = _failure(task, error)
            else:
                raise error
            countdown.done(task.object_folder.name)
    return killed


def _failure(task: ObjectTask, error: Exception) -> Record:
    """The record of an object that failed; where it is no user's error, its traceback lies beside the fit."""
    text = str(error)
    if not isinstance(error, UserError):
        path = task.fit_folder.with_suffix(".error.txt")
        write_text(path, "".join(traceback.format_exception(error)))
        text = f"{type(error).__name__}: {error}; {path} says where"
    log.error("object %d failed: %s", task.instance_id, text)
    label = task.object_folder / "semantic.txt"
    name = label.read_text(encoding="utf-8").strip() if label.is_file() else "object"
    mark = fingerprint([task.mark, text])
    return {"instance_id": task.instance_id, "label": name, "error": text, "marks": [], "seconds": {}, "mark": mark}
