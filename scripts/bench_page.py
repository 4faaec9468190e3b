"""The bench's measures as one page of Markdown that also reads well in a terminal."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluation.measures import Measure
from evaluation.records import Means
from scripts.bench_rows import COSTS, Row, Whole, columns

ROOT = Path(__file__).resolve().parents[1]
_MOST = "most_"
_LARGEST = tuple(Measure(_MOST + m.key, f"largest {m.heading}", "", m.factor, m.unit, m.digits) for m in COSTS)
_LEGEND = """\
Measures are those of `evaluation/metrics.py` and `evaluation/truthless.py`. Time runs from the object folder to the
mesh, on one core of the object's own, as many objects side by side as there are cores; memory is the most that the
object's process held. A dash: not measured. *(n)* behind a mean: over so many of its objects only; all others are over
all. An object with a true mesh but without a usable mesh counts 0 in F, precision and recall, and has no distances."""


@dataclass(frozen=True)
class Page:
    """What the page says besides the numbers."""

    title: str
    about: str  # a paragraph on what was measured
    command: str
    methods: Mapping[str, str]  # names, in the order of the tables, with their meanings
    each_object: bool  # whether objects have lines of their own; else scenes
    notes: Sequence[str] = ()

    def text(self, rows: Sequence[Row], wholes: Sequence[Whole]) -> str:
        """The whole page."""
        parts = [f"# {self.title}", origin(wholes[0].provenance, self.command), self.about]
        for title, has_truth in (("Objects with true meshes", True), ("Scans without true meshes", False)):
            if chosen := [row for row in rows if row.has_truth == has_truth]:
                parts += [f"## {title}", self._means(chosen, has_truth)]
                parts += [self._objects(chosen, has_truth) if self.each_object else self._scenes(chosen, has_truth)]
        if problems := [f"- {row.scene} {row.instance_id}, {row.method}: {p}" for row in rows for p in row.problems]:
            parts += ["Not measured, or not in full:", "\n".join(problems).replace(f"{ROOT}/", "")]
        legend = "\n".join(f"- *{name}*: {meaning}." for name, meaning in self.methods.items())
        parts += ["## What the lines and columns are", legend, _LEGEND, *self.notes]
        parts += ["## Whole runs of *ours*", "\n".join(_run(whole) for whole in wholes)]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _means(self, rows: Sequence[Row], has_truth: bool) -> str:
        """One line a method: means over all objects."""
        wanted = (*columns(has_truth), *_LARGEST)
        mine = {name: [row for row in rows if row.method == name] for name in self.methods}
        lines = [[name, *mean_cells(chosen, wanted)] for name, chosen in mine.items() if chosen]
        return table(["mean by method"], ["objects", *_heads(wanted)], lines)

    def _scenes(self, rows: Sequence[Row], has_truth: bool) -> str:
        """One line a scene and method: means over its objects."""
        groups = {
            (scene, name): [row for row in rows if (row.scene, row.method) == (scene, name)]
            for scene in dict.fromkeys(row.scene for row in rows)
            for name in self.methods
        }
        lines = [[*key, *mean_cells(chosen, columns(has_truth))] for key, chosen in groups.items() if chosen]
        return table(["mean by room", "method"], ["objects", *_heads(columns(has_truth))], lines)

    def _objects(self, rows: Sequence[Row], has_truth: bool) -> str:
        """One line an object and method, a table a scene."""
        tables = []
        for scene in dict.fromkeys(row.scene for row in rows):
            lines = [
                [f"{row.instance_id} {row.label}", row.method, *(c.text(row.scores) for c in columns(has_truth))]
                for row in rows
                if row.scene == scene
            ]
            tables += [f"### {scene}", table(["object", "method"], _heads(columns(has_truth)), lines)]
        return "\n\n".join(tables)


def mean_cells(rows: Sequence[Row], wanted: Sequence[Measure]) -> list[str]:
    """How many objects, and each measure's mean; with over how many it is, where not over all."""
    scores = [row.scores for row in rows]
    means = Means.of(scores)
    # Of the costs only: of a score, the worst would mislead as often as not.
    largest = {_MOST + m.key: max(s[m.key] for s in scores if m.key in s) for m in COSTS if m.key in means.values}
    counts = {**means.counts, **{_MOST + m.key: means.counts.get(m.key, 0) for m in COSTS}}
    cells = [str(len(rows))]
    for column in wanted:
        count = counts.get(column.key, 0)
        partly = f" ({count})" if 0 < count < len(rows) else ""
        cells.append(column.text({**means.values, **largest}) + partly)
    return cells


def _heads(wanted: Sequence[Measure]) -> list[str]:
    return [f"{column.heading} {column.unit}".strip() for column in wanted]


def table(names: Sequence[str], numbers: Sequence[str], lines: list[list[str]]) -> str:
    """A Markdown table whose columns also line up as plain text: those of names to the left, numbers to the right."""
    heads = [*names, *numbers]
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]

    def line(cells: Iterable[str]) -> str:
        put = [
            cell.ljust(width) if i < len(names) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(put) + " |"

    rule = ["-" * width if i < len(names) else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    return "\n".join([line(heads), line(rule), *map(line, lines)])


def _run(whole: Whole) -> str:
    stages = ", ".join(
        f"{stage['stage']} {stage['seconds']:.1f} s{' in an earlier run' if stage.get('earlier_run') else ''}"
        for stage in whole.stages
    )
    total = sum(stage["seconds"] for stage in whole.stages)
    return f"- {whole.scene}: {whole.frames} frames, {whole.objects} objects, {total:.0f} s in all ({stages})"


def origin(provenance: dict[str, Any], command: str) -> str:
    """When, where and by what command a page was made."""
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
