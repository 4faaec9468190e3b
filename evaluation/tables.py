"""Scores as tables: aligned text for people, CSV for programs, rows of LaTeX for papers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence

from evaluation.measures import MEASURES, Measure, measured
from evaluation.records import Means, SceneScores
from evaluation.summary import Summary

_BY_KEY = {measure.key: measure for measure in MEASURES}
_WITH_INTERVALS = [
    _BY_KEY[key] for key in ("chamfer_m", "f_0.02", "recall_seen_0.02", "recall_hidden_0.02", "normal_consistency")
]
_PAPER = [
    _BY_KEY[key]
    for key in (
        *("chamfer_m", "f_0.01", "f_0.02", "f_0.05", "f_0.1", "precision_0.02", "recall_0.02", "recall_seen_0.02"),
        *("recall_hidden_0.02", "normal_consistency", "volume_iou", "chamfer_relative", "f_rel_0.01", "f_rel_0.02"),
    )
]


def table(scenes: Sequence[SceneScores], groups: Sequence[Summary] = ()) -> str:
    """The scores as aligned text: one line an object, each scene's mean and over how many objects it runs; the means of
    ``groups`` with their intervals; and what could not be scored or is doubtful."""
    columns = measured(one.scores for scene in scenes for one in scene.objects)
    rows = _headings("object", columns)
    for scene in scenes:
        rows.append([scene.scene, *("" for _ in columns)])
        for one in scene.objects:
            rows.append([f"  {one.instance_id} {one.label}".rstrip(), *(column.text(one.scores) for column in columns)])
        mean = scene.mean()
        rows.append(["  mean", *(column.text(mean.values) for column in columns)])
        counts = [str(mean.counts.get(column.key, 0)) for column in columns]
        rows.append([f"  of {len(scene.objects)} objects, over", *counts])
    lines = aligned(rows)
    if groups:
        lines += ["", *_means(groups)]
    floors_m = [one.scores["sampling_floor_m"] for s in scenes for one in s.objects if "sampling_floor_m" in one.scores]
    if floors_m:
        lines += [
            "",
            f"sampling floor: {100 * min(floors_m):.2f} to {100 * max(floors_m):.2f} cm; no chamfer can be below it, "
            "as two draws of one surface are so far apart",
        ]
    for title, field in (("not scored, or not in full:", "problems"), ("doubtful:", "marks")):
        named = [
            f"  {scene.scene} {one.instance_id}: {text}"
            for scene in scenes
            for one in scene.objects
            for text in getattr(one, field)
        ]
        lines += ["", title, *named] if named else []
    return "\n".join(lines)


def methods_table(methods: Mapping[str, Means]) -> str:
    """One line a method: its means over all objects."""
    columns = measured(means.values for means in methods.values())
    rows = _headings("method", columns)
    rows += [[name, *(column.text(means.values) for column in columns)] for name, means in methods.items()]
    return "\n".join(aligned(rows))


def _means(groups: Sequence[Summary]) -> list[str]:
    """Each group's means with their intervals."""
    known = {key for group in groups for key in group.means.values}
    columns = [column for column in _WITH_INTERVALS if column.key in known]
    if not columns:
        return []
    rows = _headings("mean of (objects)", columns)
    rows[-1][0] = "with 95 % interval"
    for group in groups:
        cells = [_with_interval(column, group) for column in columns]
        rows.append([f"{group.name or 'all'} ({group.objects})", *cells])
    return aligned(rows)


def _with_interval(column: Measure, group: Summary) -> str:
    text = column.text(group.means.values)
    if column.key not in group.intervals:
        return text
    low, high = (column.text({column.key: end}) for end in group.intervals[column.key])
    return f"{text} ({low}–{high})"


def _headings(first: str, columns: Sequence[Measure]) -> list[list[str]]:
    """Rows above the columns: their headings, a word a row, and their units."""
    words = [re.split(r" |(?=@)", column.heading) for column in columns]
    height = max((len(one) for one in words), default=1)
    padded = [[""] * (height - len(one)) + one for one in words]
    names = [""] * (height - 1) + [first]
    rows = [[name, *(one[line] for one in padded)] for line, name in enumerate(names)]
    return [*rows, ["", *(column.unit for column in columns)]]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines in which cells stand under one another, the first to the left and all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        (
            row[0].ljust(widths[0]) + "".join(f"  {cell:>{w}}" for cell, w in zip(row[1:], widths[1:], strict=True))
        ).rstrip()
        for row in rows
    ]


def csv_text(scenes: Sequence[SceneScores]) -> str:
    """Every measure of every object, one line an object; empty where it was not measured."""
    keys = list(dict.fromkeys(key for scene in scenes for one in scene.objects for key in one.scores))
    lines = [["scene", "instance_id", "label", *keys, "problems", "marks"]]
    for scene in scenes:
        for one in scene.objects:
            values = [str(one.scores.get(key, "")) for key in keys]
            about = ["; ".join(one.problems), "; ".join(one.marks)]
            lines.append([scene.scene, str(one.instance_id), one.label, *values, *about])
    return _csv(lines)


def means_csv_text(groups: Sequence[Summary]) -> str:
    """Every mean of every group, one line each: over how many objects, and its interval where there is one."""
    lines = [["group", "name", "measure", "mean", "low", "high", "objects"]]
    for group in groups:
        for key, mean in group.means.values.items():
            ends = [str(end) for end in group.intervals.get(key, ("", ""))]
            lines.append([group.kind, group.name, key, str(mean), *ends, str(group.means.counts[key])])
    return _csv(lines)


def _csv(lines: Sequence[Sequence[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(lines)
    return stream.getvalue()


def latex(methods: Mapping[str, Means]) -> str:
    """A row of a LaTeX table for each method, below a comment that names the columns; a dash where none has it."""
    headings = " & ".join(["method", *(f"{column.heading} ({column.unit})" for column in _PAPER)])
    rows = [
        " & ".join([_escaped(name), *(column.text(means.values).replace("–", "--") for column in _PAPER)]) + r" \\"
        for name, means in methods.items()
    ]
    return "\n".join([f"% {headings}", *rows]) + "\n"


def _escaped(text: str) -> str:
    return re.sub(r"([#$%&_{}])", r"\\\1", text.replace("\\", "/"))
