"""Volume rendering of a signed distance (Wang et al., NeuS, 2021); the field comes as callables.

Letters: n rays, s samples along a ray.  The light that no interval stops is the background's.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from models.records import FieldFunctions, Pixels, RayBatch, Rendered
from models.sampling import log_transmission_from_sdf, sample_rays, weights_from_log_transmission
from models.settings import RenderSettings


def render(
    field: FieldFunctions,
    rays: RayBatch,
    settings: RenderSettings,
    generator: torch.Generator | None = None,
    cos_anneal: float = 1.0,
) -> Rendered:
    """Render rays; differentiable to all that the field is made of.

    ``generator`` jitters the samples where the settings perturb them (None: no jitter).  ``cos_anneal`` below 1 lets
    rays stop also where they leave a surface, which eases the first steps from a bad start (NeuS's code).
    """
    t = sample_rays(field.sdf, rays, settings, generator)
    ends = torch.cat([t[:, 1:], rays.far[:, None]], dim=-1)
    length, middle = ends - t, 0.5 * (t + ends)
    n, s = t.shape

    x = (rays.origins[:, None] + rays.directions[:, None] * middle[..., None]).reshape(-1, 3)
    directions = rays.directions[:, None].expand(n, s, 3).reshape(-1, 3)
    sdf, gradients, feature = field.gradient(x)
    unit = F.normalize(gradients, dim=-1)

    slope = slope_along_ray(gradients, directions, cos_anneal).reshape(n, s)
    inv_s = field.inv_s()
    log_transmission = log_transmission_from_sdf(sdf.reshape(n, s), slope, length, inv_s)
    weights = weights_from_log_transmission(log_transmission)
    opacity = -torch.expm1(log_transmission.sum(-1))
    shares, picked = colored_samples(weights, opacity, settings.color_samples)
    color = field.color(x[picked], unit[picked], directions[picked], feature[picked]).reshape(*shares.shape, 3)
    composed = (shares[..., None] * color).sum(1)
    if settings.background == "white":
        composed = composed + (1.0 - opacity)[:, None]
    return Rendered(
        color=composed,
        normal=(weights[..., None] * unit.reshape(n, s, 3)).sum(1),
        depth=(weights * middle).sum(-1) / opacity.clamp(min=1e-6),
        opacity=opacity,
        weights=weights,
        ts=middle,
        sdf=sdf.reshape(n, s),
        gradients=gradients.reshape(n, s, 3),
        inv_s=inv_s,
    )


def colored_samples(
    weights: Float[Tensor, "n s"], opacity: Float[Tensor, " n"], count: int
) -> tuple[Float[Tensor, "n c"], Int[Tensor, " nc"] | slice]:
    """The shares in each ray's colour of its ``count`` heaviest samples (0: all), and their places in the flat batch.

    The heaviest samples stand for the ones left out, so that the shares sum to the opacity.
    """
    n, s = weights.shape
    if count == 0 or count >= s:
        return weights, slice(None)
    picked = weights.detach().topk(count, dim=-1).indices
    kept = weights.gather(-1, picked)
    shares = kept * (opacity / kept.sum(-1).clamp(min=1e-6))[:, None]
    return shares, (picked + s * torch.arange(n, device=picked.device)[:, None]).reshape(-1)


def slope_along_ray(
    gradients: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"], cos_anneal: float
) -> Float[Tensor, " n"]:
    """Slope of the sdf along the ray, never rising: a ray stops only where it enters."""
    cosine = (gradients * directions).sum(-1)
    entering = -F.relu(-cosine)
    if cos_anneal >= 1.0:
        return entering
    return entering * cos_anneal - F.relu(0.5 - 0.5 * cosine) * (1.0 - cos_anneal)


@torch.no_grad()
def render_pixels(field: FieldFunctions, rays: RayBatch, settings: RenderSettings, chunk: int = 1024) -> Pixels:
    """Render many rays, ``chunk`` at a time and without jitter, keeping only the pixels: for images."""
    parts = []
    for start in range(0, max(len(rays), 1), chunk):
        part = render(field, rays[start : start + chunk], settings)
        parts.append(Pixels(part.color, part.normal, part.depth, part.opacity))
    return Pixels(
        color=torch.cat([part.color for part in parts]),
        normal=torch.cat([part.normal for part in parts]),
        depth=torch.cat([part.depth for part in parts]),
        opacity=torch.cat([part.opacity for part in parts]),
    )
