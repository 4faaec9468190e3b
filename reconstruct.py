"""A scan in; one complete, watertight, metric mesh per object, scores and a page out.

    python reconstruct.py SCAN --out DIR [--objects 3,5] [--truth DIR] [--conf confs/fast.conf] [--set KEY=VALUE ...]

Writes DIR/meshes/<scene>_obj_<id>.ply and .glb, DIR/scores.json, DIR/run.json and DIR/report/index.html.  Run again, it
does only what is missing or changed.  Exit status 1 when an object failed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from scene.config import load
from scene.errors import UserError
from scene.runlog import run_cli
from settings import Settings


def main() -> int:
    arguments = parse_arguments()
    settings = load(arguments.conf, Settings, arguments.set)
    if not arguments.scan.is_dir():
        raise UserError(
            f"{arguments.scan}: there is no such folder; give the folder that holds color/, depth/ and pose/"
        )

    from evaluation.mesh_files import truth_folder
    from models.devices import choose_device
    from pipeline import Job, run

    device = choose_device(arguments.device)
    truth = arguments.truth
    if truth is not None:
        truth = truth_folder(arguments.scan.resolve().name.removesuffix("_scannet"), truth, alone=True)
    job = Job(arguments.scan, arguments.out, settings, arguments.objects, truth, arguments.seed, device)
    failed = run(job)
    print((arguments.out / "scores.txt").read_text(encoding="utf-8"))
    print(f"meshes:  {arguments.out / 'meshes'}")
    print(f"scores:  {arguments.out / 'scores.json'}")
    print(f"report:  {arguments.out / 'report' / 'index.html'}")
    if failed:
        print(f"{failed} object{'s' if failed > 1 else ''} failed; {arguments.out / 'run.json'} says why")
    return int(failed > 0)


def object_ids(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"give instance ids with commas between, such as 3,5, not {text}") from error


def seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"give a whole number that is not negative, not {text}")
    return int(text)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scan", type=Path, metavar="SCAN", help="folder of a scan in ScanNet's export layout")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where everything is written")
    parser.add_argument("--objects", type=object_ids, metavar="3,5", help="only these instance ids")
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="DIR",
        help="true surfaces to score against: obj_<k>.ply, k = id - 1, there or in the scene's folder there",
    )
    parser.add_argument("--conf", type=Path, default=Path(__file__).parent / "confs" / "fast.conf")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting")
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    return parser.parse_args()


if __name__ == "__main__":
    run_cli(main)
