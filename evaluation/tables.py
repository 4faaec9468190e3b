"""Scores as tables, for people (aligned text) and for programs (CSV)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from evaluation.measures import measured
from evaluation.records import SceneScores


def table(scenes: Sequence[SceneScores]) -> str:
    """The scores as aligned text: one line an object, each scene's mean and over how many objects it runs, and what
    could not be scored or is doubtful."""
    columns = measured(one.scores for scene in scenes for one in scene.objects)
    rows = [["", *(column.heading.rpartition(" ")[0] for column in columns)]]
    rows.append(["object", *(column.heading.rpartition(" ")[2] for column in columns)])
    rows.append(["", *(column.unit for column in columns)])
    for scene in scenes:
        for one in scene.objects:
            name = f"{scene.scene} {one.instance_id} {one.label}".strip()
            rows.append([name, *(column.text(one.scores) for column in columns)])
        mean = scene.mean()
        rows.append([f"{scene.scene} mean", *(column.text(mean.values) for column in columns)])
        counts = [str(mean.counts.get(column.key, 0)) for column in columns]
        rows.append([f"  over so many of {len(scene.objects)} objects", *counts])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        (
            row[0].ljust(widths[0]) + "".join(f"  {cell:>{w}}" for cell, w in zip(row[1:], widths[1:], strict=True))
        ).rstrip()
        for row in rows
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


def csv_text(scenes: Sequence[SceneScores]) -> str:
    """Every measure of every object, one line an object; empty where it was not measured."""
    keys = list(dict.fromkeys(key for scene in scenes for one in scene.objects for key in one.scores))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["scene", "instance_id", "label", *keys, "problems", "marks"])
    for scene in scenes:
        for one in scene.objects:
            values = [one.scores.get(key, "") for key in keys]
            writer.writerow(
                [scene.scene, one.instance_id, one.label, *values, "; ".join(one.problems), "; ".join(one.marks)]
            )
    return stream.getvalue()
