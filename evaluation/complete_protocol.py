"""Every measure of one or several methods' meshes, over the same scenes, objects, views and true surfaces."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from evaluation.mesh_files import find_meshes
from evaluation.records import SceneScores
from evaluation.score_files import write_scores
from evaluation.scoring import score_scene
from evaluation.settings import ScoreSettings
from evaluation.summary import compared, summaries
from evaluation.tables import latex, means_csv_text, methods_table, table
from evaluation.views import views_of_scan
from scene.errors import UserError
from scene.files import write_json, write_text
from scene.records import Scan


def scenes_of(methods: Mapping[str, Path], scans: Collection[str], wanted: Collection[str]) -> list[str]:
    """The scenes to score: those ``wanted``, else all that some method has meshes of or that are in ``scans``.

    Raises UserError for folders without meshes, and where scans are given but one scene's is not among them.
    """
    found = {name: find_meshes(folder) for name, folder in methods.items()}
    for name, folder in methods.items():
        if not found[name]:
            raise UserError(
                f"{folder}: holds no mesh named <scene>_obj_<id>.ply; where its folders are methods, name them by "
                "--methods"
            )
    scenes = sorted(wanted) or sorted({*scans, *(scene for one in found.values() for scene in one)})
    for scene in scenes:
        if scans and scene not in scans:
            raise UserError(f"{scene}: is to be scored, but no --scan is of that name: {', '.join(sorted(scans))}")
        if scene not in scans and not any(scene in one for one in found.values()):
            raise UserError(f"{scene}: there is no mesh of that scene in {', '.join(map(str, methods.values()))}")
    return scenes


def score_methods(
    methods: Mapping[str, Path],
    scenes: Sequence[str],
    truth: Mapping[str, Path | None],
    scans: Mapping[str, Scan],
    settings: ScoreSettings,
) -> dict[str, list[SceneScores]]:
    """Each method's scores of every scene; ``truth`` is each scene's folder of true surfaces.

    A scene that a method has no meshes of counts against it wherever the truth of its objects is known.
    """
    results: dict[str, list[SceneScores]] = {name: [] for name in methods}
    for scene in scenes:
        scan = scans.get(scene)
        views = [] if scan is None else views_of_scan(scan, settings.max_frames)
        labels = {} if scan is None else {thing.instance_id: thing.label for thing in scan.instances}
        for name, folder in methods.items():
            results[name].append(score_scene(scene, folder, truth[scene], views, settings, labels))
    return results


def write_methods(out: Path, results: Mapping[str, Sequence[SceneScores]], seed: int) -> None:
    """Write every method's scores below ``out``, and where they are compared ``methods`` as .txt, .csv, .json and .tex.

    Of a single method without a name (``""``) the scores go to ``out`` itself.
    """
    if list(results) == [""]:
        write_scores(out, results[""], seed=seed)
        return
    for name, scenes in results.items():
        write_scores(out / name, scenes, name, seed)
    methods = compared(results, seed)
    write_text(out / "methods.txt", methods_table(methods) + "\n")
    write_text(out / "methods.csv", means_csv_text(methods))
    write_json(out / "methods.json", {"means": [asdict(one) for one in methods]})
    write_text(out / "methods.tex", latex(methods))


def print_methods(results: Mapping[str, Sequence[SceneScores]], seed: int) -> None:
    """Each method's tables and, of several, the table that compares them."""
    for name, scenes in results.items():
        print(f"{name}\n" * bool(name) + table(scenes, summaries(scenes, seed)) + "\n")
    if len(results) > 1:
        print(methods_table(compared(results, seed)) + "\n")
