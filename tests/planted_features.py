"""An encoder whose features are known: what CLIP is used for is tested with it, without any weight.

Import it as ``from tests.planted_features import PlantedEncoder``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate, normalize


class PlantedEncoder:
    """An image's feature is its mean colour, a text's the planted one; counts what it was asked."""

    def __init__(self, texts: Mapping[str, Sequence[float]], size: int = 8) -> None:
        self._texts, self._size = texts, size
        self.encoded: list[int] = []  # images in each call of ``encode``
        self.read: list[list[str]] = []  # texts in each call of ``texts``

    def preprocess(self, images: Tensor) -> Tensor:
        values = images / 255.0 if images.dtype == torch.uint8 else images
        return interpolate(values, (self._size, self._size), mode="area")

    def encode(self, pixels: Tensor) -> Tensor:
        self.encoded.append(len(pixels))
        return normalize(pixels.mean((2, 3)) + 1e-6, dim=-1)

    def images(self, images: Tensor) -> Tensor:
        return self.encode(self.preprocess(images))

    def texts(self, texts: Sequence[str]) -> Tensor:
        """The planted feature of the longest known name that a text holds; grey for others."""
        self.read.append(list(texts))
        found = [max((name for name in self._texts if name in text), key=len, default=None) for text in texts]
        values = [(1.0, 1.0, 1.0) if name is None else self._texts[name] for name in found]
        return normalize(torch.tensor(values, dtype=torch.float32), dim=-1)
