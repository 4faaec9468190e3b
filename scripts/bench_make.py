"""How a method's meshes are made: by the program with other settings, or by fusing each object's views.

Both do only what is missing or changed, as the program itself does, and both give a record an object: its error, its
seconds and the most memory that its process held.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

from scene.errors import UserError
from scene.files import atomic_file, fingerprint, read_json, write_json
from scene.runlog import Stopwatch, log, peak_memory_mb
from scene.workers import worker_pool
from scripts.bench_base import ROOT, Base
from settings import Settings

Record = dict[str, Any]  # as object_tasks has them; here instance_id, error, seconds and peak_memory_mb are read
Adapt = Callable[[Settings, Record], Settings]


def run_program(base: Base, out: Path, settings: Settings, adapt: Adapt | None = None) -> list[Record]:
    """The program's own way from object folders to meshes in ``out/meshes``, with other settings.

    ``adapt`` is told the record of the object as it came out at first, and may change its settings; objects that did
    not come out are then left out.
    """
    from object_tasks import finished, remove_mesh, run_tasks
    from pipeline import extract_objects, object_task, refuse_unknown_names

    refuse_unknown_names(settings)
    job = replace(base.job, out=out, settings=settings)
    folders, extract_mark = base.folders, base.extract_mark
    if settings.extract != base.job.settings.extract:
        folders, extract_mark = extract_objects(job, base.scan, base.scan_mark, Stopwatch())
    tasks = []
    for instance_id, folder in folders.items():
        if adapt is None:
            tasks.append(object_task(job, instance_id, folder, extract_mark))
        elif instance_id in base.made:
            own = replace(job, settings=adapt(settings, base.made[instance_id]))
            tasks.append(object_task(own, instance_id, folder, extract_mark))
    results = {task.instance_id: done for task in tasks if (done := finished(task)) is not None}
    missing = [task for task in tasks if task.instance_id not in results]
    for task in missing:  # or an object that fails now would be scored by its mesh of an earlier run
        remove_mesh(task.mesh)
    results.update(run_tasks(missing, job.device))
    return [results[task.instance_id] for task in tasks]


def fuse_objects(base: Base, out: Path) -> list[Record]:
    """Fuse every object's training folder to ``out/meshes``, each in its own process, as many at once as objects are
    reconstructed."""
    from object_tasks import worker_count

    results: dict[int, Record] = {}
    missing = []
    for instance_id, record in base.made.items():
        path = out / "meshes" / f"{base.scan.name}_obj_{instance_id}.ply"
        mark = fingerprint([record["mark"]], [ROOT / "evaluation" / "baselines.py"])
        if (done := _fused(path, mark)) is not None:
            results[instance_id] = done
            continue
        path.unlink(missing_ok=True)
        missing.append((instance_id, base.training_folder(instance_id), path, mark))
    with worker_pool(worker_count(len(missing))) as pool:
        futures = {pool.submit(fuse_folder, *one): one[0] for one in missing}
        for future in as_completed(futures):
            instance_id = futures[future]
            try:
                results[instance_id] = future.result()
            except UserError as error:  # the object then has no mesh, which its row says
                log.warning("%s", error)
                results[instance_id] = {"instance_id": instance_id, "error": str(error)}
    return [results[instance_id] for instance_id in sorted(results)]


def _fused(path: Path, mark: str) -> Record | None:
    """The record of a fused mesh that is there and current."""
    sidecar = path.with_suffix(".json")
    if not (path.is_file() and sidecar.is_file()):
        return None
    about = read_json(sidecar)
    return about["run"] if about.get("fingerprint") == mark else None


def fuse_folder(instance_id: int, training_folder: Path, path: Path, mark: str) -> Record:
    """Fuse one object; the seconds run from its training folder to the written mesh."""
    from evaluation.baselines import fuse_object
    from scene.object_folder import read_training_folder

    start = time.perf_counter()
    mesh = fuse_object(read_training_folder(training_folder))
    with atomic_file(path) as temporary:
        mesh.export(temporary)
    seconds = {"fuse": round(time.perf_counter() - start, 3)}
    record = {
        "instance_id": instance_id,
        "error": None,
        "seconds": seconds,
        "peak_memory_mb": round(peak_memory_mb(), 1),
    }
    write_json(path.with_suffix(".json"), {"fingerprint": mark, "run": record})
    return record
