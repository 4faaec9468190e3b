"""Whether a piece of furniture fits where one would like to put it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import trimesh
from jaxtyping import Float
from manifold3d import Error, Manifold, Mesh64

from scene.furniture import Furniture
from scene.furniture.solids import union
from scene.room.records import Area, Placed

WALL_GAP_M = 0.015  # the skirting board is 12 mm thick


class Spot(NamedTuple):
    """Where a piece's origin goes and how it is turned: metres and radians in the room's frame."""

    x: float
    y: float
    yaw: float
    z: float = 0.0

    @property
    def room_from_piece(self) -> Float[np.ndarray, "4 4"]:
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([[c, -s, 0, self.x], [s, c, 0, self.y], [0, 0, 1, self.z], [0, 0, 0, 1.0]])


@dataclass(frozen=True)
class Standing:
    """A piece that has found its place."""

    furniture: Furniture
    spot: Spot
    solid: Manifold  # in the room's frame

    @property
    def placed(self) -> Placed:
        return Placed(self.furniture, self.spot.room_from_piece)

    @property
    def size(self) -> Float[np.ndarray, " 3"]:
        """Of its box, in its own frame."""
        return np.asarray(self.furniture.mesh.extents)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A point of the piece's own frame in the room's."""
        moved = self.spot.room_from_piece @ [x, y, 0.0, 1.0]
        return float(moved[0]), float(moved[1])


@dataclass
class FloorPlan:
    """The free floor and what stands on it so far."""

    free: Area  # all furniture stays within, off the walls on three of its sides
    obstacles: Sequence[Manifold] = ()  # what stands out from the walls
    standing: list[Standing] = field(default_factory=list)

    def put(self, furniture: Furniture, spots: Iterable[Spot], clearance: float = 0.03) -> Standing | None:
        """Put the piece at the first spot where it keeps ``clearance`` metres from all others; None: nowhere."""
        shape = collision_solid(furniture.mesh)
        for spot in spots:
            solid = shape.transform(spot.room_from_piece[:3])
            others = [*self.obstacles, *(other.solid for other in self.standing)]
            if self._inside(solid) and not any(closer(solid, other, clearance) for other in others):
                self.standing.append(Standing(furniture, spot, solid))
                return self.standing[-1]
        return None

    def _inside(self, solid: Manifold) -> bool:
        low_x, low_y, _, high_x, high_y, _ = solid.bounding_box()
        left, right, back = self.free.low_x + WALL_GAP_M, self.free.high_x - WALL_GAP_M, self.free.high_y - WALL_GAP_M
        return bool(low_x >= left and high_x <= right and low_y >= self.free.low_y and high_y <= back)

    def labelled(self, labels: Iterable[str]) -> Iterator[Standing]:
        """What stands there already of these classes."""
        wanted = set(labels)
        return (piece for piece in self.standing if piece.furniture.label in wanted)


def closer(a: Manifold, b: Manifold, distance: float) -> bool:
    """Whether two solids are less than ``distance`` metres apart, or meet, or one lies in the other."""
    box_a, box_b = np.array(a.bounding_box()), np.array(b.bounding_box())
    if (box_a[:3] - distance > box_b[3:]).any() or (box_b[:3] - distance > box_a[3:]).any():
        return False
    return bool(a.min_gap(b, distance) < distance)


def collision_solid(mesh: trimesh.Trimesh) -> Manifold:
    """The mesh as a solid; where it is not watertight (some CAD), the convex hulls of its parts."""
    solid = _manifold(mesh)
    if solid.status() == Error.NoError and solid.volume() > 0:
        return solid
    parts = mesh.split(only_watertight=False)
    return union(Manifold.hull_points(p.vertices) for p in parts)


def _manifold(mesh: trimesh.Trimesh) -> Manifold:
    vertices = np.ascontiguousarray(mesh.vertices, dtype=np.float64)
    return Manifold(Mesh64(vertices, np.ascontiguousarray(mesh.faces, dtype=np.uint64)))
