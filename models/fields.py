"""One object's field: signed distance, colour, and how sharp its surface is."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.cascade_sdf import CascadeSdf
from models.color_network import ColorNetwork
from models.finite_differences import finite_gradient
from models.hash_sdf import HashSdf
from models.sdf_networks import SdfNetwork
from models.settings import FieldSettings


class ObjectField(nn.Module):
    """Signed distance (positive outside, in normalised units), colour and sharpness at positions in the unit sphere."""

    def __init__(self, settings: FieldSettings, sdf_network: SdfNetwork) -> None:
        super().__init__()
        self.settings = settings
        self.sdf_network = sdf_network
        self.color_network = ColorNetwork(settings.color, sdf_network.feature_width)
        # NeuS learns log(inv_s) / 10, so that the sharpness can grow by orders of magnitude at the common rate.
        self.variance = nn.Parameter(torch.tensor(math.log(settings.initial_inv_s) / 10.0))

    def sdf(self, x: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        return self.sdf_network.sdf(x)

    def sdf_and_feature(self, x: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n f"]]:
        """Distance and the feature that ``color`` takes."""
        return self.sdf_network.sdf_and_feature(x)

    def gradient(
        self, x: Float[Tensor, "n 3"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n 3"], Float[Tensor, "n f"]]:
        """Distance, its gradient (exact or by differences, as set; differentiable either way), feature."""
        if self.settings.gradient == "analytic":
            return self.sdf_network.gradient(x)
        sdf, feature = self.sdf_and_feature(x)
        return sdf, finite_gradient(self.sdf, x, self.settings.gradient_step, self.settings.gradient), feature

    def color(
        self,
        x: Float[Tensor, "n 3"],
        normal: Float[Tensor, "n 3"],
        direction: Float[Tensor, "n 3"],
        feature: Float[Tensor, "n f"],
    ) -> Float[Tensor, "n 3"]:
        """RGB in [0, 1] seen along ``direction`` (unit, away from the camera)."""
        return self.color_network(x, normal, direction, feature)

    def inv_s(self) -> Float[Tensor, ""]:
        """Sharpness of the surface (1 / s of NeuS)."""
        return torch.exp(10.0 * self.variance).clamp(1e-6, 1e6)

    def set_progress(self, progress: float) -> None:
        """How far the fit has come, 0 to 1: opens a hash grid's levels from coarse to fine; 1 opens all."""
        self.sdf_network.set_progress(progress)

    def set_stage(self, *, fine_enabled: bool, view_directions: bool) -> None:
        """Whether a cascade's fine network adds to the coarse one, and whether colour depends on the direction.

        What the settings switch off stays off.  Parameters are the same in every stage.
        """
        self.sdf_network.enable_fine(fine_enabled and self.settings.cascade.fine_enabled)
        self.color_network.view_directions = view_directions and self.settings.color.view_directions

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Groups for ``torch.optim``, each with its "name": grid (hash fields only), sdf, color, variance."""
        groups = {
            **self.sdf_network.parameter_groups(),
            "color": list(self.color_network.parameters()),
            "variance": [self.variance],
        }
        return [{"name": name, "params": parameters} for name, parameters in groups.items()]


def build_field(settings: FieldSettings, seed: int) -> ObjectField:
    """A fresh field; the same seed gives the same bits, and the global random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: SdfNetwork
        if settings.network == "hash":
            network = HashSdf(settings.hash, settings.initial_radius)
        else:
            network = CascadeSdf(settings.cascade, settings.initial_radius)
        return ObjectField(settings, network)
