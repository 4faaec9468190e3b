"""From an object folder to the training folder that the fit reads: one camera, facts, hidden pixels, normals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Bool, Float

from preprocess.hidden import drawn_masks, hidden_pixels
from preprocess.inpaint import inpaint
from preprocess.loaded_views import LoadedViews, load_views
from preprocess.normal_sources import Predictor, Stored, normals_of_views, stored_normals
from preprocess.painting import Painter
from preprocess.settings import PrepareSettings
from scene.frame_files import listed
from scene.normalize import around
from scene.object_folder import write_training_folder
from scene.painted import painted_points
from scene.records import ObjectViews
from scene.runlog import log

_FAR = 1.0  # of the seen part's size: a painted point farther from it does not make the object's sphere larger


@dataclass(frozen=True)
class Learned:
    """What preparing may use beside the folder itself; without a painter hidden pixels stay unknown."""

    painter: Painter | None = None
    shape_of: Callable[[ObjectViews], trimesh.Trimesh] | None = None  # a first idea of the whole shape, world metres
    predictor: Predictor | None = None  # of normals, where the settings ask for one


NOTHING_LEARNED = Learned()


def prepare(
    object_folder: Path, training_folder: Path, settings: PrepareSettings, learned: Learned = NOTHING_LEARNED
) -> None:
    """Write ``training_folder`` (``scene.object_folder``) from ``object_folder`` (``scene.object_source``).

    Raises UserError when the folder cannot be used or no pixel of the object has depth.
    """
    loaded = load_views(object_folder, settings)
    views, points_m = loaded.views, loaded.points_m
    predict = None
    if settings.normals != "none":
        normals = normals_of_views(
            views, views.color, settings, learned.predictor, _stored(object_folder, loaded, settings)
        )
        views, predict = replace(views, normal=normals.normal), normals.predict
    if learned.painter is not None:
        hidden, drawn = _hidden(object_folder, loaded, learned, settings)
        views = inpaint(views, loaded.views.color, hidden, learned.painter, settings.inpaint, predict, drawn)
        if views.hidden is not None:
            # No more than were seen, or they would decide where the object is.
            painted_m = painted_points(views, per_view=max(1, len(points_m) // len(views)))
            points_m = np.concatenate([points_m, _near(painted_m, points_m)])
            views = replace(views, world_from_normalized=around(points_m, settings.margin))
    elif any(object_folder.glob("only-seg-*")):
        log.warning("%s: has masks drawn by hand, and no in-painter to fill them", object_folder)
    write_training_folder(training_folder, views, loaded.notes, points_m)


def _stored(object_folder: Path, loaded: LoadedViews, settings: PrepareSettings) -> Stored | None:
    """The normals that lie in the object folder, where the settings take them."""
    if settings.normals != "folder":
        return None
    views = loaded.views
    return stored_normals(
        object_folder,
        loaded.numbers,
        views.world_from_camera,
        loaded.source_camera,
        views.camera,
        settings.normal_axes,
    )


def _hidden(
    object_folder: Path, loaded: LoadedViews, learned: Learned, settings: PrepareSettings
) -> tuple[Bool[np.ndarray, "n h w"], list[int]]:
    """The pixels that something else hides, as drawn by hand or else as computed; and which views were drawn."""
    assert learned.shape_of is not None, "a painter needs an idea of the whole shape"
    hidden = hidden_pixels(loaded.views, learned.shape_of(loaded.views), settings.inpaint.hidden)
    masks = drawn_masks(object_folder, loaded.source_camera)
    drawn = [view for view, number in enumerate(loaded.numbers) if number in masks]
    if strangers := sorted(masks.keys() - set(loaded.numbers)):
        log.warning(
            "%s: masks were drawn for views %s, which it does not have: one goes by its image in origin_image/",
            object_folder,
            listed(strangers),
        )
    if drawn:
        log.info("%s: masks drawn by hand go before those found, in %d of its views", object_folder.name, len(drawn))
    for view in drawn:
        hidden[view] = loaded.into_views(masks[loaded.numbers[view]])
    return hidden, drawn


def _near(points_m: Float[np.ndarray, "n 3"], seen_m: Float[np.ndarray, "m 3"]) -> Float[np.ndarray, "k 3"]:
    """The points that do not lie far outside the box of those seen."""
    low, high = np.percentile(seen_m, [1, 99], axis=0)
    room_m = _FAR * np.linalg.norm(high - low)
    return points_m[((points_m > low - room_m) & (points_m < high + room_m)).all(axis=1)]
