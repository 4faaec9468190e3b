"""Shelves: bookcases with boards between two sides, open racks on posts; books stand on some."""

from __future__ import annotations

import numpy as np

from scene.furniture import finishes
from scene.furniture.assembly import Assembly, Furniture, Top
from scene.furniture.draw import chance, pick
from scene.furniture.solids import both_sides, box


def bookcase(rng: np.random.Generator) -> Furniture:
    """Boards between two sides, with or without a back, low or high, some of them with rows of books."""
    width, depth = rng.uniform(0.6, 1.2), rng.uniform(0.24, 0.38)
    height = rng.uniform(0.75, 1.2) if chance(rng, 0.4) else rng.uniform(1.4, 2.0)
    board = rng.uniform(0.015, 0.028)
    body = finishes.carcass(rng)
    assembly = Assembly()
    x, y = width / 2, depth / 2
    assembly.add(body, *both_sides(box((x - board, -y, 0), (x, y, height))))
    count = max(2, round(height / rng.uniform(0.28, 0.42)))
    base = rng.uniform(0.03, 0.09)
    levels = np.linspace(base, height - board, count + 1)
    assembly.add(body, *(box((-x + 0.005, -y + 0.002, z), (x - 0.005, y - 0.002, z + board)) for z in levels))
    backed = chance(rng, 0.7)
    if backed:
        assembly.add(body, box((-x + 0.005, y - 0.012, base), (x - 0.005, y, height - 0.002)))
        assembly.add(body, box((-x + 0.005, -y + 0.02, 0), (x - 0.005, -y + 0.036, base + 0.004)))
    if chance(rng, 0.75):
        for low, high in zip(levels[:-1] + board, levels[1:], strict=True):
            if chance(rng, 0.75):
                _books(rng, assembly, -x + board, x - board, y - (0.011 if backed else 0.03), low, high, depth)
    return assembly.furniture("bookshelf", Top((-0.8 * x, -0.8 * y), (0.8 * x, 0.8 * y), height))


def _books(
    rng: np.random.Generator,
    assembly: Assembly,
    left: float,
    right: float,
    back: float,
    low: float,
    high: float,
    depth: float,
) -> None:
    """A run of books from one end of a shelf, all different, their rears against ``back``.

    Neighbours overlap by a millimetre so that the row is one piece with the shelf.
    """
    covers = [finishes.plastic(rng) for _ in range(4)] + [finishes.paint(rng) for _ in range(2)]
    end = left + (right - left) * rng.uniform(0.35, 1.0)
    x = left - 0.001
    while True:
        thick = rng.uniform(0.02, 0.055)
        if x + thick > end:
            return
        tall = (high - low) * rng.uniform(0.6, 0.92)
        front = back - (depth - 0.02) * rng.uniform(0.6, 0.85)
        assembly.add(pick(rng, covers), box((x, front, low - 0.002), (x + thick + 0.001, back, low + tall)))
        x += thick


def rack(rng: np.random.Generator) -> Furniture:
    """Boards on four thin posts, open all round."""
    width, depth, height = rng.uniform(0.6, 1.1), rng.uniform(0.28, 0.42), rng.uniform(0.8, 1.8)
    half, board = rng.uniform(0.0075, 0.016), rng.uniform(0.015, 0.025)
    frame, boards = finishes.metal(rng), finishes.carcass(rng)
    x, y = width / 2 - half, depth / 2 - half
    assembly = Assembly()
    posts = [box((x - half, s * y - half, 0), (x + half, s * y + half, height)) for s in (-1, 1)]
    assembly.add(frame, *both_sides(*posts))
    count = max(2, round(height / rng.uniform(0.3, 0.5)))
    levels = np.linspace(rng.uniform(0.06, 0.2), height - board, count)
    assembly.add(boards, *(box((-x, -y, z), (x, y, z + board)) for z in levels))
    return assembly.furniture("shelf", Top((-0.8 * x, -0.7 * y), (0.8 * x, 0.7 * y), height))
