"""The square that a diffusion model gets to see of a view, and the way back of what it drew.

The square holds the object, seen and hidden, with context round it; where it is larger than the image the rest is the
image mirrored.  Only the pixels under the mask are ever taken back, so that all others stay as they were.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Shaped, UInt8

_BLOCK_PX = 8  # of a latent diffusion model: its mask is one in eight, and takes one pixel to stand for a block


@dataclass(frozen=True)
class SquareCrop:
    """A square of ``side`` pixels whose upper left pixel is (left, top), which may lie outside the image."""

    left: int
    top: int
    side: int

    def cut(self, image: Shaped[np.ndarray, "h w *c"]) -> Shaped[np.ndarray, "s s *c"]:
        """The square, mirrored (about the outermost pixels) beyond the image."""
        rows = _mirrored(self.top, self.side, image.shape[0])
        columns = _mirrored(self.left, self.side, image.shape[1])
        return image[rows[:, None], columns[None, :]]

    def resized(self, image: UInt8[np.ndarray, "h w 3"], size: int) -> UInt8[np.ndarray, "s s 3"]:
        """The square at the model's size."""
        return _resize(self.cut(image), size)

    def resized_mask(self, mask: Bool[np.ndarray, "h w"], size: int) -> Bool[np.ndarray, "s s"]:
        """The mask at the model's size: whole latent blocks, every one that a masked pixel touches."""
        v, u = np.nonzero(self.cut(mask))
        blocks = -(-size // _BLOCK_PX)
        scale = size / self.side
        # A pixel covers [k, k + 1) of the square; what interpolation mixes into it reaches one model pixel farther.
        low_v, high_v = (_blocks_of(v, scale, size, end) for end in (0, 1))
        low_u, high_u = (_blocks_of(u, scale, size, end) for end in (0, 1))
        corners = np.zeros((blocks + 1, blocks + 1), np.int64)
        np.add.at(corners, (low_v, low_u), 1)
        np.add.at(corners, (high_v + 1, high_u + 1), 1)
        np.add.at(corners, (low_v, high_u + 1), -1)
        np.add.at(corners, (high_v + 1, low_u), -1)
        touched = corners.cumsum(axis=0).cumsum(axis=1)[:blocks, :blocks] > 0
        return touched.repeat(_BLOCK_PX, axis=0).repeat(_BLOCK_PX, axis=1)[:size, :size]

    def put_back(self, drawn: UInt8[np.ndarray, "s s 3"], height: int, width: int) -> UInt8[np.ndarray, "h w 3"]:
        """What was drawn at the model's size, in the image; 0 outside the square."""
        square = _resize(drawn, self.side)
        out = np.zeros((height, width, 3), np.uint8)
        top, left = max(0, self.top), max(0, self.left)
        bottom, right = min(height, self.top + self.side), min(width, self.left + self.side)
        out[top:bottom, left:right] = square[
            top - self.top : bottom - self.top,
            left - self.left : right - self.left,
        ]
        return out


def crop_round(wanted: Bool[np.ndarray, "h w"], context: float) -> SquareCrop:
    """The square round the wanted pixels with ``context`` of their size on every side, within the image if it fits."""
    rows, columns = np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    side = int(np.ceil(max(height, width) * (1 + 2 * context)))
    top = _place(int(rows[0]), int(height), side, wanted.shape[0])
    left = _place(int(columns[0]), int(width), side, wanted.shape[1])
    return SquareCrop(left, top, side)


def _place(start: int, length: int, side: int, extent: int) -> int:
    """Where a side begins that is centred on start .. start + length and, if it can be, lies within the image."""
    if side > extent:
        return (extent - side) // 2  # centred on the image: as little as can be is mirrored
    return int(np.clip(start + (length - side) // 2, 0, extent - side))


def _mirrored(start: int, count: int, extent: int) -> np.ndarray:
    """Indices start .. start + count, those outside 0 .. extent mirrored about the outermost pixels."""
    period = max(1, 2 * (extent - 1))
    index = np.arange(start, start + count) % period
    return np.where(index < extent, index, period - index)


def _blocks_of(pixel: np.ndarray, scale: float, size: int, end: int) -> np.ndarray:
    edge = (pixel + end) * scale
    reached = np.floor(edge - 1) if end == 0 else np.ceil(edge)
    return reached.clip(0, size - 1).astype(np.int64) // _BLOCK_PX


def _resize(image: UInt8[np.ndarray, "a a 3"], size: int) -> UInt8[np.ndarray, "b b 3"]:
    smaller = size < image.shape[0]
    resized = cv2.resize(
        np.ascontiguousarray(image), (size, size), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    )
    return np.asarray(resized, np.uint8)
