"""Seats without a back: stools, bar stools, benches, ottomans."""

from __future__ import annotations

import numpy as np

from scene.furniture import finishes
from scene.furniture.assembly import Assembly, Furniture
from scene.furniture.draw import chance, pick
from scene.furniture.legs import four_legs, leg_style, panel_ends, pedestal, stretchers
from scene.furniture.solids import block, cushion, ellipse, plate, rectangle, rod, tube


def stool(rng: np.random.Generator) -> Furniture:
    """A stool, low or at bar height: a round or square seat on three or four legs or a pedestal."""
    seat = rng.uniform(0.42, 0.5) if chance(rng, 0.5) else rng.uniform(0.6, 0.78)
    width, thickness = rng.uniform(0.3, 0.4), rng.uniform(0.02, 0.05)
    under = seat - thickness
    frame = finishes.frame(rng)
    assembly = Assembly()
    base = pick(rng, ("four", "three", "pedestal"))
    if base == "four":
        style = leg_style(rng, 0.02, 0.04)
        assembly.add(frame, *four_legs(style, 0.72 * width, 0.72 * width, under))
        assembly.add(frame, *stretchers(rng, style, 0.72 * width, 0.72 * width, under))
    elif base == "three":
        _three_legs(rng, assembly, frame, width, under)
    else:
        assembly.add(frame, *pedestal(rng, rng.uniform(0.17, 0.22), under))
    if chance(rng, 0.4):
        assembly.add(finishes.fabric(rng), cushion((0, 0), (width, width), under, seat, 0.015))
    else:
        outline = ellipse(width, width) if chance(rng, 0.6) else rectangle(width, width, 0.04)
        assembly.add(pick(rng, (frame, finishes.wood(rng))), plate(outline, under, seat))
    return assembly.furniture("stool")


def _three_legs(
    rng: np.random.Generator, assembly: Assembly, frame: finishes.Finish, width: float, under: float
) -> None:
    """Three splayed legs and a ring that ties them."""
    radius, splay = rng.uniform(0.009, 0.016), rng.uniform(0.02, 0.07)
    inner, height = 0.36 * width, rng.uniform(0.25, 0.45) * under
    angles = 2 * np.pi * np.arange(3) / 3 + np.pi / 2
    for c, s in zip(np.cos(angles), np.sin(angles), strict=True):
        outer = inner + splay
        assembly.add(frame, rod((outer * c, outer * s, 0), (inner * c, inner * s, under + 0.008), radius, radius))
    at = inner + splay * (1 - height / under)
    around = 2 * np.pi * np.arange(18) / 18
    ring = [(float(at * np.cos(a)), float(at * np.sin(a)), height) for a in around]
    assembly.add(frame, tube(ring, 0.0075, closed=True))


def bench(rng: np.random.Generator) -> Furniture:
    """A long seat on legs or board ends, with or without a pad."""
    width, depth, seat = rng.uniform(0.9, 1.5), rng.uniform(0.3, 0.42), rng.uniform(0.42, 0.48)
    thickness = rng.uniform(0.025, 0.045)
    body = finishes.wood(rng)
    assembly = Assembly()
    if chance(rng, 0.5):
        style = leg_style(rng, 0.03, 0.06)
        assembly.add(body, *four_legs(style, 0.92 * width, 0.9 * depth, seat - thickness))
        assembly.add(body, *stretchers(rng, style, 0.92 * width, 0.9 * depth, seat - thickness))
    else:
        assembly.add(body, *panel_ends(0.9 * width, depth, seat - thickness, rng.uniform(0.02, 0.04)))
    assembly.add(body, plate(rectangle(width, depth, pick(rng, (0.0, 0.02))), seat - thickness, seat))
    if chance(rng, 0.4):
        pad = cushion((0, 0), (0.96 * width, 0.94 * depth), seat - 0.005, seat + rng.uniform(0.03, 0.06), 0.01)
        assembly.add(finishes.fabric(rng), pad)
    return assembly.furniture("bench")


def ottoman(rng: np.random.Generator) -> Furniture:
    """An upholstered block on short feet, square or round."""
    width, height = rng.uniform(0.45, 0.75), rng.uniform(0.36, 0.46)
    depth = width if chance(rng, 0.6) else rng.uniform(0.4, 0.6)
    foot = rng.uniform(0.03, 0.12)
    cloth = finishes.fabric(rng)
    assembly = Assembly()
    if chance(rng, 0.35):
        assembly.add(cloth, plate(ellipse(width, width), 0.0, height - 0.06))
        assembly.add(cloth, plate(ellipse(width * 1.03, width * 1.03), height - 0.07, height))
        return assembly.furniture("ottoman")
    assembly.add(finishes.frame(rng), *four_legs(leg_style(rng, 0.03, 0.05), 0.85 * width, 0.85 * depth, foot))
    assembly.add(cloth, block((0, 0), (0.9 * width, 0.9 * depth), foot, foot + 0.06))
    assembly.add(cloth, cushion((0, 0), (width, depth), foot, height, 0.02))
    return assembly.furniture("ottoman")
