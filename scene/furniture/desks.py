"""Desks: a top, a knee-hole, and on none, one or both sides a chest of drawers."""

from __future__ import annotations

import numpy as np

from scene.furniture import finishes
from scene.furniture.assembly import Assembly, Furniture, Top
from scene.furniture.draw import chance, pick
from scene.furniture.finishes import Finish
from scene.furniture.fronts import drawers
from scene.furniture.legs import four_legs, leg_style, sled
from scene.furniture.solids import Solid, box, plate, rectangle


def desk(rng: np.random.Generator) -> Furniture:
    """A desk whose knee-hole is at least 55 cm wide and open to the front."""
    width, depth = rng.uniform(1.0, 1.6), rng.uniform(0.55, 0.8)
    height, thickness = rng.uniform(0.71, 0.77), rng.uniform(0.018, 0.04)
    under = height - thickness
    body, front = finishes.carcass(rng), finishes.carcass(rng)
    frame = finishes.frame(rng)
    assembly = Assembly()
    chests = pick(rng, ("none", "left", "right", "both")) if width > 1.2 else pick(rng, ("none", "left", "right"))
    chest_width = min(rng.uniform(0.32, 0.45), (width - 0.56) / (2 if chests == "both" else 1))
    for side, named in ((-1, "left"), (1, "right")):
        if chests in (named, "both"):
            _chest(rng, assembly, body, front, frame, side * (width - chest_width) / 2, chest_width, depth, under)
        elif chests != "none":
            x = side * (width / 2 - 0.012)
            assembly.add(body, box((x - 0.012, -depth / 2, 0), (x + 0.012, depth / 2, under + 0.008)))
    if chests == "none":
        if chance(rng, 0.3):
            assembly.add(frame, *sled(0.94 * width, 0.92 * depth, under, rng.uniform(0.012, 0.018)))
        else:
            assembly.add(frame, *four_legs(leg_style(rng, 0.025, 0.06), 0.96 * width, 0.94 * depth, under))
    if chests != "none" or chance(rng, 0.4):
        low = under - rng.uniform(0.2, 0.45)
        y = depth / 2 - 0.05
        assembly.add(body, box((-0.47 * width, y - 0.016, low), (0.47 * width, y, under + 0.008)))
    top = finishes.carcass(rng) if chance(rng, 0.4) else body
    assembly.add(top, plate(rectangle(width, depth, pick(rng, (0.0, 0.0, 0.03))), under, height))
    return assembly.furniture("desk", Top((-0.46 * width, 0.0), (0.46 * width, 0.46 * depth), height))


def _chest(
    rng: np.random.Generator,
    assembly: Assembly,
    body: Finish,
    front: Finish,
    handle: Finish,
    x: float,
    width: float,
    depth: float,
    under: float,
) -> None:
    """A chest of drawers under one end of the top, down to the floor or hanging."""
    bottom = pick(rng, (0.0, 0.03, rng.uniform(0.2, 0.4)))
    setback = 0.02
    low, high = (x - width / 2, -depth / 2 + setback, bottom), (x + width / 2, depth / 2 - setback, under + 0.008)
    assembly.add(body, box(low, high))
    if bottom == 0.03:
        assembly.add(handle, box((low[0] + 0.02, low[1] + 0.03, 0), (high[0] - 0.02, high[1] - 0.02, 0.04)))
    if bottom > 0.1:
        assembly.add(body, *(_side(at, depth, under) for at in (low[0], high[0] - 0.018)))
    drawers(rng, assembly, front, handle, (low[0], bottom), (high[0], under), low[1], rows=int(rng.integers(2, 5)))


def _side(x: float, depth: float, under: float) -> Solid:
    """A board that carries a hanging chest down to the floor."""
    return box((x, -depth / 2 + 0.03, 0.0), (x + 0.018, depth / 2 - 0.03, under))
