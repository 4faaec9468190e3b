"""Scores for a folder of meshes ``<scene>_obj_<id>.ply``: table, JSON and CSV.

    python evaluation/cal_metric.py --meshes DIR --truth DIR --scan SCAN

``--truth`` holds ``<scene>/obj_<k>.ply`` (or, for one scene, ``obj_<k>.ply``) with k = id - 1: meshes, or clouds of
points, of which no normals and no seen and hidden surface can be told.  ``--scan`` adds seen and hidden surface and the
measures that need no truth.  Exit status 1 when some object could not be scored.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if not __package__:  # run by its path: the project is this folder's parent
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from evaluation.settings import ScoreSettings
from scene.errors import UserError
from scene.runlog import run_cli


def main() -> int:
    arguments = _parser().parse_args()
    if arguments.truth is None and not arguments.scan:
        raise UserError("give --truth, --scan or both: there is nothing to measure the meshes against")
    if arguments.instances is not None and len(arguments.scan) != 1:
        raise UserError(f"--instances {arguments.instances}: masks belong to one scan; give exactly one --scan")
    for folder in [arguments.meshes, arguments.truth]:
        if folder is not None and not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder")

    from evaluation.score_files import write_scores
    from evaluation.scoring import SceneScores, find_meshes, score_scene
    from evaluation.tables import table
    from evaluation.views import views_of_scan
    from scene.scannet import open_scan

    settings = ScoreSettings(samples=arguments.samples, seed=arguments.seed)
    scans = {scan.name: scan for scan in (open_scan(path, arguments.instances) for path in arguments.scan)}
    with_meshes = find_meshes(arguments.meshes)
    if not with_meshes:
        raise UserError(f"{arguments.meshes}: holds no mesh named <scene>_obj_<id>.ply")
    scenes = sorted({*with_meshes, *scans})
    results: list[SceneScores] = []
    for scene in scenes:
        scan = scans.get(scene)
        if arguments.scan and scan is None:
            raise UserError(
                f"{arguments.meshes}: holds meshes of {scene}, but no --scan is of that name: {', '.join(scans)}"
            )
        results.append(
            score_scene(
                scene,
                arguments.meshes,
                _truth_of(scene, arguments.truth, len(scenes)),
                [] if scan is None else views_of_scan(scan, settings.max_frames),
                settings,
                {} if scan is None else {thing.instance_id: thing.label for thing in scan.instances},
            )
        )
    out = arguments.out or arguments.meshes / "scores"
    write_scores(out, results)
    print(table(results))
    print(f"\nwritten: {out / 'scores.json'}, scores.csv, scores.txt")
    return int(any(one.problems for scene in results for one in scene.objects))


def _truth_of(scene: str, root: Path | None, scenes: int) -> Path | None:
    """The scene's folder of true meshes: below ``root``, or ``root`` itself where only one scene is scored."""
    if root is None or (root / scene).is_dir():
        return root and root / scene
    if scenes == 1 and any(root.glob("obj_*.ply")):
        return root
    raise UserError(f"{root / scene}: there is no such folder of true meshes; --truth must hold <scene>/obj_<k>.ply")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cal_metric.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--meshes", type=Path, required=True, metavar="DIR", help="meshes <scene>_obj_<id>.ply, metres")
    parser.add_argument("--truth", type=Path, metavar="DIR", help="true meshes <scene>/obj_<k>.ply, k = id - 1")
    parser.add_argument("--scan", type=Path, nargs="+", default=[], metavar="SCAN", help="the scans' folders")
    parser.add_argument("--instances", type=Path, metavar="DIR", help="masks written by preprocess.segment_scan")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the scores go (default: MESHES/scores)")
    parser.add_argument(
        "--samples", type=int, default=ScoreSettings.samples, help="points on each surface (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=ScoreSettings.seed, help="of the points (default %(default)s)")
    return parser


if __name__ == "__main__":
    run_cli(main)
