"""Which pixels of its views something else hides of an object: computed from an idea of its shape, or drawn by hand.

A pixel is hidden where the camera's ray would meet the object - its completed shape, or points of it that other views
sensed - and the depth sensed there belongs to something else that stands clearly before it (``Fact.OTHER``, to which
instance images have already told what is whose).  Where the object hides itself or is seen, nothing is hidden.
Along every edge of depth some pixels have none that can be trusted; they go by the nearest that have.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import no_type_check

import cv2
import numba
import numpy as np
import trimesh
from jaxtyping import Bool, Float, UInt8

from preprocess.settings import HiddenSettings
from scene.camera import Intrinsics, project, unproject_where
from scene.cells import CellGrid
from scene.images import UnreadableImage, read_mask, resize_labels
from scene.raycast import RayCaster
from scene.records import Fact, ObjectViews
from scene.runlog import log

_MOST_POINTS = 600_000  # of all views together; more change nothing
_DRAWN = "_class_inpaint mask.png"  # O2-Recon's, with its blank


def hidden_pixels(views: ObjectViews, shape: trimesh.Trimesh, settings: HiddenSettings) -> Bool[np.ndarray, "n h w"]:
    """The pixels of every view in which something hides the object; ``shape`` is its whole surface in the world (m)."""
    caster = RayCaster(shape) if len(shape.faces) else None
    points = _sensed_points(views, settings)
    hidden = np.zeros(views.fact.shape, bool)
    for view in range(len(views)):
        surface_m = _surface_depth(caster, points, views.camera, views.world_from_camera[view], settings)
        depth_m = views.depth_mm[view].astype(np.float32) / 1000.0
        behind = _is_behind(surface_m, depth_m, views.fact[view], settings)
        hidden[view] = _large_patches(behind, settings.least_area_px)
    return hidden


def drawn_masks(object_folder: Path, camera: Intrinsics) -> dict[int, Bool[np.ndarray, "h w"]]:
    """The masks that somebody drew, in ``camera``'s size, by the view's number; {} where there are none.

    They lie in O2-Recon's ``only-seg-<four digits of the scene>-obj<id>/<view>_class_inpaint mask.png`` within the
    object folder; white is to be in-painted.  One that is named otherwise or cannot be read is left out with a warning.
    """
    masks = {}
    for number, path in drawn_files(object_folder):
        try:
            masks[number] = resize_labels(read_mask(path), camera.width, camera.height) > 127
        except UnreadableImage as error:
            log.warning("drawn mask left out: %s", error)
    return masks


def drawn_files(object_folder: Path) -> list[tuple[int, Path]]:
    """The files of drawn masks and their views' numbers; of two for one view the latter counts."""
    files = []
    pattern, example = _folder_of_masks(object_folder.name)
    for path in sorted(object_folder.glob("only-seg-*/*.png")):
        number = path.name.removesuffix(_DRAWN)
        if re.fullmatch(pattern, path.parent.name) and number.isdecimal():
            files.append((int(number), path))
        else:
            log.warning("%s: is left out; masks of this object are called %s/0%s", path, example, _DRAWN)
    return files


def drawn_path(object_folder: Path, number: int) -> Path:
    """Where a mask for a view is to be written so that ``drawn_masks`` takes it before any other."""
    pattern, _ = _folder_of_masks(object_folder.name)
    folders = [path for path in sorted(object_folder.glob("only-seg-*")) if re.fullmatch(pattern, path.name)]
    told = re.search(r"(?:scene(\d{4})_.*)?_obj_(\d+)", object_folder.name)
    scene, instance_id = (told[1] or "0000", told[2]) if told else ("0000", "0")
    folder = folders[-1] if folders else object_folder / f"only-seg-{scene}-obj{instance_id}"
    return folder / f"{number}{_DRAWN}"


def _folder_of_masks(object_name: str) -> tuple[str, str]:
    """What the folder of an object's drawn masks is called, as a pattern and in words; any scene's digits where the
    name tells none."""
    told = re.fullmatch(r"scene(\d{4})_.*_obj_(\d+)(?:_.*)?", object_name)
    if told is None:
        return r"only-seg-.*-obj\d+", "only-seg-<four digits of the scene>-obj<id>"
    name = f"only-seg-{told[1]}-obj{told[2]}"
    return name, name


def _sensed_points(views: ObjectViews, settings: HiddenSettings) -> Float[np.ndarray, "n 3"]:
    """World points of what the views sensed of the object, averaged in small cubes; those of few pixels left out."""
    step = int((views.fact == Fact.OBJECT).sum()) // _MOST_POINTS + 1
    parts = []
    for fact, depth_mm, pose in zip(views.fact, views.depth_mm, views.world_from_camera, strict=True):
        own = (fact == Fact.OBJECT) & (depth_mm > 0)
        parts.append(unproject_where(own, depth_mm.astype(np.float32) / 1000.0, views.camera, pose)[::step])
    points = np.concatenate(parts)
    if len(points) == 0:
        return points
    keys = CellGrid(points.mean(axis=0, dtype=np.float64), settings.point_cell_m).keys(points)
    _, cell, count = np.unique(keys, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(cell, points[:, axis]) for axis in range(3)], axis=1) / count[:, None]
    return means[count >= settings.least_points].astype(np.float32)


def _surface_depth(
    caster: RayCaster | None,
    points: Float[np.ndarray, "n 3"],
    camera: Intrinsics,
    world_from_camera: Float[np.ndarray, "4 4"],
    settings: HiddenSettings,
) -> Float[np.ndarray, "h w"]:
    """Depth of the object's first surface (Z in metres, 0 where the ray misses it), seen through what hides it.

    The shape speaks first.  Points fill in what it lacks, not its silhouette: they are as wide as their cubes.
    """
    depth_m = np.zeros((camera.height, camera.width), np.float32)
    if caster is not None:
        rows, columns, part = _window(np.asarray(caster.mesh.vertices), camera, world_from_camera)
        if part is not None:
            depth_m[rows, columns] = caster.render(part, world_from_camera)[0]
    uv, z = project(points, camera, world_from_camera)
    ahead = np.isfinite(uv).all(axis=1)
    half_px_m = np.float32(0.5 * settings.point_cell_m * camera.fx)
    of_points = _nearest_splat(uv[ahead].astype(np.float32), z[ahead].astype(np.float32), half_px_m, depth_m.shape)
    lacking = ((of_points > 0) & (depth_m == 0)).astype(np.uint8)
    square = np.ones((settings.sliver_px, settings.sliver_px), np.uint8)
    return np.where(cv2.morphologyEx(lacking, cv2.MORPH_OPEN, square) > 0, of_points, depth_m)


def _window(
    vertices: Float[np.ndarray, "v 3"], camera: Intrinsics, world_from_camera: Float[np.ndarray, "4 4"]
) -> tuple[slice, slice, Intrinsics | None]:
    """The rows and columns of an image in which a mesh can be, and their camera; none where it lies beside the image.

    Rays cost the most here, and most views show the object on a small part of the image.
    """
    uv, z = project(vertices, camera, world_from_camera)
    size = np.array([camera.width, camera.height])
    if not (z > 0).any():
        return slice(0), slice(0), None
    if (z <= 0).any():  # what reaches behind the camera may be anywhere
        low, high = np.zeros(2, int), size
    else:
        low = np.floor(uv.min(axis=0)).clip(0, size).astype(int)
        high = (np.ceil(uv.max(axis=0)) + 1).clip(0, size).astype(int)
    if (high <= low).any():
        return slice(0), slice(0), None
    part = camera.cropped(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])), part


@numba.njit(cache=True)
@no_type_check
def _nearest_splat(uv, z, half_px_m, shape):
    """Depth image of points drawn as squares of half a side ``half_px_m / z``; the nearest wins, 0 = none."""
    height, width = shape
    result = np.zeros((height, width), np.float32)
    for n in range(len(z)):
        half = half_px_m / z[n]
        top, bottom = max(0, int(np.ceil(uv[n, 1] - half))), min(height - 1, int(np.floor(uv[n, 1] + half)))
        left, right = max(0, int(np.ceil(uv[n, 0] - half))), min(width - 1, int(np.floor(uv[n, 0] + half)))
        for v in range(top, bottom + 1):
            for u in range(left, right + 1):
                if result[v, u] == 0 or z[n] < result[v, u]:
                    result[v, u] = z[n]
    return result


def _is_behind(
    surface_m: Float[np.ndarray, "h w"],
    depth_m: Float[np.ndarray, "h w"],
    fact: UInt8[np.ndarray, "h w"],
    settings: HiddenSettings,
) -> Bool[np.ndarray, "h w"]:
    """Where the object's surface lies clearly behind something else; pixels in doubt go by their nearest neighbour."""
    known = ((fact == Fact.OBJECT) | (fact == Fact.OTHER)) & (depth_m > 0)
    if not known.any():
        return np.zeros(fact.shape, bool)
    away_px, label = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    pixel_of_label = np.zeros(int(label.max()) + 1, np.int64)
    pixel_of_label[label[known]] = np.flatnonzero(known)
    nearest = pixel_of_label[label]
    before_m = depth_m.ravel()[nearest]
    asked = (fact == Fact.OTHER) | (fact == Fact.UNKNOWN)
    by_other = asked & (fact.ravel()[nearest] == Fact.OTHER) & (away_px <= settings.reach_px)
    margin_m = settings.margin_m + settings.margin_per_m * before_m
    return by_other & (surface_m - before_m > margin_m)


def _large_patches(where: Bool[np.ndarray, "h w"], least_px: int) -> Bool[np.ndarray, "h w"]:
    """The patches (connected over sides) of at least so many pixels."""
    _, patch, about, _ = cv2.connectedComponentsWithStats(where.astype(np.uint8), connectivity=4)
    large = about[:, cv2.CC_STAT_AREA] >= least_px
    large[0] = False
    return large[patch]
