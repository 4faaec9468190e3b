"""Colour of a surface point from where it is, how it is turned and from where it is seen ('idr' mode of NeuS)."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from models.encodings.frequency import frequency_encode, frequency_width
from models.settings import ColorSettings


class ColorNetwork(nn.Module):
    """ReLU layers with weight normalisation over position, encoded direction, normal and feature."""

    def __init__(self, settings: ColorSettings, feature_width: int) -> None:
        super().__init__()
        self.frequencies = settings.direction_frequencies
        self.view_directions = settings.view_directions
        inputs = 3 + frequency_width(3, self.frequencies) + 3 + feature_width
        widths = [inputs] + [settings.width] * settings.layers + [3]
        self.layers = nn.ModuleList(weight_norm(nn.Linear(a, b)) for a, b in itertools.pairwise(widths))

    def forward(
        self,
        x: Float[Tensor, "n 3"],
        normal: Float[Tensor, "n 3"],
        direction: Float[Tensor, "n 3"],
        feature: Float[Tensor, "n f"],
    ) -> Float[Tensor, "n 3"]:
        """RGB in [0, 1]."""
        seen_from = frequency_encode(direction, self.frequencies)
        if not self.view_directions:
            # All channels of the direction, for every point: the cosines of a zero direction would still be ones.
            seen_from = torch.zeros_like(seen_from)
        hidden = torch.cat([x, seen_from, normal, feature], dim=-1)
        for layer in self.layers[:-1]:
            hidden = F.relu(layer(hidden))
        return torch.sigmoid(self.layers[-1](hidden))
