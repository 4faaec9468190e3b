"""From parts to one piece of furniture: a single outer surface that remembers what each face is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import manifold3d
import numpy as np
import trimesh
from jaxtyping import Float, Int
from manifold3d import Manifold
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from scene.furniture.finishes import Finish
from scene.furniture.solids import Point2, Solid

_WELD_M = 1e-5  # shorter edges vanish: single precision, in which meshes are written, might not tell their ends apart
_CRUMB_M3 = 1e-6


class Top(NamedTuple):
    """A level rectangle: its lower and upper corner (x, y) and its height, in metres."""

    low: Point2
    high: Point2
    z: float

    def moved(self, x: float, y: float, z: float) -> Top:
        return Top((self.low[0] + x, self.low[1] + y), (self.high[0] + x, self.high[1] + y), self.z + z)


@dataclass(frozen=True)
class Furniture:
    """A piece of furniture in its own frame: metres, z up, standing on z = 0 about the origin, its front towards -y."""

    mesh: trimesh.Trimesh  # the complete outer surface, watertight for every piece made here
    label: str  # its ScanNet class name
    finishes: tuple[Finish, ...]
    face_finish: Int[np.ndarray, " f"]  # into finishes, one a face
    top: Top | None = None  # where smaller things can stand


class Assembly:
    """Parts to be united.  They must overlap, not just touch, for the union to be one piece."""

    def __init__(self) -> None:
        self._parts: list[tuple[Solid, Finish]] = []

    def add(self, finish: Finish, *solids: Solid) -> None:
        self._parts += [(solid, finish) for solid in solids]

    def furniture(self, label: str, top: Top | None = None) -> Furniture:
        """The union of all parts, moved to stand on z = 0 with its box centred on the origin.

        ``top`` is in the parts' coordinates.  Interior faces vanish in the union, so that samples of the surface lie
        on what could be seen or touched.
        """
        finishes = tuple(dict.fromkeys(finish for _, finish in self._parts))
        originals = [solid.as_original() for solid, _ in self._parts]
        finish_of_run = {
            solid.original_id(): finishes.index(finish)
            for solid, (_, finish) in zip(originals, self._parts, strict=True)
        }
        united = Manifold.batch_boolean(originals, manifold3d.OpType.Add).simplify(_WELD_M)
        vertices, faces, run_of_face = _welded(*_arrays(_without_crumbs(united)))
        low, high = vertices.min(0), vertices.max(0)
        shift = np.array([-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -low[2]])
        return Furniture(
            trimesh.Trimesh(vertices + shift, faces, process=False),
            label,
            finishes,
            np.array([finish_of_run[run] for run in run_of_face.tolist()]),
            top.moved(*shift.tolist()) if top is not None else None,
        )


def _without_crumbs(solid: Solid) -> Solid:
    """The solid without the tiny chips and voids that nearly coincident surfaces of two parts leave."""
    pieces = solid.decompose()
    large = [piece for piece in pieces if abs(piece.volume()) > _CRUMB_M3]
    return solid if len(large) == len(pieces) else Manifold.compose(large)


def _arrays(solid: Solid) -> tuple[Float[np.ndarray, "v 3"], Int[np.ndarray, "f 3"], Int[np.ndarray, " f"]]:
    """Vertices, faces and, per face, the id of the part that it came from."""
    mesh = solid.to_mesh64()
    vertices, faces = mesh.vert_properties[:, :3], mesh.tri_verts.astype(np.int64)
    same_as = np.arange(len(vertices))
    same_as[mesh.merge_from_vert] = mesh.merge_to_vert
    used, faces = np.unique(same_as[faces], return_inverse=True)
    starts = np.asarray(mesh.run_index, dtype=np.int64) // 3
    runs = np.repeat(np.asarray(mesh.run_original_id, dtype=np.int64), starts[1:] - starts[:-1])
    return vertices[used].astype(np.float64), faces.reshape(-1, 3), runs


def _welded(
    vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"], run_of_face: Int[np.ndarray, " f"]
) -> tuple[Float[np.ndarray, "w 3"], Int[np.ndarray, "g 3"], Int[np.ndarray, " g"]]:
    """The surface without edges shorter than ``_WELD_M``: their ends become one vertex, the faces they close vanish."""
    edges = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    short = edges[np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1) < _WELD_M]
    links = coo_array((np.ones(len(short)), (short[:, 0], short[:, 1])), shape=(len(vertices), len(vertices)))
    _, group = connected_components(links, directed=False)
    _, first = np.unique(group, return_index=True)
    faces = group[faces]
    keep = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    # A sliver between two welded vertices leaves two faces back to back: the same corners, no volume between them.
    _, twin, count = np.unique(np.sort(faces, axis=1), axis=0, return_inverse=True, return_counts=True)
    keep &= count[twin.ravel()] == 1
    used, kept = np.unique(faces[keep], return_inverse=True)
    return vertices[first[used]], kept.reshape(-1, 3), run_of_face[keep]
