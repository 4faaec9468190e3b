"""The room as small triangles: fine enough to carry light at their corners and to serve as the scan's mesh.

A corner is one of the three ends of a triangle; what differs across a sharp edge (normal, texture coordinates) is
kept per corner.  Frame: the room's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from jaxtyping import Float, Int
from scipy.sparse import csr_array

from scene.furniture import Finish
from scene.room.records import Placed, Room

_CREASE_DEGREES = 42.0  # edges that bend more stay sharp
_EDGE_M = {"floor": 0.09, "wall": 0.2, "ceiling": 0.5, "door": 0.3, "window": 0.4, "picture": 0.3}
_OBJECT_EDGE_M = 0.12


@dataclass(frozen=True)
class Surface:
    """Triangles with what they are: ``thing`` indexes ``Room.things``, ``finish`` indexes ``finishes``."""

    mesh: trimesh.Trimesh  # vertices are shared where position, normal and thing agree
    vertex_normal: Float[np.ndarray, "v 3"]
    uv_m: Float[np.ndarray, "f 3 2"]  # texture coordinates of the corners, in metres
    thing: Int[np.ndarray, " f"]
    finish: Int[np.ndarray, " f"]
    finishes: tuple[Finish, ...]

    def vertex_thing(self) -> Int[np.ndarray, " v"]:
        """The thing that each vertex belongs to (no two share one)."""
        of_vertex = np.zeros(len(self.mesh.vertices), dtype=np.int64)
        of_vertex[self.mesh.faces] = self.thing[:, None]
        return of_vertex


def surface_of(room: Room) -> Surface:
    """All of the room, furniture and building, cut into small triangles."""
    finishes = tuple(dict.fromkeys(f for placed in room.things for f in placed.furniture.finishes))
    parts = [_cut(placed, _EDGE_M.get(placed.label, _OBJECT_EDGE_M)) for placed in room.things]
    corners = np.concatenate([corners for corners, _ in parts])
    thing = np.repeat(np.arange(len(parts)), [len(c) for c, _ in parts])
    finish = np.concatenate(
        [
            np.array([finishes.index(f) for f in placed.furniture.finishes])[placed.furniture.face_finish][source]
            for placed, (_, source) in zip(room.things, parts, strict=True)
        ]
    )
    keys = np.concatenate([corners[..., :6], np.repeat(thing, 3).reshape(-1, 3, 1)], axis=2).reshape(-1, 7)
    first, faces = _distinct(keys)
    mesh = trimesh.Trimesh(keys[first, :3], faces.reshape(-1, 3), process=False)
    return Surface(mesh, keys[first, 3:6], corners[..., 6:8], thing, finish, finishes)


def _cut(placed: Placed, longest_m: float) -> tuple[Float[np.ndarray, "g 3 8"], Int[np.ndarray, " g"]]:
    """A thing's corners (position, normal, uv), no edge longer than ``longest_m``; each triangle's source face."""
    mesh = placed.furniture.mesh
    normals = smooth_normals(mesh) @ placed.room_from_piece[:3, :3].T
    corners = np.concatenate([placed.vertices()[mesh.faces], normals, _texture_coordinates(placed)], axis=2)
    return bisect(corners, longest_m)


def bisect(
    corners: Float[np.ndarray, "f 3 k"], longest_m: float
) -> tuple[Float[np.ndarray, "g 3 k"], Int[np.ndarray, " g"]]:
    """Halve every edge longer than ``longest_m`` until none is; columns 0-2 are positions, all are interpolated.

    Whether and where an edge is cut depends on the edge alone, so that neighbours still fit without gaps.
    Also returns the index of the triangle that each came from.
    """
    source = np.arange(len(corners))
    done: list[tuple[np.ndarray, np.ndarray]] = []
    while len(corners):
        edges = corners[:, [1, 2, 0], :3] - corners[..., :3]  # edge k runs from corner k to the next
        lengths = np.linalg.norm(edges, axis=2)
        longest = lengths.argmax(axis=1)
        long = lengths.max(axis=1) > longest_m
        done.append((corners[~long], source[~long]))
        order = (longest[long, None] + np.arange(3)) % 3  # the longest edge first
        a, b, c = np.moveaxis(np.take_along_axis(corners[long], order[..., None], axis=1), 1, 0)
        middle = (a + b) / 2
        corners = np.concatenate([np.stack([a, middle, c], axis=1), np.stack([middle, b, c], axis=1)])
        source = np.tile(source[long], 2)
    return np.concatenate([c for c, _ in done]), np.concatenate([s for _, s in done])


def smooth_normals(mesh: trimesh.Trimesh) -> Float[np.ndarray, "f 3 3"]:
    """Normals at corners: the angle-weighted mean over the vertex's faces that bend less than the crease angle."""
    faces, normals, angle = mesh.faces, np.asarray(mesh.face_normals), np.asarray(mesh.face_angles).ravel()
    corner = np.arange(faces.size)
    incidence = csr_array((np.ones(faces.size), (corner, faces.ravel())), shape=(faces.size, len(mesh.vertices)))
    pairs = (incidence @ incidence.T).tocoo()  # corners at the same vertex
    here, there = pairs.row // 3, pairs.col // 3
    alike = (normals[here] * normals[there]).sum(1) > np.cos(np.radians(_CREASE_DEGREES))
    total = np.zeros((faces.size, 3))
    for axis in range(3):
        weight = angle[pairs.col[alike]] * normals[there[alike], axis]
        total[:, axis] = np.bincount(pairs.row[alike], weight, minlength=faces.size)
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).reshape(-1, 3, 3)


def _texture_coordinates(placed: Placed) -> Float[np.ndarray, "f 3 2"]:
    """Metres along and across the grain: along the longer side on level faces, upright on the others."""
    mesh = placed.furniture.mesh
    points = np.asarray(mesh.vertices)[mesh.faces]
    along, across = (0, 1) if mesh.extents[0] >= mesh.extents[1] else (1, 0)
    axes = np.array([[2, 1], [2, 0], [along, across]])[np.abs(mesh.face_normals).argmax(axis=1)]
    # Pieces of one finish should not show the same patch of it.
    offset = np.asarray(placed.room_from_piece[:2, 3]) * 7.3 if placed.label != "floor" else 0.0
    return np.take_along_axis(points, axes[:, None, :], axis=2) + offset


def _distinct(rows: Float[np.ndarray, "n k"]) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " n"]]:
    """First index of each distinct row (to a hundredth of a millimetre), and which of them each row is."""
    whole = np.rint(rows * 1e5).astype(np.int64).view(np.uint64)
    odd = np.random.default_rng(0).integers(1, 2**63, rows.shape[1], dtype=np.uint64) * 2 + 1
    key = (whole * odd).sum(axis=1)  # modulo 2^64: a hash, as sorting whole rows takes ten times as long
    key ^= key >> np.uint64(29)
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    return first, which
