"""Lamps: on a pole, on a tripod, on an arc, on a table."""

from __future__ import annotations

import numpy as np

from scene.furniture import finishes
from scene.furniture.assembly import Assembly, Furniture
from scene.furniture.draw import chance, pick
from scene.furniture.finishes import Finish
from scene.furniture.solids import Solid, box, lathe, rod, tube


def floor_lamp(rng: np.random.Generator) -> Furniture:
    """A standing lamp, 1.3 to 1.8 m high."""
    height, frame = rng.uniform(1.3, 1.8), finishes.metal(rng)
    radius = rng.uniform(0.0085, 0.015)
    shade_height, shade_radius = rng.uniform(0.2, 0.34), rng.uniform(0.14, 0.24)
    assembly = Assembly()
    kind = pick(rng, ("pole", "pole", "tripod", "arc"))
    foot = rng.uniform(0.12, 0.17)
    disc = rod((0, 0, 0), (0, 0, rng.uniform(0.018, 0.03)), foot, foot, 40)
    x, neck = 0.0, height - 0.5 * shade_height
    if kind == "tripod":
        spread, joint = rng.uniform(0.2, 0.28), height - shade_height - rng.uniform(0.0, 0.1)
        radius = max(radius, 0.01)
        for k in range(3):
            angle = 2 * np.pi * k / 3 + 0.4
            assembly.add(frame, tube([(spread * np.cos(angle), spread * np.sin(angle), radius), (0, 0, joint)], radius))
        assembly.add(frame, rod((0, 0, joint - 0.02), (0, 0, neck), radius, radius))
    elif kind == "arc":
        x = rng.uniform(0.35, 0.6)
        swing = np.linspace(0.0, 0.5 * np.pi, 9)
        rise = 0.35 * height
        path = [(0.0, 0.0, 0.01)]
        path += [(x * (1 - np.cos(a)), 0.0, height - rise + rise * np.sin(a)) for a in swing]
        assembly.add(frame, disc, tube([*path, (x, 0.0, neck)], radius))
    else:
        assembly.add(frame, disc, rod((0, 0, 0.01), (0, 0, neck), radius, radius))
    top = height if kind != "arc" else height - 0.02
    assembly.add(_shade_finish(rng), *_shade(rng, x, top - shade_height, top, shade_radius))
    return assembly.furniture("lamp")


def table_lamp(rng: np.random.Generator) -> Furniture:
    """A small lamp with a turned or boxy body."""
    height = rng.uniform(0.36, 0.58)
    shade_height, shade_radius = rng.uniform(0.15, 0.22), rng.uniform(0.09, 0.15)
    body = pick(rng, (finishes.metal, finishes.plastic, finishes.wood))(rng)
    low, belly = height - shade_height, rng.uniform(0.035, 0.075)
    assembly = Assembly()
    if chance(rng, 0.6):
        outline = [
            (0, 0),
            (0.8 * belly, 0),
            (belly, 0.3 * low),
            (0.7 * belly, 0.7 * low),
            (0.012, 0.95 * low),
            (0, 0.95 * low),
        ]
        assembly.add(body, lathe(outline))
    else:
        assembly.add(
            body, box((-belly, -belly, 0), (belly, belly, 0.025)), box((-0.02, -0.02, 0.02), (0.02, 0.02, low))
        )
    assembly.add(body, rod((0, 0, 0.5 * low), (0, 0, height - 0.4 * shade_height), 0.009, 0.009))
    assembly.add(_shade_finish(rng), *_shade(rng, 0.0, low, height, shade_radius))
    return assembly.furniture("lamp")


def _shade(rng: np.random.Generator, x: float, low: float, high: float, radius: float) -> list[Solid]:
    """An open shade with walls of 1 cm, tied to the pole by a spider in its upper half."""
    upper, wall = radius * rng.uniform(0.6, 1.0), 0.01
    outline = [(radius - wall, low), (radius, low), (upper, high), (upper - wall, high)]
    middle = low + 0.6 * (high - low)
    reach = radius + 0.6 * (upper - radius) - 0.4 * wall
    spokes = [box((x - reach, -0.008, middle - 0.008), (x + reach, 0.008, middle + 0.008))]
    bulb = rod((x, 0, low + 0.35 * (high - low)), (x, 0, middle), 0.025, 0.02)
    return [lathe(outline, (x, 0.0)), *spokes, bulb]


def _shade_finish(rng: np.random.Generator) -> Finish:
    color = finishes.rgb(pick(rng, ("#f3ead6", "#efe3c8", "#e9dcc9", "#f2efe6", "#d9c3a0")))
    return Finish("fabric", color, finishes.shaded(color, 0.92), 0.3, glow=0.35)
