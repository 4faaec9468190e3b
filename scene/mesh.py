"""Meshes on disk and in hand: PLY with a sidecar that states units and frame, GLB, cleaning, checks.

In the project a mesh is a ``trimesh.Trimesh`` in metres in the scan's own frame.  It may carry the vertex attributes
``seen`` (1: a camera sensed the surface there, 0: it was completed) and ``confidence`` (the probability that it lies
within 2 cm of the true surface).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float

from scene.errors import UserError
from scene.files import atomic_file, read_json, write_json

ATTRIBUTES = {"confidence": np.float32, "seen": np.uint8}  # of vertices, and how a PLY holds them


def load_mesh(path: Path, shape_only: bool = False) -> trimesh.Trimesh:
    """Read a mesh file in its own coordinates, vertices merged, with those of ``ATTRIBUTES`` that a PLY holds.

    ``shape_only`` leaves an OBJ's materials unread, which are often missing or larger than the shape.  Raises UserError
    when there is no surface in it.
    """
    return _with_faces(path, _read(path, shape_only))


def load_mesh_as_written(path: Path) -> trimesh.Trimesh:
    """A mesh file with every vertex in the file's own order, as other files beside it count them: none merged.

    Raises UserError when there is no surface in it.
    """
    mesh = _read(path)
    if not isinstance(mesh, trimesh.Trimesh) or len(mesh.faces) == 0:
        raise UserError(f"{path}: holds no triangles; a mesh with faces is needed")
    return mesh


def load_mesh_or_points(path: Path) -> trimesh.Trimesh | trimesh.PointCloud:
    """As ``load_mesh``; where a file holds a cloud of points instead, its points.

    Either has ``metadata["partial"]`` where its sidecar says ``"partial": true``: it is a part of the object's surface.
    A cloud whose sidecar says ``"normals": "outward"`` has ``metadata["normals"]`` (n x 3, unit, float64) and
    ``metadata["area_m2"]``, the area of the surface that its points were drawn evenly from.  The normals of other
    clouds may face either way, and are left out.
    """
    geometry = _read(path)
    sidecar = path.with_suffix(".json")
    told = read_json(sidecar) if sidecar.is_file() else None
    about: dict[str, Any] = told if isinstance(told, dict) else {}
    partial = {"partial": True} if about.get("partial") is True else {}
    if not isinstance(geometry, trimesh.PointCloud):
        mesh = _with_faces(path, geometry)
        mesh.metadata |= partial
        return mesh
    raw = geometry.metadata.pop("_ply_raw", {})
    if len(geometry.vertices) == 0:
        raise UserError(f"{path}: holds no points; export it again")
    geometry.metadata |= partial
    geometry.metadata |= _outward_normals(path, about, raw.get("vertex", {}).get("data"), len(geometry.vertices))
    return geometry


def _outward_normals(path: Path, about: dict[str, Any], columns: Any, points: int) -> dict[str, Any]:
    """Normals and area of a cloud whose sidecar ``about`` vouches for them; else nothing."""
    if about.get("normals") != "outward" or columns is None:
        return {}
    try:
        normals = np.stack([np.asarray(columns[axis], np.float64).ravel() for axis in ("nx", "ny", "nz")], axis=1)
        area_m2 = float(about["area_m2"])
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"{path}: its sidecar promises normals and an area, and they are not there ({error})"
        ) from error
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    if len(normals) != points or not (length > 0.5).all() or not 0.0 < area_m2 < np.inf:
        raise UserError(f"{path}: its normals or its area are not those of a surface; make the file again")
    return {"normals": normals / length, "area_m2": area_m2}


def _read(path: Path, shape_only: bool = False) -> trimesh.Trimesh | trimesh.PointCloud:
    """What a file holds, as it is: a mesh, which may be empty, or a cloud of points.

    Raises UserError where it cannot be read, some of it is not finite, or a face names a vertex that is not there.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such mesh")
    try:
        # Processing would drop what is not finite unseen.
        scene = trimesh.load_scene(path, process=False, skip_materials=shape_only)
        parts = list(scene.geometry.values())
        is_cloud = len(parts) == 1 and isinstance(parts[0], trimesh.PointCloud)
        geometry = parts[0] if is_cloud else scene.to_mesh()
    except Exception as error:  # parsers of foreign formats raise anything
        raise UserError(f"{path}: cannot be read as a mesh ({error})") from error
    for part in parts:
        faces = getattr(part, "faces", np.zeros((0, 3), np.int64))
        if len(faces) and not 0 <= faces.min() <= faces.max() < len(part.vertices):
            raise UserError(f"{path}: a face names a vertex that is not there; export the mesh again")
    if not np.isfinite(geometry.vertices).all():
        raise UserError(f"{path}: holds vertices that are not finite; export the mesh again")
    return geometry


def _with_faces(path: Path, mesh: trimesh.Trimesh | trimesh.PointCloud) -> trimesh.Trimesh:
    """What was read as a mesh of the project.  Raises UserError where it has no faces."""
    if not isinstance(mesh, trimesh.Trimesh) or len(mesh.faces) == 0:
        raise UserError(f"{path}: holds no triangles; a mesh with faces is needed")
    raw = mesh.metadata.pop("_ply_raw", {}).get("vertex", {}).get("data")
    for name, kind in ATTRIBUTES.items():
        if isinstance(raw, np.ndarray) and name in (raw.dtype.names or ()) and len(raw) == len(mesh.vertices):
            mesh.vertex_attributes[name] = np.nan_to_num(raw[name]).astype(kind)
    return mesh.process()


def save_mesh(path: Path, mesh: trimesh.Trimesh, up: Float[np.ndarray, " 3"] | None, about: dict[str, Any]) -> None:
    """Write ``path`` (.ply), a .glb beside it, and last the .json sidecar: where it lies, all three are whole.

    The PLY keeps the scan's frame; the sidecar says so and carries ``about``.  GLB demands +y up, so the GLB is turned
    by the rotation that takes ``up`` (taken as +z when None) to +y; the sidecar holds that rotation.  Both hold the
    mesh's ``ATTRIBUTES``.
    """
    path.with_suffix(".json").unlink(missing_ok=True)
    glb_from_scan = rotation_between(np.array([0.0, 0.0, 1.0]) if up is None else up, np.array([0.0, 1.0, 0.0]))
    with atomic_file(path.with_suffix(".glb")) as temporary:
        temporary.write_bytes(glb_bytes(mesh, glb_from_scan))
    with atomic_file(path) as temporary:
        temporary.write_bytes(trimesh.exchange.ply.export_ply(mesh, vertex_normal=False))
    write_json(
        path.with_suffix(".json"),
        {"units": "m", "frame": "scan world", "glb_from_scan": glb_from_scan.tolist(), **about},
    )


def glb_bytes(mesh: trimesh.Trimesh, glb_from_scan: Float[np.ndarray, "4 4"]) -> bytes:
    """The mesh, turned, as GLB with normals.  glTF names attributes of one's own with an underscore and capitals, and
    wants those of vertices in steps of four bytes: ``_CONFIDENCE`` and ``_SEEN`` are floats."""
    turned = mesh.copy()
    turned.apply_transform(glb_from_scan)
    turned.vertex_attributes = {
        f"_{name.upper()}": np.asarray(values, np.float32) for name, values in mesh.vertex_attributes.items()
    }
    return bytes(trimesh.exchange.gltf.export_glb(turned.scene(), include_normals=True))


def surface_mean(mesh: trimesh.Trimesh, attribute: str) -> float | None:
    """The mean of a vertex attribute over the mesh's surface; None where the mesh has none."""
    if attribute not in mesh.vertex_attributes:
        return None
    on_faces = np.asarray(mesh.vertex_attributes[attribute], np.float64)[mesh.faces].mean(axis=1)
    return float((mesh.area_faces * on_faces).sum() / mesh.area)


def rotation_between(source: Float[np.ndarray, " 3"], target: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "4 4"]:
    """The shortest rotation (4 x 4) that takes unit vector ``source`` to unit vector ``target``."""
    return trimesh.geometry.align_vectors(source, target) if not np.allclose(source, target) else np.eye(4)


def sample_surface(
    mesh: trimesh.Trimesh, count: int, seed: int
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 3"]]:
    """``count`` area-uniform points on the surface and their face normals; the same for the same seed.

    They are independent, and generated rooms stay as they are by them; measures draw theirs more evenly
    (``evaluation.sampling``).
    """
    points, faces = trimesh.sample.sample_surface(mesh, count, seed=seed)
    return np.asarray(points), np.asarray(mesh.face_normals[faces])
