"""From parts to one piece of furniture: a single outer surface that remembers what each face is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import trimesh
from jaxtyping import Int

from scene.furniture.finishes import Finish
from scene.furniture.outer_surface import outer_surface
from scene.furniture.solids import Point2, Solid


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

    def furniture(self, label: str, top: Top | None = None, centered: bool = True) -> Furniture:
        """The union of all parts, moved to stand on z = 0 with its box centred on the origin unless not ``centered``.

        ``top`` is in the parts' coordinates.  Interior faces vanish in the union, so that samples of the surface lie
        on what could be seen or touched.
        """
        finishes = tuple(dict.fromkeys(finish for _, finish in self._parts))
        originals = [solid.as_original() for solid, _ in self._parts]
        finish_of_run = {
            solid.original_id(): finishes.index(finish)
            for solid, (_, finish) in zip(originals, self._parts, strict=True)
        }
        vertices, faces, run_of_face = outer_surface(originals)
        low, high = vertices.min(0), vertices.max(0)
        shift = np.array([-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -low[2]]) * centered
        return Furniture(
            trimesh.Trimesh(vertices + shift, faces, process=False),
            label,
            finishes,
            np.array([finish_of_run[run] for run in run_of_face.tolist()]),
            top.moved(*shift.tolist()) if top is not None else None,
        )
