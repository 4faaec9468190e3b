"""Furniture from a folder of CAD models (GLB, glTF, OBJ, PLY), read as metres with +y up and +z to the front."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float, Int
from manifold3d import Error, Manifold, Mesh64

from scene.errors import UserError
from scene.furniture import Finish, Furniture, Top
from scene.furniture.outer_surface import outer_surface
from scene.label_table import label_of_name
from scene.runlog import log

_SUFFIXES = (".glb", ".gltf", ".obj", ".ply")
_MERGE_M = (1e-8, 1e-5)  # tried in turn: the wider one closes cracks, but joins bodies that only touch
_MIN_EXTENT_M, _MAX_EXTENT_M = 0.02, 4.0  # models in centimetres or inches are larger
_FLAT_M = 0.002
_GREY = np.array([192, 192, 192])
_Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def load_cad(folder: Path) -> list[Furniture]:
    """Every model in ``folder``, in the order of their names.

    A closed model becomes its outer surface exactly; one that is not closed is kept as it is, merged and cleaned,
    and named in a warning.  Files that cannot be read are named too.  Raises UserError when none can.
    """
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in _SUFFIXES)
    if not files:
        raise UserError(f"{folder}: holds no CAD models; put {', '.join(_SUFFIXES)} files there, in metres, +y up")
    pieces = [(path, piece) for path in files if (piece := _load(path)) is not None]
    if not pieces:
        raise UserError(f"{folder}: none of its {len(files)} models can be used; see the warnings above")
    if open_models := [path.name for path, piece in pieces if not piece.mesh.is_watertight]:
        log.warning("%s: not watertight, their truth is the surface as given: %s", folder, ", ".join(open_models))
    return [piece for _, piece in pieces]


def _load(path: Path) -> Furniture | None:
    """One model in furniture's own frame; None, with a warning, when it is of no use."""
    try:
        vertices, faces, color = _read(path)
    except Exception as error:  # parsers of foreign formats raise anything
        log.warning("%s: left out, it cannot be read as a mesh (%s)", path, error)
        return None
    extents = np.ptp(vertices, axis=0)
    if not _MIN_EXTENT_M < extents.max() < _MAX_EXTENT_M or extents.min() < _FLAT_M:
        size = " x ".join(f"{x:.3g}" for x in extents)
        log.warning("%s: left out, furniture is not %s m large; models are read in metres", path, size)
        return None
    codes, face_finish = np.unique(color, axis=0, return_inverse=True)
    vertices, faces, face_finish = _cleaned(vertices @ _Z_UP.T, faces, face_finish.ravel())
    low, high = vertices.min(0), vertices.max(0)
    vertices = vertices - [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]]
    shape = trimesh.Trimesh(vertices, faces, process=False)
    return Furniture(shape, label_of_name(path.stem), tuple(map(_finish, codes)), face_finish, _flat_top(shape))


def _read(path: Path) -> tuple[Float[np.ndarray, "v 3"], Int[np.ndarray, "f 3"], Int[np.ndarray, "f 3"]]:
    """Vertices, faces and face colours of all meshes in a file, in its own frame."""
    parts = [p for p in trimesh.load_scene(path).dump() if isinstance(p, trimesh.Trimesh) and len(p.faces)]
    if not parts or not all(np.isfinite(part.vertices).all() for part in parts):
        raise ValueError("it holds no triangles, or vertices that are not finite")
    starts = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    return (
        np.concatenate([np.asarray(part.vertices) for part in parts]),
        np.concatenate([np.asarray(part.faces) + start for part, start in zip(parts, starts, strict=True)]),
        np.concatenate([_face_colors(part) for part in parts]),
    )


def _face_colors(part: trimesh.Trimesh) -> Int[np.ndarray, "f 3"]:
    """One RGB colour a face, rounded to steps of 16 so that textures give a handful of finishes."""
    visual = part.visual
    if not isinstance(visual, trimesh.visual.TextureVisuals):
        assert visual is not None
        color = np.asarray(visual.face_colors)
    elif visual.uv is not None and getattr(visual.material, "baseColorTexture", None) is not None:
        color = np.asarray(visual.to_color().vertex_colors)[part.faces].mean(axis=1)
    else:  # a material may leave its colour out, which glTF takes for white; grey is kinder to the eye
        plain = getattr(visual.material, "baseColorFactor", None)
        color = np.tile(_GREY if plain is None else np.asarray(plain), (len(part.faces), 1))
    return np.minimum((color[:, :3].astype(np.int64) + 8) // 16 * 16, 255)


def _cleaned(
    vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"], face_finish: Int[np.ndarray, " f"]
) -> tuple[Float[np.ndarray, "w 3"], Int[np.ndarray, "g 3"], Int[np.ndarray, " g"]]:
    """Equal vertices merged, degenerate and doubled faces dropped; closed bodies united into one outer surface."""
    for tolerance in _MERGE_M:
        merged, kept = _merged(vertices, faces, tolerance)
        bodies = trimesh.graph.connected_components(merged.face_adjacency, nodes=np.arange(len(merged.faces)))
        solids = [_solid(merged, face_finish[kept], body) for body in bodies]
        if all(solid.status() == Error.NoError and solid.volume() > 0 for solid in solids):
            return outer_surface(solids)
    return np.asarray(merged.vertices), np.asarray(merged.faces), face_finish[kept]


def _merged(
    vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"], tolerance: float
) -> tuple[trimesh.Trimesh, Int[np.ndarray, " g"]]:
    """The mesh with vertices merged and turned outwards, and which of its faces are left."""
    _, first, same = np.unique(np.rint(vertices / tolerance), axis=0, return_index=True, return_inverse=True)
    faces = same.ravel()[faces]
    _, once = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    kept = once[(faces[once] != np.roll(faces[once], 1, axis=1)).all(axis=1)]
    merged = trimesh.Trimesh(vertices[first], faces[kept], process=False)
    merged.fix_normals(multibody=True)
    return merged, kept


def _solid(mesh: trimesh.Trimesh, face_finish: Int[np.ndarray, " f"], body: Int[np.ndarray, " b"]) -> Manifold:
    """One body of a mesh as a solid whose faces remember their finish as the id of their original."""
    body = body[np.argsort(face_finish[body], kind="stable")]
    kinds, starts = np.unique(face_finish[body], return_index=True)
    return Manifold(
        Mesh64(
            np.ascontiguousarray(mesh.vertices, dtype=np.float64),
            np.ascontiguousarray(mesh.faces[body], dtype=np.uint64),
            run_index=3 * np.append(starts, len(body)).astype(np.uint64),
            run_original_id=kinds.astype(np.uint32),
        )
    )


def _finish(color: Int[np.ndarray, " 3"]) -> Finish:
    red, green, blue = (float(c) / 255.0 for c in color)
    return Finish("plain", (red, green, blue), (0.9 * red, 0.9 * green, 0.9 * blue), gloss=0.15)


def _flat_top(mesh: trimesh.Trimesh) -> Top | None:
    """The model's uppermost level face where it covers most of its box: something can stand there."""
    height = float(mesh.extents[2])
    level = (mesh.face_normals[:, 2] > 0.99) & (mesh.triangles_center[:, 2] > height - 0.01)
    if mesh.area_faces[level].sum() < 0.7 * mesh.extents[0] * mesh.extents[1]:
        return None
    x, y = 0.4 * mesh.extents[:2]
    return Top((-float(x), -float(y)), (float(x), float(y)), height)
