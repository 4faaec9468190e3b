"""Ground truth from a scan's own annotated mesh: what of every object was scanned, cut out of the scan.

    python evaluation/seg_scannet_gt.py --scannet_root scannet --save_gt_dir scannet_gt

Writes ``<save_gt_dir>/<scene>/gt/obj_<k>.ply`` (k = instance id - 1; metres, the scan's frame) for every annotated
object, and ``<scene>/groundtruth.json``, which names each object without truth and why.  Walls, floors and the like get
none unless asked for: as truth they would count as objects that nobody reconstructed.
A cut-out holds the scanned part only: it says nothing of surface that no camera saw.  Its sidecar says "partial": true,
so that scores hold nothing against a mesh that goes on where the scan ends.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if not __package__:  # run by its path: the project is this folder's parent
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from scene.runlog import run_cli


def main() -> int:
    arguments = _parser().parse_args()

    from evaluation.groundtruth import SceneTruth, make_scenes, summary
    from evaluation.truth.cutouts import cut_out
    from evaluation.truth.scannet import find_scans, read_annotated_scan

    scans = find_scans(arguments.scannet_root, arguments.scenes)

    def make(scene: str, folder: Path) -> SceneTruth:
        return cut_out(
            read_annotated_scan(scene, folder), arguments.save_gt_dir / scene, arguments.objects, arguments.background
        )

    made, failed = make_scenes(scans, make)
    print(summary(made, failed))
    print(f"written: {arguments.save_gt_dir}/<scene>/gt/obj_<k>.ply and groundtruth.json")
    return int(failed > 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seg_scannet_gt.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scannet_root", type=Path, required=True, metavar="DIR", help="holds <scene>_scannet/")
    parser.add_argument("--save_gt_dir", type=Path, required=True, metavar="DIR", help="where the truth goes")
    parser.add_argument("--scenes", nargs="+", metavar="SCENE", help="as scene0000_00; default: all that are there")
    parser.add_argument(
        "--objects", type=int, nargs="+", metavar="ID", help="instance ids; default: all things in the room"
    )
    parser.add_argument("--background", action="store_true", help="walls, floors and the like too")
    return parser


if __name__ == "__main__":
    run_cli(main)
