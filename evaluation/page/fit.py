"""Views as the fit read them, for a page: what was in-painted and what normals were predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from evaluation.page.meshes import data_url
from evaluation.page.records import PageFit
from evaluation.page.views import Crop, dimmed, outlined
from scene.errors import UserError
from scene.frame_files import numbered
from scene.images import UnreadableImage, read_mask
from scene.normal_conventions import encode, to_image
from scene.normal_files import resize_normals
from scene.object_folder import read_training_folder
from scene.records import Fact, ObjectViews, Scan
from scene.registration import color_into
from scene.runlog import log
from scene.view_notes import read_notes

_FEW_PIXELS = 100  # a view with fewer painted ones has nothing to show
_SHOWN_AXES = "opengl"  # x red to the right, y green up, z blue towards the camera: as baked normal maps look


def fit_views(folder: Path, scan: Scan, count: int, width: int) -> list[PageFit]:
    """Up to ``count`` views of a training folder (``scene.object_folder``), the most painted first; none where nothing
    was painted and no normals were predicted.  What cannot be read is warned of and left out."""
    shown = []
    for number in _chosen(folder, count):
        try:
            views = read_training_folder(folder, only=[number])
        except UserError as error:
            log.warning("%s; the page goes without this view", error)
            continue
        frame_id = next(iter(read_notes(folder, [number]).frame_ids), number)
        shown.append(_page_fit(views, frame_id, _sensed(scan, frame_id, views), width))
    return shown


def _chosen(folder: Path, count: int) -> list[int]:
    """The numbers of the views to show: those with most painted pixels, neighbours left out, else those that show the
    object best."""
    painted = {number: _painted_pixels(path) for number, path in numbered(folder / "confidence").items()}
    worthwhile = sorted((k for k in painted if painted[k] >= _FEW_PIXELS), key=lambda k: -painted[k])
    apart = len(painted) / (3 * count)
    chosen: list[int] = []
    for number in worthwhile:
        if len(chosen) < count and all(abs(number - other) >= apart for other in chosen):
            chosen.append(number)
    if chosen:
        return chosen
    numbers = list(numbered(folder / "pred_normal", (".npz",)))
    scores = read_notes(folder, numbers).scores if numbers else []
    best = np.argsort(-np.asarray(scores), kind="stable") if scores else np.arange(len(numbers))
    return [numbers[k] for k in best[:count]]


def _painted_pixels(path: Path) -> int:
    try:
        return int((read_mask(path) > 0).sum())
    except UnreadableImage as error:
        log.warning("%s", error)
        return 0


def _sensed(scan: Scan, frame_id: int, views: ObjectViews) -> UInt8[np.ndarray, "h w 3"] | None:
    """The scan's frame as the camera of the views would have taken it; None where it cannot be read any more."""
    frame = scan.load_frame(list(scan.frame_ids).index(frame_id)) if frame_id in scan.frame_ids else None
    return None if frame is None else color_into(views.camera, frame.camera)(frame.color)


def _page_fit(views: ObjectViews, frame_id: int, sensed: UInt8[np.ndarray, "h w 3"] | None, width: int) -> PageFit:
    """All pictures show the same part of the view (the first of ``views``)."""
    painted = np.zeros(views.color.shape[1:3], bool) if views.hidden is None else views.hidden.confidence[0] > 0
    mask = np.isin(views.fact[0], (Fact.OBJECT, Fact.OBJECT_NO_DEPTH)) | painted
    crop = Crop.around(mask, views.camera, width)
    ground = dimmed(crop.color(views.color[0] if sensed is None else sensed))
    inside = crop.labels(mask) > 0
    before = after = normals = ""
    if painted.any():
        edge = crop.labels(painted)
        read = crop.color(views.color[0])
        # Outside the painted pixels both show the same, else the slider would show more change than painting made.
        unpainted = np.where(inside[..., None], read if sensed is None else crop.color(sensed), ground)
        before = "" if sensed is None else data_url(outlined(unpainted, edge))
        after = data_url(outlined(np.where(edge[..., None] > 0, read, unpainted), edge))
    if views.normal is not None:
        part = resize_normals(views.normal[0][crop.rows, crop.columns], crop.camera.width, crop.camera.height)
        normals = data_url(_normal_picture(part, ground, inside))
    share = f", {painted.sum() / max(1, mask.sum()):.0%} of it painted" if painted.any() else ""
    return PageFit(f"frame {frame_id}{share}", before, after, normals)


def _normal_picture(
    normal: Float[np.ndarray, "h w 3"], ground: UInt8[np.ndarray, "h w 3"], inside: Bool[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Normals as colours over the ground; nothing where they are unknown, or not the object's."""
    known = inside & (normal != 0).any(axis=-1)
    picture: UInt8[np.ndarray, "h w 3"] = to_image(encode(normal, _SHOWN_AXES), 8)
    return np.where(known[..., None], picture, ground)
