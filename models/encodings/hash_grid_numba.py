"""Hash grid on the CPU: compiled twin of ``hash_grid.hash_encode_torch``, with its first and second derivatives.

Letters as there; g is the upstream gradient of the encoding (n, l * f).  Three operations close under differentiation:
the encoding; its pull-back to the table; and its pull-back to the position, so losses on analytic normals train.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numba
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.encodings import hash_grid_kernels as kernels
from models.encodings.hash_grid import GridLayout

# Where numba and torch share one OpenMP, starting numba's threads resets the number that torch was told to use.
_threads = torch.get_num_threads()
_MOST_THREADS = numba.get_num_threads()
torch.set_num_threads(_threads)


def hash_encode_numba(
    position: Float[Tensor, "n 3"],
    table: Float[Tensor, "r f"],
    level_weight: Float[Tensor, " l"],
    layout: GridLayout,
) -> Float[Tensor, "n lf"]:
    """As ``hash_encode_torch``, for float32 tensors on the CPU.  Raises TypeError for others."""
    _prepare(table)
    return _Encode.apply(position, table, level_weight, layout)


def hash_pull_back_numba(
    g: Float[Tensor, "n lf"],
    position: Float[Tensor, "n 3"],
    table: Float[Tensor, "r f"],
    level_weight: Float[Tensor, " l"],
    layout: GridLayout,
) -> Float[Tensor, "n 3"]:
    """The gradient of (g . encoding) to the position, differentiable once to all three.  Raises TypeError as above."""
    _prepare(table)
    return _PullBack.apply(g, position, table, level_weight, layout)


def _prepare(table: Tensor) -> None:
    """Refuse what the kernels do not take, and let them use as many threads as torch does."""
    if table.dtype != torch.float32 or table.device.type != "cpu":
        raise TypeError(f"the numba hash grid takes float32 on the CPU, not {table.dtype} on {table.device}")
    numba.set_num_threads(min(torch.get_num_threads(), _MOST_THREADS))


@lru_cache(maxsize=16)
def _arrays(layout: GridLayout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.array(layout.scales, dtype=np.float32),
        np.array(layout.resolutions, dtype=np.int64),
        np.array(layout.offsets, dtype=np.int64),
    )


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def _gather(position: Tensor, tangent: Tensor | None, table: Tensor, weight: Tensor, layout: GridLayout) -> Tensor:
    out = torch.empty(len(position), layout.levels * layout.features)
    along = tangent is not None
    kernels.gather(
        _numpy(position),
        _numpy(position if tangent is None else tangent),
        along,
        _numpy(table).reshape(-1),
        _numpy(weight),
        *_arrays(layout),
        layout.features,
        out.numpy(),
    )
    return out


def _scatter(position: Tensor, tangent: Tensor | None, g: Tensor, weight: Tensor, layout: GridLayout) -> Tensor:
    out = torch.zeros(layout.offsets[-1], layout.features)
    opened = np.flatnonzero(_numpy(weight))
    # Threads take runs of this list: dealt out, so that each gets fine levels and coarse ones, which are faster.
    order = np.concatenate([opened[0::2], opened[1::2]])
    kernels.scatter(
        _numpy(position),
        _numpy(position if tangent is None else tangent),
        tangent is not None,
        _numpy(g),
        order,
        _numpy(weight),
        *_arrays(layout),
        layout.features,
        out.numpy().reshape(-1),
    )
    return out


def _pull_back(
    position: Tensor, tangent: Tensor | None, g: Tensor, table: Tensor, weight: Tensor, layout: GridLayout
) -> Tensor:
    out = torch.empty(len(position), 3)
    kernels.pull_back(
        _numpy(position),
        _numpy(position if tangent is None else tangent),
        tangent is not None,
        _numpy(g),
        _numpy(table).reshape(-1),
        _numpy(weight),
        *_arrays(layout),
        layout.features,
        out.numpy(),
    )
    return out


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, position: Tensor, table: Tensor, weight: Tensor, layout: GridLayout) -> Tensor:
        ctx.save_for_backward(position, table, weight)
        ctx.layout = layout
        return _gather(position, None, table, weight, layout)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        position, table, weight = ctx.saved_tensors
        to_position, to_table = None, None
        if ctx.needs_input_grad[0]:
            to_position = _PullBack.apply(g, position, table, weight, ctx.layout)
        if ctx.needs_input_grad[1]:
            to_table = _ToTable.apply(g, position, weight, ctx.layout)
        return to_position, to_table, None, None


class _ToTable(torch.autograd.Function):
    """The table's gradient; linear in g, so that its own derivatives are the other two operations."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, position: Tensor, weight: Tensor, layout: GridLayout) -> Tensor:
        ctx.save_for_backward(g, position, weight)
        ctx.layout = layout
        return _scatter(position, None, g, weight, layout)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        g, position, weight = ctx.saved_tensors
        to_g, to_position = None, None
        if ctx.needs_input_grad[0]:
            to_g = _gather(position, None, upstream, weight, ctx.layout)
        if ctx.needs_input_grad[1]:
            to_position = _pull_back(position, None, g, upstream, weight, ctx.layout)
        return to_g, to_position, None, None


class _PullBack(torch.autograd.Function):
    """The position's gradient; linear in g and in the table, curved in the position."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, position: Tensor, table: Tensor, weight: Tensor, layout: GridLayout) -> Tensor:
        ctx.save_for_backward(g, position, table, weight)
        ctx.layout = layout
        return _pull_back(position, None, g, table, weight, layout)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, tangent: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        g, position, table, weight = ctx.saved_tensors
        to_g, to_position, to_table = None, None, None
        if ctx.needs_input_grad[0]:
            to_g = _gather(position, tangent, table, weight, ctx.layout)
        if ctx.needs_input_grad[1]:
            to_position = _pull_back(position, tangent, g, table, weight, ctx.layout)
        if ctx.needs_input_grad[2]:
            to_table = _scatter(position, tangent, g, weight, ctx.layout)
        return to_g, to_position, to_table, None, None
