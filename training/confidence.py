"""How sure a mesh is of each vertex: was it sensed, and how probably does it lie within 2 cm of the true surface.

A vertex is *seen* where the mesh runs along a surface that cameras sensed, and *completed* elsewhere.  How sure each
is comes from a number that only orders vertices, and from a rising table that turns it into a probability.  The
tables are read off generated rooms, whose truth is known (``scripts/calibrate.py``): of vertices given confidence c a
share c lies within 2 cm there.  On rooms unlike those it is an estimate, and a rough one for settings other than
those of ``confs/fast.conf``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Bool, Float
from scipy import ndimage

from scene.errors import UserError
from scene.records import ObjectViews
from scene.runlog import log
from training.grounds import Grounds, grounds_of
from training.settings import FitSettings

TABLES = Path(__file__).resolve().parents[1] / "models" / "weights" / "confidence.json"
_AROUND = 7  # voxels along the cube round a vertex in which free space is counted


@dataclass(frozen=True)
class Clues:
    """What is known of the surface at each vertex."""

    seen: Bool[np.ndarray, " n"]  # the mesh runs along a sensed surface
    supposed: Float[np.ndarray, " n"]  # how sure the priors are there, in [0, 1]; 0 where none speaks
    # The share of space round it that cameras saw to be free, which bounds the error; 0 where they saw through it.
    free: Float[np.ndarray, " n"]

    @property
    def sureness(self) -> Float[np.ndarray, " n"]:
        """What orders vertices from doubtful to sure; of seen ones no prior speaks."""
        return np.where(self.seen, 0.0, self.supposed) + self.free


@dataclass(frozen=True)
class Table:
    """A rising function from sureness to a probability, straight between its knots and level beyond them."""

    sureness: tuple[float, ...]
    probability: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.sureness or len(self.sureness) != len(self.probability):
            raise ValueError("a table needs knots, each with a sureness and a probability")
        rising = (np.diff(self.sureness) > 0).all() and (np.diff(self.probability) >= 0).all()
        if not rising or self.probability[0] < 0 or self.probability[-1] > 1:
            raise ValueError("a table must rise, from 0 at least to 1 at most")

    def __call__(self, sureness: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return np.interp(sureness, self.sureness, self.probability).astype(np.float32)


@dataclass(frozen=True)
class Tables:
    """One table for seen vertices and one for completed ones."""

    seen: Table
    completed: Table

    def confidence(self, clues: Clues) -> Float[np.ndarray, " n"]:
        """The probability that each vertex lies within 2 cm of the true surface."""
        return np.where(clues.seen, self.seen(clues.sureness), self.completed(clues.sureness))


@cache
def load_tables(path: Path = TABLES) -> Tables:
    """The calibrated tables.  Raises UserError when the file is not usable."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        tables = [
            Table(tuple(one["sureness"]), tuple(one["probability"])) for one in (about["seen"], about["completed"])
        ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error!r}); make it anew with python -m scripts.calibrate") from error
    return Tables(*tables)


def tell_confidence(mesh: trimesh.Trimesh, views: ObjectViews, settings: FitSettings, folder: Path) -> None:
    """Give the mesh of a fit in ``folder`` the vertex attributes ``seen`` (0, 1) and ``confidence``.

    Where the views bear no evidence the mesh stays without, and a warning says why.
    """
    try:
        clues = clues_of(np.asarray(mesh.vertices), grounds_of(views, settings, folder))
        confidence = load_tables().confidence(clues)
    except UserError as error:
        log.warning("%s: its mesh tells no confidence: %s", views.name, error)
        return
    mesh.vertex_attributes["seen"] = clues.seen.astype(np.uint8)
    mesh.vertex_attributes["confidence"] = confidence


def clues_of(vertices_m: Float[np.ndarray, "n 3"], grounds: Grounds) -> Clues:
    """What the grounds tell of surface that runs through these points (world metres)."""
    index = (vertices_m - grounds.origin_m) / grounds.voxel_m
    box = _box_round(index, grounds.decided.shape)
    index = index - np.array([side.start for side in box])
    part = Grounds(grounds.origin_m, grounds.voxel_m, grounds.band_m, grounds.decided[box], grounds.supposed[box])
    sensed, free = part.sensed(), part.free()

    def at(values: np.ndarray) -> Float[np.ndarray, " n"]:
        return ndimage.map_coordinates(values.astype(np.float32), index.T, order=1, mode="nearest")

    sensed_share = at(sensed)
    distance_m = at(np.where(sensed, part.distance_m(), 0.0)) / np.maximum(sensed_share, 1e-6)
    spoken_share = at(part.supposed > 0)
    # A surface runs between free space and something: one with free space on both sides is where cameras saw nothing.
    adrift = np.clip(2.0 * at(free) - 1.0, 0.0, 1.0)
    return Clues(
        # The distance, not the nearest sensed voxel: the back of a panel is near its sensed front and was not seen.
        seen=(sensed_share >= 0.5) & (np.abs(distance_m) < grounds.voxel_m),
        supposed=at(part.supposed) / 255 / np.maximum(spoken_share, 1e-6),
        free=at(ndimage.uniform_filter(free.astype(np.float32), _AROUND, mode="nearest")) * (1.0 - adrift),
    )


def _box_round(index: Float[np.ndarray, "n 3"], shape: tuple[int, ...]) -> tuple[slice, slice, slice]:
    """The voxels that clues at these (fractional) indices are taken from; the rest need not be looked at."""
    low = np.floor(index.min(axis=0)).astype(int) - _AROUND
    high = np.ceil(index.max(axis=0)).astype(int) + _AROUND + 1
    x, y, z = (slice(min(max(0, a), n - 1), max(min(b, n), 1)) for a, b, n in zip(low, high, shape, strict=True))
    return x, y, z
