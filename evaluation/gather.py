"""Meshes of runs, found and put by method and scene under O2-Recon's names."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import trimesh

from evaluation.mesh_files import find_meshes
from evaluation.sampling import surface_of
from evaluation.views import View
from evaluation.visibility import seen
from scene.errors import UserError
from scene.files import atomic_file, read_json
from scene.mesh import load_mesh
from scene.runlog import log, progress

_POINTS = 200_000
_KINDS = ("full_mesh", "mesh", "pointcloud")


@dataclass(frozen=True)
class Found:
    """An object of a method's run, and its mesh; None where the run made none."""

    method: str
    scene: str
    instance_id: int
    mesh: Path | None

    @property
    def name(self) -> str:
        return f"{self.scene}_scannet_obj_{self.instance_id}_{self.method}"


def objects_of_training(root: Path, method: str) -> list[Found]:
    """The objects of ``<root>/<scene>_scannet_obj_<id>[_<method>]/exp_*/meshes``, each with its newest mesh."""
    found = []
    for folder in sorted({run.parent for run in root.glob("*/exp_*")}):
        match = re.fullmatch(rf"(.+?)_scannet_obj_(\d+)(?:_{re.escape(method)})?", folder.name)
        if match is not None:
            mesh = newest_mesh(folder.glob("exp_*/meshes/*.ply"))
            found.append(Found(method, match[1], int(match[2]), mesh))
    return found


def newest_mesh(paths: Iterable[Path]) -> Path | None:
    """The mesh of most training steps (its name starts with them), of equals the one in world coordinates.

    What O2-Recon calls cleaned is only the part of a mesh that some camera saw.
    """

    def rank(path: Path) -> tuple[int, bool, str]:
        steps = re.match(r"\d+", path.stem)
        return (int(steps[0]) if steps else -1, "world" in path.stem, path.name)

    return max((path for path in paths if "cleaned" not in path.stem), key=rank, default=None)


def objects_of_runs(run: Path, method: str) -> list[Found]:
    """The objects of an output of reconstruct.py: its meshes, and those that its record says have failed."""
    meshes, record = find_meshes(run / "meshes"), run / "run.json"
    found = [Found(method, scene, i, path) for scene, paths in meshes.items() for i, path in sorted(paths.items())]
    if not record.is_file():
        return found
    try:
        told = read_json(record)
        scene = Path(told["scan"]).name.removesuffix("_scannet")  # as scene.scannet names it
        tried = {int(one["instance_id"]) for one in told["objects"]}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{record}: is not a run's record ({error!r}); run the reconstruction again") from error
    return found + [Found(method, scene, i, None) for i in sorted(tried - meshes.get(scene, {}).keys())]


def gather(found: Sequence[Found], out: Path, views: Mapping[str, Sequence[View]]) -> list[str]:
    """Put every object below ``out``; returns the names of those that have no usable mesh.

    An object's files of an earlier gathering go first.  ``views`` holds those of each scene; where there are none of
    any, no seen parts are made.  Raises UserError where two runs hold one object, where only some of the scenes have
    views or others do, and for a method whose name makes its files' names ambiguous.
    """
    _refuse_some_views({one.scene for one in found}, views.keys())
    places = [(one.method, one.scene, one.instance_id) for one in found]
    for place, one in zip(places, found, strict=True):
        if places.count(place) > 1:
            raise UserError(f"{one.name}: two runs hold it; gather them one by one, each by its own --method")
        if re.fullmatch(r"(.*_)?full", one.method):
            raise UserError(f"{one.method}: files of whole meshes are told by the word full; give another --method")
    missing = []
    for one in progress(found, "gathering meshes"):
        folder = out / one.method / one.scene
        for name in (*(f"{kind}.ply" for kind in _KINDS), "full_mesh.json"):
            (folder / f"{one.name}_{name}").unlink(missing_ok=True)
        try:
            if one.mesh is None:
                raise UserError(
                    f"{one.name}: its run left no mesh; run it again (or exp_runner.py --mode validate_mesh)"
                )
            mesh = load_mesh(one.mesh)
        except UserError as error:
            log.warning("%s", error)
            missing.append(one.name)
            continue
        _put(one, one.mesh, mesh, folder, views.get(one.scene))
    return missing


def _refuse_some_views(scenes: Collection[str], with_views: Collection[str]) -> None:
    """Raise UserError where points would be of the seen part in one scene and of the whole in another."""
    if strange := sorted({*with_views} - {*scenes}):
        raise UserError(f"--scan {', '.join(strange)}: the runs hold no object of that scene")
    if with_views and (lacking := sorted({*scenes} - {*with_views})):
        raise UserError(f"{', '.join(lacking)}: give its --scan too, or none at all")


def _put(one: Found, source: Path, mesh: trimesh.Trimesh, folder: Path, views: Sequence[View] | None) -> None:
    """Write an object's files; the whole mesh as its file holds it, with what its sidecar says."""
    part = mesh if views is None else seen_part(mesh, views)
    kinds: dict[str, trimesh.Trimesh | trimesh.PointCloud] = {}
    if len(part.faces):
        kinds["pointcloud"] = trimesh.PointCloud(surface_of(part, _POINTS, 0).points)
        kinds |= {} if views is None else {"mesh": part}
    else:
        log.warning("%s: no view saw any of it, so it has no points and no part that was seen", one.name)
    for kind, geometry in kinds.items():
        with atomic_file(folder / f"{one.name}_{kind}.ply") as temporary:
            geometry.export(temporary)
    whole = folder / f"{one.name}_full_mesh.ply"
    for path, target in ((source, whole), (source.with_suffix(".json"), whole.with_suffix(".json"))):
        if path.is_file():
            with atomic_file(target) as temporary:
                shutil.copyfile(path, temporary)


def seen_part(mesh: trimesh.Trimesh, views: Sequence[View]) -> trimesh.Trimesh:
    """The faces whose centre some view saw."""
    part = mesh.copy()
    part.update_faces(seen(mesh.triangles_center, mesh.face_normals, views))
    part.remove_unreferenced_vertices()
    return part
