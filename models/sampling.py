"""Where along a ray to ask the field: evenly first, then where its surface is likely.

Letters: n rays, s samples; t is sorted along each ray.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from models.records import RayBatch
from models.settings import RenderSettings

FIRST_UPSAMPLE_INV_S = 64.0  # NeuS: sharpness of the first round of up-sampling; it doubles each round


@torch.no_grad()
def sample_rays(
    sdf: Callable[[Float[Tensor, "m 3"]], Float[Tensor, " m"]],
    rays: RayBatch,
    settings: RenderSettings,
    generator: torch.Generator | None,
) -> Float[Tensor, "n s"]:
    """Sorted samples between near and far: stratified, then up-sampled round by round (NeuS, section 3.3)."""
    t = stratified_samples(rays.near, rays.far, settings.samples, generator if settings.perturb else None)
    if not settings.upsamples:
        return t
    distance = _along_rays(sdf, rays, t)
    count = settings.upsamples // settings.upsample_steps
    for step in range(settings.upsample_steps):
        new = upsample(t, distance, count, FIRST_UPSAMPLE_INV_S * 2.0**step)
        merged, order = torch.cat([t, new], dim=-1).sort(dim=-1)
        if step + 1 < settings.upsample_steps:
            distance = torch.cat([distance, _along_rays(sdf, rays, new)], dim=-1).gather(-1, order)
        t = merged
    return t


def stratified_samples(
    near: Float[Tensor, " n"], far: Float[Tensor, " n"], count: int, generator: torch.Generator | None
) -> Float[Tensor, "n {count}"]:
    """One sample in each of ``count`` equal parts of [near, far]: in its middle, or at random with a generator."""
    if generator is None:
        within = torch.full((len(near), count), 0.5, dtype=near.dtype, device=near.device)
    else:
        # Drawn where the generator lives; other kinds of device draw other numbers from the same seed.
        within = torch.rand(len(near), count, generator=generator, device=generator.device).to(near)
    share = (torch.arange(count, dtype=near.dtype, device=near.device) + within) / count
    return near[:, None] + (far - near)[:, None] * share


def upsample(
    t: Float[Tensor, "n s"], sdf: Float[Tensor, "n s"], count: int, inv_s: float
) -> Float[Tensor, "n {count}"]:
    """``count`` new samples a ray, spread by the weights that the intervals between samples have at sharpness inv_s."""
    length = t[:, 1:] - t[:, :-1]
    middle = 0.5 * (sdf[:, 1:] + sdf[:, :-1])
    slope = (sdf[:, 1:] - sdf[:, :-1]) / (length + 1e-5)
    # The steeper of this interval's fall and the last one's: robust where a surface lies between coarse samples.
    before = torch.cat([torch.zeros_like(slope[:, :1]), slope[:, :-1]], dim=-1)
    slope = torch.minimum(before, slope).clamp(-1e3, 0.0)
    weights = weights_from_log_transmission(log_transmission_from_sdf(middle, slope, length, inv_s))
    return samples_from_weights(t, weights, count)


def samples_from_weights(
    edges: Float[Tensor, "n s"], weights: Float[Tensor, "n s-1"], count: int
) -> Float[Tensor, "n {count}"]:
    """The ``count`` quantiles, evenly spaced in probability, of a density that is constant between edges."""
    weights = weights + 1e-5
    cumulative = torch.cumsum(weights / weights.sum(-1, keepdim=True), dim=-1)
    cumulative = torch.cat([torch.zeros_like(cumulative[:, :1]), cumulative], dim=-1)
    quantile = (torch.arange(count, dtype=edges.dtype, device=edges.device) + 0.5) / count
    quantile = quantile.expand(len(edges), count).contiguous()
    above = torch.searchsorted(cumulative, quantile, right=True).clamp(1, edges.shape[-1] - 1)
    low, high = cumulative.gather(-1, above - 1), cumulative.gather(-1, above)
    left, right = edges.gather(-1, above - 1), edges.gather(-1, above)
    return left + (right - left) * ((quantile - low) / (high - low).clamp(min=1e-8)).clamp(0.0, 1.0)


def log_transmission_from_sdf(
    sdf: Float[Tensor, "n s"],
    slope: Float[Tensor, "n s"],
    length: Float[Tensor, "n s"],
    inv_s: Float[Tensor, ""] | float,
) -> Float[Tensor, "n s"]:
    """Logarithm of 1 - alpha (NeuS, eq. 13) of intervals, from the sdf at their middle and its slope along the ray.

    1 - alpha = min(1, Phi(end) / Phi(start)) with Phi the logistic function: as a difference of log Phi it neither
    overflows nor loses its gradient deep inside the object, and needs no small constants.
    """
    half = 0.5 * slope * length
    change = F.logsigmoid((sdf + half) * inv_s) - F.logsigmoid((sdf - half) * inv_s)
    return change.clamp(max=0.0)


def weights_from_log_transmission(log_transmission: Float[Tensor, "n s"]) -> Float[Tensor, "n s"]:
    """Share of the light that stops in each interval: what reaches it, times its alpha."""
    reaching = torch.exp(torch.cumsum(log_transmission, dim=-1) - log_transmission)
    return reaching * -torch.expm1(log_transmission)


def _along_rays(
    sdf: Callable[[Float[Tensor, "m 3"]], Float[Tensor, " m"]], rays: RayBatch, t: Float[Tensor, "n s"]
) -> Float[Tensor, "n s"]:
    points = rays.origins[:, None] + rays.directions[:, None] * t[..., None]
    return sdf(points.reshape(-1, 3)).reshape(t.shape)
