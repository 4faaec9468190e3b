"""Depth and normals as pictures that a colour model can draw, and back.

Depth becomes grey, linear from the near end of a range (0) to its far end (255).  Eight bits are few, so the range is
tight about the object: 1 m takes steps of 4 mm.  What lies nearer, the occluder for the most part, is black, and what
lies farther white.  A drawing's three channels are averaged, which makes its steps finer than those it was given.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from scene.camera import Intrinsics
from scene.normal_conventions import decode, encode, from_image, to_image

_NEAR_ROOM, _FAR_ROOM = 0.25, 0.5  # of the object's size: its hidden part may lie so far outside its seen depths
_BORDER_PX = 12  # from the hidden pixels: the seen ones that the drawing is tied to
_LEAST_BORDER = 8  # pixels; with fewer there is nothing to tie it to
_SHORTEST, _LONGEST = 0.5, 1.4  # of a drawn normal; others are no normals (black is 1.73 long)
_AXES = "opengl"  # bluish where the surface faces the camera: the normal maps that colour models have seen


@dataclass(frozen=True)
class DepthRange:
    """Depths in metres that become black and white."""

    near_m: float
    far_m: float

    @property
    def step_m(self) -> float:
        """By how much one level of grey differs from the next."""
        return (self.far_m - self.near_m) / 255

    def encode(self, depth_m: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
        """Grey of every pixel; one without depth has that of the nearest with one."""
        level = (_without_holes(depth_m) - np.float32(self.near_m)) / np.float32(self.step_m)
        return np.repeat(np.rint(level).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)

    def decode(self, picture: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
        """Depth in metres of every pixel."""
        return np.float32(self.near_m) + np.float32(self.step_m) * picture.mean(axis=2, dtype=np.float32)


def depth_range(
    depth_m: Float[np.ndarray, "h w"],
    own: Bool[np.ndarray, "h w"],
    hidden: Bool[np.ndarray, "h w"],
    camera: Intrinsics,
) -> DepthRange:
    """The object's seen depths with room before and behind for its hidden part.

    ``own`` are its pixels with depth, one at least.  The occluder needs no room: what it hides lies behind it, and that
    it stands before the object is all that the picture has to show of it.
    """
    low_m, middle_m, high_m = np.percentile(depth_m[own], [1, 50, 99])
    rows, columns = np.nonzero(own | hidden)
    size_m = middle_m * max(np.ptp(rows) / camera.fy, np.ptp(columns) / camera.fx)
    room_m = max(float(size_m), float(high_m - low_m), 0.05)
    return DepthRange(max(0.0, float(low_m) - _NEAR_ROOM * room_m), float(high_m) + _FAR_ROOM * room_m)


def tied_to_border(
    drawn_m: Float[np.ndarray, "h w"],
    depth_m: Float[np.ndarray, "h w"],
    own: Bool[np.ndarray, "h w"],
    hidden: Bool[np.ndarray, "h w"],
) -> Float[np.ndarray, "h w"]:
    """The drawn depth without the offset (median) that it has against the sensed one beside the hidden pixels."""
    distance = cv2.distanceTransform((~hidden).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    border = own & ~hidden & (distance <= _BORDER_PX)
    if border.sum() < _LEAST_BORDER:
        return drawn_m
    return drawn_m + np.float32(np.median(depth_m[border] - drawn_m[border]))


def picture_of_normal(normal: Float[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Normals (camera frame, OpenCV axes, 0 unknown) as a normal map; black where unknown."""
    return to_image(encode(normal, _AXES), 8)


def normal_of_picture(picture: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w 3"]:
    """Unit normals of a normal map; 0 where a colour is no normal."""
    vectors = from_image(picture)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where((length > _SHORTEST) & (length < _LONGEST), decode(vectors, _AXES), np.float32(0))


def _without_holes(depth_m: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Depth with every hole filled from the nearest pixel that has some."""
    holes = (depth_m <= 0).astype(np.uint8)
    if not holes.any() or holes.all():
        return depth_m
    _, label = cv2.distanceTransformWithLabels(holes, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    value = np.zeros(int(label.max()) + 1, depth_m.dtype)
    value[label[holes == 0]] = depth_m[holes == 0]
    return value[label]
