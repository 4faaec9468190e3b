"""One scan reconstructed by the program as it stands, and what the other methods share with it: its objects."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scene.config import load
from scene.errors import UserError
from scene.files import read_json
from scene.runlog import Stopwatch
from scripts.bench_subjects import Subject
from settings import Settings

if TYPE_CHECKING:
    from pipeline import Job
    from scene.records import Scan

ROOT = Path(__file__).resolve().parents[1]
FAST = ROOT / "confs" / "fast.conf"
OURS = "ours"
_GRACE_S = 10.0


@dataclass(frozen=True)
class Options:
    """What every scan's run is told."""

    conf: Path = FAST
    set: tuple[str, ...] = ()  # KEY=VALUE
    objects: tuple[int, ...] | None = None  # instance ids; none: all

    def settings(self, more: Sequence[str] = ()) -> Settings:
        """The configuration as it stands, with ``more`` set.  Raises UserError."""
        return load(self.conf, Settings, [*self.set, *more])


@dataclass(frozen=True)
class Base:
    """A finished run of ``reconstruct.py``; each method has a folder of its own beside it."""

    subject: Subject
    out: Path
    job: Job  # as it ran
    scan: Scan
    scan_mark: str
    folders: dict[int, Path]  # object folders by instance id
    extract_mark: str
    labels: dict[int, str]  # of all objects that were asked for, those too that no frame shows well
    record: dict[str, Any]  # run.json

    def folder(self, method: str) -> Path:
        return self.out / method

    def training_folder(self, instance_id: int) -> Path:
        return self.job.work / "training" / self.folders[instance_id].name

    @property
    def made(self) -> dict[int, dict[str, Any]]:
        """The records of objects that came out, by instance id."""
        return {one["instance_id"]: one for one in self.record["objects"] if not one["error"]}


def reconstruct(subject: Subject, out: Path, options: Options) -> Base:
    """Run ``reconstruct.py`` as a user would, in a process of its own; does only what is missing.

    It is given no true meshes: every method is scored the same way afterwards.
    """
    from pipeline import Job, extract_objects, open_with_instances
    from preprocess.object_mask_with_clip import choose_objects

    ours = out / OURS
    words = ["--conf", str(options.conf)] + [word for text in options.set for word in ("--set", text)]
    words += ["--objects", ",".join(map(str, options.objects))] if options.objects else []
    command = [sys.executable, str(ROOT / "reconstruct.py"), str(subject.scan), "--out", str(ours), *words]
    status = run_to_end(command)
    if status > 1:  # 1: some object failed, which the table will show
        raise UserError(f"{subject.scan}: reconstruct.py stopped with status {status}; it says above why")
    record = read_json(ours / "run.json")
    job = Job(subject.scan, ours, options.settings(), options.objects, None, int(record["seed"]), str(record["device"]))
    scan, scan_mark = open_with_instances(job, Stopwatch())
    folders, extract_mark = extract_objects(job, scan, scan_mark, Stopwatch())
    labels = {one.instance_id: one.label for one in choose_objects(scan, job.settings.extract, job.objects)}
    return Base(subject, out, job, scan, scan_mark, folders, extract_mark, labels, record)


def run_to_end(command: Sequence[str]) -> int:
    """Run a command, its output to stderr; its exit status.  It ends with this process, unless that is killed hard."""
    with subprocess.Popen(command, stdout=sys.stderr) as child:
        try:
            return child.wait()
        except BaseException:
            child.terminate()
            try:
                child.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                child.kill()
            raise
