"""Points on the outer surface of a CAD model, which is seldom a clean solid.

CADs of collections are not watertight, have sheets of no thickness, double sheets, faces turned either way, and inner
parts that nobody ever sees.  A point of such a mesh counts as outer where enough of the sky shows to one of its sides:
of the rays that leave it over the hemisphere, cosine-weighted, at least ``SKY_SHARE`` meet nothing of the object
any more.  Its normal is that of the side which sees more sky.

Why a share and not a single ray: a drawer's inside sees the world through the slit above its front.  A slit of 5 mm
straight ahead in 0.4 m distance is 0.6 % of the sky, whereas the bottom of an open bin that is twice as deep as it is
wide sees 6 % (1 / (1 + 4 * 2**2)); the limit lies between.  The insides of open things are outer surface by this
measure: they can be seen and touched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from jaxtyping import Bool, Float, Int

from evaluation.sampling import drawn_evenly
from scene.errors import UserError
from scene.raycast import RayCaster

SKY_SHARE = 0.02
_FEW, _MANY = 16, 128  # rays a side: enough for most points, and for those still in doubt
_CLEAR = 3  # so many of _FEW rays escape from a point of 1 % sky in one case out of two thousand
_PILOT = 4000  # points from which the outer share of the surface is estimated
_MOST_DRAWN = 10  # times the points asked for, at most, where nearly all of the surface is inside
# Rays start this share of the object's size off the surface: far more than single precision blurs (1e-7), so that no
# ray meets the face it leaves, yet less than any board or sheet of paper is thick.
_LIFT = 2e-5


@dataclass(frozen=True)
class OuterPoints:
    """Area-uniform points of the outer surface with outward unit normals."""

    points: Float[np.ndarray, "n 3"]
    normals: Float[np.ndarray, "n 3"]
    area_m2: float  # of the outer surface
    share: float  # of the whole surface's area


def outer_points(mesh: trimesh.Trimesh, count: int, seed: int) -> OuterPoints:
    """About ``count`` points of the outer surface; the same for the same seed.

    A sheet without thickness, and sheets in the very same place, count once, with the normal of the side that sees more
    sky.  Raises UserError where the mesh has no area, or none of it is outer.
    """
    if not mesh.area > 0.0:
        raise UserError("the CAD has no surface")
    center = mesh.bounds.mean(axis=0)
    sky = _Sky(trimesh.Trimesh(mesh.vertices - center, mesh.faces[mesh.area_faces > 0.0], process=False), seed)
    pilot = sky.outer(*drawn_evenly(sky.mesh, min(_PILOT, count), seed))
    share = max(float((pilot != 0).mean()), 1.0 / _MOST_DRAWN)
    points, face = drawn_evenly(sky.mesh, int(np.ceil(count / share)), seed)
    side = sky.outer(points, face)
    kept = side != 0
    if not kept.any():
        raise UserError("nothing of the CAD's surface shows from outside")
    return OuterPoints(
        points[kept] + center,
        np.asarray(sky.mesh.face_normals[face[kept]]) * side[kept, None],
        float(sky.mesh.area * kept.mean()),
        float(kept.mean()),
    )


class _Sky:
    """How much of the sky points of a mesh see; the mesh lies about the origin, where single precision is finest."""

    def __init__(self, mesh: trimesh.Trimesh, seed: int) -> None:
        self.mesh = mesh
        self._caster = RayCaster(mesh)
        self._lift_m = _LIFT * float(np.linalg.norm(mesh.extents))
        self._seed = seed

    def outer(self, points: Float[np.ndarray, "n 3"], face: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """1 or -1 where a point is outer, with its face's normal or against it; 0 where it does not count."""
        normals = np.asarray(self.mesh.face_normals[face])
        escaped = np.stack([self._escaping(points, side * normals, _FEW) for side in (1, -1)])
        share = escaped / _FEW
        doubtful = np.flatnonzero((escaped.max(axis=0) < _CLEAR) | (escaped[0] == escaped[1]))
        for row, side in enumerate((1, -1)):
            share[row, doubtful] = self._escaping(points[doubtful], side * normals[doubtful], _MANY) / _MANY
        inside = share.max(axis=0) < SKY_SHARE
        return np.where(inside | self._repeated(points, face), 0, np.where(share[0] >= share[1], 1, -1))

    def _repeated(self, points: Float[np.ndarray, "n 3"], face: Int[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        """Whether another face in the very place of a point's own counts for it: two-sided sheets are often two.

        Looked at from one and the same side, only one of them is met first.
        """
        normals = np.asarray(self.mesh.face_normals[face])
        largest = np.take_along_axis(normals, np.abs(normals).argmax(axis=1)[:, None], axis=1)
        above = normals * np.sign(largest)
        distance_m, met = self._caster.first_hit(points + 2.0 * self._lift_m * above, -above)
        return (met != face) & (distance_m < 4.0 * self._lift_m)

    def _escaping(
        self, points: Float[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 3"], rays: int
    ) -> Int[np.ndarray, " n"]:
        """How many of ``rays`` rays over each point's hemisphere meet nothing of the mesh."""
        if len(points) == 0:
            return np.zeros(0, np.int64)
        spin = np.random.default_rng(self._seed).random(len(points)) * 2.0 * np.pi
        across = _perpendicular(normals)
        along = np.cross(normals, across)
        origins = points + self._lift_m * normals
        escaped = np.zeros(len(points), np.int64)
        # A sunflower's seeds fill the disk evenly; lifted to the hemisphere they are cosine-weighted (Malley's method).
        for index in range(rays):
            radius = np.sqrt((index + 0.5) / rays)
            angle = spin + index * np.pi * (3.0 - np.sqrt(5.0))
            directions = (
                radius * (np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * along)
                + np.sqrt(1.0 - radius**2) * normals
            )
            escaped += ~self._caster.meets(origins, directions)
        return escaped


def _perpendicular(normals: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    """A unit vector at right angles to each normal."""
    axis = np.eye(3)[np.abs(normals).argmin(axis=1)]
    across = np.cross(normals, axis)
    return across / np.linalg.norm(across, axis=1, keepdims=True)
