"""What furniture stands on: legs, stretchers, pedestals, frames.  Thin ones go down to 1.5 cm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scene.furniture.draw import chance, pick
from scene.furniture.solids import Solid, block, both_sides, box, lathe, rod, tube

_EMBED_M = 0.008  # how far a part reaches into the one it carries, so that their union is one piece


@dataclass(frozen=True)
class LegStyle:
    """Four legs: half thicknesses at top and foot, how far the feet stand out, square (4 sides) or round."""

    top_radius: float
    foot_radius: float
    splay_x: float
    splay_y: float
    sides: int


def leg_style(rng: np.random.Generator, thinnest: float, thickest: float) -> LegStyle:
    """A style for legs ``thinnest`` to ``thickest`` metres across."""
    thick = rng.uniform(thinnest, thickest) / 2
    taper = rng.uniform(0.55, 1.0) if chance(rng, 0.5) else 1.0
    splay = rng.uniform(0.01, 0.06) if chance(rng, 0.4) else 0.0
    foot = max(thick * taper, 0.0075)
    return LegStyle(thick, foot, splay, splay * rng.uniform(0.3, 1.0), pick(rng, (4, 20)))


def four_legs(style: LegStyle, width: float, depth: float, top: float) -> list[Solid]:
    """Legs under the corners of a ``width`` x ``depth`` rectangle centred on the origin, up into height ``top``."""
    x, y, r = width / 2 - style.top_radius, depth / 2 - style.top_radius, style.top_radius
    legs = []
    for side in (-1, 1):
        foot = (x + style.splay_x, side * (y + style.splay_y), 0.0)
        legs.append(rod(foot, (x, side * y, top + _EMBED_M), style.foot_radius, r, style.sides))
    return both_sides(*legs)


def stretchers(rng: np.random.Generator, style: LegStyle, width: float, depth: float, top: float) -> list[Solid]:
    """Rails between the four legs at one height: along the sides with a cross bar (H), or all round (box)."""
    height = rng.uniform(0.2, 0.6) * top
    share = 1 - height / top
    x = width / 2 - style.top_radius + style.splay_x * share
    y = depth / 2 - style.top_radius + style.splay_y * share
    half = max(0.0075, 0.35 * style.top_radius)
    rails = both_sides(box((x - half, -y, height - 1.4 * half), (x + half, y, height + 1.4 * half)))
    where = (0.0,) if chance(rng, 0.5) else (-y, y)
    return rails + [box((-x, at - half, height - half), (x, at + half, height + half)) for at in where]


def aprons(inset: float, thickness: float, width: float, depth: float, bottom: float, top: float) -> list[Solid]:
    """The four boards under a top, ``inset`` from its rim."""
    x, y = width / 2 - inset, depth / 2 - inset
    high = top + _EMBED_M
    sides = both_sides(box((x - thickness, -y, bottom), (x, y, high)))
    return [
        *sides,
        *(box((-x, min(a, b), bottom), (x, max(a, b), high)) for a, b in ((y - thickness, y), (-y, thickness - y))),
    ]


def pedestal(rng: np.random.Generator, reach: float, top: float) -> list[Solid]:
    """One column on a disc or on three to five feet that reach ``reach`` out, and a plate that carries the top."""
    radius = rng.uniform(0.025, 0.06) * (1 + (top > 0.6))
    plate_radius = min(0.5 * reach, 2.5 * radius)
    parts = [
        rod((0, 0, 0.005), (0, 0, top + _EMBED_M), radius, radius),
        rod((0, 0, top - 0.02), (0, 0, top + _EMBED_M), plate_radius, plate_radius),
    ]
    if chance(rng, 0.5):
        rim = rng.uniform(0.015, 0.025)
        waist = (radius * 1.2, rim + rng.uniform(0.01, 0.05))
        parts.append(lathe([(0, 0), (reach, 0), (reach, rim), waist, (0, waist[1])]))
    else:
        parts += star_base(
            int(rng.integers(3, 6)), reach, hub=max(radius * 1.1, 0.03), low=0.0, high=rng.uniform(0.06, 0.14)
        )
    return parts


def star_base(feet: int, reach: float, hub: float, low: float, high: float) -> list[Solid]:
    """Feet in a star: from the hub at height ``high`` down to ``low`` at ``reach``."""
    half = 0.016
    parts = [rod((0, 0, low + 0.01), (0, 0, high + half), hub, hub)]
    for k in range(feet):
        angle = 2 * np.pi * (k + 0.25) / feet
        out = (float(np.cos(angle)), float(np.sin(angle)))
        parts.append(tube([(0, 0, high), (reach * out[0], reach * out[1], low + half)], half))
    return parts


def sled(width: float, depth: float, top: float, radius: float) -> list[Solid]:
    """Two loops of tube, one at each side, from the floor up into ``top``."""
    x, y, z = width / 2 - radius, depth / 2 - radius, top + _EMBED_M - radius
    return both_sides(tube([(x, -y, z), (x, -y, radius), (x, y, radius), (x, y, z)], radius, closed=True))


def hairpins(width: float, depth: float, top: float, radius: float) -> list[Solid]:
    """A V of thin rods under each corner."""
    x, y = width / 2 - 0.03, depth / 2 - 0.03
    parts = []
    for side in (-1, 1):
        foot = (x, side * y, radius)
        ends = ((x - 0.09, side * y, top), (x, side * (y - 0.09), top))
        parts += [tube([foot, end], radius) for end in ends]
    return both_sides(*parts)


def panel_ends(width: float, depth: float, top: float, thickness: float) -> list[Solid]:
    """A board at each side, from the floor up into ``top``."""
    return both_sides(box((width / 2 - thickness, -depth / 2, 0.0), (width / 2, depth / 2, top + _EMBED_M)))


def plinth(width: float, depth: float, height: float, setback: float) -> Solid:
    """The block under a cupboard, set back from its front and sides."""
    return block((0.0, setback / 2), (width - 2 * setback, depth - setback), 0.0, height + _EMBED_M)
