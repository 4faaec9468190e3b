"""Normal maps on disk, in any of ``scene.normal_conventions``: ``.npz`` (``arr_0``), PNG of 8 or 16 bits a channel."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float

from scene.images import UnreadableImage, read_vectors, write_image
from scene.normal_conventions import decode, encode, from_image, to_image

SUFFIXES = (".npz", ".png")


def read_normals(
    path: Path, axes: str, world_from_camera: Float[np.ndarray, "4 4"] | None = None
) -> Float[np.ndarray, "h w 3"]:
    """Our normals (float16) of a file; ``world_from_camera`` for axes "world".

    Raises UnreadableImage when it holds no normals.
    """
    stored = from_image(read_vectors(path)) if path.suffix.lower() == ".png" else _read_npz(path)
    return decode(stored, axes, world_from_camera).astype(np.float16)


def write_normals(
    path: Path,
    normal: Float[np.ndarray, "h w 3"],
    axes: str,
    world_from_camera: Float[np.ndarray, "4 4"] | None = None,
    png_bits: Literal[8, 16] = 16,
) -> None:
    """Write our normals as the path's suffix says (an ``.npz`` holds half precision)."""
    vectors = encode(normal, axes, world_from_camera)
    if path.suffix.lower() == ".png":
        write_image(path, to_image(vectors, png_bits))
        return
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("arr_0.npy", "w") as stream,
    ):
        np.lib.format.write_array(stream, vectors.astype(np.float16))


def resize_normals(normal: Float[np.ndarray, "h w 3"], width: int, height: int) -> Float[np.ndarray, "h2 w2 3"]:
    """Normals (float16) resampled, pixel edges kept where they are: the mean direction of what a pixel covers, and 0,
    unknown, where most of that is unknown or cancels out across an edge."""
    if normal.shape[:2] == (height, width):
        return normal.astype(np.float16)
    smaller = width < normal.shape[1]
    mode = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    mean = cv2.resize(normal.astype(np.float32), (width, height), interpolation=mode)
    length = np.linalg.norm(mean, axis=-1, keepdims=True)
    return np.divide(mean, length, out=np.zeros_like(mean), where=length > 0.5).astype(np.float16)


def _read_npz(path: Path) -> Float[np.ndarray, "h w 3"]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            stored = archive["arr_0"].astype(np.float32)
        if stored.ndim != 3 or stored.shape[2] != 3 or stored.size == 0:
            raise ValueError(f"has shape {stored.shape}")
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UnreadableImage(f"{path}: cannot be read as normals ({error})") from error
    return stored
