"""Chairs: with four legs, with a moulded shell, on castors."""

from __future__ import annotations

import numpy as np

from scene.furniture import finishes
from scene.furniture.assembly import Assembly, Furniture
from scene.furniture.draw import chance, pick
from scene.furniture.legs import four_legs, leg_style, pedestal, sled, star_base, stretchers
from scene.furniture.solids import (
    Solid,
    bent_panel,
    block,
    both_sides,
    box,
    cushion,
    plate,
    rectangle,
    rod,
    rounded_box,
    tilted,
    tube,
)


def chair(rng: np.random.Generator) -> Furniture:
    """A dining chair: four legs or a sled, a slatted, ladder or panel back, with or without arms and a cushion."""
    width, depth = rng.uniform(0.38, 0.5), rng.uniform(0.38, 0.48)
    seat, thickness = rng.uniform(0.42, 0.48), rng.uniform(0.018, 0.045)
    frame = finishes.frame(rng)
    assembly = Assembly()
    under = seat - thickness
    if chance(rng, 0.2):
        assembly.add(frame, *sled(width, depth, under, rng.uniform(0.008, 0.013)))
    else:
        style = leg_style(rng, 0.022, 0.045)
        assembly.add(frame, *four_legs(style, width, depth, under))
        if chance(rng, 0.45):
            assembly.add(frame, *stretchers(rng, style, width, depth, under))
    outline = rectangle(width, depth, pick(rng, (0.0, 0.02, 0.04)))
    assembly.add(pick(rng, (frame, finishes.wood(rng))), plate(outline, under, seat))
    if chance(rng, 0.4):
        size = (0.92 * width, 0.92 * depth)
        assembly.add(finishes.fabric(rng), cushion((0, 0), size, seat - 0.005, seat + rng.uniform(0.02, 0.05), 0.012))
    back_height = rng.uniform(0.34, 0.58)
    lean = rng.uniform(3.0, 13.0)
    assembly.add(frame, *_back(rng, width, depth / 2, seat, back_height, lean))
    if chance(rng, 0.2):
        assembly.add(frame, *_arms(width, depth, seat, rng.uniform(0.17, 0.25), rng.uniform(0.011, 0.02), lean))
    return assembly.furniture("chair")


def _back(
    rng: np.random.Generator, width: float, y: float, seat: float, height: float, lean_degrees: float
) -> list[Solid]:
    """Two posts from the seat's rear edge at ``y``, and what is between them, leant back."""
    half = rng.uniform(0.009, 0.018)
    x, rear, top = width / 2 - half, y - half, seat + height
    posts = both_sides(box((x - half, rear - half, seat - 0.012), (x + half, rear + half, top)))
    rail = box((-x, rear - half, seat - 0.012), (x, rear + half, seat - 0.002))
    kind = pick(rng, ("ladder", "slats", "panel", "bent"))
    thin = max(0.0075, 0.6 * half)
    if kind == "ladder":
        edges = np.linspace(seat + 0.25 * height, top, int(rng.integers(2, 5)))
        tall = rng.uniform(0.02, 0.05)
        filling = [box((-x, rear - thin, z - tall), (x, rear + thin, z)) for z in edges]
    elif kind == "slats":
        low, count = seat + rng.uniform(0.02, 0.12), int(rng.integers(3, 7))
        rails = [box((-x, rear - thin, z), (x, rear + thin, z + 0.035)) for z in (low, top - 0.035)]
        at = np.linspace(-x, x, count + 2)[1:-1]
        filling = rails + [
            box((a - 0.011, rear - thin * 0.9, low + 0.01), (a + 0.011, rear + thin * 0.9, top - 0.01)) for a in at
        ]
    elif kind == "panel":
        low = seat + rng.uniform(0.0, 0.5) * height
        filling = [box((-x, rear - thin, low), (x, rear + thin, top - rng.uniform(0.0, 0.02)))]
    else:
        sag = rng.uniform(0.02, 0.06)
        low = seat + rng.uniform(0.2, 0.55) * height
        filling = [bent_panel(2 * x + half, 2 * thin, sag, low, top).translate((0, rear - thin, 0))]
    return [tilted(solid, lean_degrees, seat, y) for solid in [*posts, rail, *filling]]


def _arms(width: float, depth: float, seat: float, rise: float, radius: float, lean_degrees: float) -> list[Solid]:
    """Arm rests: up from the seat's front corners and back into the posts."""
    x, front = width / 2 - radius, -depth / 2 + 0.06
    rear = depth / 2 + rise * np.tan(np.radians(lean_degrees)) - 0.012
    return both_sides(tube([(x, front, seat - 0.015), (x, front, seat + rise), (x, rear, seat + rise)], radius))


def shell_chair(rng: np.random.Generator) -> Furniture:
    """A moulded shell, seat and back in one, on splayed legs, a sled or a pedestal."""
    width, depth, seat = rng.uniform(0.42, 0.54), rng.uniform(0.4, 0.48), rng.uniform(0.42, 0.47)
    thin = rng.uniform(0.015, 0.025)
    height, lean = rng.uniform(0.3, 0.42), rng.uniform(8.0, 20.0)
    shell, frame = pick(rng, (finishes.plastic, finishes.fabric, finishes.wood))(rng), finishes.frame(rng)
    assembly = Assembly()
    seat_plate = plate(rectangle(width, depth, 0.14), seat - thin, seat)
    sag = rng.uniform(0.05, 0.12)
    back = bent_panel(width * 0.98, thin, sag, seat - thin, seat + height)
    back = tilted(back.translate((0, depth / 2 - sag - thin, 0)), lean, seat - thin, depth / 2)
    assembly.add(shell, seat_plate, back)
    if chance(rng, 0.45):
        rise = rng.uniform(0.12, 0.2)
        wing = box((width / 2 - 1.4 * thin, -0.1 * depth, seat - thin), (width / 2, depth / 2 + 0.02, seat + rise))
        assembly.add(shell, *both_sides(wing))
    base = pick(rng, ("legs", "legs", "sled", "pedestal"))
    if base == "legs":
        style = leg_style(rng, 0.02, 0.035)
        assembly.add(frame, *four_legs(style, 0.72 * width, 0.72 * depth, seat - thin))
    elif base == "sled":
        assembly.add(frame, *sled(0.8 * width, 0.85 * depth, seat - thin, rng.uniform(0.0075, 0.011)))
    else:
        assembly.add(frame, *pedestal(rng, rng.uniform(0.2, 0.26), seat - thin))
    return assembly.furniture("chair")


def office_chair(rng: np.random.Generator) -> Furniture:
    """A swivel chair: star base with castors, gas column, padded seat and back, mostly with arms."""
    width, depth, seat = rng.uniform(0.44, 0.54), rng.uniform(0.44, 0.52), rng.uniform(0.44, 0.54)
    pad = rng.uniform(0.05, 0.09)
    cloth, frame = finishes.fabric(rng), finishes.metal(rng)
    assembly = Assembly()
    reach, feet = rng.uniform(0.26, 0.33), 5
    assembly.add(frame, *star_base(feet, reach, hub=0.035, low=0.045, high=rng.uniform(0.09, 0.13)))
    for k in range(feet):
        angle = 2 * np.pi * (k + 0.25) / feet
        x, y = reach * np.cos(angle), reach * np.sin(angle)
        assembly.add(frame, block((x, y), (0.045, 0.045), 0.0, 0.055, radius=0.02))
    assembly.add(frame, rod((0, 0, 0.08), (0, 0, seat - pad + 0.01), 0.024, 0.024))
    assembly.add(frame, block((0, 0), (0.22, 0.22), seat - pad - 0.025, seat - pad + 0.012))
    assembly.add(cloth, cushion((0, 0), (width, depth), seat - pad, seat - 0.012, 0.012))
    low, tall = seat + rng.uniform(0.06, 0.16), rng.uniform(0.38, 0.66)
    lean, thick = rng.uniform(4.0, 12.0), rng.uniform(0.035, 0.07)
    y = depth / 2
    back = rounded_box((-0.46 * width, y, low), (0.46 * width, y + thick, low + tall), 0.03)
    spine = box((-0.04, y + 0.5 * thick, seat - pad), (0.04, y + thick + 0.02, low + 0.4 * tall))
    assembly.add(cloth, tilted(back, lean, seat, y))
    assembly.add(
        frame,
        tilted(spine, lean, seat, y),
        box((-0.04, 0.05, seat - pad - 0.02), (0.04, y + thick + 0.02, seat - pad + 0.006)),
    )
    if chance(rng, 0.65):
        rise, x = rng.uniform(0.17, 0.24), width / 2 + 0.03
        post = box((x - 0.014, -0.03, seat - pad - 0.012), (x + 0.014, 0.03, seat + rise))
        under = box((0.05, -0.03, seat - pad - 0.014), (x + 0.014, 0.03, seat - pad + 0.006))
        rest = rounded_box((x - 0.035, -0.13, seat + rise - 0.012), (x + 0.035, 0.13, seat + rise + 0.018), 0.012)
        assembly.add(frame, *both_sides(post, under, rest))
    return assembly.furniture("office chair")
