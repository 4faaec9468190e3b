"""Signed-distance networks, with their gradient written out.

Both give the distance, a feature for the colour network, and the exact spatial gradient of the distance.  The gradient
is written out by the chain rule instead of asking autograd to differentiate what it recorded: training on it then takes
one backward pass instead of a backward pass of a backward pass, and it works where nothing is recorded.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.encodings import build_hash_grid
from models.settings import HashSdfSettings

SOFTPLUS_BETA = 100.0  # close to a ReLU, but with the second derivative that the eikonal loss needs


class SdfNetwork(nn.Module):
    """What a field asks of its distance network."""

    feature_width: int

    def sdf(self, x: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        raise NotImplementedError

    def sdf_and_feature(self, x: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n f"]]:
        raise NotImplementedError

    def gradient(
        self, x: Float[Tensor, "n 3"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n 3"], Float[Tensor, "n f"]]:
        """Distance, its exact gradient, feature."""
        raise NotImplementedError

    def set_progress(self, progress: float) -> None:
        """How far the fit has come, from 0 to 1; networks without coarse-to-fine levels take no notice."""

    def enable_fine(self, enabled: bool) -> None:
        """Whether the fine part of a cascade takes part; networks without one take no notice."""

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        raise NotImplementedError


class HashSdf(SdfNetwork):
    """Hash grid and position into one hidden layer; starts as a sphere."""

    def __init__(self, settings: HashSdfSettings, initial_radius: float) -> None:
        super().__init__()
        self.feature_width = settings.features
        self.grid = build_hash_grid(settings.grid)
        self.hidden = nn.Linear(3 + self.grid.width, settings.hidden)
        self.out = nn.Linear(settings.hidden, 1 + settings.features)
        with torch.no_grad():
            # Units that look in evenly spread directions d: the mean of relu(d . x) over the sphere is |x| / 4.
            self.hidden.weight[:, :3] = fibonacci_directions(settings.hidden)
            self.hidden.bias.zero_()
            self.out.weight[0] = 4.0 / settings.hidden
            self.out.bias[0] = -initial_radius

    def sdf(self, x: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        activation = softplus(self.hidden(self._encode(x)))
        return F.linear(activation, self.out.weight[:1], self.out.bias[:1]).squeeze(-1)

    def sdf_and_feature(self, x: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n f"]]:
        return split_output(self.out(softplus(self.hidden(self._encode(x)))))

    def gradient(
        self, x: Float[Tensor, "n 3"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n 3"], Float[Tensor, "n f"]]:
        activation, slope = softplus_and_slope(self.hidden(self._encode(x)))
        sdf, feature = split_output(self.out(activation))
        upstream = (slope * self.out.weight[0]) @ self.hidden.weight
        to_x, to_grid = upstream.split([3, self.grid.width], dim=-1)
        return sdf, to_x + self.grid.pull_back(to_grid, x), feature

    def set_progress(self, progress: float) -> None:
        self.grid.open_levels(progress)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        return {"grid": [self.grid.table], "sdf": [*self.hidden.parameters(), *self.out.parameters()]}

    def _encode(self, x: Float[Tensor, "n 3"]) -> Float[Tensor, "n _"]:
        return torch.cat([x, self.grid(x)], dim=-1)


def split_output(out: Float[Tensor, "n o"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n f"]]:
    """Distance and feature from a network's output; split, whose backward joins both gradients in one copy."""
    sdf, feature = out.split([1, out.shape[-1] - 1], dim=-1)
    return sdf.squeeze(-1), feature


def fibonacci_directions(count: int) -> Float[Tensor, "{count} 3"]:
    """Unit vectors spread evenly over the sphere by the golden angle."""
    index = torch.arange(count) + 0.5
    z = 1.0 - 2.0 * index / count
    angle = index * math.pi * (3.0 - math.sqrt(5.0))
    radius = torch.sqrt(1.0 - z**2)
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle), z], dim=-1)


class _SoftplusAndSlope(torch.autograd.Function):
    """With c = 1 - slope = sigmoid(-beta x): softplus = -log(c) / beta.  Three times as fast as torch's own, and beyond
    20 / beta value and slope are exactly those of a ReLU, so that no denormal number slows what follows."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        complement = (x * -SOFTPLUS_BETA).clamp_(-20.0, 20.0).sigmoid_()
        value = torch.log(complement).mul_(-1.0 / SOFTPLUS_BETA)
        slope = complement.neg_().add_(1.0)
        ctx.save_for_backward(slope)
        ctx.set_materialize_grads(False)
        return torch.maximum(value, x, out=value), slope

    @staticmethod
    def backward(ctx: Any, to_value: Tensor | None, to_slope: Tensor | None) -> Tensor | None:
        (slope,) = ctx.saved_tensors
        if to_slope is None:
            return None if to_value is None else slope * to_value
        total = (1.0 - slope).mul_(to_slope).mul_(SOFTPLUS_BETA)
        if to_value is not None:
            total.add_(to_value)
        return total.mul_(slope)


def softplus_and_slope(x: Float[Tensor, "*n"]) -> tuple[Float[Tensor, "*n"], Float[Tensor, "*n"]]:
    """Softplus and its derivative, sharing the exponential in both passes; differentiable once."""
    return _SoftplusAndSlope.apply(x)


def softplus(x: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    return softplus_and_slope(x)[0]
