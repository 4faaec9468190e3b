"""One self-contained HTML page a scene: meshes to turn round, views, scores, time and memory, provenance.

    python -m evaluation.report RUN [OTHER]

reads what a reconstruction left in its folder RUN and writes ``RUN/report/index.html``; of two runs of one scene it
shows both side by side, in ``OTHER/report/against_<RUN>/index.html``.  Read are ``meshes/<scene>_obj_<id>.ply``,
``scores.json``, ``run.json`` (``evaluation.page.run_folder``), the scan that this names, and of ``work/`` the views and
the losses of the fit; what is missing is left out of the page.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float

from evaluation.page.glb import points_base64
from evaluation.page.html import write_page
from evaluation.page.meshes import thumbnail, viewer_yaw
from evaluation.page.object import ScanShown, page_object
from evaluation.page.points import open_above, points_of_scan
from evaluation.page.records import PageRoom, PageSide
from evaluation.page.run_folder import RunFolder, open_scan_of, read_run, tell_what_is_gone
from evaluation.pictures import join, up_of
from evaluation.settings import ReportSettings
from evaluation.views import views_of_scan
from scene.errors import UserError
from scene.records import Scan
from scene.runlog import progress, run_cli
from scene.scannet import open_scan

_OTHER_MASKS = (
    "Scan or masks were read from elsewhere than A's: objects of the same number may be different things, and"
    " photographs show A's masks."
)
_FRAMES_HELD = 32  # decoded: objects are shown in the same views


def build_report(folder: Path, scan: Scan, settings: ReportSettings, path: Path | None = None) -> Path:
    """Write ``path`` (by default ``folder/report/index.html``) from what the run left in ``folder`` and from the scan's
    views."""
    found = read_run(folder, scan)
    path = path or folder / "report" / "index.html"
    write_page(path, scan.name, [page_side("", found, shown_scan(scan, [found], found.ids, settings), settings)])
    return path


def build_comparison(runs: Sequence[tuple[Path, Scan]], settings: ReportSettings, path: Path | None = None) -> Path:
    """Write the page of two runs of one scene side by side, by default into the second one's folder.

    Raises UserError when they are not of one scene.
    """
    folders, scans = [folder for folder, _ in runs], [scan for _, scan in runs]
    if folders[0].resolve() == folders[1].resolve():
        raise UserError(f"{folders[0]}: is given twice; give the folders of two runs")
    if scans[0].name != scans[1].name:
        raise UserError(
            f"{folders[0]} shows {scans[0].name} and {folders[1]} {scans[1].name}; give two runs of one scene"
        )
    found = [read_run(folder, scan) for folder, scan in runs]
    ids = sorted({instance_id for run in found for instance_id in run.ids})
    names = names_apart(*folders)
    settings = replace(settings, faces_in_all=max(1, settings.faces_in_all // 2))
    shared = shown_scan(scans[0], found, ids, settings)
    shown = [shared, shared if scans[1] is scans[0] else shown_scan(scans[1], found, ids, settings)]
    sides = [page_side(*of_run, settings) for of_run in zip(names, found, shown, strict=True)]
    if scans[1] is not scans[0]:
        sides[1] = replace(sides[1], remark=_OTHER_MASKS)
    against = re.sub(r"[^\w.-]+", "_", names[0])
    path = path or folders[1] / "report" / f"against_{against}" / "index.html"
    write_page(path, scans[0].name, sides)
    return path


def names_apart(one: Path, other: Path) -> tuple[str, str]:
    """What to call two folders: the ends of their paths, as long as it takes to tell them apart."""
    parts, others = one.resolve().parts, other.resolve().parts
    for length in range(1, max(len(parts), len(others)) + 1):
        names = str(Path(*parts[-length:])), str(Path(*others[-length:]))
        if names[0] != names[1]:
            return names
    raise UserError(f"{one}: is given twice; give the folders of two runs")


def shown_scan(scan: Scan, runs: Sequence[RunFolder], ids: Collection[int], settings: ReportSettings) -> ScanShown:
    """The scan's views and points, for pages of these runs and objects."""
    scan = replace(scan, load_frame=lru_cache(_FRAMES_HELD)(scan.load_frame))
    views = views_of_scan(scan, settings.max_frames)
    # A scan that does not state its up vector had it found when the meshes were made; their sidecars tell it.
    meshes = [path for run in runs for path in run.meshes.values()]
    up = next(map(up_of, meshes), np.array([0.0, 0.0, 1.0])) if scan.up is None else scan.up
    return ScanShown(scan, views, open_above(points_of_scan(scan, views, ids, settings), up), up)


def page_side(name: str, found: RunFolder, shown: ScanShown, settings: ReportSettings) -> PageSide:
    """One run's part of a page."""
    tell_what_is_gone(found)
    faces = min(settings.faces, settings.faces_in_all // max(1, len(found.meshes)))
    objects, in_the_room = [], []
    for instance_id in progress(found.ids, "drawing the page"):
        one, light = page_object(instance_id, found, shown, faces, settings)
        objects.append(one)
        if light is not None:
            in_the_room.append(light)
    return PageSide(name, _page_room(in_the_room, shown), objects, found.run)


def _page_room(meshes: Sequence[trimesh.Trimesh], shown: ScanShown) -> PageRoom:
    """All meshes together, from the side where the cameras mostly stood, and the points of the rest of the room."""
    rest = shown.points.rest
    points = points_base64(rest.points, rest.colors, shown.up)
    if not meshes:
        return PageRoom(points=points)
    room = join(meshes)
    direction: Float[np.ndarray, " 3"] = np.mean([view.world_from_camera[:3, 3] for view in shown.views], 0)
    direction = direction - room.bounds.mean(0)
    return PageRoom(thumbnail(room, shown.up, direction), viewer_yaw(direction, shown.up), points)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a reconstruction's output folder")
    parser.add_argument("other", type=Path, nargs="?", help="another one of the same scene, shown beside it")
    parser.add_argument("--scan", type=Path, help="the scan it was made from, where it is no longer where it was")
    parser.add_argument("--instances", type=Path, metavar="DIR", help="masks written by preprocess.segment_scan")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the page, index.html")
    arguments = parser.parse_args()
    runs = [run for run in (arguments.run, arguments.other) if run is not None]
    opening = cache(open_scan)  # both runs mostly have the same
    scans = [open_scan_of(run, arguments.scan, arguments.instances, opening) for run in runs]
    path = None if arguments.out is None else arguments.out / "index.html"
    if len(runs) == 1:
        print(build_report(runs[0], scans[0], ReportSettings(), path))
    else:
        print(build_comparison(list(zip(runs, scans, strict=True)), ReportSettings(), path))


if __name__ == "__main__":
    run_cli(main, stopped="run the same command again")
