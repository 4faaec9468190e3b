"""What a reconstruction left behind, as the page reads it; nothing in it is trusted.

Of ``run.json`` are known ``scan``, ``seed``, ``device``, ``settings``, ``provenance``, ``parts`` (``[{part, says}]``:
pretrained networks and what stood in), ``stages`` (``[{stage, seconds, peak_memory_mb, earlier_run}]``: the last is
true where the work was found done) and ``objects`` (``[{instance_id, label, error, marks}]``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evaluation.mesh_files import find_meshes
from evaluation.page.html import stage_bars
from evaluation.page.records import PageRun
from evaluation.records import ObjectScore
from evaluation.score_files import read_scores
from scene.errors import UserError
from scene.files import read_json
from scene.records import Scan
from scene.runlog import log
from scene.scannet import open_scan

_OWN_STAGE = "report"  # this page's: not over when it is drawn, so left out of it always


@dataclass(frozen=True)
class RunFolder:
    """What a run left behind of one scene, by instance id."""

    folder: Path
    scene: str
    meshes: Mapping[int, Path]
    told: Mapping[int, ObjectScore]  # by scores.json and run.json together: measures, problems, marks, name
    run: PageRun

    @property
    def ids(self) -> list[int]:
        return sorted({*self.meshes, *self.told})

    def work(self, kind: str, instance_id: int) -> Path:
        """The folder of an object's intermediate files: ``training`` (the views as the fit reads them), ``fit``."""
        return self.folder / "work" / kind / f"{self.scene}_scannet_obj_{instance_id}"


def open_scan_of(
    run: Path,
    scan: Path | None = None,
    instances: Path | None = None,
    opening: Callable[[Path, Path | None], Scan] = open_scan,
) -> Scan:
    """The scan that a run was made from, with the masks it had: its own, or those that the run found.

    ``scan`` and ``instances`` take the place of what the run's record says.  Raises UserError where there is none.
    """
    if not run.is_dir():
        raise UserError(f"{run}: there is no such folder; give what reconstruct.py wrote")
    if scan is None:
        record = _record(run / "run.json")
        if not isinstance(record.get("scan"), str):
            raise UserError(f"{run / 'run.json'}: names no scan; say with --scan what the run was made from")
        scan = Path(record["scan"])
        if not scan.is_dir():
            raise UserError(f"{scan}: the scan of {run} is no longer there; say with --scan where it is now")
    opened = opening(scan, instances)
    found = run / "work" / "instances"
    return opening(scan, found) if not opened.instances and instances is None and found.is_dir() else opened


def read_run(folder: Path, scan: Scan) -> RunFolder:
    """Collect the scene's meshes, scores and marks.  Raises UserError when there are none at all."""
    scores, path = folder / "scores.json", folder / "run.json"
    scenes = read_scores(scores) if scores.is_file() else []
    told = {one.instance_id: one for scene in scenes if scene.scene == scan.name for one in scene.objects}
    record = _record(path)
    try:
        seed = record.get("seed")
        run = PageRun(
            stage_bars([entry for entry in record.get("stages", []) if entry["stage"] != _OWN_STAGE]),
            None if seed is None else int(seed),
            str(record.get("device", "")),
            dict(record.get("provenance", {})),
            dict(record.get("settings", {})),
            {str(one["part"]): str(one["says"]) for one in record.get("parts", [])},
        )
        for entry in record.get("objects", []):
            made = _as_made(entry)
            told[made.instance_id] = _together(told.get(made.instance_id), made)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path}: is not a run's record ({error!r}); run the reconstruction again") from error
    meshes = find_meshes(folder / "meshes")
    for thing in scan.instances:
        if thing.instance_id in {*told, *meshes.get(scan.name, {})}:
            one = told.get(thing.instance_id, ObjectScore(thing.instance_id, "", None, None))
            told[thing.instance_id] = replace(one, label=one.label or thing.label)
    found = RunFolder(folder, scan.name, meshes.get(scan.name, {}), told, run)
    if not found.ids:
        others = f", but meshes of {', '.join(sorted(meshes))}" if meshes else ""
        raise UserError(f"{folder}: holds no mesh and no score of {scan.name}{others}; reconstruct it first")
    return found


def without_repeats(sentences: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(sentences))


def _record(path: Path) -> Mapping[str, Any]:
    record = read_json(path) if path.is_file() else {}
    if not isinstance(record, dict):
        raise UserError(f"{path}: is not a run's record; run the reconstruction again")
    return record


def _as_made(entry: Mapping[str, Any]) -> ObjectScore:
    """What the maker of an object says of it."""
    error, marks = entry.get("error"), entry.get("marks", [])
    if not isinstance(marks, list):
        raise TypeError(f"marks: {marks!r}")
    problems = [str(error)] if error else []
    label = str(entry.get("label", ""))
    return ObjectScore(int(entry["instance_id"]), label, None, None, {}, problems, [str(mark) for mark in marks])


def _together(scored: ObjectScore | None, made: ObjectScore) -> ObjectScore:
    """What its scores and its maker say of one object, the same sentence once."""
    if scored is None:
        return made
    return replace(
        scored,
        label=scored.label or made.label,
        problems=without_repeats([*scored.problems, *made.problems]),
        marks=without_repeats([*scored.marks, *made.marks]),
    )


def tell_what_is_gone(found: RunFolder) -> None:
    """Log which objects' intermediate files are not there any more, so that the page shows less of them."""
    if not found.run.stages:  # meshes made elsewhere never had any
        return
    gone = [
        i for i in sorted(found.meshes) if not (found.work("training", i).is_dir() and found.work("fit", i).is_dir())
    ]
    if gone:
        log.warning(
            "%s: views or losses of object %s are not there any more; the page goes without in-painting and curves",
            found.folder / "work",
            ", ".join(map(str, gone)),
        )
