"""Scores for folders of meshes, by either of two protocols.

    python evaluation/cal_metric.py --meshes DIR --truth DIR --scan SCAN
    python evaluation/cal_metric.py --meshes DIR --methods ours theirs --scannet_gt_dir GT --scan SCAN
    python evaluation/cal_metric.py --protocol o2recon --meshes DIR --scannet_gt_dir GT --scan2cad_gt_dir CAD

complete (the default): meshes <scene>_obj_<id>.ply, or O2-Recon's ..._full_mesh.ply, below DIR, or below DIR/<method>
for each of --methods.  Points drawn evenly from both surfaces are compared on the whole, the seen and the hidden
surface; written are tables, CSV, JSON and a LaTeX row, with means of each scene, class and all, and 95 % intervals.
Methods are compared measure by measure, over the objects of which all of them have it.  --scan adds what is seen and
hidden, and the measures that need no truth.

o2recon: O2-Recon's own arithmetic on the points that files hold, to stand beside its published numbers.  DIR or
DIR/<method> holds <scene>/*_pointcloud.ply and *_mesh.ply; written are <its folder>/metrics-new/metric_<scene>.txt and
metric_<scene>_scan2cad.txt, anew if they are there (O2-Recon leaves them).

True surfaces of object <id>, with k = id - 1: <scene>/obj_<k>.ply (or, for one scene, obj_<k>.ply) in --truth,
<scene>/gt/obj_<k>.ply in --scannet_gt_dir, <scene>/scannet_<k>_pointcloud.ply in --scan2cad_gt_dir.  With two of them
each is scored against by itself, into folders of their names below --out.
Exit status 1 when some object could not be scored, or in o2recon no file met some true surface.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if not __package__:  # run by its path: the project is this folder's parent
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from evaluation.settings import ScoreSettings
from scene.errors import UserError
from scene.runlog import log, run_cli

_TRUTHS = ("truth", "scannet_gt_dir", "scan2cad_gt_dir")
_COMPLETE_ONLY = ("truth", "scan", "instances", "out", "samples", "seed")
_MOST_SAMPLES = 10_000_000  # of which an object needs gigabytes
_O2RECON_ONLY = ("max_dist", "scan2cad_inputs")


def main() -> int:
    arguments = _parser().parse_args()
    others = _O2RECON_ONLY if arguments.protocol == "complete" else _COMPLETE_ONLY
    for name in others:
        if getattr(arguments, name) is not None:
            raise UserError(f"--{name}: means nothing to --protocol {arguments.protocol}; leave it out")
    truths = [getattr(arguments, name) for name in _TRUTHS]
    methods = {name: arguments.meshes / name for name in arguments.methods} or {"": arguments.meshes}
    for folder in [arguments.meshes, *methods.values(), *truths]:
        if folder is not None and not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder")
    return _complete(arguments, methods) if arguments.protocol == "complete" else _o2recon(arguments, methods)


def _complete(arguments: argparse.Namespace, methods: dict[str, Path]) -> int:
    scan_paths = arguments.scan or []
    truths = {name.partition("_")[0]: root for name in _TRUTHS if (root := getattr(arguments, name)) is not None}
    if not truths and not scan_paths:
        raise UserError(
            "give --truth (or --scannet_gt_dir or --scan2cad_gt_dir), --scan or both: there is nothing to measure the "
            "meshes against"
        )
    if arguments.instances is not None and len(scan_paths) != 1:
        raise UserError(f"--instances {arguments.instances}: masks belong to one scan; give exactly one --scan")

    from evaluation.complete_protocol import print_methods, scenes_of, score_methods, write_methods
    from evaluation.mesh_files import truth_folder
    from scene.scannet import open_scan

    chosen = {name: getattr(arguments, name) for name in ("samples", "seed") if getattr(arguments, name) is not None}
    settings = ScoreSettings(**chosen)
    if not scan_paths:
        log.info("no --scan is given: nothing is told of seen and hidden surface, nor of what the cameras saw")
    scans = {scan.name: scan for scan in (open_scan(path, arguments.instances) for path in scan_paths)}
    scenes = scenes_of(methods, scans, arguments.scenes)
    out = arguments.out or arguments.meshes / "scores"
    problems = False
    for kind, root in (truths or {"": None}).items():
        truth = {scene: truth_folder(scene, root, len(scenes) == 1) if root else None for scene in scenes}
        try:
            results = score_methods(methods, scenes, truth, scans, settings)
        except MemoryError as error:
            raise UserError(
                f"there is not enough memory for {settings.samples:,} points; give fewer --samples"
            ) from error
        folder = out / kind if len(truths) > 1 else out
        write_methods(folder, results, settings.seed)
        print_methods(results, settings.seed)
        print(f"written: {folder}")
        problems |= any(one.problems for scored in results.values() for scene in scored for one in scene.objects)
    return int(problems)


def _o2recon(arguments: argparse.Namespace, methods: dict[str, Path]) -> int:
    if arguments.scannet_gt_dir is None and arguments.scan2cad_gt_dir is None:
        raise UserError("--protocol o2recon needs --scannet_gt_dir, --scan2cad_gt_dir or both")

    from evaluation.o2recon_protocol import means_of, run_task, scenes_in, tasks_of

    max_dist_m = 10.0 if arguments.max_dist is None else arguments.max_dist
    failed = False
    for name, folder in methods.items():
        for scene in arguments.scenes or scenes_in(folder):
            truths = (arguments.scannet_gt_dir, arguments.scan2cad_gt_dir)
            for task in tasks_of(folder, scene, *truths, arguments.scan2cad_inputs or "mesh"):
                outcome = run_task(task, max_dist_m)
                what = " ".join(filter(None, (name, task.text.stem)))
                for problem in outcome.problems:
                    log.warning("%s: not scored: %s", what, problem)
                if outcome.without_truth:
                    names = ", ".join(outcome.without_truth)
                    log.warning("%s: %d without truth, left out: %s", what, len(outcome.without_truth), names)
                failed |= bool(outcome.problems) or not outcome.scores
                if not outcome.scores:
                    log.warning("%s: nothing could be scored, and %s is not written", what, task.text)
                    continue
                print(f"{what}: {len(outcome.scores)} objects, written: {task.text}")
                for key, mean in means_of(list(outcome.scores.values())).items():
                    print(f"  {key}: {mean}")
    return int(failed)


def _samples(text: str) -> int:
    if not 1 <= (samples := int(text)) <= _MOST_SAMPLES:
        raise argparse.ArgumentTypeError(f"must be from 1 to {_MOST_SAMPLES:,}, not {text}")
    return samples


def _seed(text: str) -> int:
    if (seed := int(text)) < 0:
        raise argparse.ArgumentTypeError(f"must not be negative, not {text}")
    return seed


def _distance_m(text: str) -> float:
    if not (distance_m := float(text)) > 0:
        raise argparse.ArgumentTypeError(f"must be positive, not {text}")
    return distance_m


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cal_metric.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--protocol", choices=("complete", "o2recon"), default="complete", help="how to score (default %(default)s)")
    add("--meshes", "--data_dir", type=Path, required=True, metavar="DIR", help="what is scored, in metres")
    add("--methods", nargs="+", default=[], metavar="NAME", help="folders of --meshes that are compared, a row each")
    add("--scenes", nargs="+", default=[], metavar="SCENE", help="only these (default: all that are there)")
    add("--scannet_gt_dir", type=Path, metavar="DIR", help="true surfaces cut from the scans' annotated meshes")
    add("--scan2cad_gt_dir", type=Path, metavar="DIR", help="true surfaces of aligned CAD models")
    complete = parser.add_argument_group("complete")
    add = complete.add_argument
    add("--truth", type=Path, metavar="DIR", help="true surfaces of any kind")
    add("--scan", type=Path, nargs="+", metavar="SCAN", help="the scans' folders")
    add("--instances", type=Path, metavar="DIR", help="masks written by preprocess.segment_scan")
    add("--out", type=Path, metavar="DIR", help="where the scores go (default: DIR/scores)")
    add("--samples", type=_samples, help=f"points on each surface (default {ScoreSettings.samples})")
    add("--seed", type=_seed, help=f"of points and intervals (default {ScoreSettings.seed})")
    o2recon = parser.add_argument_group("o2recon")
    add = o2recon.add_argument
    add("--max_dist", type=_distance_m, metavar="M", help="farther distances are left out of the means (default 10)")
    add(
        "--scan2cad_inputs",
        choices=("mesh", "full_pointcloud"),
        help="what meets CAD models: *_mesh.ply, as of optimised meshes (default), or *_full_pointcloud.ply",
    )
    return parser


if __name__ == "__main__":
    run_cli(main, stopped="run the same command again")
