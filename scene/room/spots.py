"""Where one would like to put a piece of furniture: streams of spots, the better first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scene.furniture import Furniture
from scene.furniture.draw import chance, pick
from scene.room.placement import WALL_GAP_M, Spot, Standing
from scene.room.records import Area

_TRIES = 40


def against_walls(rng: np.random.Generator, free: Area, piece: Furniture) -> Iterator[Spot]:
    """Its back to the back wall or a side wall, anywhere along it."""
    width, depth = piece.mesh.extents[:2]
    for _ in range(_TRIES):
        gap = WALL_GAP_M + rng.uniform(0.001, 0.04) + depth / 2
        side = pick(rng, ("back", "back", "left", "right"))
        if side == "back":
            yield Spot(_between(rng, free.low_x + width / 2, free.high_x - width / 2), free.high_y - gap, 0.0)
        else:
            y = _between(rng, free.low_y + width / 2, free.high_y - width / 2)
            yield Spot(free.low_x + gap, y, np.pi / 2) if side == "left" else Spot(free.high_x - gap, y, -np.pi / 2)


def in_corners(rng: np.random.Generator, free: Area, piece: Furniture) -> Iterator[Spot]:
    """Near a wall, turned anyhow; the room's corners first."""
    reach = float(np.hypot(*piece.mesh.extents[:2])) / 2 + WALL_GAP_M
    low, high = np.array([free.low_x, free.low_y]) + reach, np.array([free.high_x, free.high_y]) - reach
    for k in range(_TRIES):
        spread = 0.1 + 0.9 * k / _TRIES
        x = low[0] + _towards_ends(rng, spread) * (high[0] - low[0])
        y = high[1] - rng.uniform(0.0, spread) * (high[1] - low[1])
        yield Spot(float(x), float(y), rng.uniform(-np.pi, np.pi))


def _towards_ends(rng: np.random.Generator, spread: float) -> float:
    """A number in [0, 1] within ``spread`` / 2 of one of its ends."""
    inward = 0.5 * spread * rng.random()
    return inward if chance(rng, 0.5) else 1.0 - inward


def in_the_middle(rng: np.random.Generator, free: Area, piece: Furniture) -> Iterator[Spot]:
    """Round the middle of the free floor, square to the room but for a few degrees."""
    middle = np.array([free.low_x + free.high_x, free.low_y + free.high_y]) / 2
    spread = np.array([free.high_x - free.low_x, free.high_y - free.low_y]) / 2
    for k in range(_TRIES):
        x, y = middle + rng.uniform(-0.2 - 0.4 * k / _TRIES, 0.2 + 0.4 * k / _TRIES, 2) * spread
        yaw = pick(rng, (0.0, 0.0, np.pi / 2)) + np.radians(rng.uniform(-8, 8))
        yield Spot(float(x), float(y), float(yaw))


def anywhere(rng: np.random.Generator, free: Area, piece: Furniture) -> Iterator[Spot]:
    """On the free floor, turned towards its middle, roughly."""
    for _ in range(_TRIES):
        x, y = rng.uniform(free.low_x, free.high_x), rng.uniform(free.low_y, free.high_y)
        to_middle = np.arctan2((free.low_y + free.high_y) / 2 - y, (free.low_x + free.high_x) / 2 - x)
        yield Spot(x, y, float(to_middle + np.pi / 2 + np.radians(rng.uniform(-40, 40))))


def before(rng: np.random.Generator, host: Standing, piece: Furniture) -> Iterator[Spot]:
    """In front of the host at a coffee table's distance, turned like it."""
    for _ in range(_TRIES):
        gap = rng.uniform(0.28, 0.55)
        x = rng.uniform(-0.2, 0.2) * host.size[0]
        at = host.point(x, -host.size[1] / 2 - gap - piece.mesh.extents[1] / 2)
        yield Spot(*at, host.spot.yaw + float(np.radians(rng.uniform(-6, 6))))


def beside(rng: np.random.Generator, host: Standing, piece: Furniture) -> Iterator[Spot]:
    """At the host's left or right, its back in line with the host's."""
    width, depth = piece.mesh.extents[:2]
    for k in range(_TRIES):
        side = pick(rng, (-1, 1))
        x = side * (host.size[0] / 2 + width / 2 + rng.uniform(0.04, 0.1 + 0.3 * k / _TRIES))
        y = host.size[1] / 2 - depth / 2 - rng.uniform(0.0, 0.3) * max(host.size[1] - depth, 0.0)
        yield Spot(*host.point(x, y), host.spot.yaw)


def facing(rng: np.random.Generator, host: Standing, piece: Furniture, sides: str) -> Iterator[Spot]:
    """Drawn up to the host as a chair to a table: its front under the host's edge, less and less deep.

    ``sides`` names the host's edges to try: f(ront), b(ack), l(eft), r(ight).
    """
    depth = piece.mesh.extents[1]
    for tuck in (0.3, 0.24, 0.18, 0.12, 0.05, -0.05, -0.15):
        for _ in range(6):
            side = pick(rng, sides)
            turn = {"f": 0.0, "r": np.pi / 2, "b": np.pi, "l": -np.pi / 2}[side]
            along, out = (host.size[0], host.size[1]) if side in "fb" else (host.size[1], host.size[0])
            lateral = rng.uniform(-0.5, 0.5) * max(along - 0.6, 0.0)
            away = out / 2 + depth / 2 - tuck + rng.uniform(-0.03, 0.03)
            c, s = np.cos(turn), np.sin(turn)
            at = host.point(c * lateral + s * away, s * lateral - c * away)
            yield Spot(*at, float(host.spot.yaw + turn + np.pi + np.radians(rng.uniform(-14, 14))))


def upon(rng: np.random.Generator, host: Standing, piece: Furniture) -> Iterator[Spot]:
    """On the host's top, its front to the host's front, wholly over the carrying rectangle."""
    top = host.furniture.top
    if top is None:
        return
    half = np.asarray(piece.mesh.extents[:2]) / 2
    low, high = np.asarray(top.low) + half, np.asarray(top.high) - half
    if (low > high).any():
        return
    for _ in range(_TRIES // 2):
        yaw = host.spot.yaw + float(np.radians(rng.uniform(-12, 12)))
        yield Spot(*host.point(*rng.uniform(low, high).tolist()), yaw, top.z + 0.001)


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Anywhere from low to high; where the piece is too long for the wall, the middle (it will not fit)."""
    return float(rng.uniform(low, high)) if low < high else (low + high) / 2
