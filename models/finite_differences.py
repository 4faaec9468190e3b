"""Gradients from a function's values near by: smoother than exact ones on a piecewise field, and cheap to train on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

# Directions d with sum d d^T = count / 3 * |d|^2 * I, so that sum d f(x + h d) gives the gradient up to a factor.
_TAPS = {
    "central": [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]],
    "tetrahedral": [[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]],
}


def finite_gradient(
    function: Callable[[Float[Tensor, "m 3"]], Float[Tensor, " m"]],
    x: Float[Tensor, "n 3"],
    step: float,
    scheme: Literal["central", "tetrahedral"],
) -> Float[Tensor, "n 3"]:
    """Gradient of ``function`` at x from values ``step`` away, all in one call of it; differentiable.

    "central" takes 6 values, error O(step^2); "tetrahedral" takes 4, error O(step).
    """
    taps = torch.tensor(_TAPS[scheme], dtype=x.dtype, device=x.device)
    directions = taps / taps[0].norm()
    points = x[:, None, :] + step * directions
    values = function(points.reshape(-1, 3)).reshape(len(x), len(taps))
    return values @ directions * (3.0 / (len(taps) * step))
