"""Positional encoding by sines and cosines (NeRF, eq. 4, with the input kept and without the factor pi)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def frequency_width(channels: int, frequencies: int) -> int:
    """Channels after encoding."""
    return channels * (1 + 2 * frequencies)


def frequency_encode(x: Float[Tensor, "*n c"], frequencies: int) -> Float[Tensor, "*n w"]:
    """(x, sin x, cos x, sin 2x, cos 2x, ..., sin 2^(k-1) x, cos 2^(k-1) x) for k = ``frequencies``."""
    parts = [x]
    for k in range(frequencies):
        parts += [torch.sin(x * 2.0**k), torch.cos(x * 2.0**k)]
    return torch.cat(parts, dim=-1)


def frequency_pull_back(
    g: Float[Tensor, "*n w"], encoded: Float[Tensor, "*n w"], frequencies: int
) -> Float[Tensor, "*n c"]:
    """Gradient of (g . encoding) to x, from the encoding itself: d sin = f cos, d cos = -f sin."""
    parts = g.split(g.shape[-1] // (1 + 2 * frequencies), dim=-1)
    values = encoded.split(parts[0].shape[-1], dim=-1)
    gradient = parts[0]
    for k in range(frequencies):
        sine, cosine = 1 + 2 * k, 2 + 2 * k
        gradient = gradient + 2.0**k * (parts[sine] * values[cosine] - parts[cosine] * values[sine])
    return gradient
