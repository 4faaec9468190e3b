"""Scores on disk: ``scores.json`` (all of it, read back by the page and the bench), ``.csv`` and ``.txt``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evaluation.records import ObjectScore, SceneScores
from evaluation.tables import csv_text, table
from evaluation.verdict import verdict
from scene.errors import UserError
from scene.files import read_json, write_json, write_text


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
