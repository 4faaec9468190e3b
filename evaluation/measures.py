"""What each measure means, and the measures as tables and files for people and programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.records import ObjectScore, SceneScores
from evaluation.verdict import verdict
from scene.errors import UserError
from scene.files import read_json, write_json, write_text


@dataclass(frozen=True)
class Measure:
    """A measure worth a column: its key in the scores, its heading, how it is written and what it means."""

    key: str
    heading: str
    meaning: str
    factor: float = 100.0
    unit: str = "%"
    digits: int = 1

    def text(self, scores: Mapping[str, float]) -> str:
        """The value with its unit's digits; a dash where it was not measured."""
        return f"{scores[self.key] * self.factor:.{self.digits}f}" if self.key in scores else "–"


MEASURES = (
    Measure(
        "chamfer_m",
        "chamfer",
        "mean distance between mesh and true surface, both ways averaged; lower is better",
        100.0,
        "cm",
        2,
    ),
    Measure("f_0.02", "F@2cm", "balance of precision and recall at 2 cm; 0 where there is no usable mesh"),
    Measure("precision_0.02", "precision@2cm", "share of the mesh that lies within 2 cm of the true surface"),
    Measure("recall_0.02", "recall@2cm", "share of the true surface within 2 cm of the mesh"),
    Measure(
        "recall_seen_0.02",
        "seen recall@2cm",
        "of the true surface that some camera saw, the share within 2 cm of the mesh",
    ),
    Measure(
        "recall_hidden_0.02",
        "hidden recall@2cm",
        "of the true surface that no camera saw, the share within 2 cm of the mesh",
    ),
    Measure(
        "recall_hidden_0.05",
        "hidden recall@5cm",
        "of the true surface that no camera saw, the share within 5 cm of the mesh",
    ),
    Measure("normal_consistency", "normals", "how well the mesh's orientation follows the true surface", 100.0, "%", 1),
    Measure(
        "depth_agreement", "depth agreement", "share of the object's depth pixels within 2 cm of the mesh along the ray"
    ),
    Measure(
        "free_space_violation",
        "free-space violation",
        "share of the mesh more than 3 cm in front of what three views saw; lower is better",
    ),
    Measure(
        "sampling_floor_m",
        "sampling floor",
        "distance between two draws of points from one surface: a chamfer cannot fall below it",
        100.0,
        "cm",
        2,
    ),
    Measure("watertight", "watertight", "the mesh encloses a volume without a hole", 100.0, "%", 0),
    Measure("components", "components", "unconnected parts of the mesh", 1.0, "", 0),
)


def measured(scores: Iterable[Mapping[str, float]]) -> list[Measure]:
    """The measures that at least one object has."""
    keys = {key for one in scores for key in one}
    return [measure for measure in MEASURES if measure.key in keys]


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


def write_scores(folder: Path, scenes: Sequence[SceneScores]) -> None:
    """Write ``scores.json`` (all of it), ``scores.csv`` (one line an object) and ``scores.txt`` (the table)."""
    write_json(folder / "scores.json", {"scenes": [_as_dict(scene) for scene in scenes]})
    write_text(folder / "scores.csv", csv_text(scenes))
    write_text(folder / "scores.txt", table(scenes) + "\n")


def _as_dict(scene: SceneScores) -> dict[str, Any]:
    """What ``scores.json`` holds of a scene."""
    mean = scene.mean()
    objects = [{**asdict(one), "verdict": asdict(verdict(one))} for one in scene.objects]
    return {"scene": scene.scene, "objects": objects, "mean": mean.values, "mean_over_objects": mean.counts}


def read_scores(path: Path) -> list[SceneScores]:
    """The scenes of a ``scores.json``.  Raises UserError when it is not one."""
    try:
        return [
            SceneScores(scene["scene"], [_object_of(one) for one in scene["objects"]])
            for scene in read_json(path)["scenes"]
        ]
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: is not a file of scores ({error!r}); score the meshes again") from error


def _object_of(entry: dict[str, Any]) -> ObjectScore:
    """An object as ``scores.json`` holds it; its verdict follows from the rest."""
    return ObjectScore(**{key: value for key, value in entry.items() if key != "verdict"})
