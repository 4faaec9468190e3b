"""Furnishing: every piece to where its kind belongs, none through another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from scene.errors import UserError
from scene.furniture import Furniture
from scene.furniture.draw import chance, pick
from scene.room import spots
from scene.room.building import building
from scene.room.placement import FloorPlan, Spot, collision_solid
from scene.room.records import Area, Room
from scene.room.themes import draw_pieces

MIN_OBJECTS = 6
MIN_CLASSES = 5
_LIVED_IN = 9  # with fewer pieces a room looks bare, and another is tried
_ATTEMPTS = 8
_MOST, _MOST_OF_A_KIND = 13, 2  # of models from a folder

# In the order in which they find their places.  A label that is in none stands free on the floor.
_WALL = (
    *("bed", "couch", "wardrobe", "desk", "bookshelf", "cabinet", "dresser"),
    *("tv stand", "refrigerator", "file cabinet", "shelf", "sink", "toilet"),
)
_TABLE = ("dining table", "table", "coffee table")
_SEAT = ("office chair", "chair", "stool")
_AT_A_SIDE = ("nightstand", "end table")
_LOUNGE = ("armchair", "ottoman", "bench")
_CORNER = ("lamp", "plant", "trash can", "basket", "box", "speaker", "coat rack")
_ORDER = (*_WALL, *_TABLE, *_AT_A_SIDE, *_SEAT, *_LOUNGE, *_CORNER)
_SMALL_M = 0.7  # what is narrower, and of a kind that need not stand on the floor, goes upon other furniture
_SMALL = ("lamp", "plant", "monitor", "book", "box", "tv", "object", "speaker")


def furnish(rng: np.random.Generator, pieces: Sequence[Furniture] | None = None) -> Room:
    """A room with some of ``pieces`` (drawn from a theme when None), at least 6 objects of 5 classes.

    Pieces that find no place are left out.  Raises UserError when too few of the given ones fit.
    """
    rooms = []
    for _ in range(_ATTEMPTS):
        room = _attempt(rng, draw_pieces(rng) if pieces is None else _some(rng, pieces))
        if len(room.pieces) >= MIN_OBJECTS and len({p.label for p in room.pieces}) >= MIN_CLASSES:
            rooms.append(room)
            if len(room.pieces) >= _LIVED_IN:
                break
    if rooms:
        return max(rooms, key=lambda room: len(room.pieces))
    assert pieces is not None, "a theme whose pieces do not fit a room"
    raise UserError(
        f"of the {len(pieces)} models given, fewer than {MIN_OBJECTS} of {MIN_CLASSES} classes find a place in a "
        "room; give more models, or smaller ones (they are read in metres)"
    )


def _some(rng: np.random.Generator, pieces: Sequence[Furniture]) -> list[Furniture]:
    """At most as many of the pieces as a room takes, few of a kind."""
    chosen: list[Furniture] = []
    for k in rng.permutation(len(pieces)):
        if len(chosen) < _MOST and sum(p.label == pieces[k].label for p in chosen) < _MOST_OF_A_KIND:
            chosen.append(pieces[k])
    return chosen


def _attempt(rng: np.random.Generator, pieces: Sequence[Furniture]) -> Room:
    width, depth, height = rng.uniform(3.6, 4.8), rng.uniform(3.9, 4.9), rng.uniform(2.4, 2.75)
    strip = rng.uniform(1.0, 1.25)
    free = Area(-width / 2, -depth / 2 + strip, width / 2, depth / 2)
    parts, lights = building(rng, width, depth, height)
    hung = [part for part in parts if part.label in ("window", "door", "picture")]
    plan = FloorPlan(free, [collision_solid(part.mesh()) for part in hung])
    large = [p for p in pieces if not _goes_upon(p)]
    for piece in sorted(large, key=_turn):
        plan.put(piece, _wishes(rng, plan, piece), clearance=0.015 if piece.label in _SEAT else 0.03)
    for piece in pieces:
        if _goes_upon(piece):
            hosts = sorted(plan.standing, key=lambda host: _upon_rank(rng, host.furniture.label, piece.label))
            plan.put(piece, chain.from_iterable(spots.upon(rng, host, piece) for host in hosts), clearance=0.0005)
    stroll = Area(-width / 2 + 0.4, -depth / 2 + 0.3, width / 2 - 0.4, -depth / 2 + strip - 0.15)
    placed = tuple(standing.placed for standing in plan.standing)
    return Room(width, depth, height, stroll, parts, placed, lights)


def _goes_upon(piece: Furniture) -> bool:
    width, depth, height = piece.mesh.extents.tolist()
    return piece.label in _SMALL and max(width, depth) < _SMALL_M and height < 0.6


def _turn(piece: Furniture) -> tuple[int, float]:
    """When a piece is placed: by kind, of a kind the wider first."""
    rank = _ORDER.index(piece.label) if piece.label in _ORDER else len(_ORDER)
    group = 0 if piece.label in _WALL else rank
    return group, -float(piece.mesh.extents[0])


def _upon_rank(rng: np.random.Generator, host: str, piece: str) -> float:
    """Smaller is better: a monitor belongs on a desk, a lamp beside a bed; else anywhere."""
    liked = {"monitor": ("desk",), "lamp": ("nightstand", "end table", "desk"), "tv": ("tv stand",)}.get(piece, ())
    return float(rng.random()) - 2.0 * (host in liked)


def _wishes(rng: np.random.Generator, plan: FloorPlan, piece: Furniture) -> Iterator[Spot]:
    """Spots for a piece that stands on the floor, by what it is and what stands there already."""
    label, free = piece.label, plan.free
    hosts: list[Iterator[Spot]] = []
    if label in _WALL:
        return spots.against_walls(rng, free, piece)
    if label == "coffee table":
        hosts = [spots.before(rng, host, piece) for host in plan.labelled(("couch",))]
        return chain(*hosts, spots.in_the_middle(rng, free, piece))
    if label in _TABLE:
        return spots.in_the_middle(rng, free, piece)
    if label in _SEAT:
        desks = [spots.facing(rng, host, piece, "f") for host in plan.labelled(("desk",))]
        tables = [spots.facing(rng, host, piece, "fblr") for host in plan.labelled(("dining table", "table"))]
        return chain(*desks, *tables, spots.anywhere(rng, free, piece))
    if label in _AT_A_SIDE:
        hosts = [spots.beside(rng, host, piece) for host in plan.labelled(("bed", "couch"))]
        return chain(*hosts, spots.against_walls(rng, free, piece))
    if label in ("lamp", "trash can", "basket") and chance(rng, 0.6):
        hosts = [spots.beside(rng, host, piece) for host in plan.labelled(("couch", "desk", "armchair", "cabinet"))]
    if label in _CORNER:
        return chain(*hosts, spots.in_corners(rng, free, piece), spots.anywhere(rng, free, piece))
    if label == "object" and chance(rng, 0.5):
        hosts = [pick(rng, (spots.against_walls, spots.in_corners))(rng, free, piece)]
    return chain(*hosts, spots.anywhere(rng, free, piece))
