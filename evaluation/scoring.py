"""Scores of one object and of a folder of meshes; what cannot be scored is named, never dropped.

An object with a true mesh but without a usable one of ours counts with recall, precision and F of 0.  It has no
chamfer: there is no distance to a mesh that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import trimesh
from jaxtyping import Bool

from evaluation.metrics import compare
from evaluation.records import ObjectScore, SceneScores
from evaluation.sampling import Surface, surface_of, surface_of_truth
from evaluation.settings import ScoreSettings
from evaluation.truthless import depth_agreement, free_space_violation
from evaluation.views import View
from evaluation.visibility import seen
from scene.errors import UserError
from scene.mesh import load_mesh, load_mesh_or_points
from scene.runlog import progress

# Beyond this ratio of their sizes a mesh and its truth are in different units (cm or mm), not badly reconstructed.
_OTHER_UNITS_RATIO = 20.0

Truth = trimesh.Trimesh | trimesh.PointCloud
Shape = TypeVar("Shape")


def score_object(
    mesh: trimesh.Trimesh,
    truth: Truth | None,
    views: Sequence[View],
    instance_id: int,
    settings: ScoreSettings,
) -> dict[str, float]:
    """Every measure that truth and views allow, by its key (``evaluation.measures`` explains them).

    Seen and hidden surface need both; ``instance_id`` says which pixels of the views are the object's.  Raises
    UserError where a number would mislead: a mesh without area, in other units or in another frame than its truth.
    """
    if not mesh.area > 0.0:
        raise UserError("the mesh has no area; export it again")
    scores = {
        "watertight": float(mesh.is_watertight),
        "components": float(_components(mesh)),
        "area_m2": float(mesh.area),
    }
    if truth is not None:
        scores |= _against_truth(mesh, truth, views, settings)
    if views:
        agreement = depth_agreement(mesh, views, instance_id, settings.agreement_pixels, settings.seed)
        if agreement is not None:
            scores["depth_agreement"] = agreement
        scores["free_space_violation"] = free_space_violation(mesh, views, settings.free_space_samples, settings.seed)
    return scores


def score_missing(truth: Truth, views: Sequence[View], settings: ScoreSettings) -> dict[str, float]:
    """The measures of an object that ought to have a usable mesh and has none: nothing of its surface is found."""
    regions = _regions(surface_of_truth(truth, settings.samples, settings.seed + 1), views)
    names = ["", *(f"_{name}" for name, inside in regions.items() if inside.any())]
    scores = {f"{kind}{name}_{t:g}": 0.0 for name in names for kind in ("f", "recall") for t in settings.thresholds_m}
    return scores | {f"precision_{threshold_m:g}": 0.0 for threshold_m in settings.thresholds_m}


def _components(mesh: trimesh.Trimesh) -> int:
    """Parts of the surface that share no vertex."""
    part = mesh.copy()
    part.remove_unreferenced_vertices()
    return int(part.body_count)


def _against_truth(
    mesh: trimesh.Trimesh, truth: Truth, views: Sequence[View], settings: ScoreSettings
) -> dict[str, float]:
    ratio = float(mesh.scale / truth.scale)
    if not 1 / _OTHER_UNITS_RATIO < ratio < _OTHER_UNITS_RATIO:
        raise UserError(f"the mesh is {ratio:.3g} times as large as its true mesh; give both in metres")
    # Different seeds: the same draw would hide the floor of distances between samples.
    predicted = surface_of(mesh, settings.samples, settings.seed)
    true = surface_of_truth(truth, settings.samples, settings.seed + 1)
    scores = compare(predicted, true, settings.thresholds_m, _regions(true, views))
    if scores[f"f_{max(settings.thresholds_m):g}"] == 0.0:
        apart_m = float(np.linalg.norm(mesh.bounds.mean(0) - truth.bounds.mean(0)))
        raise UserError(
            f"no part of the mesh lies within {max(settings.thresholds_m):g} m of its true mesh (centres "
            f"{apart_m:.2f} m apart); bring it into the scan's frame, and check that it is the same object"
        )
    return scores | ({"sampling_floor_m": (predicted.floor_m + true.floor_m) / 2} if true.area_m2 else {})


def _regions(true: Surface, views: Sequence[View]) -> dict[str, Bool[np.ndarray, " t"]]:
    """Which points of a true surface some view saw, and which none; nothing where that cannot be told."""
    if not views or true.normals is None:
        return {}
    visible = seen(true.points, true.normals, views)
    return {"seen": visible, "hidden": ~visible}


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


def find_meshes(folder: Path) -> dict[str, dict[int, Path]]:
    """Scene -> instance id -> file of all ``<scene>_obj_<id>.ply``, in the folder or one below it.

    Of O2-Recon's collected meshes the ``<scene>_scannet_obj_<id>_full_mesh.ply`` are taken, not the parts.
    """
    found: dict[str, dict[int, Path]] = {}
    for path in [*sorted(folder.glob("*/*.ply")), *sorted(folder.glob("*.ply"))]:
        if match := re.fullmatch(r"(.+?)(?:_scannet)?_obj_(\d+)(?:_full_mesh)?", path.stem):
            found.setdefault(match[1], {})[int(match[2])] = path
    return found


def find_truth(folder: Path) -> dict[int, Path]:
    """Instance id -> file of all ``obj_<k>.ply`` in a scene's folder of true meshes (or its ``gt``); id = k + 1."""
    for place in (folder, folder / "gt"):
        found = {
            int(match[1]) + 1: path
            for path in sorted(place.glob("obj_*.ply"))
            if (match := re.fullmatch(r"obj_(\d+)", path.stem))
        }
        if found:
            return found
    return {}
