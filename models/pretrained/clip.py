"""CLIP and its kin (SigLIP and others with an image and a text tower), through transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import normalize

from models.pretrained import resample
from models.pretrained.loading import has_room, loading
from models.pretrained.register import require
from models.pretrained.settings import Weights
from scene.errors import UserError

_TEXTS_AT_ONCE = 64


class Clip:
    """Features of images and texts: unit vectors, alike where image and text mean the same."""

    def __init__(self, model: Any, processor: Any, tokenizer: Any) -> None:
        self._model, self._processor, self._tokenizer = model, processor, tokenizer
        self._longest_text = int(model.config.text_config.max_position_embeddings)

    def images(self, images: Float[Tensor, "b 3 h w"] | UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Features of RGB images of any size, in [0, 1] or 8 bits; differentiable with respect to the former."""
        return self.encode(self.preprocess(images))

    def encode(self, pixels: Float[Tensor, "b 3 s t"]) -> Float[Tensor, "b d"]:
        """Features of what ``preprocess`` gives, so that images of several sizes go through the network together."""
        pixels = pixels.to(self._model.device, self._model.dtype)
        return normalize(self._model.get_image_features(pixel_values=pixels).pooler_output.float(), dim=-1)

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> Float[Tensor, "b d"]:
        """Features of texts; what is longer than the network takes is cut off."""
        tokens = self._tokenizer(
            list(texts),
            padding="max_length",  # as SigLIP was trained; CLIP does not look at what follows a text's end
            max_length=self._longest_text,
            truncation=True,
            return_tensors="pt",
        ).to(self._model.device)
        parts = [
            self._model.get_text_features(**{name: t[i : i + _TEXTS_AT_ONCE] for name, t in tokens.items()})
            for i in range(0, len(texts), _TEXTS_AT_ONCE)
        ]
        return normalize(torch.cat([part.pooler_output for part in parts]).float(), dim=-1)

    def preprocess(self, images: Float[Tensor, "b 3 h w"] | UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 s t"]:
        """What ``images`` feeds the network: resized, cut to the middle and normalised as by the model's own processor.

        8-bit images go through that processor itself, whose arithmetic is Pillow's integers, in an order that changes
        with Pillow's version.  Floats go the same way without the rounding, in torch, for their gradient.
        """
        own = self._processor
        if images.dtype == torch.uint8:
            pictures = list(images.permute(0, 2, 3, 1).cpu().numpy())
            return own(images=pictures, input_data_format="channels_last", return_tensors="pt")["pixel_values"].float()
        height, width = _resized(own.size, *images.shape[2:])
        pixels = resample.resize(images, height, width, int(own.resample)).clamp(0.0, 1.0)
        if getattr(own, "do_center_crop", False):
            rows, columns = own.crop_size["height"], own.crop_size["width"]
            top, left = (height - rows) // 2, (width - columns) // 2
            pixels = pixels[:, :, top : top + rows, left : left + columns]
        if own.do_normalize:
            mean, std = (pixels.new_tensor(values)[:, None, None] for values in (own.image_mean, own.image_std))
            pixels = (pixels - mean) / std
        return pixels


def _resized(size: Any, height: int, width: int) -> tuple[int, int]:
    """Rows and columns that a processor of ``size`` resizes an image to."""
    if not size["shortest_edge"]:
        return size["height"], size["width"]
    short = size["shortest_edge"]
    longer = int(short * max(height, width) / min(height, width))
    return (longer, short) if width <= height else (short, longer)


def load_clip(weights: Weights, device: str) -> Clip:
    """The network of ``weights``, frozen, on ``device``.  Raises UserError where it is absent, broken or no CLIP."""
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    folder = require(weights, "clip")
    dtype = torch.float32 if has_room(folder, device) else torch.float16
    with loading(folder, "clip"):
        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model, report = AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=dtype, output_loading_info=True
        )
        if not hasattr(model, "get_image_features") or not hasattr(model, "get_text_features"):
            raise UserError(
                f"{folder}: {type(model).__name__} has no towers for images and texts; name a CLIP or a SigLIP"
            )
        if report["missing_keys"]:  # the library would draw them at random, with a warning
            raise UserError(f"{folder}: the weights lack {sorted(report['missing_keys'])[0]}; fetch them anew")
        _check_processor(processor)
        model = model.to(device).eval().requires_grad_(False)
    return Clip(model, processor, tokenizer)


def _check_processor(own: Any) -> None:
    """Raise ValueError where an image processor does what ``preprocess`` does not."""
    size = own.size
    sizes = {name for name in ("shortest_edge", "longest_edge", "height", "width") if size[name]}
    known = sizes in ({"shortest_edge"}, {"height", "width"}) and int(own.resample) in resample.KERNELS
    if not own.do_resize or not known:
        raise ValueError(
            f"its image processor resizes to {dict(size)} by filter {own.resample}, which is not known here"
        )
    if getattr(own, "do_center_crop", False):
        smallest = size["shortest_edge"] or min(size["height"], size["width"])
        if max(own.crop_size["height"], own.crop_size["width"]) > smallest:
            raise ValueError("its image processor cuts out more than it resizes to")
    if not own.do_rescale or abs(own.rescale_factor * 255 - 1) > 1e-6 or getattr(own, "do_pad", False):
        raise ValueError("its image processor scales or pads in a way that is not known here")
