"""One self-contained HTML page a scene: meshes to turn round, views, scores, time and memory, provenance.

    python -m evaluation.report RUN --scan SCAN

reads what a reconstruction left in its folder RUN and writes ``RUN/report/index.html``.  Read are ``meshes/<scene>_obj_
<id>.ply``, ``scores.json`` (``evaluation.measures``) and ``run.json``, of which the page knows ``seed``, ``settings``,
``provenance``, ``parts`` (``[{part, says}]``: pretrained networks and what stood in), ``stages`` (``[{stage, seconds,
peak_memory_mb, earlier_run}]``: the last is true where the work was found done) and ``objects`` (``[{instance_id,
label, error, marks}]``: why one failed, what makes one doubtful); whatever is missing is left out of the page.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float

from evaluation.page import stage_bars, write_page
from evaluation.page_meshes import data_url, glb_base64, simplified, thumbnail, viewer_yaw
from evaluation.page_records import PageObject, PageRoom, PageRun, PageSide, PageView
from evaluation.page_views import pick_views, pictures_of, with_color
from evaluation.pictures import join, up_of
from evaluation.score_files import read_scores
from evaluation.scoring import find_meshes
from evaluation.settings import ReportSettings
from evaluation.views import View, views_of_scan
from evaluation.visibility import mark_seen
from scene.errors import UserError
from scene.files import read_json
from scene.mesh import load_mesh, surface_mean
from scene.records import Scan
from scene.runlog import log, progress, run_cli


@dataclass(frozen=True)
class RunFolder:
    """What a reconstruction left behind of one scene, by instance id."""

    meshes: Mapping[int, Path]
    scores: Mapping[int, Mapping[str, float]]
    labels: Mapping[int, str]
    marks: Mapping[int, Sequence[str]]  # sentences: what failed or makes an object doubtful
    run: PageRun

    @property
    def ids(self) -> list[int]:
        return sorted({*self.meshes, *self.scores, *self.marks})


def read_run(folder: Path, scan: Scan) -> RunFolder:
    """Collect the scene's meshes, scores and marks.  Raises UserError when there are none at all."""
    labels = {thing.instance_id: thing.label for thing in scan.instances}
    marks: dict[int, list[str]] = {}
    scores: dict[int, Mapping[str, float]] = {}
    scores_path, run_path = folder / "scores.json", folder / "run.json"
    for scene in read_scores(scores_path) if scores_path.is_file() else []:
        for one in scene.objects if scene.scene == scan.name else []:
            scores[one.instance_id] = one.scores
            labels[one.instance_id] = one.label or labels.get(one.instance_id, "")  # the name that it was given, if any
            marks.setdefault(one.instance_id, []).extend(one.problems)
    record = read_json(run_path) if run_path.is_file() else {}
    try:
        run = PageRun(
            stage_bars(record.get("stages", [])),
            record.get("seed"),
            str(record.get("device", "")),
            dict(record.get("provenance", {})),
            dict(record.get("settings", {})),
            {str(one["part"]): str(one["says"]) for one in record.get("parts", [])},
        )
        for entry in record.get("objects", []):
            error = entry.get("error")
            marks.setdefault(int(entry["instance_id"]), []).extend(
                [*([error] if error else []), *entry.get("marks", [])]
            )
            labels.setdefault(int(entry["instance_id"]), entry.get("label", ""))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{run_path}: is not a run's record ({error!r}); run the reconstruction again") from error
    found = RunFolder(find_meshes(folder / "meshes").get(scan.name, {}), scores, labels, marks, run)
    if not found.ids:
        raise UserError(f"{folder}: holds no mesh and no score of {scan.name}; reconstruct it first")
    return found


def build_report(folder: Path, scan: Scan, settings: ReportSettings) -> Path:
    """Write ``folder/report/index.html`` from what the run left in ``folder`` and from the scan's views."""
    found = read_run(folder, scan)
    views = views_of_scan(scan, settings.max_frames)
    # A scan that does not state its up vector had it found when the meshes were made; their sidecars tell it.
    up = next(map(up_of, found.meshes.values()), np.array([0.0, 0.0, 1.0])) if scan.up is None else scan.up
    faces = min(settings.faces, settings.faces_in_all // max(1, len(found.meshes)))
    objects, in_the_room = [], []
    for instance_id in progress(found.ids, "drawing the page"):
        one, light = _page_object(instance_id, found, scan, views, up, faces, settings)
        objects.append(one)
        if light is not None:
            in_the_room.append(light)
    path = folder / "report" / "index.html"
    write_page(path, scan.name, [PageSide("", _page_room(in_the_room, views, up), objects, found.run)])
    return path


def _page_room(meshes: Sequence[trimesh.Trimesh], views: Sequence[View], up: Float[np.ndarray, " 3"]) -> PageRoom:
    """All meshes together, from the side where the cameras mostly stood."""
    if not meshes:
        return PageRoom()
    room = join(meshes)
    direction = np.mean([view.world_from_camera[:3, 3] for view in views], 0) - room.bounds.mean(0)
    return PageRoom(thumbnail(room, up, direction), viewer_yaw(direction, up))


def _page_object(
    instance_id: int,
    found: RunFolder,
    scan: Scan,
    views: Sequence[View],
    up: Float[np.ndarray, " 3"],
    faces: int,
    settings: ReportSettings,
) -> tuple[PageObject, trimesh.Trimesh | None]:
    """One object's pictures and words, and its simplified mesh; a mesh that cannot be read becomes a mark."""
    marks = list(found.marks.get(instance_id, []))
    mesh = None
    if instance_id in found.meshes:
        try:
            mesh = load_mesh(found.meshes[instance_id])
        except UserError as error:
            log.warning("%s", error)
            marks = [*marks, str(error)] if str(error) not in marks else marks
    elif not marks:
        marks = ["there is no mesh of it"]
    center = np.mean([view.world_from_camera[:3, 3] for view in views], 0) if mesh is None else mesh.bounds.mean(0)
    picked = pick_views(views, instance_id, center, settings.views)
    direction = (picked or views)[0].world_from_camera[:3, 3] - center
    light = None
    if mesh is not None:
        light = simplified(mesh, faces)
        if "seen" not in light.vertex_attributes:  # a mesh that was made elsewhere
            mark_seen(light, views)
    one = PageObject(
        instance_id=instance_id,
        label=found.labels.get(instance_id, ""),
        scores=found.scores.get(instance_id, {}),
        marks=marks,
        size_m=() if mesh is None else tuple(map(float, mesh.extents)),
        faces=0 if mesh is None else len(mesh.faces),
        seen=None if mesh is None else surface_mean(mesh, "seen"),
        confidence=None if mesh is None else surface_mean(mesh, "confidence"),
        glb="" if light is None else glb_base64(light, up),
        thumbnail="" if light is None else thumbnail(light, up, direction),
        yaw=viewer_yaw(direction, up),
        views=_page_views(instance_id, mesh, scan, picked, settings),
    )
    return one, light


def _page_views(
    instance_id: int, mesh: trimesh.Trimesh | None, scan: Scan, picked: Sequence[View], settings: ReportSettings
) -> list[PageView]:
    shown = []
    for view in picked:
        colored = with_color(view, scan)
        if colored is not None:
            photo, render = pictures_of(colored, instance_id, mesh, settings.view_width)
            frame_id = scan.frame_ids[view.index]
            shown.append(PageView(f"frame {frame_id}", data_url(photo), "" if render is None else data_url(render)))
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a reconstruction's output folder")
    parser.add_argument("--scan", type=Path, required=True, help="the scan it was made from")
    parser.add_argument("--instances", type=Path, metavar="DIR", help="masks written by preprocess.segment_scan")
    arguments = parser.parse_args()
    if not arguments.run.is_dir():
        raise UserError(f"{arguments.run}: there is no such folder; give what reconstruct.py wrote")
    from scene.scannet import open_scan

    print(build_report(arguments.run, open_scan(arguments.scan, arguments.instances), ReportSettings()))


if __name__ == "__main__":
    run_cli(main)
