"""What the front of a cupboard shows: drawers, doors, handles, niches."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from scene.furniture.assembly import Assembly
from scene.furniture.draw import pick
from scene.furniture.finishes import Finish
from scene.furniture.solids import Point2, Solid, block, box, tube

_GAP_M = 0.006  # between neighbouring fronts
_PANEL_M = 0.018  # a front's thickness; it stands before the carcass


def drawers(
    rng: np.random.Generator,
    assembly: Assembly,
    finish: Finish,
    handle: Finish,
    low: Point2,
    high: Point2,
    y: float,
    rows: int,
    columns: int = 1,
) -> None:
    """Drawer fronts over the (x, z) rectangle ``low`` to ``high`` of a carcass whose front lies at ``y``."""
    kind = pick(rng, ("bar", "knob", "none"))
    xs, zs = np.linspace(low[0], high[0], columns + 1), np.linspace(low[1], high[1], rows + 1)
    for x0, x1 in pairwise(xs):
        for z0, z1 in pairwise(zs):
            assembly.add(finish, _panel((x0, z0), (x1, z1), y))
            assembly.add(handle, *_handle(kind, ((x0 + x1) / 2, (z0 + z1) / 2), x1 - x0, y, upright=False))


def doors(
    rng: np.random.Generator,
    assembly: Assembly,
    finish: Finish,
    handle: Finish,
    low: Point2,
    high: Point2,
    y: float,
    count: int,
) -> None:
    """Doors side by side over the (x, z) rectangle ``low`` to ``high``; their handles meet in pairs."""
    kind = pick(rng, ("bar", "knob", "none"))
    xs = np.linspace(low[0], high[0], count + 1)
    for k, (x0, x1) in enumerate(pairwise(xs)):
        assembly.add(finish, _panel((x0, low[1]), (x1, high[1]), y))
        x = x1 - 0.04 if k % 2 == 0 else x0 + 0.04
        assembly.add(handle, *_handle(kind, (x, 0.55 * low[1] + 0.45 * high[1]), high[1] - low[1], y, upright=True))


def _panel(low: Point2, high: Point2, y: float) -> Solid:
    half = _GAP_M / 2
    return box((low[0] + half, y - _PANEL_M, low[1] + half), (high[0] - half, y + 0.005, high[1] - half))


def _handle(kind: str, at: Point2, span: float, y: float, upright: bool) -> list[Solid]:
    """A bar on two posts or a knob before the front at ``at`` = (x, z); nothing for kind ``none``."""
    (x, z), face = at, y - _PANEL_M
    if kind == "knob":
        return [block((x, face - 0.01), (0.028, 0.036), z - 0.014, z + 0.014, radius=0.009)]
    if kind == "bar":
        half = min(0.3 * span, 0.08)
        dx, dz = (0.0, half) if upright else (half, 0.0)
        ends = [(x - dx, z - dz), (x + dx, z + dz)]
        path = [(ends[0][0], face + 0.004, ends[0][1]), (ends[0][0], face - 0.024, ends[0][1])]
        path += [(ends[1][0], face - 0.024, ends[1][1]), (ends[1][0], face + 0.004, ends[1][1])]
        return [tube(path, 0.0075)]
    return []
