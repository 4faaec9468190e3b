"""What lies on the mask editor's desk: an object's views, the masks proposed for them, and those drawn, on disk."""

from __future__ import annotations

import contextlib
import hashlib
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
from preprocess.mask_editor.run_folder import next_command
from preprocess.settings import PrepareSettings
from scene.errors import UserError
from scene.files import atomic_file
from scene.images import UnreadableImage, encode_image, read_mask, resize_labels
from scene.mesh import load_mesh
from scene.records import Fact
from scene.runlog import log

_AS_IT_LIES = PrepareSettings(normals="none", crop="none")  # masks are drawn over the folder's own images
_SMALL_PX = 192  # width of the small images by which views are chosen
_PNG_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


class BadMask(Exception):
    """Something that was sent in place of a mask; the message says what is wrong with it."""


class StaleMask(Exception):
    """The mask on disk is not the one that was to be replaced; ``tag`` is that of the present one, None without."""

    def __init__(self, number: int, tag: str | None) -> None:
        super().__init__(f"the mask of view {number} was changed elsewhere since it was read here")
        self.tag = tag


@dataclass(frozen=True)
class DrawnMask:
    """A mask on disk, in the images' size; ``tag`` tells its file's contents from any other."""

    mask: Bool[np.ndarray, "h w"]
    tag: str


@dataclass
class MaskDesk:
    """An object folder's views with their masks; no mask and an empty one are kept apart, as the in-painting does.

    Where none is saved, one is computed when the object is in-painted; a saved one takes its place, an empty one too.
    """

    object_folder: Path
    loaded: LoadedViews  # in the folder's own camera
    proposal: Bool[np.ndarray, "n h w"] | None  # what is computed to be hidden; None: there is no mesh to tell
    touched: set[int] = field(default_factory=set)  # views whose masks were saved or removed here
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
        """What the page is told when it opens."""
        drawn = drawn_masks(self.object_folder, self.loaded.source_camera)
        width, height = self.size
        frames = zip(self.loaded.numbers, self.loaded.notes.frame_ids, strict=True)
        return {
            "name": self.loaded.views.name,
            "label": self.loaded.views.label,
            "width": width,
            "height": height,
            "has_proposal": self.proposal is not None,
            "next_command": next_command(self.object_folder),
            "views": [{"number": number, "frame": frame, "saved": number in drawn} for number, frame in frames],
        }

    def color(self, number: int) -> bytes:
        """A view's image as a JPEG."""
        return encode_image(".jpg", self.loaded.views.color[self._index[number]])

    def small(self, number: int) -> bytes:
        """A view's image as a small JPEG."""
        color = self.loaded.views.color[self._index[number]]
        scale = min(1.0, _SMALL_PX / color.shape[1])
        return encode_image(".jpg", cv2.resize(color, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))

    def seen(self, number: int) -> bytes:
        """What a view sees of the object, white, as a PNG."""
        fact = self.loaded.views.fact[self._index[number]]
        return encode_mask(np.isin(fact, (Fact.OBJECT, Fact.OBJECT_NO_DEPTH)))

    def proposed(self, number: int) -> bytes:
        """The mask to begin with where none is drawn, as a PNG."""
        index = self._index[number]
        return encode_mask(np.zeros(self.size[::-1], bool) if self.proposal is None else self.proposal[index])

    def drawn(self, number: int) -> DrawnMask | None:
        """The mask on disk, which other programs may have changed; None where there is none that can be read."""
        for path in reversed(self._files(number)):
            with contextlib.suppress(UnreadableImage, FileNotFoundError):
                tag = hashlib.sha256(
                    path.read_bytes()
                ).hexdigest()  # first: a tag too old refuses, one too new overwrites
                return DrawnMask(resize_labels(read_mask(path), *self.size) > 127, tag)
        return None

    def save(self, number: int, png: bytes, replaces: str | None) -> str:
        """Write a view's mask in place of the one of tag ``replaces``, or of none, and tell the new one's tag.

        Raises BadMask where ``png`` is none of the images' size, and StaleMask where something else is on disk.
        """
        mask = decode_mask(png, *self.size)
        with self._lock:
            self._check_may_write(number, replaces)
            data = encode_mask(mask)
            with atomic_file(drawn_path(self.object_folder, number)) as temporary:
                temporary.write_bytes(data)
            self.touched.add(number)
        return hashlib.sha256(data).hexdigest()

    def remove(self, number: int, replaces: str | None) -> None:
        """Remove a view's mask from disk, so that what is hidden there is computed again.  Raises StaleMask."""
        with self._lock:
            self._check_may_write(number, replaces)
            for path in self._files(number):
                path.unlink()
                self.touched.add(number)
                with contextlib.suppress(OSError):  # other views' masks are in it
                    path.parent.rmdir()

    def _files(self, number: int) -> list[Path]:
        return [path for drawn, path in drawn_files(self.object_folder) if drawn == number]

    def _check_may_write(self, number: int, replaces: str | None) -> None:
        refuse_links(self.object_folder)
        present = self.drawn(number)
        tag = None if present is None else present.tag
        if tag != replaces:
            raise StaleMask(number, tag)


def refuse_links(object_folder: Path) -> None:
    """Raises UserError where masks lie in a link: what is written there changes another folder."""
    for path in object_folder.glob("only-seg-*"):
        if path.is_symlink():
            raise UserError(f"{path}: is a link, through which no mask is written; put a folder of masks in its place")


def open_desk(object_folder: Path, mesh: Path | None) -> MaskDesk:
    """Read an object folder and, with the object's mesh (metres, the scan's frame), compute what is hidden of it.

    Raises UserError when the folder or the mesh cannot be used.
    """
    refuse_links(object_folder)
    shape = load_mesh(mesh) if mesh is not None else None
    log.info("reading the views of %s", object_folder.name)
    loaded = load_views(object_folder, _AS_IT_LIES)
    if shape is None:
        return MaskDesk(object_folder, loaded, None)
    log.info("computing what is hidden in %d views", len(loaded.views))
    return MaskDesk(object_folder, loaded, hidden_pixels(loaded.views, shape, _AS_IT_LIES.inpaint.hidden))


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


def encode_mask(mask: Bool[np.ndarray, "h w"]) -> bytes:
    return encode_image(".png", mask.astype(np.uint8) * 255)
