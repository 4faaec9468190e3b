"""What a fitted field looks like from one of its views, as images."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from models.records import FieldFunctions, Pixels
from models.renderer import render_pixels
from models.settings import RenderSettings
from scene.records import ObjectViews
from training.batches import RayBatches
from training.settings import RaySettings


def render_view(
    field: FieldFunctions,
    views: ObjectViews,
    index: int,
    settings: RenderSettings,
    stride: int = 1,
    device: torch.device | str = "cpu",
) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w 3"]]:
    """Colour and normals of every ``stride``-th pixel of view ``index``.

    Normals are in the camera's OpenCV axes as (n + 1) / 2, grey where the ray meets nothing.
    """
    batches = RayBatches(views, RaySettings(), device)
    pixels = render_pixels(field, batches.view(index, stride), settings)
    rotation = torch.from_numpy(views.world_from_camera[index, :3, :3]).to(pixels.normal)
    shape = (len(range(0, views.camera.height, stride)), len(range(0, views.camera.width, stride)), 3)
    return _as_image(pixels.color, shape), _as_image(normal_colors(pixels, rotation), shape)


def normal_colors(pixels: Pixels, rotation: Float[Tensor, "3 3"]) -> Float[Tensor, "n 3"]:
    """Normals in a camera's OpenCV axes as (n + 1) / 2, grey where the ray meets nothing.

    ``rotation`` takes camera axes to the normalised frame's.
    """
    return 0.5 * (F.normalize(pixels.normal @ rotation, dim=-1) * pixels.opacity[:, None] + 1.0)


def _as_image(values: Tensor, shape: tuple[int, int, int]) -> UInt8[np.ndarray, "h w 3"]:
    rounded = (values.clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)
    return rounded.reshape(shape).cpu().numpy()
