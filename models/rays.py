"""Where rays cross the bounds of an object.  t counts along the direction in units of its length (unit: distance)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def intersect_sphere(
    origins: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"], radius: float = 1.0
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Entry and exit of unit-direction rays through the sphere about the origin.

    Entry is 0 for origins inside.  A ray that misses, or leaves the sphere behind it, gets near = far: an empty span at
    its point closest to the centre.
    """
    closest = -(origins * directions).sum(-1)
    off_axis_squared = (origins + closest[:, None] * directions).square().sum(-1)
    half_chord = (radius**2 - off_axis_squared).clamp(min=0.0).sqrt()
    return (closest - half_chord).clamp(min=0.0), (closest + half_chord).clamp(min=0.0)


def intersect_box(
    origins: Float[Tensor, "n 3"],
    directions: Float[Tensor, "n 3"],
    low: Float[Tensor, " 3"],
    high: Float[Tensor, " 3"],
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Entry and exit of rays through an axis-aligned box (slab method); misses as in ``intersect_sphere``."""
    # A direction within a slab's plane never crosses it: a tiny one gives the same answer without 0 * inf.
    tiny = torch.full_like(directions, 1e-12).copysign(directions)
    safe = torch.where(directions.abs() < 1e-12, tiny, directions)
    to_low, to_high = (low - origins) / safe, (high - origins) / safe
    near = torch.minimum(to_low, to_high).amax(-1).clamp(min=0.0)
    far = torch.maximum(to_low, to_high).amin(-1).clamp(min=0.0)
    closest = ((0.5 * (low + high) - origins) * directions).sum(-1).clamp(min=0.0)
    hit = far > near
    return torch.where(hit, near, closest), torch.where(hit, far, closest)
