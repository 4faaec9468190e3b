"""Gathers the meshes of many training runs into one folder a scene.

    python evaluation/collect_mesh.py --exps exps-paper/indoor-paper/neus --out collected

From ``<exps>/<object>/exp_<object>/meshes`` the newest mesh of every object becomes ``<out>/<scene>/``
``<object>_full_mesh.ply`` and, as points drawn evenly from it, ``<object>_pointcloud.ply``; with ``--scan`` also
``<object>_mesh.ply``: the part that a camera of the scan saw.  ``<object>`` is ``<scene>_scannet_obj_<id>``.
``cal_metric.py --meshes <out>`` scores the full meshes.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # run by its path: the project is this folder's parent
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from scene.errors import UserError
from scene.runlog import log, run_cli

if TYPE_CHECKING:
    import trimesh

    from evaluation.views import View

_POINTS = 200_000


def newest_mesh(folder: Path) -> Path | None:
    """The mesh of most training steps (its name starts with them), of equals the one in world coordinates."""

    def rank(path: Path) -> tuple[int, bool, str]:
        steps = re.match(r"\d+", path.stem)
        return (int(steps[0]) if steps else -1, "world" in path.stem, path.name)

    return max(folder.glob("*.ply"), key=rank, default=None)


def seen_part(mesh: trimesh.Trimesh, views: Sequence[View]) -> trimesh.Trimesh:
    """The faces whose centre some view saw."""
    from evaluation.visibility import seen

    part = mesh.copy()
    part.update_faces(seen(mesh.triangles_center, mesh.face_normals, views))
    part.remove_unreferenced_vertices()
    return part


def collect(exps: Path, out: Path, views: dict[str, list[View]]) -> list[str]:
    """Gather every object below ``exps``; returns the names of those that have no usable mesh.

    ``views`` holds those of each scene whose seen part is wanted.
    """
    import trimesh

    from evaluation.sampling import surface_of
    from scene.files import atomic_file
    from scene.mesh import load_mesh

    missing = []
    for run in sorted(exps.glob("*/exp_*")):
        match = re.fullmatch(r"((.+?)_scannet_obj_\d+)(?:_inpainted)?", run.parent.name)
        if match is None:
            continue
        name, scene = match[1], match[2]
        try:
            path = newest_mesh(run / "meshes")
            if path is None:
                raise UserError(f"{run / 'meshes'}: holds no mesh; run exp_runner.py --mode validate_mesh for it")
            mesh = load_mesh(path)
        except UserError as error:
            log.warning("%s", error)
            missing.append(name)
            continue
        kinds: dict[str, trimesh.Trimesh | trimesh.PointCloud] = {
            "full_mesh": mesh,
            "pointcloud": trimesh.PointCloud(surface_of(mesh, _POINTS, 0).points),
        }
        if scene in views:
            kinds["mesh"] = seen_part(mesh, views[scene])
        for kind, geometry in kinds.items():
            with atomic_file(out / scene / f"{name}_{kind}.ply") as temporary:
                geometry.export(temporary)
    return missing


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="collect_mesh.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--exps", type=Path, default=Path("exps-paper/indoor-paper/neus"), metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="gets one folder a scene")
    parser.add_argument("--scan", type=Path, nargs="+", default=[], metavar="SCAN", help="the scans' folders")
    arguments = parser.parse_args()
    if not any(arguments.exps.glob("*/exp_*")):
        raise UserError(f"{arguments.exps}: holds no runs <object>/exp_<object>; train some first or give --exps")

    from evaluation.settings import ScoreSettings
    from evaluation.views import views_of_scan
    from scene.scannet import open_scan

    scans = [open_scan(path) for path in arguments.scan]
    missing = collect(
        arguments.exps, arguments.out, {scan.name: views_of_scan(scan, ScoreSettings().max_frames) for scan in scans}
    )
    print(arguments.out)
    if missing:
        log.warning("without a mesh: %s", ", ".join(missing))
    return int(bool(missing))


if __name__ == "__main__":
    run_cli(main)
