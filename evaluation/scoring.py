"""Scores of a folder of meshes; what cannot be scored is named, never dropped.

An object with a true mesh but without a usable one of ours counts with recall, precision and F of 0.  It has no
chamfer: there is no distance to a mesh that is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from evaluation.mesh_files import find_meshes, find_truth
from evaluation.object_scores import score_missing, score_object
from evaluation.records import ObjectScore, SceneScores
from evaluation.settings import ScoreSettings
from evaluation.views import View
from scene.errors import UserError
from scene.mesh import load_mesh, load_mesh_or_points
from scene.runlog import progress

Shape = TypeVar("Shape")


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
    """Score every ``<scene>_obj_<id>.ply`` in ``meshes`` against ``truth/obj_<id - 1>.ply``.

    ``only`` restricts both sides to these ids.  Objects that only one side has, and those ``expected`` that neither
    has, are in the result, with the reason.
    """
    mesh_paths = find_meshes(meshes).get(scene, {})
    truth_paths = {} if truth is None else find_truth(truth)
    known = {*mesh_paths, *truth_paths, *expected}
    ids = sorted(i for i in known if only is None or i in only)
    return SceneScores(
        scene,
        [
            _score_files(i, (labels or {}).get(i, ""), mesh_paths.get(i), truth_paths.get(i), truth, views, settings)
            for i in progress(ids, f"scoring {scene}")
        ],
    )


def _score_files(
    instance_id: int,
    label: str,
    mesh_path: Path | None,
    truth_path: Path | None,
    truth_folder: Path | None,
    views: Sequence[View],
    settings: ScoreSettings,
) -> ObjectScore:
    """One object's score from its files; every obstacle becomes a sentence."""
    score = ObjectScore(
        instance_id,
        label,
        None if mesh_path is None else str(mesh_path),
        None if truth_path is None else str(truth_path),
    )
    true_mesh = None
    if truth_path is not None:
        true_mesh = _load(load_mesh_or_points, truth_path, score.problems)
    elif truth_folder is not None:
        score.problems.append(f"there is no true mesh {_short(truth_folder / f'obj_{instance_id - 1}.ply')}")
    if mesh_path is None:
        score.problems.append(
            "there is no mesh" + (f" to compare with {_short(truth_path)}" if truth_path else " of it")
        )
    elif (mesh := _load(load_mesh, mesh_path, score.problems)) is not None:
        try:
            score.scores.update(score_object(mesh, true_mesh, views, instance_id, settings))
        except UserError as error:
            score.problems.append(f"{mesh_path}: {error}")
    if score.scores:
        if any(view.instance is not None for view in views) and "depth_agreement" not in score.scores:
            score.problems.append("no view has a depth pixel of it, so its depth agreement is not known")
    elif true_mesh is not None:
        score.scores.update(score_missing(true_mesh, views, settings))
        score.problems[-1] += "; counted as F, precision and recall 0"
    return score


def _load(load: Callable[[Path], Shape], path: Path, problems: list[str]) -> Shape | None:
    """What a file holds; None where it cannot be read, which becomes a sentence."""
    try:
        return load(path)
    except UserError as error:
        problems.append(str(error))
        return None


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
