"""Scores on disk, for people and programs; ``scores.json`` is read back by the page and the bench."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from evaluation.records import ObjectScore, SceneScores
from evaluation.summary import summaries
from evaluation.tables import csv_text, latex, means_csv_text, table
from evaluation.verdict import verdict
from scene.errors import UserError
from scene.files import read_json, write_json, write_text


def write_scores(folder: Path, scenes: Sequence[SceneScores], name: str = "this run", seed: int = 0) -> None:
    """Write ``scores.json`` (all of it, with the means of each group), ``scores.csv`` (a line an object),
    ``scores_means.csv`` (a line a mean), ``scores.txt`` (the tables) and ``scores.tex`` (the row of a paper's table).

    ``name`` is the method's in that row, ``seed`` that of the intervals.
    """
    groups = summaries(scenes, seed)
    scenes_and_means = {"scenes": [_as_dict(one) for one in scenes], "means": [asdict(group) for group in groups]}
    write_json(folder / "scores.json", scenes_and_means)
    write_text(folder / "scores.csv", csv_text(scenes))
    write_text(folder / "scores_means.csv", means_csv_text(groups))
    write_text(folder / "scores.txt", table(scenes, groups) + "\n")
    write_text(folder / "scores.tex", latex([replace(groups[0], name=name)]))


def _as_dict(scene: SceneScores) -> dict[str, Any]:
    """What ``scores.json`` holds of a scene."""
    mean = scene.mean()
    objects = [{**asdict(one), "verdict": asdict(verdict(one))} for one in scene.objects]
    return {"scene": scene.scene, "objects": objects, "mean": mean.values, "mean_over_objects": mean.counts}


def read_scores(path: Path) -> list[SceneScores]:
    """The scenes of a ``scores.json``.  Raises UserError when it is not one."""
    try:
        return [
            SceneScores(str(scene["scene"]), [_object_of(one) for one in scene["objects"]])
            for scene in read_json(path)["scenes"]
        ]
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path}: is not a file of scores ({error!r}); score the meshes again") from error


def _object_of(entry: dict[str, Any]) -> ObjectScore:
    """An object as ``scores.json`` holds it, less scores that are no numbers; its verdict follows from the rest."""
    scores = entry.get("scores", {}).items()
    mesh, truth = (None if entry[key] is None else str(entry[key]) for key in ("mesh", "truth"))
    return ObjectScore(
        int(entry["instance_id"]),
        str(entry["label"]),
        mesh,
        truth,
        {key: float(value) for key, value in scores if isinstance(value, int | float) and math.isfinite(value)},
        [str(problem) for problem in entry.get("problems", [])],
        [str(mark) for mark in entry.get("marks", [])],
        [str(note) for note in entry.get("notes", [])],
    )
