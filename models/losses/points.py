"""The direct fit: what fused evidence says of the signed distance at points."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from models.finite_differences import finite_gradient
from models.losses import loss_term
from models.losses.supervision import weighted_mean
from models.records import PointBatch, PointKind, Step


def points_of(step: Step) -> tuple[PointBatch, Tensor]:
    """The step's points and the field's distance there.  Raises ValueError in a phase that draws rays."""
    if step.points is None or step.point_sdf is None:
        raise ValueError("a loss on points was asked for in a phase whose batches are rays")
    return step.points, step.point_sdf


@loss_term("point_sdf")
def point_sdf(step: Step, *, delta: float = 0.01) -> Float[Tensor, ""]:
    """Huber loss of the distance at points where it is known: quadratic up to ``delta``, of slope 1 beyond."""
    points, sdf = points_of(step)
    error = F.smooth_l1_loss(sdf, points.sdf, reduction="none", beta=delta)
    return weighted_mean(error, points.weight * (points.kind == int(PointKind.SURFACE)))


@loss_term("point_free")
def point_free(step: Step, *, cap: float = 0.05) -> Float[Tensor, ""]:
    """Hinge at points seen to be free: the distance is at least the known bound, or ``cap`` where that is less."""
    points, sdf = points_of(step)
    missing = F.relu(points.sdf.clamp(max=cap) - sdf)
    return weighted_mean(missing, points.weight * (points.kind == int(PointKind.FREE)))


@loss_term("point_eikonal")
def point_eikonal(
    step: Step, *, count: int = 1024, elsewhere: float = 0.5, distance: float = 0.02
) -> Float[Tensor, ""]:
    """A distance's gradient has length 1: at ``count`` points, by differences over ``distance``.

    A share ``elsewhere`` of them is drawn evenly from the cube [-1, 1]^3 and so also where nothing is known; the rest
    from the batch.
    """
    points, _ = points_of(step)
    in_space = round(count * elsewhere)
    # Drawn where the generator lives; other kinds of device draw other numbers from the same seed.
    source, device = step.generator, step.generator.device
    picked = torch.randint(len(points), (count - in_space,), generator=source, device=device).to(points.x.device)
    spread = torch.rand(in_space, 3, generator=source, device=device).to(points.x) * 2.0 - 1.0
    x = torch.cat([points.x[picked], spread])
    gradient = finite_gradient(step.field.sdf, x, distance, "tetrahedral")
    return (torch.linalg.vector_norm(gradient, dim=-1) - 1.0).square().mean()
