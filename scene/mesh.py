"""Meshes on disk and in hand: PLY with a sidecar that states units and frame, GLB, cleaning, checks.

In the project a mesh is a ``trimesh.Trimesh`` in metres in the scan's own frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float

from scene.errors import UserError
from scene.files import atomic_file, write_json


def load_mesh(path: Path) -> trimesh.Trimesh:
    """Read a mesh file in its own coordinates, vertices merged.  Raises UserError when there is no surface in it."""
    if not path.is_file():
        raise UserError(f"{path}: there is no such mesh")
    try:
        mesh = trimesh.load_mesh(path, process=False)  # processing would drop what is not finite unseen
    except Exception as error:  # parsers of foreign formats raise anything
        raise UserError(f"{path}: cannot be read as a mesh ({error})") from error
    if not isinstance(mesh, trimesh.Trimesh) or len(mesh.faces) == 0:
        raise UserError(f"{path}: holds no triangles; a mesh with faces is needed")
    if not np.isfinite(mesh.vertices).all():
        raise UserError(f"{path}: holds vertices that are not finite; export the mesh again")
    return mesh.process()


def save_mesh(path: Path, mesh: trimesh.Trimesh, up: Float[np.ndarray, " 3"] | None, about: dict[str, Any]) -> None:
    """Write ``path`` (.ply), a .glb beside it, and last the .json sidecar: where it lies, all three are whole.

    The PLY keeps the scan's frame; the sidecar says so and carries ``about``.  GLB demands +y up, so the GLB is turned
    by the rotation that takes ``up`` (taken as +z when None) to +y; the sidecar holds that rotation.
    """
    path.with_suffix(".json").unlink(missing_ok=True)
    glb_from_scan = rotation_between(np.array([0.0, 0.0, 1.0]) if up is None else up, np.array([0.0, 1.0, 0.0]))
    turned = mesh.copy()
    turned.apply_transform(glb_from_scan)
    with atomic_file(path.with_suffix(".glb")) as temporary:
        temporary.write_bytes(trimesh.exchange.gltf.export_glb(turned.scene(), include_normals=True))
    with atomic_file(path) as temporary:
        temporary.write_bytes(trimesh.exchange.ply.export_ply(mesh, vertex_normal=False))
    write_json(
        path.with_suffix(".json"),
        {"units": "m", "frame": "scan world", "glb_from_scan": glb_from_scan.tolist(), **about},
    )


def rotation_between(source: Float[np.ndarray, " 3"], target: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "4 4"]:
    """The shortest rotation (4 x 4) that takes unit vector ``source`` to unit vector ``target``."""
    return trimesh.geometry.align_vectors(source, target) if not np.allclose(source, target) else np.eye(4)


def sample_surface(
    mesh: trimesh.Trimesh, count: int, seed: int
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 3"]]:
    """``count`` area-uniform points on the surface and their face normals; the same for the same seed."""
    points, faces = trimesh.sample.sample_surface(mesh, count, seed=seed)
    return np.asarray(points), np.asarray(mesh.face_normals[faces])
