"""The whole way from a scan to meshes, scores and a page, stage by stage; each does only what is missing or changed.

A stage's output carries the fingerprint of what it was made from: the scan's files, the settings it reads, the seed and
the program's source.  Objects are worked on side by side (``object_tasks``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from object_tasks import ObjectTask, finished, past_cost, remove_mesh, run_tasks, warm_up_tasks
from parts import choose_parts, extraction_mark, looks_of, preparing_mark, weights_of_fit
from scene.config import to_dict
from scene.errors import UserError
from scene.files import fingerprint, folders_in, is_current, stage_cost, stage_folder, write_json
from scene.records import Scan
from scene.runlog import Stopwatch, log, provenance
from scene.scannet import open_scan
from settings import Settings

ROOT = Path(__file__).resolve().parent
# Folders and files whose source decides what comes out.
_PROGRAM = (
    *("scene", "preprocess", "models", "training", "object_tasks.py", "parts.py"),
    *("evaluation/visibility.py", "evaluation/sampling.py"),  # of the mark how little of a mesh was seen
)
_SOURCE = (".py", ".j2", ".js", ".css")  # of scores and page
_INPUTS = ("color", "depth", "pose", "intrinsic", "instance-filt", "label-filt")  # of a scan; its output may lie beside
_SCORES = ("scores.json", "scores.csv", "scores_means.csv", "scores.txt", "scores.tex")
_RESULTS = (*_SCORES, "run.json", "report/index.html")


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


def run(job: Job) -> int:
    """Run what is missing; returns how many objects failed.  Raises UserError when the run cannot go on."""
    refuse_unknown_names(job.settings)
    chosen, parts = choose_parts(job.settings)
    job = replace(job, settings=chosen)
    watch = Stopwatch()
    with watch.stage("open"):
        scan, scan_mark = open_with_instances(job, watch)
    with watch.stage("extract"):
        folders, extract_mark = extract_objects(job, scan, scan_mark, watch)
    with watch.stage("reconstruct"):
        results = reconstruct_objects(job, folders, extract_mark, watch)
    outcome = [[one["mark"], one["error"]] for one in results]
    mark = fingerprint([to_dict(job.settings), parts, job.seed, outcome])
    return finish(job, scan, results, parts, mark, watch)


def refuse_unknown_names(settings: Settings) -> None:
    """Raise UserError for a prior or a loss that does not exist, before any work is begun."""
    from models.losses import loss_term
    from training.priors import prior

    prior.find({name: one.options for name, one in settings.fit.priors.items()})
    for phase in settings.fit.phases.values():
        loss_term.find({name: phase.loss(name).options for name in phase.losses})


def refuse_other_scene(out: Path, scene: str) -> None:
    """Raise UserError where the meshes of another scene lie: they would be taken away."""
    others = sorted({path.stem.rpartition("_obj_")[0] for path in (out / "meshes").glob("*_obj_*.ply")} - {scene})
    if others:
        raise UserError(f"{out}: holds a run of {', '.join(others)}; give another --out for {scene}")


def input_fingerprint(folder: Path) -> str:
    """The program's source, and names, sizes and times of a scan's files: reading all of a long one takes minutes."""
    program = [path for name in _PROGRAM for path in [ROOT / name, *sorted((ROOT / name).rglob("*"))]]
    source = [path for path in program if path.suffix in (".py", ".safetensors", ".json", ".txt")]
    files = [path for name in _INPUTS for path in sorted((folder / name).glob("*")) if path.is_file()]
    files += sorted(path for path in folder.glob("*") if path.is_file())
    files += sorted(folder.resolve().parent.glob("*.tsv"))
    about = [[path.parent.name, path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    return fingerprint([fingerprint(0, source), about])


def open_with_instances(job: Job, watch: Stopwatch) -> tuple[Scan, str]:
    """The scan, with instances found from its geometry where it has none; and the fingerprint of both."""
    scan = open_scan(job.scan_folder)
    refuse_other_scene(job.out, scan.name)
    mark = input_fingerprint(job.scan_folder)
    if scan.instances:
        return scan, mark
    from preprocess.segment_scan import segment

    segment_settings = job.settings.segment
    mark = fingerprint([mark, to_dict(segment_settings)])
    folder = job.work / "instances"
    if not is_current(folder, mark):
        log.info("%s has no instance masks; finding its objects", scan.name)
    if not stage_folder(folder, mark, lambda temporary: segment(scan, temporary, segment_settings)):
        _recall(watch, folder)
    return open_scan(job.scan_folder, folder), mark


def extract_objects(job: Job, scan: Scan, scan_mark: str, watch: Stopwatch) -> tuple[dict[int, Path], str]:
    """Object folders by instance id; and the fingerprint that any one of them depends on."""
    from preprocess.hand_made import keep_hand_made
    from preprocess.object_mask_with_clip import choose_objects, extract

    choose_objects(scan, job.settings.extract, job.objects)  # refuses a wrong id before any folder is made
    mark = fingerprint([scan_mark, to_dict(job.settings.extract), extraction_mark(job.settings)])
    root = job.work / "objects"
    chosen = fingerprint([mark, job.objects])

    def make(temporary: Path) -> None:
        warm_up_tasks()
        extract(scan, temporary, job.settings.extract, job.objects, **looks_of(job.settings, job.device))
        before = folders_in(root) if root.is_dir() else []
        keep_hand_made({folder: temporary / folder.name for folder in before})

    if not stage_folder(root, chosen, make):
        _recall(watch, root)
    names = sorted(folders_in(root), key=_instance_id)
    if not names:
        raise UserError(f"{job.scan_folder}: no frame shows any of its objects large enough to be reconstructed")
    return {_instance_id(path): path for path in names}, mark


def object_task(job: Job, instance_id: int, folder: Path, extract_mark: str) -> ObjectTask:
    """What is to be done to one object folder, and the marks of each step's output."""
    from preprocess.hand_made import hand_made

    settings = job.settings
    reads = {True: settings.prepare.normals == "folder", False: settings.prepare.inpaint.painter != "none"}
    read = [path for path in hand_made(folder) if reads[path.name == "pred_normal"]]
    prepare_settings = [to_dict(settings.prepare), preparing_mark(settings)]
    prepare_mark = fingerprint([extract_mark, instance_id, prepare_settings], read)
    fit_mark = fingerprint([prepare_mark, to_dict(settings.fit), weights_of_fit(settings), job.seed, job.device])
    return ObjectTask(
        instance_id=instance_id,
        object_folder=folder,
        training_folder=job.work / "training" / folder.name,
        fit_folder=job.work / "fit" / folder.name,
        mesh=job.out / "meshes" / f"{folder.name.replace('_scannet_obj_', '_obj_')}.ply",
        settings=settings,
        seed=job.seed,
        device=job.device,
        prepare_mark=prepare_mark,
        fit_mark=fit_mark,
        mark=fingerprint([fit_mark, to_dict(settings.mesh)]),
    )


def reconstruct_objects(
    job: Job, folders: dict[int, Path], extract_mark: str, watch: Stopwatch
) -> list[dict[str, Any]]:
    """One record an object: label, seconds, memory, marks, and the error where it failed."""
    tasks = [object_task(job, instance_id, folder, extract_mark) for instance_id, folder in folders.items()]
    _remove_strangers(job.out / "meshes", {task.mesh.stem for task in tasks})
    results = {task.instance_id: done for task in tasks if (done := finished(task)) is not None}
    missing = [task for task in tasks if task.instance_id not in results]
    for task in missing:  # or an object that fails now would be scored by its mesh of an earlier run
        remove_mesh(task.mesh)
    results.update(run_tasks(missing, job.device))
    watch.held_elsewhere(past_cost(results.values())["peak_memory_mb"])
    if len(missing) < len(tasks):
        watch.recall(**past_cost(results.values()))
    return [results[task.instance_id] for task in tasks]


def finish(
    job: Job,
    scan: Scan,
    results: Sequence[dict[str, Any]],
    parts: Sequence[dict[str, Any]],
    mark: str,
    watch: Stopwatch,
) -> int:
    """Scores, provenance and the page; returns how many objects failed."""
    failed = [one for one in results if one["error"]]
    truth_mark = None if job.truth is None else fingerprint([str(job.truth)], [job.truth])
    evaluation = sorted(path for path in (ROOT / "evaluation").rglob("*.*") if path.suffix in _SOURCE)
    page_mark = fingerprint([mark, truth_mark, fingerprint(0, evaluation)])
    if all((job.out / name).is_file() for name in _RESULTS) and is_current(job.out / "report", page_mark):
        log.info("%s: everything is there already", job.out)
        return len(failed)
    from evaluation.report import build_report
    from evaluation.score_files import write_scores
    from evaluation.scoring import score_scene
    from evaluation.views import views_of_scan
    from preprocess.object_mask_with_clip import choose_objects

    (job.out / "report" / "fingerprint.json").unlink(missing_ok=True)
    with watch.stage("score"):
        views = views_of_scan(scan, job.settings.score.max_frames)
        # What was asked for and not even tried, because no frame shows it well, counts too where its truth is known.
        labels = {one.instance_id: one.label for one in choose_objects(scan, job.settings.extract, job.objects)}
        labels |= {one["instance_id"]: one["label"] for one in results}  # a nameless thing may have been given a name
        made = [one["instance_id"] for one in results]
        meshes = job.out / "meshes"
        scene = score_scene(
            scan.name, meshes, job.truth, views, job.settings.score, labels, only={*labels, *made}, expected=made
        )
        marks = {one["instance_id"]: one["marks"] for one in results}
        objects = [replace(one, marks=marks.get(one.instance_id, [])) for one in scene.objects]
        write_scores(job.out, [replace(scene, objects=objects)], seed=job.settings.score.seed)
    record = {
        "scan": str(job.scan_folder.resolve()),
        "seed": job.seed,
        "device": job.device,
        "settings": to_dict(job.settings),
        "parts": list(parts),
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


def _recall(watch: Stopwatch, folder: Path) -> None:
    """Have the record tell what an earlier run spent on a stage's folder, as far as the folder says."""
    if (cost := stage_cost(folder)) is not None:
        watch.recall(**cost)


def _remove_strangers(meshes: Path, wanted: set[str]) -> None:
    """Meshes of an earlier run with other objects would be scored and shown beside this run's."""
    strangers = sorted(path for path in meshes.glob("*_obj_*.ply") if path.stem not in wanted)
    if strangers:
        names = ", ".join(path.stem for path in strangers)
        log.warning("%s: removed the meshes of an earlier run that this one does not make: %s", meshes, names)
    for path in strangers:
        remove_mesh(path)


def _instance_id(folder: Path) -> int:
    return int(folder.name.rpartition("_")[2])
