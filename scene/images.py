"""Reading and writing colour, depth and label images so that a broken file is named, never taken for data.

Colour is RGB uint8; depth is uint16 millimetres with 0 = none; instance and label images are one channel of 8 or 16
bits.  Truncated files are caught by their missing end mark: some decoders fill the rest of the picture with grey.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Integer, UInt8, UInt16

from scene.errors import UserError
from scene.files import told_plainly

_END_MARKS = {".png": b"IEND", ".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9"}
_NO_DEPTH = np.iinfo(np.uint16).max  # what saturated sensors write where they measured nothing


class UnreadableImage(Exception):
    """One image that cannot be used; the message names the file and what is wrong with it."""


def read_color(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    """An RGB image as it lies in the file (EXIF rotation ignored: poses belong to the stored pixels)."""
    return _decode(path, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)


def read_depth_mm(path: Path) -> UInt16[np.ndarray, "h w"]:
    """A 16-bit depth image; saturated pixels come out as 0 = none."""
    image = _decode(path, cv2.IMREAD_UNCHANGED)
    if image.ndim != 2 or image.dtype != np.uint16:
        raise UnreadableImage(f"{path}: is not a 16-bit depth image of one channel ({_kind(image)})")
    return np.where(image == _NO_DEPTH, np.uint16(0), image)


def read_labels(path: Path) -> Integer[np.ndarray, "h w"]:
    """An instance or label image, uint8 or uint16.  Raises UserError when the file holds anything else."""
    image = _decode(path, cv2.IMREAD_UNCHANGED)
    if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16):
        raise UserError(
            f"{path}: an instance image must have one channel of 8 or 16 bits, not {_kind(image)}; "
            "export the ids themselves, not a colouring of them"
        )
    return image


def read_mask(path: Path) -> UInt8[np.ndarray, "h w"]:
    """An 8-bit grey image (of several equal channels the mean), such as a mask or a ``Fact`` image."""
    return _decode(path, cv2.IMREAD_GRAYSCALE)


def read_vectors(path: Path) -> UInt8[np.ndarray, "h w 3"] | UInt16[np.ndarray, "h w 3"]:
    """An RGB image of 8 or 16 bits a channel that holds vectors, such as a normal map; an alpha channel is left out."""
    image = _decode(path, cv2.IMREAD_UNCHANGED)
    if image.ndim != 3 or image.shape[2] not in (3, 4) or image.dtype not in (np.uint8, np.uint16):
        raise UnreadableImage(f"{path}: is not an image of three channels of 8 or 16 bits ({_kind(image)})")
    return np.ascontiguousarray(image[..., 2::-1])


def encode_image(
    suffix: str, image: UInt8[np.ndarray, "h w 3"] | UInt16[np.ndarray, "h w 3"] | Integer[np.ndarray, "h w"]
) -> bytes:
    """An RGB or a one-channel 8/16-bit image as a file's contents (.png is lossless, .jpg of quality 95)."""
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    # OpenCV's PNG defaults are its fastest setting: naming a compression level makes depth slower and no smaller.
    options = [] if suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, 95]
    encoded, data = cv2.imencode(suffix, pixels, options)
    if not encoded:
        raise ValueError(f"{_kind(image)} cannot be written as {suffix}")
    return data.tobytes()


def write_image(
    path: Path, image: UInt8[np.ndarray, "h w 3"] | UInt16[np.ndarray, "h w 3"] | Integer[np.ndarray, "h w"]
) -> None:
    """Write ``encode_image`` of the path's suffix."""
    data = encode_image(path.suffix, image)
    with told_plainly(path):
        path.write_bytes(data)


def millimetres(depth_m: Float[np.ndarray, "h w"]) -> UInt16[np.ndarray, "h w"]:
    """Depth as it is stored; what lies beyond 65.534 m stays there."""
    return np.rint(depth_m * 1000).clip(0, _NO_DEPTH - 1).astype(np.uint16)


def resize_labels(labels: Integer[np.ndarray, "h w"], width: int, height: int) -> Integer[np.ndarray, "h2 w2"]:
    """Nearest-pixel resampling with pixel edges kept where they are."""
    if labels.shape == (height, width):
        return labels
    return cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)


def resize_color(color: UInt8[np.ndarray, "h w 3"], width: int, height: int) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Area-averaging (to smaller) or bilinear resampling with pixel edges kept where they are."""
    if color.shape[:2] == (height, width):
        return color
    smaller = width < color.shape[1]
    return cv2.resize(color, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def _decode(path: Path, flags: int) -> np.ndarray:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"{path}: {(error.strerror or str(error)).lower()}") from error
    mark = _END_MARKS.get(path.suffix.lower())
    if not data or (mark is not None and mark not in data[-1024:]):
        raise UnreadableImage(f"{path}: is empty or cut short")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if image is None:
        raise UnreadableImage(f"{path}: cannot be decoded as an image")
    return image


def _kind(image: np.ndarray) -> str:
    channels = 1 if image.ndim == 2 else image.shape[2]
    return f"{channels} channel{'s' if channels > 1 else ''} of {image.dtype}"
