"""Small things that stand on furniture: monitors, books."""

from __future__ import annotations

import numpy as np

from scene.furniture import finishes
from scene.furniture.assembly import Assembly, Furniture
from scene.furniture.finishes import Finish
from scene.furniture.solids import block, box, rounded_box, tilted


def monitor(rng: np.random.Generator) -> Furniture:
    """A flat screen on a foot."""
    width = rng.uniform(0.48, 0.66)
    tall, low = width * rng.uniform(0.54, 0.62), rng.uniform(0.08, 0.14)
    thick = rng.uniform(0.022, 0.04)
    case = finishes.metal(rng)
    glass = Finish("plain", (0.07, 0.08, 0.1), (0.05, 0.06, 0.08), gloss=0.5)
    assembly = Assembly()
    foot = (rng.uniform(0.2, 0.28), rng.uniform(0.15, 0.2))
    assembly.add(case, block((0, 0.02), foot, 0.0, 0.015), box((-0.03, 0.03, 0.01), (0.03, 0.048, low + 0.4 * tall)))
    panel = rounded_box((-width / 2, 0.035 - thick, low), (width / 2, 0.035, low + tall), 0.006)
    rim = 0.012
    face = box((-width / 2 + rim, 0.033 - thick, low + rim), (width / 2 - rim, 0.035 - 0.5 * thick, low + tall - rim))
    lean = rng.uniform(0.0, 6.0)
    assembly.add(case, tilted(panel, lean, low, 0.035))
    assembly.add(glass, tilted(face, lean, low, 0.035))
    return assembly.furniture("monitor")


def book_pile(rng: np.random.Generator) -> Furniture:
    """Two to five books on one another, each a little turned."""
    assembly = Assembly()
    z = 0.0
    for _ in range(int(rng.integers(2, 6))):
        thick = rng.uniform(0.02, 0.045)
        size = (rng.uniform(0.19, 0.26), rng.uniform(0.14, 0.19))
        one = block((0, 0), size, z - 0.001 if z else 0.0, z + thick)
        assembly.add(finishes.plastic(rng), one.rotate((0, 0, rng.uniform(-18, 18))))
        z += thick
    return assembly.furniture("book")
