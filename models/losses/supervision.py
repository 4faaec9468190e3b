"""What a pixel may supervise: only the space in front of what it saw, and the surface it saw.

Behind an occluder nothing is known, so nothing is claimed there; that is what keeps hidden parts from being eaten away.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from models.records import RayBatch
from scene.records import Fact


def is_fact(rays: RayBatch, *facts: Fact) -> Bool[Tensor, " n"]:
    """Which rays carry one of ``facts``."""
    found = torch.zeros_like(rays.fact, dtype=torch.bool)
    for fact in facts:
        found = found | (rays.fact == int(fact))
    return found


def object_weight(rays: RayBatch) -> Float[Tensor, " n"]:
    """How sure each ray is to meet the object: 1 where it was seen, the in-painter's confidence where it is hidden."""
    seen = is_fact(rays, Fact.OBJECT, Fact.OBJECT_NO_DEPTH, Fact.INPAINTED)
    return seen.to(rays.confidence) * rays.confidence


def object_depth(rays: RayBatch) -> Bool[Tensor, " n"]:
    """Which rays meet the object's surface at a depth that is told, by a camera or by an in-painter."""
    return is_fact(rays, Fact.OBJECT, Fact.INPAINTED) & (rays.depth > 0)


def mask_target(rays: RayBatch) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """The opacity each ray should have, and how sure that is (0: unknown).

    A ray is known to miss the object only if it was seen to pass its bounds: what it met lies behind them all.
    """
    meets = object_weight(rays)
    misses = is_fact(rays, Fact.OTHER) & (rays.depth >= rays.far)
    return (meets > 0).to(meets), torch.where(misses, rays.confidence, meets)


def sensed_depth(rays: RayBatch) -> Float[Tensor, " n"]:
    """t up to which each ray is known to be free, by a depth camera: 0 where nothing is known."""
    return torch.where(is_fact(rays, Fact.OBJECT, Fact.OTHER), rays.depth, torch.zeros_like(rays.depth))


def weighted_mean(values: Float[Tensor, "*n"], weight: Float[Tensor, "*n"]) -> Float[Tensor, ""]:
    """Mean of ``values`` by weight; 0, with a gradient of 0, where all weights are."""
    return (values * weight).sum() / weight.sum().clamp(min=1e-6)
