"""What lies on the mask editor's desk: an object's views, the masks proposed for them, and those drawn, on disk."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool

from preprocess.hidden import drawn_files, drawn_masks, drawn_path, hidden_pixels
from preprocess.loaded_views import LoadedViews, load_views
from preprocess.settings import PrepareSettings
from scene.files import atomic_file
from scene.images import encode_image, write_image
from scene.mesh import load_mesh
from scene.records import Fact
from scene.runlog import log

_AS_IT_LIES = PrepareSettings(normals="none", crop="none")  # masks are drawn over the folder's own images
_PNG_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


class BadMask(Exception):
    """Something that was sent in place of a mask; the message says what is wrong with it."""


@dataclass
class MaskDesk:
    """An object folder's views with their masks; no mask and an empty one are kept apart, as the in-painting does.

    Where none is saved, one is computed when the object is in-painted; a saved one takes its place, an empty one too.
    """

    object_folder: Path
    loaded: LoadedViews  # in the folder's own camera
    proposal: Bool[np.ndarray, "n h w"] | None  # what is computed to be hidden; None: there is no mesh to tell
    touched: set[int] = field(default_factory=set)  # views whose masks were saved or removed here
    _drawn: dict[int, Bool[np.ndarray, "h w"]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._index = {number: index for index, number in enumerate(self.loaded.numbers)}

    def __contains__(self, number: int) -> bool:
        return number in self._index

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of every image and mask."""
        return self.loaded.source_camera.width, self.loaded.source_camera.height

    def about(self) -> dict[str, Any]:
        """What the page is told when it opens; drawn masks are read anew."""
        with self._lock:
            self._drawn = drawn_masks(self.object_folder, self.loaded.source_camera)
            width, height = self.size
            return {
                "name": self.loaded.views.name,
                "label": self.loaded.views.label,
                "width": width,
                "height": height,
                "has_proposal": self.proposal is not None,
                "views": [{"number": number, "saved": number in self._drawn} for number in self.loaded.numbers],
            }

    def color(self, number: int) -> bytes:
        """A view's image as a JPEG."""
        return encode_image(".jpg", self.loaded.views.color[self._index[number]])

    def seen(self, number: int) -> bytes:
        """What a view sees of the object, white, as a PNG."""
        fact = self.loaded.views.fact[self._index[number]]
        return _png(np.isin(fact, (Fact.OBJECT, Fact.OBJECT_NO_DEPTH)))

    def proposed(self, number: int) -> bytes:
        """The mask to begin with where none is drawn, as a PNG."""
        index = self._index[number]
        return _png(np.zeros(self.size[::-1], bool) if self.proposal is None else self.proposal[index])

    def drawn(self, number: int) -> bytes | None:
        """The mask on disk, in the images' size, as a PNG; None where there is none."""
        with self._lock:
            mask = self._drawn.get(number)
        return None if mask is None else _png(mask)

    def save(self, number: int, png: bytes) -> None:
        """Write a view's mask.  Raises BadMask where ``png`` is none of the images' size."""
        mask = decode_mask(png, *self.size)
        with self._lock:
            with atomic_file(drawn_path(self.object_folder, number)) as temporary:
                write_image(temporary, mask.astype(np.uint8) * 255)
            self._drawn[number] = mask
            self.touched.add(number)

    def remove(self, number: int) -> None:
        """Remove a view's mask from disk, so that what is hidden there is computed again."""
        with self._lock:
            for path in [path for drawn, path in drawn_files(self.object_folder) if drawn == number]:
                path.unlink()
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()
            self._drawn.pop(number, None)
            self.touched.add(number)


def open_desk(object_folder: Path, mesh: Path | None) -> MaskDesk:
    """Read an object folder and, with the object's mesh (metres, the scan's frame), compute what is hidden of it.

    Raises UserError when the folder or the mesh cannot be used.
    """
    shape = load_mesh(mesh) if mesh is not None else None
    log.info("reading the views of %s", object_folder.name)
    loaded = load_views(object_folder, _AS_IT_LIES)
    if shape is None:
        return MaskDesk(object_folder, loaded, None)
    log.info("computing what is hidden in %d views", len(loaded.views))
    return MaskDesk(object_folder, loaded, hidden_pixels(loaded.views, shape, _AS_IT_LIES.inpaint.hidden))


def mesh_of(object_folder: Path) -> Path | None:
    """The mesh that ``reconstruct.py`` made of an object folder of its own; None where there is none yet."""
    name = object_folder.name.replace("_scannet_obj_", "_obj_")
    path = object_folder.parent.parent.parent / "meshes" / f"{name}.ply"
    return path if path.is_file() else None


def decode_mask(png: bytes, width: int, height: int) -> Bool[np.ndarray, "h w"]:
    """The mask in a PNG, which must be of this size: pixels brighter than 127 of 255.  Raises BadMask.

    The size is read from the file's head before anything is unpacked, or a small file could ask for all memory.
    """
    if not png.startswith(_PNG_HEAD) or len(png) < len(_PNG_HEAD) + 8:
        raise BadMask("a mask must be a PNG image")
    told = struct.unpack_from(">II", png, len(_PNG_HEAD))
    if told != (width, height):
        raise BadMask(f"the mask is {told[0]} x {told[1]} pixels and the images are {width} x {height}")
    try:
        image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        image = None
    if image is None or image.shape != (height, width) or b"IEND" not in png[-16:]:
        raise BadMask("the mask cannot be decoded; it may be cut short")
    return image > 127


def _png(mask: Bool[np.ndarray, "h w"]) -> bytes:
    return encode_image(".png", mask.astype(np.uint8) * 255)
