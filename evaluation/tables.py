"""Scores as tables: aligned text for people, CSV for programs, rows of LaTeX for papers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from textwrap import TextWrapper

from evaluation.measures import MEASURES, Measure, measured
from evaluation.records import ObjectScore, SceneScores
from evaluation.summary import Summary
from evaluation.verdict import verdict

_WIDTH = 94  # of a table's columns, beside the names of the objects: 120 in all
_WRAPPED = TextWrapper(120, "  ", "      ", break_long_words=False, break_on_hyphens=False)
_ENOUGH = 5  # objects, for an interval that says something
_BY_KEY = {measure.key: measure for measure in MEASURES}
_WITH_INTERVALS = [
    _BY_KEY[key] for key in ("chamfer_m", "f_0.02", "recall_seen_0.02", "recall_hidden_0.02", "normal_consistency")
]
_PAPER = [
    _BY_KEY[key]
    for key in (
        *("chamfer_m", "f_0.01", "f_0.02", "f_0.05", "f_0.1", "precision_0.02", "recall_0.02", "recall_seen_0.02"),
        *("recall_hidden_0.02", "normal_consistency", "volume_iou", "chamfer_relative", "f_rel_0.01", "f_rel_0.02"),
        *("accuracy_m", "completion_m", "alignment_correct"),
    )
]


def table(scenes: Sequence[SceneScores], groups: Sequence[Summary] = ()) -> str:
    """The scores as aligned text: one line an object, each scene's mean and over how many objects it runs, first the
    measures that tell most and below all others; the means of ``groups`` with their intervals; and in sentences what is
    to be known of an object."""
    lines = []
    for columns in _sets_of_columns([one.scores for scene in scenes for one in scene.objects]):
        lines += [*aligned(_lines_of_objects(scenes, columns)), ""]
    if groups and (means := _means_with_intervals("mean of (objects)", groups)):
        lines += [*means, ""]
    if any(group.intervals and group.objects < _ENOUGH for group in groups):
        lines += [f"intervals of fewer than {_ENOUGH} objects are little more than their smallest and largest", ""]
    if any("volume_iou" in one.scores for scene in scenes for one in scene.objects):
        lines += ["volume IoU: only where both the mesh and the true surface are closed", ""]
    floors_m = [one.scores["sampling_floor_m"] for s in scenes for one in s.objects if "sampling_floor_m" in one.scores]
    if floors_m:
        lines += [
            f"sampling floor: {100 * min(floors_m):.2f} to {100 * max(floors_m):.2f} cm; about the chamfer of two "
            "draws of one surface: smaller differences mean nothing",
            "",
        ]
    for title, told in (
        ("not scored, or not in full:", lambda one: one.problems),
        ("to know:", lambda one: one.notes),
        ("lights, from the views and the mesh alone:", _light),
    ):
        named = _by_sentence(
            (f"{scene.scene} {one.instance_id}", told(one)) for scene in scenes for one in scene.objects
        )
        lines += [title, *named, ""] if named else []
    return "\n".join(lines[:-1])


def _light(one: ObjectScore) -> list[str]:
    found = verdict(one)
    return [": ".join([found.light, *(["; ".join(found.reasons)] if found.reasons else [])])]


def _by_sentence(told: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """Each sentence once, below the objects of which it is true."""
    objects: dict[str, list[str]] = {}
    for name, sentences in told:
        for sentence in sentences:
            objects.setdefault(sentence, []).append(name)
    lines = [f"{', '.join(names)}: {sentence}" for sentence, names in objects.items()]
    return [_WRAPPED.fill(line) for line in lines]


def methods_table(methods: Sequence[Summary]) -> str:
    """Means of methods that are compared over the same objects (``summary.compared``), and their intervals."""
    lines = []
    for columns in _sets_of_columns([method.means.values for method in methods]):
        rows = _headings("method", columns)
        rows += [[method.name, *(column.text(method.means.values) for column in columns)] for method in methods]
        rows.append(_counts("of", methods[0].objects, methods[0].means.counts, columns))
        lines += [*aligned(rows), ""]
    lines += [*_means_with_intervals("method (objects)", methods), ""]
    return "\n".join([*lines, "each measure runs over the objects of which all methods have it"])


def _sets_of_columns(scores: Collection[Mapping[str, float]]) -> list[list[Measure]]:
    """What at least one of ``scores`` has, in tables that fit a terminal: what tells most, and then what is left."""
    known = {key for one in scores for key in one}
    sets, width = [measured(scores)], _WIDTH
    for measure in (one for one in MEASURES if one.key in known and not one.column):
        own = 2 + max(map(len, [*_words(measure), "100.0"]))
        sets, width = (sets, width + own) if width + own <= _WIDTH else ([*sets, []], own)
        sets[-1].append(measure)
    return sets


def _lines_of_objects(scenes: Sequence[SceneScores], columns: Sequence[Measure]) -> list[list[str]]:
    rows = _headings("object", columns)
    for scene in scenes:
        rows.append([scene.scene, *("" for _ in columns)])
        for one in scene.objects:
            rows.append([f"  {one.instance_id} {one.label}".rstrip(), *(column.text(one.scores) for column in columns)])
        mean = scene.mean()
        rows.append(["  mean", *(column.text(mean.values) for column in columns)])
        rows.append(_counts("  of", len(scene.objects), mean.counts, columns))
    return rows


def _counts(of: str, objects: int, counts: Mapping[str, int], columns: Sequence[Measure]) -> list[str]:
    return [f"{of} {objects} objects, over", *(str(counts.get(column.key, 0)) for column in columns)]


def _means_with_intervals(first: str, groups: Sequence[Summary]) -> list[str]:
    """Each group's means with their intervals."""
    known = {key for group in groups for key in group.means.values}
    columns = [column for column in _WITH_INTERVALS if column.key in known]
    if not columns:
        return []
    rows = _headings(first, columns)
    rows[-1][0] = "with 95 % interval"
    for group in groups:
        cells = [
            column.text(group.means.values)
            + (f" ({_interval(column, group)})" if column.key in group.intervals else "")
            for column in columns
        ]
        rows.append([f"{group.name or 'all'} ({group.objects})", *cells])
    return aligned(rows)


def _interval(column: Measure, group: Summary) -> str:
    return "–".join(column.text({column.key: end}) for end in group.intervals[column.key])


def _headings(first: str, columns: Sequence[Measure]) -> list[list[str]]:
    """Rows above the columns: their headings, a word a row, and their units."""
    words = [_words(column) for column in columns]
    height = max((len(one) for one in words), default=1)
    padded = [[""] * (height - len(one)) + one for one in words]
    names = [""] * (height - 1) + [first]
    rows = [[name, *(one[line] for one in padded)] for line, name in enumerate(names)]
    return [*rows, ["", *(column.unit for column in columns)]]


def _words(column: Measure) -> list[str]:
    return re.split(r" |(?=@)", column.heading)


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
    lines = [["scene", "instance_id", "label", *keys, "problems", "marks", "notes", "light", "reasons"]]
    for scene in scenes:
        for one in scene.objects:
            values = [str(one.scores.get(key, "")) for key in keys]
            found = verdict(one)
            about = ["; ".join(sentences) for sentences in (one.problems, one.marks, one.notes)]
            about += [found.light, "; ".join(found.reasons)]
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


def latex(methods: Sequence[Summary]) -> str:
    """A row of a LaTeX table for each method, below a comment that names the columns; a dash where none has it.

    A mean over fewer than all objects says over how many: "1.23 (4)".  Comments below hold the intervals.
    """
    headings = " & ".join(["method", *(f"{column.heading} ({column.unit})" for column in _PAPER)])
    rows = [
        " & ".join([_escaped(one.name), *(_of_paper(column, one) for column in _PAPER)]) + r" \\" for one in methods
    ]
    below = [f"% {methods[0].objects} objects; (n): the mean is over n of them"]
    for one in methods:
        ends = [
            "--" if column.key not in one.intervals else _interval(column, one).replace("–", "--") for column in _PAPER
        ]
        below += [" & ".join([f"% {_escaped(one.name)}, 95 % interval", *ends])] if one.intervals else []
    return "\n".join([f"% {headings}", *rows, *below]) + "\n"


def _of_paper(column: Measure, method: Summary) -> str:
    count = method.means.counts.get(column.key, 0)
    text = column.text(method.means.values).replace("–", "--")
    return f"{text} ({count})" if 0 < count < method.objects else text


def _escaped(text: str) -> str:
    return re.sub(r"([#$%&_{}])", r"\\\1", text.replace("\\", "/"))
