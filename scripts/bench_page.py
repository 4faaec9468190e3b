"""The bench's measures as one page of Markdown that also reads well in a terminal."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluation.measures import Measure
from evaluation.scoring import Means

ROOT = Path(__file__).resolve().parents[1]
FUSION, OURS = "fusion", "ours"
_COSTS = ("seconds", "peak_memory_mb")

_SHAPE = (
    Measure("watertight", "watertight", "", 100.0, "%", 0),
    Measure("components", "components", "", 1.0, "", 1),
    Measure("seconds", "time", "", 1.0, "s", 1),
    Measure("peak_memory_mb", "memory", "", 1.0, "MB", 0),
)
_WITH_TRUTH = (
    Measure("chamfer_m", "chamfer", "", 100.0, "cm", 2),
    Measure("accuracy_m", "accuracy", "", 100.0, "cm", 2),
    Measure("completion_m", "completion", "", 100.0, "cm", 2),
    Measure("f_0.01", "F@1cm", ""),
    Measure("f_0.02", "F@2cm", ""),
    Measure("f_0.05", "F@5cm", ""),
    Measure("precision_0.02", "precision@2cm", ""),
    Measure("recall_seen_0.01", "seen recall@1cm", ""),
    Measure("recall_seen_0.02", "seen recall@2cm", ""),
    Measure("recall_hidden_0.02", "hidden recall@2cm", ""),
    Measure("recall_hidden_0.05", "hidden recall@5cm", ""),
    *_SHAPE,
)
_WITHOUT_TRUTH = (
    Measure("depth_agreement", "depth agreement", ""),
    Measure("free_space_violation", "free-space violation", ""),
    *_SHAPE,
)
_LEGEND = """\
Measures are those of `evaluation/metrics.py` and `evaluation/truthless.py`. *fusion* is TSDF fusion of the object's own
pixels at 1 cm, other pixels only saying what is free (`evaluation/baselines.py`): an open surface, nothing completed;
its time runs from the training folder to the mesh. *ours* is `reconstruct.py`; its time runs from the object folder to
the mesh, on one core of its own. Memory is the most that the object's process held. A dash: not measured.
An object with a true mesh but without a usable mesh counts 0 in F, precision and recall, and has no distances."""


@dataclass(frozen=True)
class Row:
    """One object by one method; ``scores`` hold its measures and its costs (seconds, peak_memory_mb)."""

    scene: str
    instance_id: int
    label: str
    method: str
    has_truth: bool
    scores: dict[str, float]
    problems: list[str]


@dataclass(frozen=True)
class Whole:
    """One scan's whole run, as run.json tells it."""

    scene: str
    frames: int
    stages: list[dict[str, Any]]
    objects: int
    provenance: dict[str, Any]


def page(rows: Sequence[Row], wholes: Sequence[Whole], published: dict[str, float], command: str) -> str:
    """The whole page."""
    parts = ["# Bench", _origin(wholes[0].provenance, command)]
    for title, has_truth, columns in (
        ("Rooms with true meshes", True, _WITH_TRUTH),
        ("Scans without true meshes", False, _WITHOUT_TRUTH),
    ):
        if chosen := [row for row in rows if row.has_truth == has_truth]:
            parts += [f"## {title}", _table(chosen, columns)]
    if problems := [f"- {row.scene} {row.instance_id}, {row.method}: {p}" for row in rows for p in row.problems]:
        parts += ["Not measured, or not in full:", "\n".join(problems)]
    parts += [_LEGEND, "## Whole runs", "\n".join(_run(whole) for whole in wholes)]
    steps = ", ".join(f"{seconds:.3f} s in {stage}" for stage, seconds in published.items())
    parts += ["## The published configuration", f"One step takes {steps} (median; 512 rays, 64 + 64 samples)."]
    return "\n\n".join(parts) + "\n"


def _table(rows: Sequence[Row], columns: Sequence[Measure]) -> str:
    """Each object's line by each method, then each method's means and over how many objects they run."""
    heads = ["object", "method", *(f"{column.heading} {column.unit}".strip() for column in columns)]
    lines = [
        [f"{row.scene} {row.instance_id} {row.label}", row.method, *(column.text(row.scores) for column in columns)]
        for row in rows
    ]
    for method in (FUSION, OURS):
        mine = [row.scores for row in rows if row.method == method]
        mean = Means.of(mine)
        lines.append(["**mean**", method, *(column.text(mean.values) for column in columns)])
        counts = [str(mean.counts.get(column.key, 0)) for column in columns]
        lines.append([f"*over so many of {len(mine)}*", method, *counts])
        # Of the costs only: of a score, the worst would mislead as often as not.
        most = {key: max(s[key] for s in mine if key in s) for key in _COSTS if key in mean.values}
        lines.append(["**largest**", method, *(column.text(most) for column in columns)])
    return _aligned(heads, lines)


def _aligned(heads: list[str], lines: list[list[str]]) -> str:
    """A Markdown table whose columns also line up as plain text; all but the first two to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]

    def line(cells: Iterable[str]) -> str:
        padded = [c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * w if i < 2 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([line(heads), line(rule), *map(line, lines)])


def _run(whole: Whole) -> str:
    stages = ", ".join(
        f"{stage['stage']} {stage['seconds']:.1f} s{' in an earlier run' if stage.get('earlier_run') else ''}"
        for stage in whole.stages
    )
    total = sum(stage["seconds"] for stage in whole.stages)
    return f"- {whole.scene}: {whole.frames} frames, {whole.objects} objects, {total:.0f} s in all ({stages})"


def _origin(provenance: dict[str, Any], command: str) -> str:
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version}" for name, version in provenance["packages"].items())
    return (
        f"Made on {datetime.now(UTC):%Y-%m-%d} by `{command.strip()}` at commit {_commit()}.\n"
        f"Machine: {_processor()}, {provenance['machine']}, {memory_gb:.0f} GiB memory. "
        f"Python {provenance['python']}; {packages}."
    )


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = " with uncommitted changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    return (git("rev-parse", "--short", "HEAD") or "unknown") + changed


def _processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "processor unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
