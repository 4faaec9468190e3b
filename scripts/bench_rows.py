"""What the bench measured, one row an object and method; and as a file for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.measures import Measure

CHAMFER = Measure("chamfer_m", "chamfer", "", 100.0, "cm", 2)
WITH_TRUTH = (
    CHAMFER,
    Measure("accuracy_m", "accuracy", "", 100.0, "cm", 2),
    Measure("completion_m", "completion", "", 100.0, "cm", 2),
    *(Measure(f"f_0.0{cm}", f"F@{cm}cm", "") for cm in (1, 2, 5)),
    *(Measure(f"recall_seen_0.0{cm}", f"seen recall@{cm}cm", "") for cm in (1, 2, 5)),
    *(Measure(f"recall_hidden_0.0{cm}", f"hidden recall@{cm}cm", "") for cm in (1, 2, 5)),
    Measure("precision_0.02", "precision@2cm", ""),
)
WITHOUT_TRUTH = (
    Measure("depth_agreement", "depth agreement", ""),
    Measure("free_space_violation", "free-space violation", ""),
)
SHAPE = (
    Measure("watertight", "watertight", "", 100.0, "%", 0),
    Measure("components", "components", "", 1.0, "", 1),
)
COSTS = (
    Measure("seconds", "time", "", 1.0, "s", 1),
    Measure("peak_memory_mb", "memory", "", 1.0, "MB", 0),
)


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


def columns(has_truth: bool) -> tuple[Measure, ...]:
    """The measures of a table whose objects have true meshes, or have none."""
    return (*(WITH_TRUTH if has_truth else WITHOUT_TRUTH), *SHAPE, *COSTS)


def csv_text(rows: Sequence[Row]) -> str:
    """Every row in metres, shares of 1, seconds and MB; empty where it was not measured."""
    keys = [measure.key for measure in (*WITH_TRUTH, *WITHOUT_TRUTH, *SHAPE, *COSTS)]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["scene", "instance_id", "label", "method", *keys, "problems"])
    for row in rows:
        values = [f"{row.scores[key]:.5g}" if key in row.scores else "" for key in keys]
        problems = "; ".join(row.problems).replace(str(Path.cwd()) + "/", "")
        writer.writerow([row.scene, row.instance_id, row.label, row.method, *values, problems])
    return stream.getvalue()
