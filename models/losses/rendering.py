"""What the rendered rays should look like."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from models.losses import loss_term
from models.losses.supervision import is_fact, mask_target, object_depth, object_weight, weighted_mean
from models.records import RayBatch, Rendered, Step
from scene.records import Fact


def rays_of(step: Step) -> tuple[RayBatch, Rendered]:
    """The step's rays and what was rendered for them.  Raises ValueError in a phase that draws points."""
    if step.rays is None or step.rendered is None:
        raise ValueError("a loss on rays was asked for in a phase whose batches are points")
    return step.rays, step.rendered


@loss_term("color")
def color(step: Step) -> Float[Tensor, ""]:
    """L1 of the colour, summed over channels, where the object was seen."""
    rays, rendered = rays_of(step)
    return weighted_mean((rendered.color - rays.color).abs().sum(-1), object_weight(rays))


@loss_term("mask")
def mask(step: Step) -> Float[Tensor, ""]:
    """Binary cross-entropy of the opacity, on rays that are known to meet or to miss the object."""
    rays, rendered = rays_of(step)
    target, weight = mask_target(rays)
    # Far enough from 0 and 1 that a ray which as yet all but misses the object is still drawn to it.
    opacity = rendered.opacity.clamp(1e-5, 1.0 - 1e-5)
    return weighted_mean(F.binary_cross_entropy(opacity, target, reduction="none"), weight)


@loss_term("normal")
def normal(step: Step) -> Float[Tensor, ""]:
    """Angular (1 - cosine) plus L1 distance of unit normals, where one is known and the object was met at a depth.

    As far as the ray stops at all: where it does not, the direction of the little that is rendered means nothing.
    """
    rays, rendered = rays_of(step)
    known = (rays.normal.abs().sum(-1) > 0) & ((rays.depth > 0) | is_fact(rays, Fact.INPAINTED))
    predicted = F.normalize(rendered.normal, dim=-1)
    angular = 1.0 - (predicted * rays.normal).sum(-1)
    distance = (predicted - rays.normal).abs().sum(-1)
    return weighted_mean(angular + distance, object_weight(rays) * known * rendered.opacity.detach())


@loss_term("depth")
def depth(step: Step) -> Float[Tensor, ""]:
    """L1 of the depth along the ray where the object's was sensed or in-painted, as far as the ray stops at all."""
    rays, rendered = rays_of(step)
    # The opacity weighs, detached: a ray that stops nowhere has no depth to correct, and must not gain by that.
    weight = object_depth(rays) * rays.confidence * rendered.opacity.detach()
    return weighted_mean((rendered.depth - rays.depth).abs(), weight)


@loss_term("eikonal")
def eikonal(step: Step) -> Float[Tensor, ""]:
    """A distance's gradient has length 1: mean squared deviation over all samples of the rays."""
    _, rendered = rays_of(step)
    return (torch.linalg.vector_norm(rendered.gradients, dim=-1) - 1.0).square().mean()
