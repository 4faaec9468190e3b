"""Where the rays of views' pixels first meet a mesh, and which of many pixels are tried."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from evaluation.views import View
from scene.raycast import RayCaster


def drawn_pixels(
    pixels: Sequence[Int[np.ndarray, " _"]], max_pixels: int, seed: int
) -> Sequence[Int[np.ndarray, " _"]]:
    """Of more than ``max_pixels`` in all views together about that many, evenly; else all of them."""
    total = sum(map(len, pixels))
    if total <= max_pixels:
        return pixels
    generator = np.random.default_rng(seed)
    return [of_view[generator.random(len(of_view)) < max_pixels / total] for of_view in pixels]


def first_depth_m(
    caster: RayCaster, views: Sequence[View], pixels: Sequence[Int[np.ndarray, " _"]]
) -> Float[np.ndarray, " n"]:
    """Z (m) at which the mesh is first met on the rays of each view's pixels (counted row by row), one view after
    another; inf where it is not.

    All rays are cast at once: a call takes as long as many thousands of them.
    """
    rays = [view.rays(of_view) for view, of_view in zip(views, pixels, strict=True)]
    if not rays or sum(map(len, pixels)) == 0:
        return np.zeros(0)
    origins, directions = (np.concatenate(part) for part in zip(*rays, strict=True))
    return caster.first_hit(origins, directions)[0]


def slant(view: View, pixels: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Metres along each pixel's ray per metre of Z."""
    return np.linalg.norm(view.rays(pixels)[1], axis=1)
