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
from models.sdf_networks import SdfNetwork, split_output
from models.settings import CascadeSdfSettings
from models.softplus import softplus_and_slope


class Layer(NamedTuple):
    """A linear layer at work, weight normalisation done."""

    weight: Tensor  # from the last layer's activations (for the first layer: from the input)
    bias: Tensor
    skip_weight: Tensor | None  # from the input, where it enters again


class Trace(NamedTuple):
    """What the pull-back of a network needs from its forward pass."""

    layers: list[Layer]
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

    def forward(self, encoded: Float[Tensor, "n i"]) -> tuple[Float[Tensor, "n o"], Trace]:
        """Output, and what ``pull_back`` needs."""
        layers, slopes, hidden = self._layers_at_work(), [], encoded
        for index, layer in enumerate(layers):
            if index:
                hidden, slope = softplus_and_slope(hidden)
                slopes.append(slope)
            hidden = F.linear(hidden, layer.weight, layer.bias)
            if layer.skip_weight is not None:
                hidden = torch.addmm(hidden, encoded, layer.skip_weight.t())
        return hidden, Trace(layers, slopes)

    def pull_back(self, to_rest: Float[Tensor, "n r"] | None, trace: Trace) -> Float[Tensor, "n i"]:
        """Gradient to the input of the first output plus (``to_rest`` . the other outputs)."""
        last = trace.layers[-1].weight
        g = last[:1] if to_rest is None else torch.addmm(last[:1], to_rest, last[1:])
        through_skip = None
        for layer, slope in zip(reversed(trace.layers[:-1]), reversed(trace.slopes), strict=True):
            g = g * slope
            if layer.skip_weight is not None:
                through_skip = g @ layer.skip_weight
            g = g @ layer.weight
        return g if through_skip is None else g + through_skip

    def _layers_at_work(self) -> list[Layer]:
        layers = []
        for index, layer in enumerate(self.linear_layers()):
            if index == self.skip:
                # cat(hidden, input) / sqrt(2), as two products without the copy.
                weight = layer.weight / math.sqrt(2.0)
                layers.append(Layer(weight[:, : -self.inputs], layer.bias, weight[:, -self.inputs :]))
            else:
                layers.append(Layer(layer.weight, layer.bias, None))
        return layers


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
        out, _ = self.coarse(frequency_encode(x, self._frequencies[0]))
        if self.fine_enabled:
            _, coarse_feature = split_output(out)
            fine, _ = self.fine(torch.cat([frequency_encode(x, self._frequencies[1]), coarse_feature], dim=-1))
            out = out + fine
        return split_output(out)

    def gradient(
        self, x: Float[Tensor, "n 3"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n 3"], Float[Tensor, "n f"]]:
        encoded = frequency_encode(x, self._frequencies[0])
        out, trace = self.coarse(encoded)
        sdf, feature = split_output(out)
        if not self.fine_enabled:
            return sdf, frequency_pull_back(self.coarse.pull_back(None, trace), encoded, self._frequencies[0]), feature
        fine_encoded = frequency_encode(x, self._frequencies[1])
        fine, fine_trace = self.fine(torch.cat([fine_encoded, feature], dim=-1))
        # The sum's gradient: the fine network's own, and through the coarse feature that it is fed.
        to_fine_encoded, to_feature = self.fine.pull_back(None, fine_trace).split(
            [fine_encoded.shape[-1], self.feature_width], dim=-1
        )
        gradient = frequency_pull_back(self.coarse.pull_back(to_feature, trace), encoded, self._frequencies[0])
        gradient = gradient + frequency_pull_back(to_fine_encoded, fine_encoded, self._frequencies[1])
        fine_sdf, fine_feature = split_output(fine)
        return sdf + fine_sdf, gradient, feature + fine_feature

    def enable_fine(self, enabled: bool) -> None:
        self.fine_enabled = enabled

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        return {"sdf": list(self.parameters())}
