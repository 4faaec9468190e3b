"""Scan2CAD's annotations: which ShapeNet models stand where in a scan.

``full_annotations.json`` is a list of scans: ``id_scan``, ``trs`` (scan to world), and ``aligned_models`` with ``trs``
(CAD to world), ``catid_cad``, ``id_cad``, ``sym`` and ``center`` (of the CAD's box, in its own frame).  A CAD lies in
the scan at ``inv(M_scan) M_cad``.  Which instance of the scan a CAD stands for is not in that file.
``aligned_cad2inst_id.json``, published with D3Net and Scan2Cap, says so for many: ``{scene: {index into aligned_models:
objectId of the aggregation json}}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float

from evaluation.alignment_accuracy import Pose, read_center, symmetry_of
from scene.errors import UserError
from scene.files import read_json
from scene.mesh import load_mesh

_NAME = re.compile(r"[0-9A-Za-z_-]+")  # what becomes part of a path; nothing that could leave the ShapeNet folder


@dataclass(frozen=True)
class PlacedCad:
    """A CAD model in a scan; ``object_id`` is the scan's object that people said it stands for, where they did."""

    index: int
    catid_cad: str
    id_cad: str
    sym: str  # as the file has it: __SYM_NONE, __SYM_ROTATE_UP_2, ...
    scan_from_cad: Float[np.ndarray, "4 4"]
    center: Float[np.ndarray, " 3"] | None = None  # as annotated, in the CAD's frame; None where it is not
    object_id: int | None = None

    @property
    def name(self) -> str:
        return f"CAD model {self.index} ({self.catid_cad}/{self.id_cad})"

    def file(self, shapenet: Path) -> Path:
        """Its mesh in a ShapeNetCore v2 folder."""
        return shapenet / self.catid_cad / self.id_cad / "models" / "model_normalized.obj"

    def load(self, shapenet: Path) -> trimesh.Trimesh:
        """Its mesh in the scan's frame, metres.  Raises UserError where the file is missing or broken."""
        mesh = load_mesh(self.file(shapenet), shape_only=True)
        return trimesh.Trimesh(
            trimesh.transform_points(mesh.vertices, self.scan_from_cad), np.asarray(mesh.faces), process=False
        )


@dataclass(frozen=True)
class BrokenCad:
    """An annotated CAD model that cannot be placed, and why."""

    name: str
    why: str


def read_annotations(path: Path) -> dict[str, dict[str, Any]]:
    """Scene -> its entry, unchecked but for the scene's name.  Raises UserError where the file is not of that form."""
    entries = read_json(path)
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("id_scan"), str) for entry in entries
    ):
        raise UserError(f"{path}: is not a list of scans with id_scan; give Scan2CAD's full_annotations.json")
    by_scene = {entry["id_scan"]: entry for entry in entries}
    if len(by_scene) < len(entries):
        raise UserError(f"{path}: names some scan twice; give Scan2CAD's full_annotations.json as it was published")
    return by_scene


def read_object_ids(path: Path | None) -> dict[str, dict[int, int]]:
    """Scene -> index of the CAD -> objectId, of ``aligned_cad2inst_id.json``; ids may be numbers or digits as text."""
    if path is None:
        return {}
    try:
        table = read_json(path)
        return {
            str(scene): {int(index): int(object_id) for index, object_id in of_scene.items()}
            for scene, of_scene in table.items()
        }
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path}: is not of the form {{scene: {{index: object id}}}} ({error})") from error


def placed_cads(entry: dict[str, Any], object_ids: Mapping[int, int]) -> tuple[list[PlacedCad], list[BrokenCad]]:
    """The CADs of a scan in its own frame, and those whose annotation is broken.

    Raises UserError where the scan's own pose is.
    """
    try:
        scan_from_world = np.linalg.inv(Pose.read(entry.get("trs")).matrix)
    except UserError as error:
        raise UserError(f"Scan2CAD's scan-to-world: {error}") from error
    models = entry.get("aligned_models")
    if not isinstance(models, list):
        raise UserError("Scan2CAD's entry has no list aligned_models")
    placed: list[PlacedCad] = []
    broken: list[BrokenCad] = []
    for index, model in enumerate(models):
        try:
            placed.append(_placed(index, model, scan_from_world, object_ids.get(index)))
        except UserError as error:
            broken.append(BrokenCad(f"CAD model {index}", str(error)))
    return placed, broken


def _placed(index: int, model: Any, scan_from_world: Float[np.ndarray, "4 4"], object_id: int | None) -> PlacedCad:
    if not isinstance(model, dict):
        raise UserError("its annotation is no JSON object")
    for key in ("catid_cad", "id_cad"):
        if not isinstance(model.get(key), str) or not _NAME.fullmatch(model[key]):
            raise UserError(f"its {key} {model.get(key)!r} is not the name of a ShapeNet folder")
    symmetry = model.get("sym", "__SYM_NONE")
    symmetry_of(symmetry)
    scan_from_cad = scan_from_world @ Pose.read(model.get("trs")).matrix
    Pose.of_matrix(scan_from_cad)  # refuses what the scan's own scale shears
    return PlacedCad(index, model["catid_cad"], model["id_cad"], symmetry, scan_from_cad, read_center(model), object_id)
