"""Plants in pots, from leaves that are thick enough to be measured."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold

from scene.furniture import finishes
from scene.furniture.assembly import Assembly, Furniture
from scene.furniture.draw import chance, pick
from scene.furniture.finishes import Finish
from scene.furniture.solids import Solid, lathe, tube


def plant(rng: np.random.Generator) -> Furniture:
    """A floor plant, 0.6 to 1.4 m high."""
    return _potted(rng, rng.uniform(0.6, 1.4), rng.uniform(0.13, 0.2), rng.uniform(0.22, 0.36), leaves=(9, 16))


def small_plant(rng: np.random.Generator) -> Furniture:
    """A plant for a table."""
    return _potted(rng, rng.uniform(0.25, 0.45), rng.uniform(0.06, 0.09), rng.uniform(0.09, 0.14), leaves=(6, 10))


def _potted(
    rng: np.random.Generator, height: float, pot_radius: float, pot_height: float, leaves: tuple[int, int]
) -> Furniture:
    """A pot full of earth; from it stems that each end in a leaf."""
    foot = pot_radius * rng.uniform(0.65, 0.95)
    soil = pot_height - 0.02
    rim = 0.85 * pot_radius
    assembly = Assembly()
    pot = pick(rng, (finishes.paint, finishes.plastic))(rng)
    outline = [(0, 0), (foot, 0), (pot_radius, pot_height), (rim, pot_height), (rim - 0.004, soil), (0, soil)]
    assembly.add(pot, lathe(outline))
    tone = rng.uniform(0.8, 1.15)
    green = Finish(
        "leaf", finishes.shaded((0.36, 0.55, 0.27), tone), finishes.shaded((0.16, 0.33, 0.15), tone), 0.3, 0.2
    )
    stem = Finish("plain", (0.42, 0.4, 0.24), (0.34, 0.31, 0.18))
    broad = chance(rng, 0.5)
    for k in range(int(rng.integers(*leaves))):
        yaw = 2.4 * k + rng.uniform(-0.3, 0.3)
        end = pot_height + (height - pot_height) * rng.uniform(0.45, 0.95)
        out = pot_radius * rng.uniform(0.5, 1.5)
        tip = (float(out * np.cos(yaw)), float(out * np.sin(yaw)), float(end))
        middle = (0.35 * tip[0], 0.35 * tip[1], pot_height + 0.6 * (end - pot_height))
        assembly.add(stem, tube([(0.1 * tip[0], 0.1 * tip[1], soil - 0.01), middle, tip], 0.0075))
        assembly.add(green, _leaf(rng, tip, float(yaw), rng.uniform(0.16, 0.26) * height, broad))
    return assembly.furniture("plant")


def _leaf(rng: np.random.Generator, tip: tuple[float, float, float], yaw: float, length: float, broad: bool) -> Solid:
    """A flat ellipsoid 1.5 cm thick that begins at the stem's tip and hangs or rises outwards."""
    width = length * (rng.uniform(0.55, 0.75) if broad else rng.uniform(0.22, 0.35))
    blade = Manifold.sphere(1.0, 14).scale((length / 2, width / 2, 0.0075)).translate((0.42 * length, 0, 0))
    pitch = rng.uniform(-60.0, 15.0)
    return blade.rotate((rng.uniform(-25, 25), pitch, np.degrees(yaw))).translate(tip)
