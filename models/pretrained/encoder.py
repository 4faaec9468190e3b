"""What the project asks of a network that sees images and reads texts; ``models.pretrained.clip.Clip`` is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float, UInt8
from torch import Tensor


@runtime_checkable
class ImageTextEncoder(Protocol):
    """Features are unit vectors on the network's device, alike where an image and a text mean the same."""

    def images(self, images: Float[Tensor, "b 3 h w"] | UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Features of RGB images, in [0, 1] or 8 bits; differentiable with respect to the former."""

    def preprocess(self, images: Float[Tensor, "b 3 h w"] | UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 s t"]:
        """The images as the network takes them: of one size, whatever theirs."""

    def encode(self, pixels: Float[Tensor, "b 3 s t"]) -> Float[Tensor, "b d"]:
        """Features of what ``preprocess`` gives; so images of several sizes go through the network together."""

    def texts(self, texts: Sequence[str]) -> Float[Tensor, "b d"]:
        """Features of texts."""
