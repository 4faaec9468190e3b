"""Multi-resolution hash grid: the reference in plain torch, and what every backend agrees on.

Source: Müller et al., Instant Neural Graphics Primitives, 2022, in the conventions of its implementation, so that a
table means the same numbers there and here:

- level l has N_l = base * (finest / base)^(l / (L - 1)) vertices along an edge; its scale is N_l - 1 and its resolution
  ceil(N_l - 1) + 1;
- a position u in [0, 1]^3 lies at p = u * scale + 0.5 on the grid (the half keeps the vertices of different levels from
  falling together); its cell is floor(p), its features are trilinear between the cell's eight vertices;
- a level with resolution^3 <= 2^log2_table is dense: vertex (i, j, k) is row i + j R + k R^2, modulo the level's rows
  (resolution^3 rounded up to a multiple of 8; only the outermost half cell, beyond vertex R - 1, ever wraps);
- a finer level has 2^log2_table rows: vertex (i, j, k) is row (i xor j 2654435761 xor k 805459861) mod 2^log2_table;
- rows lie level after level in one table (rows, features); the encoding is (n, levels * features), level-major.

Positions outside the cube are clamped to it: the encoding goes on constant there and its gradient is zero.
Letters: n points, l levels, f features a level, r rows of the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from models.settings import HashGridSettings

PRIMES = (1, 2654435761, 805459861)


@dataclass(frozen=True)
class GridLayout:
    """Where each level's vertices lie in the table."""

    features: int
    scales: tuple[float, ...]
    resolutions: tuple[int, ...]
    offsets: tuple[int, ...]  # first row of each level, and the number of rows

    @property
    def levels(self) -> int:
        return len(self.scales)

    def rows(self, level: int) -> int:
        return self.offsets[level + 1] - self.offsets[level]

    def is_dense(self, level: int) -> bool:
        return self.resolutions[level] ** 3 <= self.rows(level)


def grid_layout(settings: HashGridSettings) -> GridLayout:
    scales, resolutions, offsets = [], [], [0]
    growth = math.log(settings.finest_resolution / settings.base_resolution) / max(settings.levels - 1, 1)
    for level in range(settings.levels):
        # Rounded, so that a finest resolution of 128 is 128 and not 128.00000000000003, which would be 129 vertices.
        scale = round(settings.base_resolution * math.exp(level * growth), 6) - 1.0
        resolution = math.ceil(scale) + 1
        scales.append(scale)
        resolutions.append(resolution)
        offsets.append(offsets[-1] + min(-(-(resolution**3) // 8) * 8, 2**settings.log2_table))
    return GridLayout(settings.features, tuple(scales), tuple(resolutions), tuple(offsets))


def vertex_rows(
    i: Int[Tensor, "*n"], j: Int[Tensor, "*n"], k: Int[Tensor, "*n"], layout: GridLayout, level: int
) -> Int[Tensor, "*n"]:
    """The table's rows of a level's vertices (i, j, k)."""
    if layout.is_dense(level):
        resolution = layout.resolutions[level]
        row = i + j * resolution + k * resolution**2
    else:
        # 64-bit products do not overflow and agree with 32-bit ones in the low bits, which are all that is kept.
        row = (i * PRIMES[0]) ^ (j * PRIMES[1]) ^ (k * PRIMES[2])
    return row % layout.rows(level) + layout.offsets[level]


def hash_encode_torch(
    position: Float[Tensor, "n 3"],
    table: Float[Tensor, "r f"],
    level_weight: Float[Tensor, " l"],
    layout: GridLayout,
) -> Float[Tensor, "n lf"]:
    """Encode positions in [0, 1]^3; each level's features are multiplied by its weight.  Differentiable twice."""
    inside = position.clamp(0.0, 1.0)
    encoded = []
    for level in range(layout.levels):
        on_grid = inside * layout.scales[level] + 0.5
        cell = on_grid.detach().floor()
        fraction = on_grid - cell
        # (n, 3, 2): both neighbours along each axis, and their shares.
        vertex = torch.stack([cell, cell + 1], dim=-1).long()
        share = torch.stack([1.0 - fraction, fraction], dim=-1)
        i, j, k = torch.broadcast_tensors(*(_along(vertex[:, axis], axis) for axis in range(3)))
        x, y, z = (_along(share[:, axis], axis) for axis in range(3))
        features = table[vertex_rows(i, j, k, layout, level)] * (x * y * z)[..., None]
        encoded.append(features.sum(dim=(1, 2, 3)) * level_weight[level])
    return torch.cat(encoded, dim=-1)


def _along(pairs: Shaped[Tensor, "n 2"], axis: int) -> Shaped[Tensor, "n _ _ _"]:
    """The two neighbours along ``axis``, shaped to meet those along the other axes."""
    shape = [len(pairs), 1, 1, 1]
    shape[1 + axis] = 2
    return pairs.reshape(shape)


def hash_pull_back_torch(
    g: Float[Tensor, "n lf"],
    position: Float[Tensor, "n 3"],
    table: Float[Tensor, "r f"],
    level_weight: Float[Tensor, " l"],
    layout: GridLayout,
) -> Float[Tensor, "n 3"]:
    """The gradient of (g . encoding) to the position; differentiable itself where gradients are recorded."""
    recorded = torch.is_grad_enabled()
    with torch.enable_grad():
        if not position.requires_grad:
            position = position.detach().requires_grad_()
        encoded = hash_encode_torch(position, table, level_weight, layout)
        (gradient,) = torch.autograd.grad(encoded, position, g, create_graph=recorded)
    return gradient


class GridBackend(NamedTuple):
    """The two operations that a backend provides, with the signatures of the reference."""

    encode: Callable[[Tensor, Tensor, Tensor, GridLayout], Tensor]
    pull_back: Callable[[Tensor, Tensor, Tensor, Tensor, GridLayout], Tensor]


class HashGrid(nn.Module):
    """A trainable hash grid over [-half_width, half_width]^3, with levels that can be opened one after another."""

    level_weight: Tensor

    def __init__(self, settings: HashGridSettings, choose_backend: Callable[[Tensor], GridBackend]) -> None:
        super().__init__()
        self.layout = grid_layout(settings)
        self.half_width = settings.half_width
        self._choose_backend = choose_backend
        # As published: so small that at the start the features say nothing.
        self.table = nn.Parameter(torch.empty(self.layout.offsets[-1], settings.features).uniform_(-1e-4, 1e-4))
        self.register_buffer("level_weight", torch.ones(self.layout.levels))

    @property
    def width(self) -> int:
        """Features a point."""
        return self.layout.levels * self.layout.features

    def open_levels(self, progress: float) -> None:
        """Open the levels from coarse to fine: at progress p the first p * levels are open, the next one partly.

        The coarsest is always open; 1 opens all.
        """
        opened = progress * self.layout.levels - torch.arange(self.layout.levels)
        opened[0] = 1.0
        self.level_weight.copy_(opened.clamp(0.0, 1.0))

    def forward(self, x: Float[Tensor, "n 3"]) -> Float[Tensor, "n lf"]:
        """Features at positions in the normalised frame."""
        encode = self._choose_backend(self.table).encode
        return encode(self._on_unit_cube(x), self.table, self.level_weight, self.layout)

    def pull_back(self, g: Float[Tensor, "n lf"], x: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """The gradient of (g . features) to x, differentiable itself."""
        pull_back = self._choose_backend(self.table).pull_back
        gradient = pull_back(g, self._on_unit_cube(x), self.table, self.level_weight, self.layout)
        return gradient * (0.5 / self.half_width)

    def _on_unit_cube(self, x: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        return (x + self.half_width) * (0.5 / self.half_width)
