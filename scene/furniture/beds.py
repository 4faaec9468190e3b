"""Beds, single and double."""

from __future__ import annotations

import numpy as np

from scene.furniture import finishes
from scene.furniture.assembly import Assembly, Furniture
from scene.furniture.draw import chance, pick
from scene.furniture.legs import four_legs, leg_style
from scene.furniture.solids import box, cushion, rounded_box


def bed(rng: np.random.Generator) -> Furniture:
    """A frame on legs, a head board at the back, a mattress, a blanket over its lower part, pillows."""
    double = chance(rng, 0.45)
    width, length = (rng.uniform(1.4, 1.8) if double else rng.uniform(0.9, 1.2)), rng.uniform(1.95, 2.1)
    lift, rail = rng.uniform(0.12, 0.28), rng.uniform(0.08, 0.16)
    mattress = rng.uniform(0.16, 0.26)
    frame, sheet = finishes.carcass(rng), finishes.Finish("fabric", (0.95, 0.94, 0.91), (0.86, 0.85, 0.83), 0.4)
    x, y, top = width / 2, length / 2, lift + rail + mattress - 0.04
    assembly = Assembly()
    assembly.add(frame, *four_legs(leg_style(rng, 0.045, 0.08), 0.96 * width, 0.96 * length, lift))
    assembly.add(frame, box((-x, -y, lift), (x, y, lift + rail)))
    head = rng.uniform(0.8, 1.15)
    board = pick(rng, (frame, finishes.fabric(rng)))
    assembly.add(
        board, rounded_box((-x, y - 0.01, lift * chance(rng, 0.5)), (x, y + rng.uniform(0.03, 0.09), head), 0.014)
    )
    if chance(rng, 0.3):
        assembly.add(frame, box((-x, -y - 0.03, 0.02), (x, -y + 0.01, top + rng.uniform(0.0, 0.2))))
    assembly.add(sheet, rounded_box((-x + 0.02, -y + 0.02, lift + rail - 0.04), (x - 0.02, y - 0.008, top), 0.05))
    cover, drop = rng.uniform(0.55, 0.75), rng.uniform(0.05, 0.2)
    low, high = (-x - 0.015, -y - 0.005, top - drop), (x + 0.015, -y + cover * length, top + rng.uniform(0.025, 0.05))
    assembly.add(finishes.fabric(rng), rounded_box(low, high, 0.02))
    pillows = 2 if double else 1
    for k in range(pillows):
        at = (k + 0.5) / pillows * width - x
        size = (min(0.85 * width / pillows, 0.75), rng.uniform(0.36, 0.46))
        assembly.add(sheet, cushion((at, y - 0.3), size, top - 0.015, top + rng.uniform(0.06, 0.1), 0.03))
    return assembly.furniture("bed")
