"""Tileable grey patterns, with smaller copies of themselves for what is far away."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int, UInt8

SIDE = 512  # texels along a tile
LEVELS = 6  # each level halves the side


class Atlas:
    """All patterns and their levels in one flat array, so that any pixel can look up any pattern in one step."""

    def __init__(self, seed: int = 0) -> None:
        self.names = tuple(_PATTERNS)
        blocks, self._start, offset = [], np.zeros((len(self.names), LEVELS), dtype=np.int64), 0
        for k, pattern in enumerate(_PATTERNS.values()):
            tile = pattern(np.random.default_rng([seed, k]))
            for level in range(LEVELS):
                self._start[k, level] = offset
                blocks.append(np.rint(255 * np.clip(tile, 0, 1)).astype(np.uint8).ravel())
                offset += tile.size
                tile = tile.reshape(tile.shape[0] // 2, 2, -1, 2).mean(axis=(1, 3))
        self._texels: UInt8[np.ndarray, " n"] = np.concatenate(blocks)

    def look_up(
        self,
        pattern: Int[np.ndarray, " n"],
        uv: Float[np.ndarray, "n 2"],
        footprint: Float[np.ndarray, " n"],
    ) -> Float[np.ndarray, " n"]:
        """Values in [0, 1] at ``uv`` (in tiles), averaged over about ``footprint`` tiles."""
        level = np.clip(np.log2(np.maximum(footprint * SIDE, 1.0)) + 0.5, 0, LEVELS - 1).astype(np.int64)
        side = SIDE >> level
        column, row = ((c * side).astype(np.int64) & (side - 1) for c in (uv - np.floor(uv)).T)
        return self._texels[self._start[pattern, level] + row * side + column].astype(np.float32) / 255.0


def _noise(rng: np.random.Generator, along: float, across: float) -> Float[np.ndarray, "s s"]:
    """Smooth noise that repeats, of mean 0 and deviation 1; features of ``along`` x ``across`` texels."""
    fu, fv = np.meshgrid(np.fft.rfftfreq(SIDE), np.fft.fftfreq(SIDE))
    keep = np.exp(-0.5 * (2 * np.pi) ** 2 * ((fu * along / 2) ** 2 + (fv * across / 2) ** 2))
    field = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) * keep, s=(SIDE, SIDE))
    return (field - field.mean()) / field.std()


def _plain(rng: np.random.Generator) -> Float[np.ndarray, "s s"]:
    return 0.5 + 0.12 * _noise(rng, 60.0, 60.0)


def _plaster(rng: np.random.Generator) -> Float[np.ndarray, "s s"]:
    return 0.55 + 0.12 * _noise(rng, 120.0, 120.0) + 0.1 * _noise(rng, 25.0, 25.0) + 0.1 * _noise(rng, 4.0, 4.0)


def _wood(rng: np.random.Generator) -> Float[np.ndarray, "s s"]:
    """Grain along u: rings cut lengthwise, and fine pores."""
    v = np.arange(SIDE)[:, None] / SIDE
    rings = np.sin(2 * np.pi * (9 * v + 0.9 * _noise(rng, 260.0, 50.0)))
    return 0.55 + 0.18 * rings + 0.12 * _noise(rng, 120.0, 14.0) + 0.14 * _noise(rng, 50.0, 2.0)


def _planks(rng: np.random.Generator) -> Float[np.ndarray, "s s"]:
    """Sixteen rows of boards along u, each of its own tone, with dark joints."""
    tile, rows = 0.6 * (_wood(rng) - 0.5), 16
    height = SIDE // rows
    for row in range(rows):
        band = tile[row * height : (row + 1) * height]
        band[:] = np.roll(band, int(rng.integers(SIDE)), axis=1)
        joints = np.sort(rng.choice(8, 2, replace=False)) * (SIDE // 8) + int(rng.integers(SIDE // 8))
        for start, end in ((joints[0], joints[1]), (joints[1], joints[0] + SIDE)):
            band[:, np.arange(start, end) % SIDE] += rng.uniform(0.3, 0.72)
            band[:, start % SIDE] = 0.0
        band[0] = 0.05
    return tile


def _fabric(rng: np.random.Generator) -> Float[np.ndarray, "s s"]:
    """A weave, uneven in places."""
    u, v = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    weave = np.sin(2 * np.pi * u / 8) * np.sin(2 * np.pi * v / 8)
    return 0.5 + 0.12 * weave + 0.1 * _noise(rng, 3.0, 3.0) + 0.05 * _noise(rng, 60.0, 60.0)


def _leaf(rng: np.random.Generator) -> Float[np.ndarray, "s s"]:
    return 0.5 + 0.22 * _noise(rng, 90.0, 20.0) + 0.12 * _noise(rng, 10.0, 10.0)


_PATTERNS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "plain": _plain,
    "wood": _wood,
    "planks": _planks,
    "fabric": _fabric,
    "plaster": _plaster,
    "leaf": _leaf,
}
