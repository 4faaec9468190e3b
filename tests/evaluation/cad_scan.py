"""A scan with CAD models annotated in it as Scan2CAD does, where every CAD's place in the scan is known.

Import it as ``from tests.evaluation.cad_scan import ...``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from scipy.spatial.transform import Rotation

from evaluation.alignment_accuracy import Pose
from tests.evaluation.annotated_scan import write, write_annotated_scan

SCENE = "scene0470_00"
CATEGORY = "03001627"
UPRIGHT = Rotation.from_euler("x", 90, degrees=True)  # ShapeNet's y is the scan's z


def chair() -> trimesh.Trimesh:
    """Boards on legs in ShapeNet's frame: y up, the diagonal about 1."""
    parts = [trimesh.creation.box((0.5, 0.05, 0.5)), trimesh.creation.box((0.5, 0.4, 0.05))]
    parts[1].apply_translation((0, 0.2, -0.22))
    for x in (-0.22, 0.22):
        for z in (-0.22, 0.22):
            parts.append(trimesh.creation.box((0.04, 0.35, 0.04)))
            parts[-1].apply_translation((x, -0.19, z))
    return trimesh.util.concatenate(parts)


def cabinet() -> trimesh.Trimesh:
    """A closed box with an inner one, which no camera ever sees."""
    return trimesh.util.concatenate([trimesh.creation.box((0.6, 0.7, 0.3)), trimesh.creation.box((0.5, 0.6, 0.2))])


@dataclass(frozen=True)
class CadScan:
    """Folders and what is true of them; instance ids are 1 floor, 2 chair, 3 cabinet, 4 chair, 5 lamp without CAD."""

    scannet: Path
    shapenet: Path
    annotations: Path
    scan_from_cad: list[np.ndarray]  # of each aligned model
    instance_ids: list[int]  # of each aligned model

    @property
    def folder(self) -> Path:
        return self.scannet / f"{SCENE}_scannet"


def make_cad_scan(root: Path) -> CadScan:
    """Two chairs of one CAD and a cabinet, each scanned from one side with a centimetre of noise."""
    rng = np.random.default_rng(0)
    shapes = {"chair1": chair(), "cabinet1": cabinet()}
    places = [
        ("cabinet1", 40.0, (0.0, 2.0, 0.6)),
        ("chair1", -75.0, (1.0, 0.5, 0.4)),
        ("chair1", 10.0, (-1.2, 0.2, 0.4)),
    ]
    poses = [
        Pose(np.array(at), (Rotation.from_euler("z", yaw, degrees=True) * UPRIGHT).as_quat(scalar_first=True), size)
        for (_, yaw, at), size in zip(places, rng.uniform(0.9, 1.3, (3, 3)), strict=True)
    ]
    world_from_scan = Pose(rng.normal(size=3), Rotation.random(rng=rng).as_quat(scalar_first=True), np.ones(3))
    models = [
        {
            "catid_cad": CATEGORY,
            "id_cad": name,
            "sym": "__SYM_ROTATE_UP_2" if name == "cabinet1" else "__SYM_NONE",
            "trs": Pose.of_matrix(world_from_scan.matrix @ pose.matrix).record(),
        }
        for (name, _, _), pose in zip(places, poses, strict=True)
    ]
    write(root / "full_annotations.json", [{"id_scan": SCENE, "trs": trs(world_from_scan), "aligned_models": models}])
    for name, mesh in shapes.items():
        write_cad(root / "shapenet", name, mesh)
    scanned = [scanned_part(shapes[name], pose.matrix, rng) for (name, _, _), pose in zip(places, poses, strict=True)]
    floor = trimesh.creation.box((6, 6, 0.02)).subdivide().subdivide().subdivide().subdivide()
    lamp = trimesh.creation.icosphere(2, 0.2)
    lamp.apply_translation((2.5, -2.5, 1.5))
    things = [("floor", floor), ("chair", scanned[1]), ("cabinet", scanned[0]), ("chair", scanned[2]), ("lamp", lamp)]
    write_annotated_scan(root / "scannet", SCENE, things)
    return CadScan(
        root / "scannet",
        root / "shapenet",
        root / "full_annotations.json",
        [pose.matrix for pose in poses],
        [3, 2, 4],
    )


def trs(pose: Pose) -> dict[str, Any]:
    """As Scan2CAD writes it; its quaternions are not always of length 1."""
    record = pose.record()
    return {**record, "rotation": [-1.5 * value for value in record["rotation"]]}


def write_cad(shapenet: Path, name: str, mesh: trimesh.Trimesh) -> None:
    """As ShapeNet has it, with a material file and a texture that are not there."""
    path = shapenet / CATEGORY / name / "models" / "model_normalized.obj"
    path.parent.mkdir(parents=True)
    lines = ["mtllib model_normalized.mtl", "usemtl wood"]
    lines += ["v " + " ".join(f"{x:.9f}" for x in vertex) for vertex in mesh.vertices]
    lines += ["f " + " ".join(str(i + 1) for i in face) for face in mesh.faces]
    path.write_text("\n".join(lines) + "\n")


def scanned_part(cad: trimesh.Trimesh, scan_from_cad: np.ndarray, rng: np.random.Generator) -> trimesh.Trimesh:
    """What a scan has of a CAD: finely cut, noisy, without the side towards -x and without the underside."""
    mesh = cad.copy()
    mesh.apply_transform(scan_from_cad)
    mesh = mesh.subdivide_to_size(0.06)
    keep = (mesh.face_normals[:, 2] > -0.5) & (mesh.face_normals[:, 0] > -0.3)
    mesh.update_faces(keep)
    mesh.remove_unreferenced_vertices()
    return trimesh.Trimesh(mesh.vertices + rng.normal(0, 0.01, mesh.vertices.shape), mesh.faces, process=False)
