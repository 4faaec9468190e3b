"""The in-painter that knows the truth: what a perfect one would give, as far as the masks let it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float, UInt8

from preprocess.painting import PaintView
from scene.room.truth import Appearance, TrueThing

_VIEWS_KEPT = 48  # of an object at most 40 views are picked; depth is asked of all before colour


class OraclePainter:
    """Paints a generated room's thing as it is (``preprocess.painting.Painter``).

    It looks from where the scan says that its cameras were, so that what it paints stands where the thing is in the
    scan's world.  Where the thing is not, although it was asked for, it has no depth.
    """

    confidence = 1.0
    least_grey = 0

    def __init__(self, thing: TrueThing) -> None:
        self._thing = thing
        self._cached = lru_cache(_VIEWS_KEPT)(self._look)
        self._views: dict[int, PaintView] = {}

    def color(self, view: PaintView) -> UInt8[np.ndarray, "h w 3"]:
        return self._appearance(view).color

    def depth(self, view: PaintView) -> Float[np.ndarray, "h w"]:
        return self._appearance(view).depth_m

    def normal(self, view: PaintView, normal: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w 3"]:
        return self._appearance(view).normal

    def _appearance(self, view: PaintView) -> Appearance:
        self._views[view.index] = view
        return self._cached(view.index)

    def _look(self, index: int) -> Appearance:
        view = self._views[index]
        return self._thing.look(view.camera, view.world_from_camera, seed=index)
