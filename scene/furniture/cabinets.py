"""Cupboards: cabinets, dressers, night stands, TV stands, wardrobes, file cabinets.  Their insides are solid."""

from __future__ import annotations

import numpy as np

from scene.furniture import finishes
from scene.furniture.assembly import Assembly, Furniture, Top
from scene.furniture.draw import chance, pick
from scene.furniture.fronts import doors, drawers
from scene.furniture.legs import four_legs, leg_style, plinth
from scene.furniture.solids import Solid, box


def cabinet(rng: np.random.Generator) -> Furniture:
    """Waist high: doors, or doors and drawers, or doors and an open niche."""
    return _cupboard(
        rng,
        "cabinet",
        (rng.uniform(0.7, 1.5), rng.uniform(0.35, 0.5), rng.uniform(0.7, 1.2)),
        ("doors", "mixed", "niche"),
    )


def dresser(rng: np.random.Generator) -> Furniture:
    """Rows of drawers."""
    return _cupboard(
        rng, "dresser", (rng.uniform(0.7, 1.4), rng.uniform(0.4, 0.52), rng.uniform(0.7, 1.1)), ("drawers",)
    )


def night_stand(rng: np.random.Generator) -> Furniture:
    """Small: one or two drawers, or a drawer over an open niche."""
    size = (rng.uniform(0.38, 0.55), rng.uniform(0.35, 0.45), rng.uniform(0.42, 0.62))
    return _cupboard(rng, "nightstand", size, ("drawers", "niche"))


def tv_stand(rng: np.random.Generator) -> Furniture:
    """Low and wide, with open niches."""
    size = (rng.uniform(1.1, 1.7), rng.uniform(0.35, 0.45), rng.uniform(0.38, 0.58))
    return _cupboard(rng, "tv stand", size, ("niche", "niche", "drawers", "mixed"))


def wardrobe(rng: np.random.Generator) -> Furniture:
    """Higher than a person: doors down to the plinth."""
    size = (rng.uniform(0.8, 1.4), rng.uniform(0.5, 0.62), rng.uniform(1.75, 2.05))
    return _cupboard(rng, "wardrobe", size, ("doors",))


def file_cabinet(rng: np.random.Generator) -> Furniture:
    """A metal chest of two to four deep drawers."""
    rows = int(rng.integers(2, 5))
    width, depth, height = rng.uniform(0.38, 0.48), rng.uniform(0.5, 0.65), 0.32 * rows + 0.04
    body, handle = finishes.paint(rng), finishes.metal(rng)
    assembly = Assembly()
    assembly.add(body, box((-width / 2, -depth / 2, 0), (width / 2, depth / 2, height)))
    low, high = (-width / 2 + 0.01, 0.03), (width / 2 - 0.01, height - 0.01)
    drawers(rng, assembly, body, handle, low, high, -depth / 2, rows)
    return assembly.furniture("file cabinet", _top(width, depth, height))


def _cupboard(
    rng: np.random.Generator, label: str, size: tuple[float, float, float], layouts: tuple[str, ...]
) -> Furniture:
    """A carcass with a front, on a plinth or legs or flat on the floor, mostly under a top that stands out a little."""
    width, depth, height = size
    body, front, handle = finishes.carcass(rng), finishes.carcass(rng), finishes.metal(rng)
    front = body if chance(rng, 0.55) else front
    assembly = Assembly()
    lift = _stand(rng, assembly, width, depth, 0.16 if height < 1.3 else 0.08)
    overhang = pick(rng, (0.0, 0.012, 0.02))
    slab = rng.uniform(0.018, 0.035)
    top_low = (-width / 2 - overhang, -depth / 2 - overhang - 0.018, height - slab)
    assembly.add(pick(rng, (body, front)), box(top_low, (width / 2 + overhang, depth / 2, height)))
    low, high = (-width / 2, lift), (width / 2, height - slab)
    layout = pick(rng, layouts)
    niche_low = high[1]
    if layout == "niche":
        niche_low = lift + (high[1] - lift) * rng.uniform(0.35, 0.6)
        assembly.add(body, *_niche(width, depth, niche_low, high[1], int(rng.integers(1, 4))))
    assembly.add(body, box((-width / 2, -depth / 2, lift), (width / 2, depth / 2, niche_low + 0.004)))
    y, high = -depth / 2, (high[0], niche_low)
    columns = max(1, round(width / rng.uniform(0.45, 0.7)))
    if layout == "doors":
        doors(rng, assembly, front, handle, low, high, y, count=max(columns, 2 if width > 0.6 else 1))
    elif layout == "mixed":
        split = high[1] - rng.uniform(0.14, 0.22)
        drawers(rng, assembly, front, handle, (low[0], split), high, y, rows=1, columns=columns)
        doors(rng, assembly, front, handle, low, (high[0], split), y, count=max(columns, 2))
    else:
        rows = max(1, round((high[1] - low[1]) / rng.uniform(0.17, 0.26)))
        drawers(rng, assembly, front, handle, low, high, y, rows=rows, columns=columns if width > 0.9 else 1)
    return assembly.furniture(label, _top(width, depth, height))


def _stand(rng: np.random.Generator, assembly: Assembly, width: float, depth: float, highest_leg: float) -> float:
    """Put plinth, legs or nothing under the carcass; returns the height at which the carcass begins."""
    kind = pick(rng, ("floor", "plinth", "legs"))
    if kind == "plinth":
        lift = rng.uniform(0.05, 0.1)
        assembly.add(finishes.paint(rng), plinth(width, depth, lift, 0.03))
        return float(lift)
    if kind == "legs":
        lift = rng.uniform(0.06, highest_leg)
        assembly.add(finishes.frame(rng), *four_legs(leg_style(rng, 0.025, 0.05), 0.95 * width, 0.92 * depth, lift))
        return float(lift)
    return 0.0


def _niche(width: float, depth: float, bottom: float, top: float, cells: int) -> list[Solid]:
    """Open cells over the whole width between two heights: a back board and uprights."""
    board, high = 0.018, top + 0.005
    back = box((-width / 2, depth / 2 - board, bottom - 0.005), (width / 2, depth / 2, high))
    at = np.linspace(-width / 2, width / 2 - board, cells + 1)
    return [back, *(box((x, -depth / 2, bottom - 0.005), (x + board, depth / 2, high)) for x in at)]


def _top(width: float, depth: float, height: float) -> Top:
    return Top((-0.46 * width, -0.42 * depth), (0.46 * width, 0.46 * depth), height)
