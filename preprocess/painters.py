"""The painters: one that stands on a diffusion model, and one that needs no weights (``preprocess.classical_painter``).

The diffusion model draws colours, and nothing else; depth and normals go to it and come back as pictures
(``preprocess.paint_pictures``), as in O2-Recon.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8

from preprocess.classical_painter import ClassicalPainter
from preprocess.paint_crop import SquareCrop, crop_round
from preprocess.paint_pictures import DepthRange, depth_range, normal_of_picture, picture_of_normal, tied_to_border
from preprocess.paint_reference import shows_object
from preprocess.painting import PaintView
from preprocess.settings import InpaintSettings
from scene.records import Fact
from scene.view_notes import spoken

__all__ = ["ClassicalPainter", "DiffusionPainter", "DrawsPictures"]

_KINDS = {"color": 0, "depth": 1, "normal": 2}  # each has a noise of its own


@runtime_checkable
class DrawsPictures(Protocol):
    """``models.pretrained.inpainter.Inpainter``, or what is called like it."""

    size: int

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
    ) -> UInt8[np.ndarray, "s s 3"]: ...


class DiffusionPainter:
    """A diffusion model's idea of the hidden pixels, from the prompt and what is seen round them."""

    def __init__(self, inpainter: DrawsPictures, settings: InpaintSettings) -> None:
        self._inpainter, self._settings = inpainter, settings

    @property
    def confidence(self) -> float:
        return self._settings.confidence

    @property
    def least_grey(self) -> int:
        return self._settings.least_grey

    def color(self, view: PaintView) -> UInt8[np.ndarray, "h w 3"]:
        """The view's colours, those of the hidden pixels drawn."""
        if not view.hidden.any():
            return view.color
        return np.where(view.hidden[..., None], self._drawn(view, view.color, "color"), view.color)

    def depth(self, view: PaintView) -> Float[np.ndarray, "h w"]:
        """Depth drawn as a grey picture; 0 outside the hidden pixels, and everywhere where none of the object is seen.

        What the drawing says of the object's seen pixels round the hidden ones is compared with what was sensed there,
        and the offset taken off the hidden ones.
        """
        own = (view.fact == Fact.OBJECT) & (view.depth_m > 0)
        if not view.hidden.any() or not own.any():
            return np.zeros(view.depth_m.shape, np.float32)
        span: DepthRange = depth_range(view.depth_m, own, view.hidden, view.camera)
        drawn_m = span.decode(self._drawn(view, span.encode(view.depth_m), "depth"))
        return np.where(view.hidden, tied_to_border(drawn_m, view.depth_m, own, view.hidden), np.float32(0))

    def normal(self, view: PaintView, normal: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w 3"]:
        """Normals drawn as a picture, which begins with those known of the hidden pixels."""
        if not view.hidden.any():
            return normal
        drawn = normal_of_picture(self._drawn(view, picture_of_normal(normal), "normal"))
        return np.where(view.hidden[..., None], drawn.astype(normal.dtype), normal)

    def _drawn(self, view: PaintView, picture: UInt8[np.ndarray, "h w 3"], kind: str) -> UInt8[np.ndarray, "h w 3"]:
        """The picture as the model draws it, its seen pixels too; only the square round the object is drawn."""
        settings, size = self._settings, self._inpainter.size
        crop: SquareCrop = crop_round(view.hidden | shows_object(view.fact), settings.context)
        drawn = self._inpainter(
            image=crop.resized(picture, size),
            mask=crop.resized_mask(view.hidden, size),
            prompt=settings.prompt.replace("{label}", spoken(view.label)),
            negative_prompt=settings.negative_prompt,
            steps=settings.steps,
            strength=settings.strength,
            guidance=settings.guidance,
            seed=seed_of(settings.seed, view.index, kind),
        )
        return crop.put_back(drawn, *view.hidden.shape)


def seed_of(seed: int, view: int, kind: str) -> int:
    """A seed for each picture, so that no two views are drawn from the same noise."""
    return int(np.random.SeedSequence([seed, view, _KINDS[kind]]).generate_state(1)[0])
