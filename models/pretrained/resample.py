"""Pillow's resampling as torch matrices, so that a gradient reaches the pixels.

An axis of n pixels becomes one of m by an m x n matrix of weights (as Pillow's ``precompute_coeffs``: the kernel is
stretched by n / m where that shrinks, which is its antialiasing; rows sum to 1).  torch's own antialiased interpolation
has the same weights, but its gradient on CUDA does not repeat bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


def _bilinear(x: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, 1.0 - x)


def _bicubic(x: np.ndarray, a: float = -0.5) -> np.ndarray:
    near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    far = (((x - 5.0) * x + 8.0) * x - 4.0) * a
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _lanczos(x: np.ndarray) -> np.ndarray:
    return np.where(x < 3.0, np.sinc(x) * np.sinc(x / 3.0), 0.0)


# Of the distance in pixels, by the codes that image processors hold (PIL.Image.Resampling).
KERNELS: dict[int, Callable[[np.ndarray], np.ndarray]] = {1: _lanczos, 2: _bilinear, 3: _bicubic}


@lru_cache(maxsize=32)
def weights(before: int, after: int, kernel: int) -> Float[Tensor, "after before"]:
    """The matrix that makes ``after`` pixels of ``before``, in float64."""
    scale = before / after
    centres = (np.arange(after) + 0.5) * scale
    distance = np.abs(np.arange(before) + 0.5 - centres[:, None]) / max(scale, 1.0)
    values = KERNELS[kernel](distance)
    return torch.from_numpy(values / values.sum(axis=1, keepdims=True))


def resize(images: Float[Tensor, "b c h w"], height: int, width: int, kernel: int) -> Float[Tensor, "b c height width"]:
    """Images at another size, without rounding, so that they have a gradient, and without clipping what overshoots."""
    rows, columns = weights(images.shape[2], height, kernel), weights(images.shape[3], width, kernel)
    return rows.to(images) @ images @ columns.T.to(images)
