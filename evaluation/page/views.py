"""Input views for a page: some that show an object well from different sides, with renders of its mesh beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import trimesh
from jaxtyping import Bool, Float, Shaped, UInt8

from evaluation.pictures import render_mesh
from evaluation.views import View
from scene.camera import Intrinsics
from scene.images import resize_color, resize_labels
from scene.records import Scan

# A view is worth showing when the object covers at least this share of what its best view has.
_WORTHWHILE = 0.3
_OUTLINE = (255, 170, 40)
_SPECK = 60.0  # contours round fewer square pixels are not drawn
_DIMMED = 0.35  # how much of the photograph is left behind a render


def pick_views(views: Sequence[View], instance_id: int, center: Float[np.ndarray, " 3"], count: int) -> list[View]:
    """Up to ``count`` views that show the object large and from directions far apart, the largest first."""
    areas = np.array([_worth(view.shows(instance_id)) for view in views])
    candidates = np.flatnonzero(areas > _WORTHWHILE * areas.max(initial=0.0)).tolist()
    if not candidates:
        return []
    towards = np.stack([views[k].world_from_camera[:3, 3] - center for k in candidates])
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    chosen = [int(areas[candidates].argmax())]
    while len(chosen) < min(count, len(candidates)):
        alike = (towards @ towards[chosen].T).max(1)  # cosine to the most similar view chosen so far
        alike[chosen] = np.inf
        chosen.append(int(alike.argmin()))
    return [views[candidates[k]] for k in chosen]


def with_color(view: View, scan: Scan) -> View | None:
    """The view with its frame's colour; None when that cannot be read any more."""
    if view.color is not None:
        return view
    frame = scan.load_frame(view.index)
    return None if frame is None else replace(view, color=frame.color)


def pictures_of(
    view: View, instance_id: int, mesh: trimesh.Trimesh | None, width: int
) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w 3"] | None]:
    """The view (with colour) cut to the object, its mask outlined, and the mesh from the same camera over the dimmed
    photograph (None without a mesh)."""
    assert view.color is not None
    mask = view.shows(instance_id)
    crop = Crop.around(mask, view.camera, width)
    photo = crop.color(view.color)
    photo_outlined = outlined(photo, crop.labels(mask))
    if mesh is None:
        return photo_outlined, None
    return photo_outlined, render_mesh(mesh, crop.camera, view.world_from_camera, background=dimmed(photo))


@dataclass(frozen=True)
class Crop:
    """A 4:3 part of an image with the object in its middle and some room round it, at the page's size."""

    rows: slice
    columns: slice
    camera: Intrinsics  # of the part

    @classmethod
    def around(cls, mask: Bool[np.ndarray, "h w"], camera: Intrinsics, width: int) -> Crop:
        """Of an image by ``camera``; all of it where the mask is empty."""
        left, top, size_x, size_y = _crop_box(mask if mask.any() else np.ones_like(mask), camera)
        part = camera.cropped(left, top, size_x, size_y).resized(width, round(width * 0.75))
        return cls(slice(top, top + size_y), slice(left, left + size_x), part)

    def color(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
        return resize_color(image[self.rows, self.columns], self.camera.width, self.camera.height)

    def labels(self, image: Shaped[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h2 w2"]:
        part = image[self.rows, self.columns].astype(np.uint8)
        return resize_labels(part, self.camera.width, self.camera.height).astype(np.uint8)


def outlined(photo: UInt8[np.ndarray, "h w 3"], mask: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with the mask's outline drawn, specks left out."""
    # Masks made from depth are full of pinholes; the outline is to show the thing.
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    contours = [contour for contour in contours if cv2.contourArea(contour) > _SPECK]
    return cv2.drawContours(photo.copy(), contours, -1, _OUTLINE, 2, cv2.LINE_AA)


def dimmed(photo: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """The picture as a pale ground for what is drawn over it."""
    grey = photo.mean(axis=2, keepdims=True)
    return np.rint(_DIMMED * grey + (1.0 - _DIMMED) * 235.0).astype(np.uint8).repeat(3, axis=2)


def _worth(mask: Bool[np.ndarray, "h w"]) -> float:
    """How well a view shows the object: its pixels, by half where the image's border cuts it off."""
    cut_off = mask[[0, -1]].any() or mask[:, [0, -1]].any()
    return float(mask.sum()) * (0.5 if cut_off else 1.0)


def _crop_box(mask: np.ndarray, camera: Intrinsics) -> tuple[int, int, int, int]:
    """left, top, width, height of the part."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    size_y = max(1.5 * (rows[-1] - rows[0]), 1.5 * (columns[-1] - columns[0]) * 0.75, 0.3 * camera.height)
    size_y = min(size_y, camera.height, camera.width * 0.75)
    width, height = int(size_y / 0.75), int(size_y)
    left = int(np.clip((columns[0] + columns[-1]) / 2 - width / 2, 0, camera.width - width))
    top = int(np.clip((rows[0] + rows[-1]) / 2 - height / 2, 0, camera.height - height))
    return left, top, width, height
