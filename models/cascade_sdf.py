"""The published cascade: a coarse SDF network, and a fine one that is fed its feature and adds to it."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from models.encodings.frequency import frequency_encode, frequency_pull_back, frequency_width
from models.sdf_networks import SOFTPLUS_BETA, SdfNetwork, softplus_and_slope
from models.settings import CascadeSdfSettings


class Trace(NamedTuple):
    """What the pull-back of a network needs from its forward pass."""

    weights: list[Tensor]  # of each layer, weight normalisation done
    slopes: list[Tensor]  # derivative of each hidden layer's activation


class SoftplusMlp(nn.Module):
    """Linear layers with softplus between; the input enters again at layer ``skip`` (IDR's way; None: never)."""

    def __init__(self, inputs: int, width: int, hidden_layers: int, outputs: int, skip: int | None) -> None:
        super().__init__()
        self.inputs, self.skip = inputs, skip
        ins = [inputs] + [width] * hidden_layers
        outs = [width] * hidden_layers + [outputs]
        if skip is not None:
            outs[skip - 1] -= inputs
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(ins, outs, strict=True))

    def linear_layers(self) -> list[nn.Linear]:
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    def forward(self, encoded: Float[Tensor, "n i"]) -> Float[Tensor, "n o"]:
        hidden = encoded
        for index, layer in enumerate(self.layers):
            if index:
                hidden = F.softplus(hidden, SOFTPLUS_BETA)
            hidden = layer(self._with_skip(hidden, encoded, index))
        return hidden

    def traced(self, encoded: Float[Tensor, "n i"]) -> tuple[Float[Tensor, "n o"], Trace]:
        """As ``forward``, with what ``pull_back`` needs."""
        hidden, trace = encoded, Trace([], [])
        for index, layer in enumerate(self.linear_layers()):
            if index:
                hidden, slope = softplus_and_slope(hidden)
                trace.slopes.append(slope)
            trace.weights.append(layer.weight)
            hidden = F.linear(self._with_skip(hidden, encoded, index), trace.weights[-1], layer.bias)
        return hidden, trace

    def pull_back(self, g: Float[Tensor, "n o"], trace: Trace) -> Float[Tensor, "n i"]:
        """Gradient of (g . output) to the input."""
        through_skip: Tensor | float = 0.0
        for index in reversed(range(len(trace.weights))):
            g = g @ trace.weights[index]
            if index == self.skip:
                g = g / math.sqrt(2.0)
                through_skip = g[:, -self.inputs :]
                g = g[:, : -self.inputs]
            if index:
                g = g * trace.slopes[index - 1]
        return g + through_skip

    def _with_skip(self, hidden: Tensor, encoded: Tensor, index: int) -> Tensor:
        return torch.cat([hidden, encoded], dim=-1) / math.sqrt(2.0) if index == self.skip else hidden


def initialize_as_sphere(network: SoftplusMlp, radius: float) -> None:
    """Geometric initialisation (Gropp et al., Implicit Geometric Regularization, 2020; SAL, theorem 1).

    The first three inputs are the position; what else is fed in starts with no effect, so that the output starts near
    |x| - radius.
    """
    with torch.no_grad():
        for index, layer in enumerate(network.linear_layers()):
            outputs, inputs = layer.weight.shape
            layer.bias.zero_()
            if index == len(network.layers) - 1:
                layer.weight.normal_(math.sqrt(math.pi) / math.sqrt(inputs), 1e-4)
                layer.bias.fill_(-radius)
                continue
            layer.weight.normal_(0.0, math.sqrt(2.0) / math.sqrt(outputs))
            if index == 0:
                layer.weight[:, 3:] = 0.0
            if index == network.skip:
                layer.weight[:, -(network.inputs - 3) :] = 0.0


class CascadeSdf(SdfNetwork):
    """Coarse network, and where enabled a fine network whose last layer starts at zero."""

    def __init__(self, settings: CascadeSdfSettings, initial_radius: float) -> None:
        super().__init__()
        self.feature_width = settings.coarse_width
        self.fine_enabled = settings.fine_enabled
        self._frequencies = settings.coarse_frequencies, settings.fine_frequencies
        outputs = 1 + self.feature_width
        coarse_inputs = frequency_width(3, settings.coarse_frequencies)
        fine_inputs = frequency_width(3, settings.fine_frequencies) + self.feature_width
        self.coarse = SoftplusMlp(
            coarse_inputs, settings.coarse_width, settings.coarse_layers, outputs, settings.coarse_skip
        )
        initialize_as_sphere(self.coarse, initial_radius)
        self.fine = SoftplusMlp(fine_inputs, settings.fine_width, settings.fine_layers, outputs, None)
        # A zero last layer (without weight normalisation, which cannot hold zero): enabling the fine network changes
        # neither distance nor feature, so that a second stage starts where the first ended.
        last = self.fine.linear_layers()[-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        for layer in [*self.coarse.layers, *self.fine.layers[:-1]]:
            weight_norm(layer)

    def sdf(self, x: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        return self.sdf_and_feature(x)[0]

    def sdf_and_feature(self, x: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n f"]]:
        out = self.coarse(frequency_encode(x, self._frequencies[0]))
        if self.fine_enabled:
            out = out + self.fine(torch.cat([frequency_encode(x, self._frequencies[1]), out[:, 1:]], dim=-1))
        return out[:, 0], out[:, 1:]

    def gradient(
        self, x: Float[Tensor, "n 3"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n 3"], Float[Tensor, "n f"]]:
        coarse_encoded = frequency_encode(x, self._frequencies[0])
        coarse, coarse_trace = self.coarse.traced(coarse_encoded)
        only_sdf = torch.zeros_like(coarse[:1])
        only_sdf[:, 0] = 1.0
        to_coarse = only_sdf.expand_as(coarse)
        out, gradient = coarse, None
        if self.fine_enabled:
            fine_encoded = frequency_encode(x, self._frequencies[1])
            fine, fine_trace = self.fine.traced(torch.cat([fine_encoded, coarse[:, 1:]], dim=-1))
            out = coarse + fine
            to_fine_inputs = self.fine.pull_back(to_coarse, fine_trace)
            to_encoded, to_feature = to_fine_inputs.split([fine_encoded.shape[1], self.feature_width], dim=1)
            gradient = frequency_pull_back(to_encoded, fine_encoded, self._frequencies[1])
            to_coarse = torch.cat([to_coarse[:, :1], to_feature], dim=-1)
        through_coarse = frequency_pull_back(
            self.coarse.pull_back(to_coarse, coarse_trace), coarse_encoded, self._frequencies[0]
        )
        return out[:, 0], through_coarse if gradient is None else gradient + through_coarse, out[:, 1:]

    def enable_fine(self, enabled: bool) -> None:
        self.fine_enabled = enabled

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        return {"sdf": list(self.parameters())}
