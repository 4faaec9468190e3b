"""Where the normals of an object's views come from: depth, a predictor that looks at the images, or a folder of files.

What does not come from depth is checked against it over all views (``preprocess.normal_axes``), and turned, or refused
and depth's taken instead; a log line says so.  Only pixels that show the object keep a normal: others would be taken
for the object's surface.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, UInt8

from preprocess.normal_axes import AxisCheck, checked_axes
from preprocess.normals import normals_from_depth, normals_where
from preprocess.settings import PrepareSettings
from scene.camera import Intrinsics
from scene.errors import UserError
from scene.frame_files import listed, numbered
from scene.images import UnreadableImage
from scene.normal_conventions import AXES, decode, name_of_axes
from scene.normal_files import read_normals, resize_normals
from scene.records import Fact, ObjectViews
from scene.registration import normals_into
from scene.runlog import log
from scene.stream import ahead

_CHECK_STRIDE = 2  # of the depth pixels that are compared: a quarter is plenty
_CHECK_RADIUS_PX = 8
_SAME_SHAPE = 0.03  # width over height may differ by so much: 1296 x 968 and 640 x 480 are one shape
_MOST_CHECKED = 60_000  # pixels of all views together

ViewNormal = Float[np.ndarray, "h w 3"]
Stored = Callable[[int], ViewNormal | None]  # a view's normals by its stated axes; None where there are none
Predict = Callable[[UInt8[np.ndarray, "h w 3"], int], ViewNormal]  # of an image of a view, and the view's index


@runtime_checkable
class Predictor(Protocol):
    """What ``models.pretrained.normals.NormalPredictor`` is."""

    axes: str

    def __call__(self, image: UInt8[np.ndarray, "h w 3"], seed: int) -> ViewNormal:
        """Unit vectors in ``axes``."""


@dataclass(frozen=True)
class ViewNormals:
    """The normals of all views, and what tells those of an image that was changed; None: nothing but its depth does."""

    normal: Float[np.ndarray, "n h w 3"]  # as scene.records.ObjectViews has them
    predict: Predict | None = None


def normals_of_views(
    views: ObjectViews,
    whole_color: UInt8[np.ndarray, "n h w 3"],
    settings: PrepareSettings,
    predictor: Predictor | None = None,
    stored: Stored | None = None,
) -> ViewNormals:
    """The object's normals from the source that ``settings.normals`` names ("none" is for the caller to leave out).

    ``predictor`` and ``stored`` (``stored_normals``) are needed for the sources "predicted" and "folder".
    """
    if settings.normals == "predicted":
        assert predictor is not None, "prepare.normals = predicted needs a predictor"
        predict = predicted_normals(predictor, settings.normal_seed)
        found: list[ViewNormal | None] = [predict(whole_color[i], i) for i in range(len(views))]
        turn = _agreed(views, found, predictor.axes, "predicted normals")
        if turn is None:
            return ViewNormals(_from_depth(views, settings))
        return ViewNormals(
            _chosen(views, found, turn, settings), predicted_normals(predictor, settings.normal_seed, turn)
        )
    if settings.normals == "folder":
        assert stored is not None, "prepare.normals = folder needs a folder"
        found = list(ahead(stored, range(len(views))))
        turn = _agreed(views, found, settings.normal_axes, "normals of the folder")
        return ViewNormals(_from_depth(views, settings) if turn is None else _chosen(views, found, turn, settings))
    return ViewNormals(_from_depth(views, settings))


def predicted_normals(predictor: Predictor, seed: int, turn: Int[np.ndarray, "3 3"] | None = None) -> Predict:
    """A function from an image to our normals (float16); every view is drawn from the same noise, so that what two of
    them show alike comes out alike."""

    def predict(image: UInt8[np.ndarray, "h w 3"], _: int) -> ViewNormal:
        normal = decode(predictor(image, seed), predictor.axes)
        return (normal if turn is None else normal @ turn.T.astype(np.float32)).astype(np.float16)

    return predict


def stored_normals(
    object_folder: Path,
    numbers: Sequence[int],
    world_from_camera: Float[np.ndarray, "n 4 4"],
    source: Intrinsics,
    target: Intrinsics,
    axes: str,
) -> Stored:
    """A function from a view's index to its normals, by ``axes``, in the ``target`` camera.

    They lie in ``<object_folder>/pred_normal/<view>.npz`` or ``.png``, over the folder's images (``source``) whatever
    their size.  A file that cannot be read, or is of another shape, is named in a warning.  Raises UserError when there
    is none at all.
    """
    folder = object_folder / "pred_normal"
    files = numbered(folder, (".png",)) | numbered(folder, (".npz",))
    if not files.keys() & set(numbers):
        raise UserError(
            f"{folder}: holds no normals as <view>.npz or .png; put them there, or set prepare.normals=depth"
        )
    into_target = normals_into(target, source)

    def read(i: int) -> ViewNormal | None:
        if numbers[i] not in files:
            return None
        try:
            normal = read_normals(files[numbers[i]], axes, world_from_camera[i])
        except UnreadableImage as error:
            log.warning("%s", error)
            return None
        height, width = normal.shape[:2]
        if abs(width * source.height / (height * source.width) - 1) > _SAME_SHAPE:
            size = (files[numbers[i]], width, height, source.width, source.height)
            log.warning("%s: is %dx%d, which is another shape than the images have (%dx%d); it is left out", *size)
            return None
        return into_target(resize_normals(normal, source.width, source.height))

    return read


def _from_depth(views: ObjectViews, settings: PrepareSettings) -> Float[np.ndarray, "n h w 3"]:
    return np.stack(list(ahead(lambda i: _depth_normal(views, i, settings), range(len(views)))))


def _depth_normal(views: ObjectViews, i: int, settings: PrepareSettings) -> ViewNormal:
    depth_m = views.depth_mm[i] * np.float32(1e-3)
    return normals_from_depth(depth_m, views.fact[i], views.camera, settings.normal_radius_px)


def _chosen(
    views: ObjectViews, found: Sequence[ViewNormal | None], turn: Int[np.ndarray, "3 3"], settings: PrepareSettings
) -> Float[np.ndarray, "n h w 3"]:
    """What a source found, turned, where it shows the object and faces the camera; of views that it lacks, depth's."""
    if missing := [i for i, normal in enumerate(found) if normal is None]:
        log.warning(
            "%s: the normals of views %s are taken from depth: there are no others", views.name, listed(missing)
        )
    rays, result = views.camera.directions(), []
    for i, normal in enumerate(found):
        if normal is None:
            result.append(_depth_normal(views, i, settings))
            continue
        turned = normal.astype(np.float32) @ turn.T.astype(np.float32)
        kept = np.isin(views.fact[i], (Fact.OBJECT, Fact.OBJECT_NO_DEPTH)) & ((turned * rays).sum(-1) < 0)
        result.append(np.where(kept[..., None], turned, np.float32(0)).astype(np.float16))
    return np.stack(result)


def _agreed(
    views: ObjectViews, found: Sequence[ViewNormal | None], axes: str, what: str
) -> Int[np.ndarray, "3 3"] | None:
    """How a source's normals must be turned to agree with depth; None, with a warning, when they cannot be used."""
    pairs = list(ahead(lambda i: _compared(views, i, found[i]), range(len(views))))
    read, true = (np.concatenate([pair[k] for pair in pairs]) for k in (0, 1))
    check = checked_axes(read, true, axes)
    _tell(f"{views.name}: {what}", axes, check)
    return check.turn


def _compared(
    views: ObjectViews, i: int, normal: ViewNormal | None
) -> tuple[Float[np.ndarray, "m 3"], Float[np.ndarray, "m 3"]]:
    """A source's normals and depth's of pixels of view ``i``, of the object and of what is round it, that have both."""
    if normal is None:
        return np.zeros((0, 3), np.float16), np.zeros((0, 3), np.float16)
    some, camera = (slice(None, None, _CHECK_STRIDE),) * 2, views.camera
    depth_m = views.depth_mm[i][some] * np.float32(1e-3)
    coarse = Intrinsics(
        depth_m.shape[1],
        depth_m.shape[0],
        *(value / _CHECK_STRIDE for value in (camera.fx, camera.fy, camera.cx, camera.cy)),
    )
    sensed = np.isin(views.fact[i][some], (Fact.OBJECT, Fact.OTHER)) & (depth_m > 0)
    true, read = normals_where(sensed, depth_m, coarse, _CHECK_RADIUS_PX), normal[some]
    both = (true != 0).any(-1) & (read != 0).any(-1)
    step = int(both.sum()) * len(views) // _MOST_CHECKED + 1
    return read[both][::step].astype(np.float16), true[both][::step]


def _tell(what: str, axes: str, check: AxisCheck) -> None:
    if check.turn is None:
        log.warning(
            "%s are refused: they are %.0f degrees off depth's in the stated axes (%s), and %.0f in the best (%d fit "
            "alike); depth's are used",
            what,
            check.stated_deg,
            axes,
            check.best_deg,
            check.ties,
        )
    elif not check.as_stated:
        name = name_of_axes(check.turn @ AXES[axes]) if axes in AXES else f"{axes}, then {name_of_axes(check.turn)}"
        log.warning(
            "%s are not in the stated axes (%s: %.0f degrees off depth's) but in these: %s (%.0f); they are turned",
            what,
            axes,
            check.stated_deg,
            name,
            check.best_deg,
        )
    elif np.isnan(check.stated_deg):
        log.info("%s are taken as stated (%s): too few pixels to check them by depth", what, axes)
    else:
        unsure = f"; {check.ties - 1} other axes fit as well, for want of other directions" if check.ties > 1 else ""
        log.info("%s agree with depth's in the stated axes (%s: %.0f degrees)%s", what, axes, check.stated_deg, unsure)
