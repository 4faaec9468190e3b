"""The conventions that normal maps come in: an encoder and a decoder of each.

Ours (``normal`` in every signature) are unit vectors in the camera frame with OpenCV axes (x right, y down, z forward)
that point towards the camera; 0 where unknown.  A source differs in two ways: its axes, and how vectors become numbers.

Axes are a signed permutation of ours, by name:

    opencv        x right, y down, z forward; towards the camera: ours
    opencv_away   the same axes, pointing into the surface: SNU, NeuRIS, O2-Recon's ``pred_normal`` (minus ours)
    opengl        x right, y up, z towards the viewer: Marigold, most baked normal maps
    directx       x right, y down, z towards the viewer (left-handed): baked normal maps with green down
    world         ours turned into the world by the camera's pose

Numbers are the components themselves in [-1, 1] (``.npz``, ``arr_0``), or round((n + 1) / 2 * 255) in images of 8 bits,
and * 65535 in those of 16.  Where there is no normal all three are -1, so black in an image, which no unit vector is;
vectors that are hardly longer than 0 (the grey of an untouched image) mean the same.
"""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, UInt8, UInt16

# ``ours = matrix @ theirs`` (rows are our x, y, z); each is its own inverse.
AXES: dict[str, Int[np.ndarray, "3 3"]] = {
    "opencv": np.diag([1, 1, 1]),
    "opencv_away": np.diag([-1, -1, -1]),
    "opengl": np.diag([1, -1, -1]),
    "directx": np.diag([1, 1, -1]),
}
WORLD = "world"
CONVENTIONS = (*AXES, WORLD)
_NO_NORMAL = -2.99  # a vector whose components sum to less is background; a unit vector's sum to -1.74 at least
_SHORTEST = 0.1  # of a stored vector that is a normal
_WORDS = (("right", "left"), ("down", "up"), ("forward", "towards the viewer"))  # ours: +x -x, +y -y, +z -z


def decode(
    stored: Float[np.ndarray, "*n 3"], axes: str, world_from_camera: Float[np.ndarray, "4 4"] | None = None
) -> Float[np.ndarray, "*n 3"]:
    """Our normals (float32) of vectors as they are stored; ``world_from_camera`` for axes "world"."""
    vectors = stored.astype(np.float32)
    finite = np.isfinite(vectors).all(axis=-1, keepdims=True)
    vectors = np.where(finite, vectors, np.float32(0))
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    known = (length > _SHORTEST) & (vectors.sum(axis=-1, keepdims=True) > _NO_NORMAL)
    unit = np.divide(vectors, length, out=np.zeros_like(vectors), where=known)
    return unit @ _ours_from(axes, world_from_camera).T.astype(np.float32)


def encode(
    normal: Float[np.ndarray, "*n 3"], axes: str, world_from_camera: Float[np.ndarray, "4 4"] | None = None
) -> Float[np.ndarray, "*n 3"]:
    """Vectors as ``axes`` has them (float32); all components -1 where the normal is unknown."""
    known = (normal != 0).any(axis=-1, keepdims=True)
    turned = normal.astype(np.float32) @ _ours_from(axes, world_from_camera).astype(np.float32)
    return np.where(known, turned, np.float32(-1))


def from_image(image: UInt8[np.ndarray, "h w 3"] | UInt16[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w 3"]:
    """Vectors in [-1, 1] of an RGB image of 8 or 16 bits a channel."""
    return image.astype(np.float32) * np.float32(2 / np.iinfo(image.dtype).max) - 1


def to_image(
    vectors: Float[np.ndarray, "h w 3"], bits: Literal[8, 16]
) -> UInt8[np.ndarray, "h w 3"] | UInt16[np.ndarray, "h w 3"]:
    """The RGB image of vectors in [-1, 1]; ``bits`` a channel (8 lose up to half a degree)."""
    most = 2**bits - 1
    return np.rint((vectors.clip(-1, 1) + 1) * np.float32(most / 2)).astype(np.uint8 if bits == 8 else np.uint16)


def all_axes() -> list[Int[np.ndarray, "3 3"]]:
    """All 48 signed permutations of three axes, mirrored ones among them; the named ones first."""
    named = list(AXES.values())
    signed = [
        np.eye(3, dtype=np.int64)[list(order)] * np.array(signs)
        for order in itertools.permutations(range(3))
        for signs in itertools.product((1, -1), repeat=3)
    ]
    return named + [matrix for matrix in signed if not any((matrix == other).all() for other in named)]


def name_of_axes(ours_from_theirs: Int[np.ndarray, "3 3"]) -> str:
    """The convention's name, or in words where its axes point (of normals towards the camera)."""
    for name, matrix in AXES.items():
        if (ours_from_theirs == matrix).all():
            return name
    return ", ".join(f"{axis} {_direction(ours_from_theirs[:, k])}" for k, axis in enumerate("xyz"))


def _direction(ours: Int[np.ndarray, " 3"]) -> str:
    axis = int(np.argmax(np.abs(ours)))
    return _WORDS[axis][int(ours[axis] < 0)]


def _ours_from(axes: str, world_from_camera: Float[np.ndarray, "4 4"] | None) -> np.ndarray:
    """``ours = matrix @ theirs``; orthogonal, so that ``theirs = ours @ matrix``, row by row."""
    if axes != WORLD:
        return AXES[axes]
    if world_from_camera is None:
        raise ValueError("normals of the world need the camera's pose")
    return world_from_camera[:3, :3].T
