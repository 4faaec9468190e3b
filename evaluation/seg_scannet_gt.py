"""Ground truth from a scan's own annotated mesh: what of every object was scanned, cut out of the scan.

    python evaluation/seg_scannet_gt.py --scannet_root scannet --save_gt_dir scannet_gt

Writes ``<save_gt_dir>/<scene>/gt/obj_<k>.ply`` (k = instance id - 1; metres, the scan's frame) for every annotated
object, walls and floors included, and ``<scene>/groundtruth.json``, which names each object without truth and why.
A cut-out holds the scanned part only: it says nothing of surface that no camera saw.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if not __package__:  # run by its path: the project is this folder's parent
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from evaluation.groundtruth import (
    Lack,
    SceneTruth,
    TrueObject,
    instance_named,
    make_scenes,
    remove_truth,
    summary,
    write_surface,
)
from evaluation.scannet_truth import AnnotatedScan, SegGroup, find_scans, read_annotated_scan
from scene.errors import UserError
from scene.runlog import run_cli


def main() -> int:
    arguments = _parser().parse_args()
    scans = find_scans(arguments.scannet_root, arguments.scenes)
    skip = frozenset(name.strip().lower() for name in arguments.skip.split(",") if name.strip())

    def make(scene: str, folder: Path) -> SceneTruth:
        return cut_out(read_annotated_scan(scene, folder), arguments.save_gt_dir / scene, arguments.objects, skip)

    made, failed = make_scenes(scans, make)
    print(summary(made, failed))
    print(f"written: {arguments.save_gt_dir}/<scene>/gt/obj_<k>.ply and groundtruth.json")
    return int(failed > 0)


def cut_out(scan: AnnotatedScan, out: Path, only: list[int] | None, skip: frozenset[str]) -> SceneTruth:
    """Write every annotated object of a scan into ``out/gt``; ``only`` are ids, ``skip`` class names in lower case.

    Raises UserError where the scan has none of ``only``.
    """
    known = {group.instance_id for group in scan.groups}
    if only is not None and not known & set(only):
        raise UserError(f"{scan.scene}: has none of the instances {sorted(set(only))}; there are 1 to {len(known)}")
    result = SceneTruth(scan.scene, "scan's annotated mesh", {"objects": only, "skip": sorted(skip)})
    for instance_id in sorted(set(only or ()) - known):
        result.without_truth.append(
            Lack(f"instance {instance_id}", "not annotated", "the aggregation json has no such group", instance_id)
        )
    for group in scan.groups:
        named = instance_named(group.instance_id, group.label)
        if only is not None and group.instance_id not in only:
            continue
        if group.label.lower() in skip:
            result.without_truth.append(Lack(named, "left out as asked", "its class is skipped", group.instance_id))
            continue
        path = out / "gt" / f"obj_{group.instance_id - 1}.ply"
        try:
            result.with_truth.append(_write(scan, group, path))
        except UserError as error:
            remove_truth(path)
            result.without_truth.append(Lack(named, "unusable annotation", str(error), group.instance_id))
    result.write(out)
    return result


def _write(scan: AnnotatedScan, group: SegGroup, path: Path) -> TrueObject:
    """One object's cut-out.  Raises UserError where its annotation allows none."""
    surface = scan.mesh_of(scan.vertices_of(group))
    area_m2 = float(surface.area) if hasattr(surface, "area") else 0.0
    write_surface(path, surface, {"instance_id": group.instance_id, "label": group.label, "area_m2": area_m2})
    notes = () if area_m2 > 0 else ("no face has all its corners in the object; written as a cloud of points",)
    return TrueObject(group.instance_id, group.label, f"gt/{path.name}", notes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seg_scannet_gt.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scannet_root", type=Path, required=True, metavar="DIR", help="holds <scene>_scannet/")
    parser.add_argument("--save_gt_dir", type=Path, required=True, metavar="DIR", help="where the truth goes")
    parser.add_argument("--scenes", nargs="+", metavar="SCENE", help="as scene0000_00; default: all that are there")
    parser.add_argument("--objects", type=int, nargs="+", metavar="ID", help="instance ids; default: all annotated")
    parser.add_argument("--skip", default="", metavar="NAMES", help="classes to leave out, as wall,floor,ceiling")
    return parser


if __name__ == "__main__":
    run_cli(main)
