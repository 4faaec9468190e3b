"""What sensed depth says of the signed distance at the samples of a ray.  Errors are in units of the truncation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from models.losses import loss_term
from models.losses.rendering import rays_of
from models.losses.supervision import is_fact, object_depth, sensed_depth, weighted_mean
from models.records import RayBatch, Step
from scene.records import Fact

TRUNCATION = 0.16  # the published width of the band about the sensed surface, in normalised units


@loss_term("truncated_sdf")
def truncated_sdf(step: Step, *, truncation: float = TRUNCATION) -> Float[Tensor, ""]:
    """L1 of the signed distance within the truncation of the object's sensed, or in-painted, surface.

    The target is the way left to the surface, times the cosine between ray and normal where the normal is known: a
    plane seen at a grazing angle is nearer than it is along the ray.
    """
    rays, rendered = rays_of(step)
    left = rays.depth[:, None] - rendered.ts
    in_band = object_depth(rays)[:, None] & (left.abs() < truncation)
    error = (rendered.sdf - left * facing_cosine(rays)[:, None]).abs() / truncation
    return weighted_mean(error, in_band * rays.confidence[:, None])


@loss_term("free_space")
def free_space(step: Step, *, truncation: float = TRUNCATION, margin: float = 0.02) -> Float[Tensor, ""]:
    """What a ray passed before it met anything is outside the object.

    Before the truncation band of the object's own surface the distance is also at most the way left to it.  A ray that
    met something else says nothing but that it was free up to there, less ``margin`` for the depth's noise.
    """
    rays, rendered = rays_of(step)
    left = sensed_depth(rays)[:, None] - rendered.ts
    own = is_fact(rays, Fact.OBJECT)[:, None]
    free = left > torch.where(own, truncation, margin)
    inside = F.relu(-rendered.sdf)
    too_far = F.relu(rendered.sdf - left) * own
    return weighted_mean((inside + too_far) / truncation, free * rays.confidence[:, None])


def facing_cosine(rays: RayBatch) -> Float[Tensor, " n"]:
    """Cosine between the ray and the surface it met; 1 where the normal is unknown."""
    cosine = -(rays.normal * rays.directions).sum(-1)
    # Below about 75 degrees of incidence only: a normal turned further is more likely wrong than the depth so slanted.
    return torch.where(rays.normal.abs().sum(-1) > 0, cosine.clamp(0.25, 1.0), torch.ones_like(cosine))
