"""Gathers the meshes of many runs into one folder a method and scene, as both protocols of cal_metric.py read them.

    python evaluation/collect_mesh.py --exp_root exps-paper/indoor-paper/neus --out collected
    python evaluation/collect_mesh.py --exp_root RUN1 RUN2 --method ours --out collected --scan SCAN1 SCAN2

An --exp_root is the folder of O2-Recon's training runs, of which the newest mesh of every
<object>_<method>/exp_*/meshes is taken, or the output of reconstruct.py, of which all meshes are.  Each becomes
<out>/<method>/<scene>/<scene>_scannet_obj_<id>_<method>_full_mesh.ply and, as points drawn evenly from it,
..._pointcloud.ply.  With the --scan of every scene there is also ..._mesh.ply, the part that a camera saw, and
the points are that part's: what a partial ground truth can judge.  An object's files of an earlier gathering are
replaced.  Exit status 1 when an object has no usable mesh.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if not __package__:  # run by its path: the project is this folder's parent
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from scene.errors import UserError
from scene.runlog import log, run_cli

_SUFFIX = "inpainted"  # of the ancestor's training folders


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="collect_mesh.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--exp_root",
        "--exps",
        type=Path,
        nargs="+",
        default=[Path("exps-paper/indoor-paper/neus")],
        metavar="DIR",
        help="runs",
    )
    add(
        "--method",
        metavar="NAME",
        help=f"of training runs, the end of the folders that are taken (default {_SUFFIX}; folders without any count "
        "as that); of reconstruct.py's output, its name (default: the folder's)",
    )
    add("--out", type=Path, required=True, metavar="DIR", help="gets <method>/<scene>/")
    add("--scan", type=Path, nargs="+", default=[], metavar="SCAN", help="the scans' folders")
    arguments = parser.parse_args()

    from evaluation.gather import Found, gather, objects_of_runs, objects_of_training
    from evaluation.settings import ScoreSettings
    from evaluation.views import views_of_scan
    from scene.scannet import open_scan

    found: list[Found] = []
    for root in arguments.exp_root:
        if any(root.glob("*/exp_*")):
            here = objects_of_training(root, arguments.method or _SUFFIX)
        elif (root / "meshes").is_dir() or (root / "run.json").is_file():
            here = objects_of_runs(root, arguments.method or root.resolve().name)
        else:
            raise UserError(
                f"{root}: is neither a folder of training runs <object>/exp_<object> nor an output of reconstruct.py; "
                "give --exp_root"
            )
        if not here:
            raise UserError(f"{root}: holds no object of that method; give --method")
        found += here
    scans = [open_scan(path) for path in arguments.scan]
    views = {scan.name: views_of_scan(scan, ScoreSettings().max_frames) for scan in scans}
    missing = gather(found, arguments.out, views)
    print(arguments.out)
    if missing:
        log.warning("without a mesh: %s", ", ".join(missing))
    return int(bool(missing))


if __name__ == "__main__":
    run_cli(main)
