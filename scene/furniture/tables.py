"""Tables: dining, coffee and side tables, on legs, a pedestal, frames, hairpins or boards."""

from __future__ import annotations

import numpy as np
from manifold3d import CrossSection

from scene.furniture import finishes
from scene.furniture.assembly import Assembly, Furniture, Top
from scene.furniture.draw import chance, pick
from scene.furniture.finishes import Finish
from scene.furniture.legs import aprons, four_legs, hairpins, leg_style, panel_ends, pedestal, sled, stretchers
from scene.furniture.solids import ellipse, plate, rectangle

_RoundOrNot = tuple[CrossSection, float]  # an outline, and the share of its box in which legs may stand


def dining_table(rng: np.random.Generator) -> Furniture:
    """A table to sit at: rectangular, round or oval."""
    shape = pick(rng, ("rectangle", "rectangle", "rectangle", "round", "oval"))
    width = rng.uniform(0.95, 1.25) if shape == "round" else rng.uniform(1.1, 1.8)
    depth = width if shape == "round" else rng.uniform(0.75, 0.95)
    height, thickness = rng.uniform(0.71, 0.77), rng.uniform(0.018, 0.045)
    outline, inside = _outline(rng, shape, width, depth)
    bases = (
        ("pedestal", "legs") if shape == "round" else ("legs", "legs", "legs", "aprons", "sled", "hairpins", "boards")
    )
    assembly = Assembly()
    frame = finishes.frame(rng)
    _base(rng, assembly, frame, pick(rng, bases), inside * width, inside * depth, height - thickness)
    assembly.add(pick(rng, (frame, finishes.wood(rng))), plate(outline, height - thickness, height))
    return assembly.furniture("dining table", _top(0.7 * inside * width, 0.7 * inside * depth, height))


def coffee_table(rng: np.random.Generator) -> Furniture:
    """A low table, often with a board under its top."""
    shape = pick(rng, ("rectangle", "rectangle", "round", "oval"))
    width = rng.uniform(0.6, 0.85) if shape == "round" else rng.uniform(0.8, 1.25)
    depth = width if shape == "round" else rng.uniform(0.45, 0.7)
    height, thickness = rng.uniform(0.34, 0.48), rng.uniform(0.016, 0.05)
    outline, inside = _outline(rng, shape, width, depth)
    base = pick(rng, ("legs", "legs", "aprons", "boards", "hairpins", "sled"))
    assembly = Assembly()
    frame = finishes.frame(rng)
    _base(rng, assembly, frame, base, inside * width, inside * depth, height - thickness)
    wood = finishes.wood(rng)
    assembly.add(wood, plate(outline, height - thickness, height))
    if base in ("aprons", "boards") and chance(rng, 0.6):
        low = rng.uniform(0.08, 0.16)
        assembly.add(wood, plate(rectangle(inside * width - 0.01, inside * depth - 0.01), low, low + 0.018))
    return assembly.furniture("coffee table", _top(0.8 * inside * width, 0.8 * inside * depth, height))


def side_table(rng: np.random.Generator) -> Furniture:
    """A small table beside a seat."""
    shape = pick(rng, ("rectangle", "round"))
    width = rng.uniform(0.36, 0.55)
    depth = width if shape == "round" else width * rng.uniform(0.85, 1.15)
    height, thickness = rng.uniform(0.45, 0.62), rng.uniform(0.016, 0.03)
    outline, inside = _outline(rng, shape, width, depth)
    assembly = Assembly()
    frame = finishes.frame(rng)
    base = pick(rng, ("legs", "legs", "pedestal", "hairpins", "sled"))
    _base(rng, assembly, frame, base, inside * width, inside * depth, height - thickness)
    assembly.add(pick(rng, (frame, finishes.wood(rng))), plate(outline, height - thickness, height))
    return assembly.furniture("end table", _top(0.8 * inside * width, 0.8 * inside * depth, height))


def _outline(rng: np.random.Generator, shape: str, width: float, depth: float) -> _RoundOrNot:
    if shape == "rectangle":
        return rectangle(width, depth, pick(rng, (0.0, 0.0, 0.03, 0.08))), 0.94
    return ellipse(width, depth), 0.66


def _base(
    rng: np.random.Generator, assembly: Assembly, frame: Finish, kind: str, width: float, depth: float, under: float
) -> None:
    """What carries the top, under a ``width`` x ``depth`` rectangle up to height ``under``."""
    if kind in ("legs", "aprons"):
        style = leg_style(rng, 0.025, 0.08 if under > 0.6 else 0.055)
        assembly.add(frame, *four_legs(style, width, depth, under))
        if kind == "aprons":
            drop = rng.uniform(0.05, 0.1)
            assembly.add(frame, *aprons(0.6 * style.top_radius, 0.018, width, depth, under - drop, under))
        elif chance(rng, 0.25):
            assembly.add(frame, *stretchers(rng, style, width, depth, under))
    elif kind == "pedestal":
        assembly.add(frame, *pedestal(rng, 0.36 * max(width, depth) + 0.06, under))
    elif kind == "sled":
        assembly.add(frame, *sled(0.9 * width, depth, under, rng.uniform(0.01, 0.018)))
    elif kind == "hairpins":
        assembly.add(frame, *hairpins(width, depth, under, rng.uniform(0.0075, 0.01)))
    else:
        assembly.add(frame, *panel_ends(width, depth, under, rng.uniform(0.018, 0.04)))


def _top(width: float, depth: float, height: float) -> Top:
    return Top((-width / 2, -depth / 2), (width / 2, depth / 2), height)
