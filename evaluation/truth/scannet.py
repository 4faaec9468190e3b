"""The objects of a ScanNet scan as people annotated them on its mesh.

``<scene>_vh_clean_2.ply`` is the mesh, ``<scene>_vh_clean_2.0.010000.segs.json`` gives every vertex a segment
(``segIndices``), and the aggregation json says which segments make up an object (``segGroups[k].segments``).  The
instance id is k + 1.  The mesh is in metres, in the scan's frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Int

from scene.errors import UserError
from scene.files import folders_in, read_json
from scene.mesh import load_mesh_as_written
from scene.room_classes import is_room
from scene.runlog import log
from scene.scannet_labels import UNNAMED, LabelTable, read_label_table


@dataclass(frozen=True)
class SegGroup:
    """One annotated object: its segments, or in a sentence why they are of no use."""

    instance_id: int
    label: str
    object_id: int  # ScanNet's own, which is mostly the instance id less 1
    segments: Int[np.ndarray, " s"]
    is_room: bool = False  # a wall, a floor: no object that anybody is asked to reconstruct
    problem: str | None = None


@dataclass(frozen=True)
class AnnotatedScan:
    """A scan's mesh (vertices as the file has them), a segment for every vertex, and the annotated objects."""

    scene: str
    mesh: trimesh.Trimesh
    segments: Int[np.ndarray, " v"]
    groups: list[SegGroup]

    def vertices_of(self, group: SegGroup) -> Int[np.ndarray, " n"]:
        """Indices of an object's vertices, ascending.  Raises UserError where there are none or not all of them."""
        if group.problem is not None:
            raise UserError(group.problem)
        if len(group.segments) == 0:
            raise UserError("its group in the aggregation json has no segments")
        unknown = np.setdiff1d(group.segments, self._known_segments)
        if len(unknown):
            some = ", ".join(map(str, unknown[:5].tolist()))
            raise UserError(
                f"{len(unknown)} of its {len(np.unique(group.segments))} segments (as {some}) are in no vertex; "
                "the aggregation json and the segs json belong to different meshes"
            )
        return np.flatnonzero(np.isin(self.segments, group.segments))

    def mesh_of(self, vertices: Int[np.ndarray, " n"]) -> trimesh.Trimesh | trimesh.PointCloud:
        """These vertices in their order and with their values, and the faces whose corners they all are.

        A cloud of points where there is no such face.
        """
        place = np.full(len(self.mesh.vertices), -1)
        place[vertices] = np.arange(len(vertices))
        faces = place[self.mesh.faces]
        faces = faces[(faces >= 0).all(axis=1)]
        points, colors = self.mesh.vertices[vertices], self._colors(vertices)
        if len(faces) == 0:
            return trimesh.PointCloud(points, colors)
        return trimesh.Trimesh(points, faces, vertex_colors=colors, process=False)

    @cached_property
    def _known_segments(self) -> Int[np.ndarray, " k"]:
        return np.unique(self.segments)

    def _colors(self, vertices: Int[np.ndarray, " n"]) -> np.ndarray | None:
        visual = self.mesh.visual
        if not isinstance(visual, trimesh.visual.ColorVisuals) or visual.kind != "vertex":
            return None
        return np.asarray(visual.vertex_colors)[vertices]


def find_scans(root: Path, scenes: list[str] | None) -> dict[str, Path]:
    """Scene -> folder of the scans below ``root`` (``<scene>_scannet`` or ``<scene>``), or of ``root`` as a scan.

    Raises UserError where there is none, or one of ``scenes`` is not among them.
    """
    if not root.is_dir():
        raise UserError(f"{root}: there is no such folder of scans")
    folders = [root.absolute(), *folders_in(root)]  # the root may be a scan itself, given as "."
    found = {folder.name.removesuffix("_scannet"): folder for folder in folders if any(folder.glob("*_vh_clean_2.ply"))}
    if not found:
        raise UserError(f"{root}: holds no scan <scene>_scannet/<scene>_vh_clean_2.ply")
    if missing := sorted(set(scenes or ()) - set(found)):
        raise UserError(f"{root}: holds no scan of {', '.join(missing)}; there are {', '.join(sorted(found))}")
    return {scene: folder for scene, folder in sorted(found.items()) if scenes is None or scene in scenes}


def read_annotated_scan(scene: str, folder: Path) -> AnnotatedScan:
    """Read mesh, segments and aggregation.  Raises UserError naming the file that is missing or wrong."""
    mesh_path = folder / f"{scene}_vh_clean_2.ply"
    mesh = load_mesh_as_written(mesh_path)
    segs_path = folder / f"{scene}_vh_clean_2.0.010000.segs.json"
    segments = integers(_field(segs_path, "segIndices"))
    if segments is None:
        raise UserError(f"{segs_path}: segIndices is not a list of integers; download the file again")
    if len(segments) != len(mesh.vertices):
        raise UserError(
            f"{segs_path}: has {len(segments)} segIndices, but {mesh_path.name} has {len(mesh.vertices)} vertices; "
            "take both files from the same release of the scan"
        )
    return AnnotatedScan(scene, mesh, segments, _read_groups(scene, folder))


def integers(values: Any) -> Int[np.ndarray, " n"] | None:
    """A list of integers from JSON as an array; None for anything else."""
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        return None
    try:
        return np.array(values, dtype=np.int64)
    except OverflowError:
        return None


def _read_groups(scene: str, folder: Path) -> list[SegGroup]:
    """From the aggregation of the decimated mesh; ScanNet also ships that of the full one, which exports often keep."""
    paths = [folder / f"{scene}.aggregation.json", folder / f"{scene}_vh_clean.aggregation.json"]
    table = read_label_table(folder)
    read = {path: _groups(path, table) for path in paths if path.is_file()}
    if not read:
        raise UserError(f"{paths[1]}: there is no such file; without it nobody knows which vertices are which object's")
    names = {tuple(group.label for group in groups) for groups in read.values()}
    if len(names) > 1:
        log.warning("%s: lists other objects than %s; instance ids follow the former", *(path.name for path in read))
    return next(iter(read.values()))


def _groups(path: Path, table: LabelTable) -> list[SegGroup]:
    groups = _field(path, "segGroups")
    if not isinstance(groups, list) or not groups:
        raise UserError(f"{path}: segGroups is not a list of objects; download the file again")
    return [_group(k, group, table) for k, group in enumerate(groups)]


def _group(k: int, group: Any, table: LabelTable) -> SegGroup:
    fields = group if isinstance(group, dict) else {}
    segments, label, object_id = integers(fields.get("segments")), fields.get("label"), fields.get("objectId")
    # In one line, and without halves of characters, which JSON may hold and no file or terminal takes.
    name = " ".join(label.encode(errors="replace").decode().split()) if isinstance(label, str) else ""
    name = name or UNNAMED
    return SegGroup(
        k + 1,
        name,
        object_id if type(object_id) is int else k,
        np.empty(0, np.int64) if segments is None else segments,
        is_room(table.nyu40_by_name.get(name.lower(), 0), name),
        "its segments in the aggregation json are not a list of integers" if segments is None else None,
    )


def _field(path: Path, name: str) -> Any:
    """A field of a JSON object in a file.  Raises UserError where there is none."""
    value = read_json(path)
    if not isinstance(value, dict) or name not in value:
        raise UserError(f"{path}: has no {name}; download the file again")
    return value[name]
