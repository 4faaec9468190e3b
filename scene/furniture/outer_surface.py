"""The outer surface of solids that overlap: what could be seen or touched, as one watertight mesh."""

from __future__ import annotations

from collections.abc import Sequence

import manifold3d
import numpy as np
from jaxtyping import Float, Int
from manifold3d import Manifold
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from scene.furniture.solids import Solid

_WELD_M = 1e-5  # shorter edges vanish: single precision, in which meshes are written, might not tell their ends apart
_CRUMB_M3 = 1e-6


def outer_surface(
    solids: Sequence[Solid],
) -> tuple[Float[np.ndarray, "v 3"], Int[np.ndarray, "f 3"], Int[np.ndarray, " f"]]:
    """Vertices and faces of the union of ``solids``, and per face the id of the original it comes from.

    The ids are those of ``Manifold.original_id`` (or of the runs a solid was made from).
    """
    united = Manifold.batch_boolean(list(solids), manifold3d.OpType.Add).simplify(_WELD_M)
    return _welded(*_arrays(_without_crumbs(united)))


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
