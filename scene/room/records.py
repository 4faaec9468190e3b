"""A furnished room: what stands where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from jaxtyping import Float

from scene.camera import transform
from scene.furniture import Furniture


@dataclass(frozen=True)
class Placed:
    """A piece of furniture, or a part of the building, at its place."""

    furniture: Furniture
    room_from_piece: Float[np.ndarray, "4 4"]  # a rotation about z and a translation

    @property
    def label(self) -> str:
        return self.furniture.label

    def vertices(self) -> Float[np.ndarray, "v 3"]:
        """In the room's frame."""
        return transform(self.room_from_piece, np.asarray(self.furniture.mesh.vertices))

    def mesh(self) -> trimesh.Trimesh:
        """In the room's frame."""
        return trimesh.Trimesh(self.vertices(), self.furniture.mesh.faces, process=False)


@dataclass(frozen=True)
class Area:
    """A rectangle of floor in metres."""

    low_x: float
    low_y: float
    high_x: float
    high_y: float


@dataclass(frozen=True)
class Room:
    """A room in its own frame: metres, z up, the floor at z = 0, the origin in its middle, x along the back wall (+y).

    Who scans it walks in ``stroll``, a strip along the front wall (-y) that furniture leaves free.
    """

    width_m: float
    depth_m: float
    height_m: float
    stroll: Area
    building: tuple[Placed, ...]  # floor, walls, ceiling, door, window, pictures
    pieces: tuple[Placed, ...]  # the furniture
    lights: tuple[Light, ...]

    @property
    def things(self) -> tuple[Placed, ...]:
        """Building and furniture, in the order of their instance ids."""
        return self.building + self.pieces


@dataclass(frozen=True)
class Light:
    """A rectangle that shines to one side: that of the cross product of its edges."""

    corner: Float[np.ndarray, " 3"]
    edge_u: Float[np.ndarray, " 3"]
    edge_v: Float[np.ndarray, " 3"]
    power: Float[np.ndarray, " 3"]  # linear RGB, what a white surface 1 m away and facing it would receive
