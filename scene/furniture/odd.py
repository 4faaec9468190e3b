"""Things of no family: parts put together by chance, as varied as a cluttered room.

Shelving without a name, machines, crates on trestles, sculpture: what matters is that no rule of a family holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from manifold3d import Manifold

from scene.furniture import finishes
from scene.furniture.assembly import Assembly, Furniture
from scene.furniture.draw import chance, pick
from scene.furniture.solids import Solid, block, both_sides, box, cushion, lathe, rod, rounded_box, tilted, tube

_JOIN_M = 0.004  # parts run this far into one another, or they would not be one piece


def oddity(rng: np.random.Generator) -> Furniture:
    """A thing made by one of several ways of putting parts together, of any size; its label names no kind."""
    size = np.array([rng.uniform(0.25, 1.5), rng.uniform(0.25, 0.9), rng.uniform(0.25, 1.5)])
    if size[2] > 2.2 * size[:2].min():
        size[2] = 2.2 * size[:2].min()  # it should look as if it could stand
    make: Callable[[np.random.Generator, np.ndarray], list[Solid]] = pick(
        rng, (_stack, _frame, _frame, _hollow, _hollow, _turned, _pipes, _seat, _heap)
    )
    assembly = Assembly()
    assembly.add(finishes.frame(rng), *make(rng, size))
    return assembly.furniture("object")


def _stack(rng: np.random.Generator, size: np.ndarray) -> list[Solid]:
    """Blocks upon blocks, each a little aside of the one below."""
    levels = np.cumsum(rng.uniform(0.3, 1.0, int(rng.integers(2, 5))))
    levels = np.concatenate([[0.0], levels / levels[-1]]) * size[2]
    parts, middle = [], np.zeros(2)
    for bottom, top in itertools.pairwise(levels):
        wide = size[:2] * rng.uniform(0.35, 1.0, 2)
        radius = pick(rng, (0.0, 0.0, 0.02, 0.08))
        parts.append(block((middle[0], middle[1]), (wide[0], wide[1]), bottom - _JOIN_M, top + _JOIN_M, radius))
        middle = middle + rng.uniform(-0.2, 0.2, 2) * wide
    return parts


def _frame(rng: np.random.Generator, size: np.ndarray) -> list[Solid]:
    """Posts or end panels with boards between them, some of the sides closed by thin panels."""
    (x, y, z), thin = size, rng.uniform(0.006, 0.03)
    levels = np.sort(rng.uniform(0.05, 1.0, int(rng.integers(1, 5)))) * z
    levels[-1] = z
    parts = [box((-x / 2, -y / 2, top - thin), (x / 2, y / 2, top)) for top in levels.tolist() if top > 2 * thin]
    if chance(rng, 0.6):
        post = rng.uniform(0.008, 0.035)
        ends = [(a * (x / 2 - post), b * (y / 2 - post)) for a in (-1, 1) for b in (-1, 1)]
        splay = 1.0 + pick(rng, (0.0, 0.0, 0.1))
        sides = pick(rng, (4, 20))
        parts += [rod((splay * a, splay * b, 0.0), (a, b, z - _JOIN_M), post, post, sides) for a, b in ends]
    else:
        parts += both_sides(box((x / 2 - thin, -y / 2, 0.0), (x / 2, y / 2, z)))
    if chance(rng, 0.4):
        parts.append(box((-x / 2, y / 2 - thin, rng.uniform(0.0, 0.5) * z), (x / 2, y / 2, z)))
    if chance(rng, 0.25):
        parts.append(box((x * rng.uniform(-0.2, 0.3), -y / 2, 0.0), (x / 2, y / 2, z)))
    return parts


def _hollow(rng: np.random.Generator, size: np.ndarray) -> list[Solid]:
    """A body with one to three openings cut into it: knee-holes, niches, drawers pulled out of their fronts."""
    x, y, z = size
    body: Solid = pick(rng, (lambda: box((-x / 2, -y / 2, 0), (x / 2, y / 2, z)), lambda: _round_body(rng, size)))()
    for _ in range(int(rng.integers(1, 4))):
        wide, deep, tall = rng.uniform(0.25, 0.8) * x, rng.uniform(0.4, 0.96) * y, rng.uniform(0.2, 0.8) * z
        left, low = (
            rng.uniform(-x / 2 + 0.02, max(x / 2 - wide - 0.02, -x / 2 + 0.03)),
            rng.uniform(-0.1, 0.9 * z - tall),
        )
        front = -y / 2 - 0.05
        if chance(rng, 0.25):
            deep = y + 0.2  # right through
        body = body - box((left, front, low), (left + wide, front + deep, low + tall))
    pieces = body.decompose()
    return [max(pieces, key=lambda piece: piece.volume())] if pieces else [box((-x / 2, -y / 2, 0), (x / 2, y / 2, z))]


def _round_body(rng: np.random.Generator, size: np.ndarray) -> Solid:
    x, y, z = size
    return rounded_box((-x / 2, -y / 2, 0), (x / 2, y / 2, z), rng.uniform(0.02, 0.15))


def _turned(rng: np.random.Generator, size: np.ndarray) -> list[Solid]:
    """A body of revolution, sometimes on a foot or hollow from above."""
    radius, height = size[:2].min() / 2, size[2]
    heights = np.linspace(0.0, height, int(rng.integers(3, 7)))
    radii = radius * rng.uniform(0.25, 1.0, len(heights))
    profile = [(0.0, 0.0), *zip(radii.tolist(), heights.tolist(), strict=True), (0.0, height)]
    body = lathe(profile)
    if chance(rng, 0.4):
        wall = rng.uniform(0.008, 0.03)
        inner = [(max(r - wall, 0.003), h) for r, h in zip(radii.tolist(), heights.tolist(), strict=True) if h > wall]
        if len(inner) > 1:
            body = body - lathe([(0.0, inner[0][1]), *inner, (inner[-1][0], height + 0.1), (0.0, height + 0.1)])
    return [body]


def _pipes(rng: np.random.Generator, size: np.ndarray) -> list[Solid]:
    """Bent tubes in mirrored pairs that carry a board or a cushion."""
    (x, y, z), radius = size, rng.uniform(0.008, 0.025)
    half = x / 2 - radius
    points = [(half, -y / 2, radius), (half, y / 2, radius), (half * rng.uniform(0.7, 1.0), y / 2, z - radius)]
    if chance(rng, 0.5):
        points += [(half * rng.uniform(0.7, 1.0), -y / 2, z - radius)]
    parts = both_sides(tube(points, radius))
    level = rng.uniform(0.3, 0.9) * z
    seat = (cushion if chance(rng, 0.5) else block)((0.0, 0.0), (x, y + 2 * radius), level, level + 0.08, 0.03)
    bar = rod((-half - radius, y / 2, 0.98 * z - radius), (half + radius, y / 2, 0.98 * z - radius), radius, radius)
    return [*parts, seat, bar, *both_sides(rod((half, y / 2, radius), (half, y / 2, level + 0.04), radius, radius))]


def _seat(rng: np.random.Generator, size: np.ndarray) -> list[Solid]:
    """A low body with a leaning back and, on one side or both, arms."""
    x, y, z = size
    level, thick = rng.uniform(0.35, 0.6) * z, rng.uniform(0.04, 0.2)
    parts = [block((0, 0), (x, y), rng.choice([0.0, 0.08]), level, pick(rng, (0.0, 0.03, 0.06)))]
    back = block((0, y / 2 - thick / 2), (x, thick), 0.5 * level, z, pick(rng, (0.0, 0.03)))
    parts.append(tilted(back, rng.uniform(0, 14), 0.5 * level, y / 2))
    if parts[0].bounding_box()[2] > 0.05:
        parts += both_sides(block((0.4 * x, 0), (0.06, 0.8 * y), 0.0, 0.12))
    if chance(rng, 0.6):
        arm = block((x / 2 - thick / 2, 0), (thick, 0.9 * y), 0.3 * level, rng.uniform(1.1, 1.5) * level, 0.02)
        parts += both_sides(arm) if chance(rng, 0.7) else [arm]
    return parts


def _heap(rng: np.random.Generator, size: np.ndarray) -> list[Solid]:
    """Hulls of random points, each starting within the one before: bags, clothes, things under a cloth."""
    parts: list[Solid] = []
    middle = np.array([0.0, 0.0, 0.25 * size[2]])
    for _ in range(int(rng.integers(2, 6))):
        points = middle + rng.uniform(-0.5, 0.5, (14, 3)) * size * rng.uniform(0.35, 0.7)
        points[:, 2] = np.maximum(points[:, 2], 0.0)
        parts.append(Manifold.hull_points(points))
        middle = points[int(rng.integers(len(points)))] * [0.8, 0.8, 0.9]
    return parts
