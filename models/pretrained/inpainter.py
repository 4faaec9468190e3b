"""In-painting by a diffusion model, through diffusers' in-paint pipelines (Stable Diffusion by default)."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, UInt8

from models.pretrained.layout import CHECKER, INDEX
from models.pretrained.loading import load_pipeline
from models.pretrained.register import require
from models.pretrained.settings import Weights
from scene.errors import UserError
from scene.runlog import log


class Inpainter:
    """Paints the masked pixels of a square image; what it gives elsewhere is its own and not the image's."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._takes = set(inspect.signature(pipeline.__call__).parameters)
        self.size = _size_of(pipeline)  # pixels of the square's side
        if "negative_prompt" not in self._takes:
            log.warning("pretrained.inpainter: %s takes no negative prompt", type(pipeline).__name__)

    def __call__(
        self,
        image: UInt8[np.ndarray, "s s 3"],
        mask: Bool[np.ndarray, "s s"],
        prompt: str,
        negative_prompt: str,
        steps: int,
        strength: float,
        guidance: float,
        seed: int,
    ) -> UInt8[np.ndarray, "s s 3"]:
        """The image with its masked pixels drawn anew.

        ``strength`` (0 to 1] is how far from the image it begins: 1 is pure noise.  The noise is drawn on the CPU,
        so that ``seed`` gives the same on every device of one precision; what is drawn from it differs by the devices'
        rounding, which many steps may make visible.  Raises UserError where the model yields no numbers.
        """
        from PIL import Image

        given = {
            "prompt": prompt,
            "negative_prompt": negative_prompt,
            "image": Image.fromarray(image),
            "mask_image": Image.fromarray(mask.astype(np.uint8) * 255),
            "height": self.size,
            "width": self.size,
            "num_inference_steps": steps,
            "strength": strength,
            "guidance_scale": guidance,
            "generator": torch.Generator("cpu").manual_seed(seed),
            "output_type": "np",
        }
        painted = self._pipeline(**{name: value for name, value in given.items() if name in self._takes}).images[0]
        if not np.isfinite(painted).all():
            raise UserError(
                "pretrained.inpainter: the network overflows at half precision; use a GPU with more memory or the CPU"
            )
        return (painted * 255.0).round().astype(np.uint8)


def _size_of(pipeline: Any) -> int:
    """Side in pixels of the square that a pipeline was trained on.  Raises UserError where it does not tell."""
    network = getattr(pipeline, "unet", None) or getattr(pipeline, "transformer", None)
    latent = getattr(getattr(network, "config", None), "sample_size", None) or getattr(
        pipeline, "default_sample_size", None
    )
    if not isinstance(latent, int):
        raise UserError(
            f"pretrained.inpainter: {type(pipeline).__name__} does not tell the size that it paints; name another"
        )
    return latent * int(pipeline.vae_scale_factor)


def _without_checker(folder: Path) -> dict[str, Any]:
    """No safety checker: it gives a black image for what it refuses, in silence, which would become surface here."""
    path = folder / INDEX
    index = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {CHECKER: None, "requires_safety_checker": False} if CHECKER in index else {}


def load_inpainter(weights: Weights, device: str) -> Inpainter:
    """The pipeline of ``weights`` on ``device``.  Raises UserError where it is absent, broken or paints nothing."""
    folder = require(weights, "inpainter")
    pipeline = load_pipeline(folder, "inpainter", "AutoPipelineForInpainting", device, **_without_checker(folder))
    return Inpainter(pipeline)
