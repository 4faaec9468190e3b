"""Measures the reconstruction of whole scans beside plain fusion, and prints one page.

    bash scripts/bench.sh [--rooms DIR] [--real SCAN] [--only NAME ...] [--objects 5,6]

``--rooms`` holds ``scannet/<scene>_scannet`` and ``truth/<scene>/obj_<k>.ply``; ``--real`` is a scan without true
meshes.  A run of all scans and objects writes docs/bench.md; part of it, ``bench.md`` in its own folder alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.settings import ScoreSettings
from scene.errors import UserError
from scene.files import folders_in, read_json, write_text
from scene.records import ObjectViews, Scan
from scene.runlog import log, peak_memory_mb, progress, run_cli
from scene.workers import worker_pool
from scripts.bench_page import FUSION, OURS, Row, Whole, page

if TYPE_CHECKING:
    from evaluation.scoring import SceneScores

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class Subject:
    """A scan to be measured, and its true meshes where there are any."""

    scan: Path
    truth: Path | None = None

    @property
    def name(self) -> str:
        return self.scan.resolve().name.removesuffix("_scannet")


def main() -> int:
    arguments = _parser().parse_args()
    if arguments.steps < 2:
        raise UserError(f"--steps {arguments.steps}: a step is timed from its beginning to the next; give 2 at least")
    subjects = find_subjects(arguments.rooms, arguments.real, arguments.only)
    out = Path(tempfile.mkdtemp(prefix="farside-bench-")) if arguments.out is None else arguments.out
    passed_on = ["--conf", str(arguments.conf)] if arguments.conf else []
    passed_on += [word for text in arguments.set for word in ("--set", text)]
    passed_on += ["--objects", arguments.objects] if arguments.objects else []
    rows: list[Row] = []
    wholes: list[Whole] = []
    for subject in subjects:
        whole, measured = measure(subject, out / subject.name, passed_on)
        wholes.append(whole)
        rows += measured
    folder = folders_in(out / subjects[0].name / "work" / "training")[0]
    with tempfile.TemporaryDirectory() as scratch:
        published = published_seconds(folder, Path(scratch), arguments.steps)
    text = page(rows, wholes, published, "bash scripts/bench.sh " + shlex.join(sys.argv[1:]))
    write_text(out / "bench.md", text)
    if not (arguments.only or arguments.objects):
        write_text(ROOT / "docs" / "bench.md", text)
    print(text)
    log.info("meshes and records: %s", out)
    return int(any(row.problems for row in rows))


def find_subjects(rooms: Path, real: Path | None, only: list[str] | None) -> list[Subject]:
    """The rooms, then the real scan; all of them or those named ``only``.  Raises UserError where there are none."""
    scans = sorted(rooms.glob("scannet/*_scannet"))
    subjects = [Subject(scan, rooms / "truth" / scan.name.removesuffix("_scannet")) for scan in scans]
    if real is not None and real.is_dir():
        subjects.append(Subject(real))
    elif real not in (None, DATA / "hololens_scan"):
        raise UserError(f"--real {real}: there is no such scan")
    known = [subject.name for subject in subjects]
    if unknown := set(only or []) - set(known):
        raise UserError(f"--only {', '.join(sorted(unknown))}: is not among the scans: {', '.join(known) or 'none'}")
    chosen = [subject for subject in subjects if not only or subject.name in only]
    if not chosen:
        raise UserError(f"--rooms {rooms}: holds no scannet/<scene>_scannet; give the folder of the bench's rooms")
    return chosen


def measure(subject: Subject, out: Path, passed_on: list[str]) -> tuple[Whole, list[Row]]:
    """Reconstruct one scan and fuse its objects; the measures of both."""
    from evaluation.measures import read_scores
    from evaluation.scoring import score_scene
    from evaluation.views import views_of_scan
    from scene.scannet import open_scan

    record = reconstruct(subject, out, passed_on)
    instances = out / "work" / "instances"
    scan = open_scan(subject.scan, instances if instances.is_dir() else None)
    costs = {
        OURS: {one["instance_id"]: _costs(one) for one in record["objects"]},
        FUSION: fuse_objects(scan, out / "work" / "training", out / "fusion"),
    }
    views = views_of_scan(scan, ScoreSettings().max_frames)
    (reconstructed,) = read_scores(out / "scores.json")
    labels = {one.instance_id: one.label for one in reconstructed.objects}
    fused = score_scene(
        scan.name, out / "fusion", subject.truth, views, ScoreSettings(), labels, only=labels, expected=labels
    )
    rows = []
    for method, scored in ((FUSION, fused), (OURS, reconstructed)):
        rows += rows_of(method, scored, subject.truth is not None, costs[method])
    whole = Whole(scan.name, len(scan), record["stages"], len(record["objects"]), record["provenance"])
    return whole, sorted(rows, key=lambda row: row.instance_id)


def reconstruct(subject: Subject, out: Path, passed_on: list[str]) -> dict[str, Any]:
    """Run ``reconstruct.py`` in a process of its own and return its run.json."""
    truth = [] if subject.truth is None else ["--truth", str(subject.truth)]
    command = [sys.executable, str(ROOT / "reconstruct.py"), str(subject.scan), "--out", str(out), *truth, *passed_on]
    status = subprocess.run(command, stdout=sys.stderr, check=False).returncode
    if status > 1:  # 1: some object failed, which the table will show
        raise UserError(f"{subject.scan}: reconstruct.py stopped with status {status}; it says above why")
    return read_json(out / "run.json")


def _costs(one: dict[str, Any]) -> dict[str, float]:
    """What an object of run.json cost; nothing where it failed."""
    if one["error"]:
        return {}
    return {"seconds": sum(one["seconds"].values()), "peak_memory_mb": one["peak_memory_mb"]}


def fuse_objects(scan: Scan, training: Path, out: Path) -> dict[int, dict[str, float]]:
    """Fuse every training folder to ``out/<scene>_obj_<id>.ply``; the cost of each, measured in its own process."""
    folders = folders_in(training)
    costs = {}
    with worker_pool(1) as pool:
        for folder in progress(folders, f"fusing {scan.name}"):
            instance_id = int(folder.name.removesuffix("_inpainted").rpartition("_")[2])
            path = out / f"{scan.name}_obj_{instance_id}.ply"
            try:
                costs[instance_id] = pool.submit(fuse_folder, folder, path).result()
            except UserError as error:  # the object then has no mesh, which its row says
                log.warning("%s", error)
    return costs


def fuse_folder(folder: Path, path: Path) -> dict[str, float]:
    """Fuse one object; the seconds from its training folder to the written mesh, and the most memory held."""
    from evaluation.baselines import fuse_object
    from scene.files import atomic_file
    from scene.object_folder import read_training_folder

    start = time.perf_counter()
    mesh = fuse_object(read_training_folder(folder))
    with atomic_file(path) as temporary:
        mesh.export(temporary)
    return {"seconds": time.perf_counter() - start, "peak_memory_mb": peak_memory_mb()}


def rows_of(method: str, scored: SceneScores, has_truth: bool, costs: dict[int, dict[str, float]]) -> list[Row]:
    """One row an object."""
    return [
        Row(
            scored.scene,
            one.instance_id,
            one.label,
            method,
            has_truth,
            {**one.scores, **(costs.get(one.instance_id, {}) if one.mesh else {})},
            one.problems,
        )
        for one in scored.objects
    ]


def published_seconds(training_folder: Path, scratch: Path, steps: int) -> dict[str, float]:
    """Seconds a step of both stages of the published configuration on one object: the median of ``steps`` steps."""
    import numpy as np

    from scene.config import load
    from scene.object_folder import read_training_folder
    from settings import Settings
    from training.batches import RayBatches
    from training.trainer import fit

    few = [f"fit.phases.{stage}.steps={steps}" for stage in ("stage1", "stage2")]
    settings = load(ROOT / "confs" / "scannet-inpainted-default-stage2.conf", Settings, few).fit
    views = with_normals(read_training_folder(training_folder))
    starts: list[float] = []

    class Clocked(RayBatches):
        """Notes when each step begins."""

        def draw(self, count: int, generator: Any) -> Any:
            starts.append(time.perf_counter())
            return super().draw(count, generator)

    fit(views, settings, scratch, sources={"rays": lambda: Clocked(views, settings.rays, "cpu")})
    took = np.diff(starts)
    return {"stage 1": float(np.median(took[: steps - 1])), "stage 2": float(np.median(took[steps:]))}


def with_normals(views: ObjectViews) -> ObjectViews:
    """The views with normals from depth, which the fast configuration does not write and the published one reads."""
    import numpy as np

    from preprocess.normals import normals_from_depth
    from preprocess.settings import PrepareSettings

    depth_m = views.depth_mm.astype(np.float32) / 1000.0
    radius_px = PrepareSettings().normal_radius_px
    normal = [normals_from_depth(d, f, views.camera, radius_px) for d, f in zip(depth_m, views.fact, strict=True)]
    return dataclasses.replace(views, normal=np.stack(normal))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rooms", type=Path, default=DATA / "bench", metavar="DIR", help="scans with true meshes")
    parser.add_argument("--real", type=Path, default=DATA / "hololens_scan", metavar="SCAN", help="one without")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these scans, such as scene9101_00")
    parser.add_argument("--objects", metavar="5,6", help="only these instance ids")
    parser.add_argument("--conf", type=Path, help="another configuration for reconstruct.py")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="handed on to reconstruct.py")
    parser.add_argument("--steps", type=int, default=12, help="steps of each published stage (default %(default)s)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="a new folder for all that is made (default: temporary)"
    )
    return parser


if __name__ == "__main__":
    run_cli(main)
