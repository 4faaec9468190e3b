"""Every method's meshes of one scan, scored the same way: what was asked for and has no mesh counts too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from evaluation.settings import ScoreSettings
from scene.files import fingerprint, is_current, stage_folder
from scene.runlog import Countdown
from scene.workers import worker_pool
from scripts.bench_base import ROOT, Base
from scripts.bench_make import Record
from scripts.bench_rows import Row


@dataclass(frozen=True)
class Scoring:
    """What a process is told that scores one method's meshes of one scan."""

    scan: Path
    instances: Path | None
    truth: Path | None
    meshes: Path
    out: Path
    labels: dict[int, str]
    expected: tuple[int, ...]
    mark: str


def rows_of(base: Base, made: Mapping[str, Sequence[Record]]) -> list[Row]:
    """One row an object and method; scores only what is missing or changed, methods side by side."""
    from evaluation.score_files import read_scores

    scorings = {method: _scoring(base, method) for method in made}
    score_all([one for one in scorings.values() if not is_current(one.out, one.mark)])
    rows = []
    for method, records in made.items():
        (scene,) = read_scores(scorings[method].out / "scores.json")
        costs = {one["instance_id"]: _costs(one) for one in records}
        rows += [
            Row(
                base.scan.name,
                one.instance_id,
                one.label,
                method,
                base.subject.truth is not None,
                {**one.scores, **(costs.get(one.instance_id, {}) if one.mesh else {})},
                one.problems,
            )
            for one in scene.objects
        ]
    return sorted(rows, key=lambda row: row.instance_id)  # stable: methods stay in their order


def score_all(scorings: Sequence[Scoring]) -> None:
    """Score these, each in a process of its own."""
    from object_tasks import worker_count

    countdown = Countdown("methods", len(scorings))
    with worker_pool(worker_count(len(scorings))) as pool:
        futures = {pool.submit(score, one): one for one in scorings}
        for future in as_completed(futures):
            future.result()
            countdown.done(f"scored {futures[future].out.parent.name}")


def score(scoring: Scoring) -> None:
    """Write ``scores.json`` and its like for one method's meshes."""
    from evaluation.score_files import write_scores
    from evaluation.scoring import score_scene
    from evaluation.views import views_of_scan
    from scene.scannet import open_scan

    scan = open_scan(scoring.scan, scoring.instances)
    settings = ScoreSettings()
    views = views_of_scan(scan, settings.max_frames)
    labels = scoring.labels
    scene = score_scene(
        scan.name, scoring.meshes, scoring.truth, views, settings, labels, only=labels, expected=scoring.expected
    )
    stage_folder(scoring.out, scoring.mark, lambda temporary: write_scores(temporary, [scene]))


def _scoring(base: Base, method: str) -> Scoring:
    """A method's scoring, marked with all that it depends on: meshes, truth, the scan and the measures' source."""
    instances, meshes = base.job.work / "instances", base.folder(method) / "meshes"
    expected = tuple(sorted(base.folders))
    sources = sorted((ROOT / "evaluation").glob("*.py"))
    truth = [] if base.subject.truth is None else [base.subject.truth]
    about = [base.scan_mark, str(meshes), sorted(base.labels.items()), expected, asdict(ScoreSettings())]
    return Scoring(
        base.subject.scan,
        instances if instances.is_dir() else None,
        base.subject.truth,
        meshes,
        base.folder(method) / "scores",
        base.labels,
        expected,
        fingerprint(about, [*sorted(meshes.glob("*.ply")), *truth, *sources]),
    )


def _costs(one: Record) -> dict[str, float]:
    """What an object cost; nothing where it failed."""
    if one["error"]:
        return {}
    return {"seconds": sum(one["seconds"].values()), "peak_memory_mb": one["peak_memory_mb"]}
