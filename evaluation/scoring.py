"""Scores of a folder of meshes; what cannot be scored is named, never dropped.

An object with a true mesh but without a usable one of ours counts with recall, precision and F of 0.  It has no
chamfer: there is no distance to a mesh that is not there.  Where it is the true mesh that is unusable, that is said,
and only what needs none is measured.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from evaluation.mesh_files import find_meshes, find_truth, told_of_truth
from evaluation.object_scores import notes_on, score_missing, score_object
from evaluation.placing import carry_poses, placing
from evaluation.records import ObjectScore, SceneScores
from evaluation.sanity import Truth, refuse_truth
from evaluation.settings import ScoreSettings
from evaluation.views import View
from scene.errors import UserError
from scene.mesh import load_mesh, load_mesh_or_points
from scene.runlog import progress

_THREADS = 4  # each with the samples of one object in memory

Shape = TypeVar("Shape")


@dataclass(frozen=True)
class _Files:
    """What there is of one object, and the sentence that says so where a true surface is wanted and missing."""

    instance_id: int
    label: str
    mesh: Path | None
    truth: Path | None
    no_truth: str
    posed: bool  # whether it belongs to meshes that carry poses


def score_scene(
    scene: str,
    meshes: Path,
    truth: Path | None,
    views: Sequence[View],
    settings: ScoreSettings,
    labels: Mapping[int, str] | None = None,
    only: Collection[int] | None = None,
    expected: Collection[int] = (),
) -> SceneScores:
    """Score every ``<scene>_obj_<id>.ply`` in ``meshes`` against its true surface in ``truth`` (``find_truth``).

    ``only`` restricts both sides to these ids.  Objects that only one side has, and those ``expected`` that neither
    has, are in the result, with the reason.
    """
    found = find_meshes(meshes)
    mesh_paths = found.pop(scene, {})
    truth_paths = {} if truth is None else find_truth(truth)
    told_labels, lacks = ({}, {}) if truth is None else told_of_truth(truth)
    labels = told_labels | {i: label for i, label in (labels or {}).items() if label}
    known = {*mesh_paths, *truth_paths, *expected}
    ids = sorted(i for i in known if only is None or i in only)
    posed = bool(truth_paths) and carry_poses(
        path for paths in (mesh_paths, *found.values()) for path in paths.values()
    )
    files = []
    for i in ids:
        no_truth = "" if truth is None or i in truth_paths else f"{truth.name} has no true surface of it"
        no_truth += f" ({lacks[i]})" if no_truth and i in lacks else ""
        files.append(_Files(i, labels.get(i, ""), mesh_paths.get(i), truth_paths.get(i), no_truth, posed))
    # Threads, since nearly all of it is done in compiled code: an object's scores do not depend on the others'.
    with ThreadPoolExecutor(min(_THREADS, len(os.sched_getaffinity(0)))) as pool:
        scored = pool.map(lambda one: _score_files(one, views, settings), files)
        return SceneScores(scene, list(progress(scored, f"scoring {scene}", len(files))))


def _score_files(files: _Files, views: Sequence[View], settings: ScoreSettings) -> ObjectScore:
    """One object's score from its files; every obstacle becomes a sentence."""
    mesh_name, truth_name = (None if path is None else str(path) for path in (files.mesh, files.truth))
    score = ObjectScore(files.instance_id, files.label, mesh_name, truth_name)
    truth = _usable_truth(files, views, score.problems)
    if files.mesh is None:
        compared = f" to compare with {_short(files.truth)}" if files.truth else " of it"
        score.problems.append(f"there is no mesh{compared}")
    elif (mesh := _load(load_mesh, files.mesh, score.problems)) is not None:
        try:
            score.scores.update(score_object(mesh, truth, views, files.instance_id, settings))
        except UserError as error:
            score.problems.append(f"{files.mesh}: {error}")
    if score.scores:
        if any(view.instance is not None for view in views) and "depth_agreement" not in score.scores:
            score.problems.append("no view has a depth pixel of it, so its depth agreement is not known")
    elif truth is not None:
        score.scores.update(score_missing(truth, views, settings))
        zero = "F, precision and recall" if f"f_{settings.thresholds_m[0]:g}" in score.scores else "recall"
        score.problems[-1] += f"; counted as {zero} 0"
    if truth is not None:
        score.notes.extend(notes_on(truth, score.scores))
    if files.posed and files.truth is not None:
        score.scores.update(placing(files.mesh, files.truth, score.problems))
    return score


def _usable_truth(files: _Files, views: Sequence[View], problems: list[str]) -> Truth | None:
    """The true surface; None where there is none or it is unfit, which says nothing about the mesh."""
    if files.truth is None:
        if files.no_truth:
            problems.append(files.no_truth)
        return None
    truth = _load(load_mesh_or_points, files.truth, problems)
    if truth is not None:
        try:
            refuse_truth(truth, views, files.instance_id)
        except UserError as error:
            problems.append(f"{files.truth}: {error}; nothing is measured against it")
            return None
    return truth


def _load(load: Callable[[Path], Shape], path: Path, problems: list[str]) -> Shape | None:
    """What a file holds; None where it cannot be read, which becomes a sentence."""
    try:
        return load(path)
    except UserError as error:
        problems.append(str(error))
        return None


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
