"""Normals from one colour image, by Marigold (diffusers' MarigoldNormalsPipeline)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from models.pretrained.loading import load_pipeline
from models.pretrained.register import require
from models.pretrained.settings import Weights
from scene.errors import UserError
from scene.normal_conventions import AXES

_ENSEMBLE = 3  # predictions from different noise, of which the one nearest to their mean is taken, pixel by pixel


class NormalPredictor:
    """Predicts the normals of what an image shows, in the axes of its network."""

    def __init__(self, pipeline: Any, axes: str) -> None:
        self._pipeline = pipeline
        self.axes = axes  # a convention of scene.normal_conventions

    def __call__(self, image: UInt8[np.ndarray, "h w 3"], seed: int) -> Float[np.ndarray, "h w 3"]:
        """Unit vectors in ``axes``, float32; the steps and the size that it works at are those its weights come with.

        The noise is drawn on the CPU, so that ``seed`` gives the same on every device of one precision; the normals
        still differ by the devices' rounding.  Raises UserError where the network yields no numbers.
        """
        predicted = self._pipeline(
            image.astype(np.float32) / 255.0,
            ensemble_size=_ENSEMBLE,
            generator=torch.Generator("cpu").manual_seed(seed),
            output_type="np",
        ).prediction[0]
        if not np.isfinite(predicted).all():
            raise UserError(
                "pretrained.normals: the network overflows at half precision; use a GPU with more memory or the CPU"
            )
        lengths = np.linalg.norm(predicted, axis=-1, keepdims=True)
        return (predicted / np.maximum(lengths, 1e-6)).astype(np.float32)


def load_normals(weights: Weights, device: str) -> NormalPredictor:
    """The predictor of ``weights`` on ``device``.  Raises UserError where it is absent, broken or no Marigold."""
    folder = require(weights, "normals")
    if weights.axes not in AXES:
        raise UserError(f"pretrained.normals.axes must be one of {', '.join(AXES)}, not {weights.axes!r}")
    pipeline = load_pipeline(folder, "normals", "DiffusionPipeline", device)
    if type(pipeline).__name__ != "MarigoldNormalsPipeline":
        raise UserError(f"{folder}: {type(pipeline).__name__} predicts no normals; name a MarigoldNormalsPipeline")
    return NormalPredictor(pipeline, weights.axes)
