"""What a surface looks like: a texture and the two colours it runs between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scene.furniture.draw import pick

Texture = Literal["plain", "wood", "planks", "fabric", "plaster", "leaf"]
Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Finish:
    """A texture that runs from ``dark`` to ``light`` (sRGB in [0, 1]), the side of its tile, and how glossy it is."""

    texture: Texture
    light: Rgb
    dark: Rgb
    tile_m: float = 1.0
    gloss: float = 0.0  # share of the room mirrored at grazing angles
    glow: float = 0.0  # light given off, in units in which a well lit white wall is 1


_WOODS: tuple[tuple[str, str], ...] = (
    ("#d9b98c", "#b48a58"),  # oak
    ("#8a5a3b", "#5b3823"),  # walnut
    ("#e6cfa4", "#cda873"),  # pine
    ("#a9714b", "#7c4c2f"),  # cherry
    ("#5a4336", "#3a2a22"),  # wenge
    ("#c2a27c", "#9a7a56"),  # ash
)
_PAINTS = ("#efece6", "#f4f1ea", "#d8d4cb", "#3b3b3d", "#6f8a8f", "#8d9b7b", "#c9b8a3", "#a8b8c4", "#4f5d6b", "#b5563f")
_FABRICS = (
    "#7d8288",
    "#4c5a6a",
    "#2f6f73",
    "#b98b3a",
    "#a5533c",
    "#c9bca6",
    "#6b7450",
    "#8b6f7e",
    "#d5cfc4",
    "#394048",
    "#99a7a0",
    "#b47a6b",
)
_METALS = ("#1f2022", "#2e3033", "#a9abad", "#c7c9ca", "#b59a5b", "#e9e9e7")
_PLASTICS = ("#26282b", "#e8e6e1", "#56606b", "#9c3b30", "#355c7d", "#c8a23c", "#7f8c6a")


def rgb(code: str) -> Rgb:
    """``#rrggbb`` as numbers in [0, 1]."""
    red, green, blue = (int(code[k : k + 2], 16) / 255.0 for k in (1, 3, 5))
    return red, green, blue


def shaded(color: Rgb, factor: float) -> Rgb:
    red, green, blue = (float(np.clip(c * factor, 0.0, 1.0)) for c in color)
    return red, green, blue


def wood(rng: np.random.Generator) -> Finish:
    light, dark = pick(rng, _WOODS)
    tone = rng.uniform(0.9, 1.08)
    return Finish("wood", shaded(rgb(light), tone), shaded(rgb(dark), tone), rng.uniform(0.7, 1.2), gloss=0.12)


def paint(rng: np.random.Generator) -> Finish:
    color = rgb(pick(rng, _PAINTS))
    return Finish("plain", color, shaded(color, 0.94), gloss=0.15)


def fabric(rng: np.random.Generator) -> Finish:
    color = shaded(rgb(pick(rng, _FABRICS)), rng.uniform(0.9, 1.1))
    return Finish("fabric", shaded(color, 1.12), shaded(color, 0.8), rng.uniform(0.25, 0.4))


def metal(rng: np.random.Generator) -> Finish:
    color = rgb(pick(rng, _METALS))
    return Finish("plain", color, shaded(color, 0.9), gloss=0.45)


def plastic(rng: np.random.Generator) -> Finish:
    color = rgb(pick(rng, _PLASTICS))
    return Finish("plain", color, shaded(color, 0.93), gloss=0.2)


def carcass(rng: np.random.Generator) -> Finish:
    """What cupboards, desks and shelves are made of: wood more often than paint."""
    return wood(rng) if rng.random() < 0.65 else paint(rng)


def frame(rng: np.random.Generator) -> Finish:
    """What legs are made of: wood, metal or paint."""
    return pick(rng, (wood, wood, metal, paint))(rng)
