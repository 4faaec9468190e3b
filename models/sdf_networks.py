"""What a field asks of its signed-distance network.

A network gives the distance, a feature for the colour network, and the exact spatial gradient of the distance.  The
gradient is written out by the chain rule instead of asking autograd to differentiate what it recorded: training on it
then takes one backward pass instead of a backward pass of a backward pass, and it works where nothing is recorded.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn


class SdfNetwork(nn.Module):
    """The interface; ``HashSdf`` and ``CascadeSdf`` are the networks there are."""

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


def split_output(out: Float[Tensor, "n o"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n f"]]:
    """Distance and feature from a network's output; split, whose backward joins both gradients in one copy."""
    sdf, feature = out.split([1, out.shape[-1] - 1], dim=-1)
    return sdf.squeeze(-1), feature
