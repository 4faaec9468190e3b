"""Things that hold things: bins, baskets, boxes."""

from __future__ import annotations

import numpy as np

from scene.furniture import finishes
from scene.furniture.assembly import Assembly, Furniture
from scene.furniture.draw import chance, pick
from scene.furniture.finishes import Finish
from scene.furniture.solids import Solid, box, lathe, plate, rectangle, rounded_box


def trash_can(rng: np.random.Generator) -> Furniture:
    """Round or square, tapered, open or with a lid."""
    height, radius = rng.uniform(0.28, 0.65), rng.uniform(0.12, 0.2)
    body = pick(rng, (finishes.plastic, finishes.metal))(rng)
    assembly = Assembly()
    foot, wall = radius * rng.uniform(0.7, 1.0), rng.uniform(0.008, 0.014)
    if chance(rng, 0.3):
        assembly.add(body, lathe([(0, 0), (foot, 0), (radius, height), (0, height)]))
        dome = rng.uniform(0.03, 0.09)
        rim = radius + 0.008
        assembly.add(
            finishes.plastic(rng),
            lathe(
                [
                    (0, height - 0.02),
                    (rim, height - 0.02),
                    (rim, height),
                    (0.6 * rim, height + 0.8 * dome),
                    (0, height + dome),
                ]
            ),
        )
    elif chance(rng, 0.6):
        outline = [(0, 0), (foot, 0), (radius, height), (radius - wall, height), (foot - wall, wall), (0, wall)]
        assembly.add(body, lathe(outline))
    else:
        assembly.add(
            body,
            _square_bin(
                2 * radius * rng.uniform(0.9, 1.3), 2 * radius * rng.uniform(0.7, 1.0), height, foot / radius, wall
            ),
        )
    return assembly.furniture("trash can")


def _square_bin(width: float, depth: float, height: float, taper: float, wall: float) -> Solid:
    """An open box whose foot is ``taper`` times its mouth."""
    grow = (1 / taper, 1 / taper)
    outer = rectangle(taper * width, taper * depth, 0.03).extrude(height, scale_top=grow)
    inner = rectangle(taper * width - 2 * wall, taper * depth - 2 * wall, 0.02).extrude(height, scale_top=grow)
    return outer - inner.translate((0, 0, wall))


def basket(rng: np.random.Generator) -> Furniture:
    """A round basket, bellied, open."""
    height, radius, wall = rng.uniform(0.25, 0.45), rng.uniform(0.17, 0.26), rng.uniform(0.012, 0.018)
    waist = rng.uniform(1.0, 1.15)
    levels = np.linspace(0.0, 1.0, 9)
    outer = radius * (1 + (waist - 1) * np.sin(np.pi * levels)) * (0.85 + 0.15 * levels)
    outside = [(float(r), float(height * t)) for r, t in zip(outer, levels, strict=True)]
    inside = [(r - wall, max(z, wall)) for r, z in reversed(outside)]
    assembly = Assembly()
    straw = Finish("fabric", finishes.rgb("#cdb085"), finishes.rgb("#94764a"), 0.22)
    assembly.add(straw, lathe([(0.0, 0.0), *outside, *inside, (0.0, wall)]))
    return assembly.furniture("basket")


def carton(rng: np.random.Generator) -> Furniture:
    """A cardboard box, closed with tape, or a lidded storage box."""
    width, depth, height = rng.uniform(0.25, 0.5), rng.uniform(0.22, 0.4), rng.uniform(0.16, 0.4)
    return _box(rng, width, depth, height)


def small_box(rng: np.random.Generator) -> Furniture:
    """A box that stands on furniture."""
    return _box(rng, rng.uniform(0.16, 0.32), rng.uniform(0.14, 0.24), rng.uniform(0.1, 0.22))


def _box(rng: np.random.Generator, width: float, depth: float, height: float) -> Furniture:
    assembly = Assembly()
    if chance(rng, 0.6):
        brown = finishes.shaded(finishes.rgb("#b98e5e"), rng.uniform(0.9, 1.1))
        card = Finish("plain", brown, finishes.shaded(brown, 0.9))
        assembly.add(card, box((-width / 2, -depth / 2, 0), (width / 2, depth / 2, height)))
        tape = Finish("plain", finishes.rgb("#d8c49a"), finishes.rgb("#cdb88c"), gloss=0.3)
        assembly.add(tape, plate(rectangle(width - 0.002, 0.05), height - 0.004, height + 0.001))
    else:
        lid, body = finishes.plastic(rng), finishes.paint(rng)
        assembly.add(body, rounded_box((-width / 2, -depth / 2, 0), (width / 2, depth / 2, height - 0.015), 0.012))
        low, high = (-width / 2 - 0.01, -depth / 2 - 0.01, height - 0.035), (width / 2 + 0.01, depth / 2 + 0.01, height)
        assembly.add(lid, rounded_box(low, high, 0.012))
    return assembly.furniture("box")
