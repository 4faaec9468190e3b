"""The fast network: a hash grid and the position into one hidden layer."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.encodings import build_hash_grid
from models.sdf_networks import SdfNetwork, split_output
from models.settings import HashSdfSettings
from models.softplus import softplus, softplus_and_slope


class HashSdf(SdfNetwork):
    """Starts as a sphere of ``initial_radius``."""

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


def fibonacci_directions(count: int) -> Float[Tensor, "{count} 3"]:
    """Unit vectors spread evenly over the sphere by the golden angle."""
    index = torch.arange(count) + 0.5
    z = 1.0 - 2.0 * index / count
    angle = index * math.pi * (3.0 - math.sqrt(5.0))
    radius = torch.sqrt(1.0 - z**2)
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle), z], dim=-1)
