"""What an in-painter gets of one view, and what is asked of it; ``preprocess.inpaint`` calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8

from scene.camera import Intrinsics


@dataclass(frozen=True)
class PaintView:
    """One view in which something hides part of the object."""

    index: int  # of the view among the object's
    label: str  # the object's class
    camera: Intrinsics
    world_from_camera: Float[np.ndarray, "4 4"]
    color: UInt8[np.ndarray, "h w 3"]  # the whole image
    depth_m: Float[np.ndarray, "h w"]  # as sensed, 0 = none
    fact: UInt8[np.ndarray, "h w"]  # scene.records.Fact, as sensed
    hidden: Bool[np.ndarray, "h w"]  # pixels to be filled
    mean_color: UInt8[np.ndarray, " 3"]  # of the object's seen pixels in all views


@runtime_checkable
class Painter(Protocol):
    """Fills the hidden pixels of a view; what it gives elsewhere is not looked at."""

    @property
    def confidence(self) -> float:
        """How far what it paints is trusted, against 1 for what was sensed."""

    @property
    def least_grey(self) -> int:
        """Of 255: what it paints darker than this is nothing rather than the object, and is dropped; 0: none is."""

    def color(self, view: PaintView) -> UInt8[np.ndarray, "h w 3"]:
        """The view's colours with the object in the hidden pixels."""

    def depth(self, view: PaintView) -> Float[np.ndarray, "h w"]:
        """The object's depth (Z, metres) in the hidden pixels; 0 where it cannot tell."""

    def normal(self, view: PaintView, normal: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w 3"]:
        """The object's normals in the hidden pixels (camera frame, OpenCV axes, unit, towards the camera; 0: unknown).

        ``normal`` are those known of the in-painted image: of the object's seen pixels, and where a predictor looked at
        the in-painted colours, its guess in the hidden ones.
        """
