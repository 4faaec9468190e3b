"""Masks as pictures: one view of an object beside what was found hidden of it, and the sheet of several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from scene.images import read_color, write_image
from scene.records import Fact, ObjectViews

# RGB: what the view shows of the object; found hidden and so; found and not so; hidden and not found.
SEEN, RIGHT, WRONG, MISSED = (70, 130, 255), (60, 200, 80), (230, 50, 50), (255, 200, 40)
_WIDTH, _HEIGHT = 240, 180  # of a picture on a panel
_MARGIN = 0.3  # round the object, as a share of its size in the image
_STRENGTH = 0.6  # of a mask's colour over the picture
_STEP = 16  # between the levels of a channel on a sheet: a PNG of fewer colours is a third as large


def panel(
    views: ObjectViews, true: Bool[np.ndarray, "n h w"], found: Bool[np.ndarray, "n h w"]
) -> UInt8[np.ndarray, "a b 3"]:
    """The view in which most is hidden, its colours on the left and the masks over them on the right."""
    view = int(true.sum(axis=(1, 2)).argmax())
    color = views.color[view]
    paint = color.astype(np.float32)
    shown = np.isin(views.fact[view], (Fact.OBJECT, Fact.OBJECT_NO_DEPTH))
    masks = (shown, true[view] & found[view], found[view] & ~true[view], true[view] & ~found[view])
    for mask, tint in zip(masks, (SEEN, RIGHT, WRONG, MISSED), strict=True):
        paint[mask] = (1 - _STRENGTH) * paint[mask] + _STRENGTH * np.array(tint, np.float32)
    rows, columns = _window(shown | true[view])
    both = [np.ascontiguousarray(one[rows, columns]) for one in (color, np.rint(paint).astype(np.uint8))]
    return np.hstack([cv2.resize(one, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA) for one in both])


def _window(mask: Bool[np.ndarray, "h w"]) -> tuple[slice, slice]:
    """Rows and columns of the smallest window of a picture's shape that holds the mask and a margin round it."""
    height, width = mask.shape
    v, u = np.nonzero(mask)
    size = (1 + 2 * _MARGIN) * max(np.ptp(v) + 1, (np.ptp(u) + 1) * _HEIGHT / _WIDTH)
    high = int(min(size, height, width * _HEIGHT / _WIDTH))
    wide = int(high * _WIDTH / _HEIGHT)
    top = int(np.clip((v.min() + v.max() - high) / 2, 0, height - high))
    left = int(np.clip((u.min() + u.max() - wide) / 2, 0, width - wide))
    return slice(top, top + high), slice(left, left + wide)


def write_sheet(path: Path, panels: Sequence[Path], columns: int = 2) -> None:
    """Panels side by side in one small picture."""
    images = [read_color(one) for one in panels]
    images += [np.full_like(images[0], 255)] * (-len(images) % columns)
    rows = [np.hstack(images[i : i + columns]) for i in range(0, len(images), columns)]
    write_image(path, (np.vstack(rows) // _STEP * _STEP + _STEP // 2).astype(np.uint8))
