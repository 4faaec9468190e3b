"""Upholstered seats: sofas with or without a chaise, armchairs."""

from __future__ import annotations

import numpy as np

from scene.furniture import finishes
from scene.furniture.assembly import Assembly, Furniture
from scene.furniture.draw import chance, pick
from scene.furniture.legs import four_legs, leg_style, plinth
from scene.furniture.solids import both_sides, cushion, rounded_box, tilted


def couch(rng: np.random.Generator) -> Furniture:
    """Two or three seats, some with a chaise at one end."""
    seats = int(rng.integers(2, 4))
    chaise = pick(rng, (-1, 1)) if seats == 3 and chance(rng, 0.3) else 0
    return _upholstered(rng, "couch", seats, rng.uniform(0.55, 0.72), rng.uniform(0.78, 0.95), chaise)


def armchair(rng: np.random.Generator) -> Furniture:
    """One seat between two arms."""
    return _upholstered(rng, "armchair", 1, rng.uniform(0.5, 0.62), rng.uniform(0.72, 0.88), 0)


def _upholstered(
    rng: np.random.Generator, label: str, seats: int, seat_width: float, depth: float, chaise: int
) -> Furniture:
    """A base, a back, two arms and cushions; ``chaise`` = -1 or 1 draws the left or right seat out to the front."""
    arm, arm_height = rng.uniform(0.09, 0.24), rng.uniform(0.52, 0.66)
    inner = seats * seat_width
    width = inner + 2 * arm
    seat, back_height = rng.uniform(0.38, 0.47), rng.uniform(0.72, 0.92)
    back, pad, soft = rng.uniform(0.14, 0.24), rng.uniform(0.1, 0.17), rng.uniform(0.03, 0.08)
    cloth = finishes.fabric(rng)
    loose = finishes.fabric(rng) if chance(rng, 0.25) else cloth
    assembly = Assembly()
    lift = _feet(rng, assembly, width, depth)
    x, y = width / 2, depth / 2
    assembly.add(cloth, rounded_box((-x + 0.01, -y + 0.02, lift), (x - 0.01, y - 0.01, seat - pad + 0.02), 0.02))
    lean = rng.uniform(0.0, 9.0)
    rest = rounded_box((-x + arm * 0.5, y - back, lift + 0.02), (x - arm * 0.5, y, back_height), soft)
    assembly.add(cloth, tilted(rest, lean, lift + 0.02, y))
    assembly.add(cloth, *both_sides(rounded_box((x - arm, -y, lift), (x, y - 0.02, arm_height), min(soft, 0.45 * arm))))
    reach = rng.uniform(0.5, 0.75)
    for k in range(seats):
        at = -inner / 2 + (k + 0.5) * seat_width
        out = reach if chaise and k == (0 if chaise < 0 else seats - 1) else 0.0
        front, rear = -y - 0.01 - out, y - back + 0.04
        size, middle = (seat_width * 0.99, rear - front), (at, (front + rear) / 2)
        assembly.add(loose, cushion(middle, size, seat - pad, seat, 0.02))
        if out:
            low, high = (at - seat_width / 2, front + 0.01, lift), (at + seat_width / 2, 0.0, seat - pad + 0.02)
            assembly.add(cloth, rounded_box(low, high, 0.02))
        if chance(rng, 0.9):
            low_y = y - back - pad * 0.8
            high = (at + 0.48 * seat_width, y - back + 0.05, back_height - rng.uniform(0.02, 0.12))
            low = (at - 0.48 * seat_width, low_y, seat - 0.02)
            assembly.add(loose, tilted(rounded_box(low, high, 0.4 * pad), lean + 4.0, seat, y - back))
    return assembly.furniture(label)


def _feet(rng: np.random.Generator, assembly: Assembly, width: float, depth: float) -> float:
    """Legs or a plinth; returns the height at which the base begins."""
    lift = rng.uniform(0.04, 0.16)
    if chance(rng, 0.75):
        style = leg_style(rng, 0.03, 0.055)
        assembly.add(finishes.frame(rng), *four_legs(style, 0.9 * width, 0.86 * depth, lift + 0.02))
    else:
        assembly.add(finishes.paint(rng), plinth(0.96 * width, 0.94 * depth, lift + 0.015, 0.03))
    return float(lift)
