"""Objects found in a fused surface, seen again in the frames: instance images that respect what hides what.

A pixel with depth takes the object of the fused surface its point lies on; so whatever stands in front of an object, or
moved there, is never taken for it.  A pixel without depth takes what its ray meets first in the fused surface, if the
colours agree: something dark or shiny that no camera could measure may stand in front.
"""

from __future__ import annotations

from dataclasses import replace
from typing import no_type_check

import cv2
import numba
import numpy as np
from jaxtyping import Bool, Int32, Int64, UInt16

from preprocess.contacts import contrast_lab
from preprocess.fused_surface import FusedSurface
from preprocess.segment_settings import MaskSettings
from scene.camera import unproject_where
from scene.facts import find_doubts
from scene.raycast import RayCaster
from scene.records import Frame

_NOTHING = -1  # no surface near
_HOLE_STEP = 2  # pixels a ray for missing depth stands for, each way
_CLOSING = np.ones((5, 5), np.uint8)  # closes gaps of up to four pixels


class ObjectProjector:
    """Makes the instance image of a frame; may be called from several threads."""

    def __init__(self, surface: FusedSurface, ids: Int64[np.ndarray, " v"], settings: MaskSettings) -> None:
        """``ids`` are the vertices' instance ids, 0 for what is no object."""
        self._settings, self._surface = settings, surface
        self._ids = ids.astype(np.int32)
        self._color = contrast_lab(surface.color)
        self._caster = RayCaster(surface.mesh())
        assert len(self._caster.mesh.face_normals)  # trimesh computes them once, here, not in several threads at once
        reach = settings.reach_m / surface.voxel_m
        self._field = np.full(surface.space.open.shape, _NOTHING, np.int32)
        index = ((surface.vertices - surface.space.origin_m) / surface.voxel_m).astype(np.float32)
        _paint(self._field, np.full(self._field.shape, np.float32(reach**2)), index, self._ids, int(np.ceil(reach)))

    def instance_image(self, frame: Frame) -> UInt16[np.ndarray, "h w"]:
        """Instance ids, 0 = none."""
        unlabelled = replace(frame, instance=np.zeros(frame.depth_m.shape, np.uint8))
        holes, flying = frame.depth_m <= 0, find_doubts(unlabelled).flying
        image = np.where(holes, self._ids_at_holes(frame, holes), self._ids_at_points(frame))
        image = np.where(flying, 0, image).astype(np.uint16)
        return _tidied(image, holes | flying, round(self._settings.min_area_share * image.size))

    def _ids_at_points(self, frame: Frame) -> Int32[np.ndarray, "h w"]:
        found = np.full(frame.depth_m.shape, _NOTHING, np.int32)
        for factor in (1.0, 1 - self._settings.depth_noise, 1 + self._settings.depth_noise):
            left = (frame.depth_m > 0) & (found == _NOTHING)  # far away noise exceeds the reach
            depth_m = frame.depth_m * np.float32(factor)
            points = unproject_where(left, depth_m, frame.camera, frame.world_from_camera)
            voxel, inside = self._surface.space.voxels(points)
            found[left] = np.where(inside, self._field[voxel], _NOTHING)
        return np.maximum(found, 0)

    def _ids_at_holes(self, frame: Frame, holes: Bool[np.ndarray, "h w"]) -> Int32[np.ndarray, "h w"]:
        """What the rays of blocks of pixels meet first, where they hold a pixel without depth."""
        height, width = holes.shape
        camera = frame.camera.resized(-(-width // _HOLE_STEP), -(-height // _HOLE_STEP))
        size = (camera.width, camera.height)
        wanted = np.asarray(cv2.resize(holes.astype(np.float32), size, interpolation=cv2.INTER_AREA)) > 0
        found = np.zeros(wanted.shape, np.int32)
        directions = camera.directions()[wanted].astype(np.float64) @ frame.world_from_camera[:3, :3].T
        if len(directions):
            origins = np.broadcast_to(frame.world_from_camera[:3, 3], directions.shape)
            triangle = self._caster.first_hit(origins, directions)[1]
            vertex = self._surface.faces[np.maximum(triangle, 0), 0]
            seen = contrast_lab(cv2.resize(frame.color, size, interpolation=cv2.INTER_AREA)[wanted])
            alike = np.linalg.norm(seen - self._color[vertex], axis=1) < self._settings.hole_contrast
            found[wanted] = np.where((triangle >= 0) & alike, self._ids[vertex], 0)
        return cv2.resize(found, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)


@numba.njit(cache=True)
@no_type_check
def _paint(field, nearest, index, ids, reach):
    """Give each voxel within reach of a vertex the id of the nearest; ``nearest`` holds squared distances so far."""
    for n in range(len(index)):
        i, j, k = int(np.rint(index[n, 0])), int(np.rint(index[n, 1])), int(np.rint(index[n, 2]))
        for a in range(max(i - reach, 0), min(i + reach + 1, field.shape[0])):
            for b in range(max(j - reach, 0), min(j + reach + 1, field.shape[1])):
                for c in range(max(k - reach, 0), min(k + reach + 1, field.shape[2])):
                    squared = (a - index[n, 0]) ** 2 + (b - index[n, 1]) ** 2 + (c - index[n, 2]) ** 2
                    if squared < nearest[a, b, c]:
                        nearest[a, b, c] = squared
                        field[a, b, c] = ids[n]


def _tidied(
    image: UInt16[np.ndarray, "h w"], unknown: Bool[np.ndarray, "h w"], least: int
) -> UInt16[np.ndarray, "h w"]:
    """Gaps of a few pixels closed where nothing is known; pieces of fewer than ``least`` pixels given up."""
    tidy = image.copy()
    for one in np.unique(image[image > 0]).tolist():
        mask = (image == one).astype(np.uint8)
        closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _CLOSING, borderType=cv2.BORDER_REPLICATE)
        mask = np.where((closed > 0) & unknown & (image == 0), np.uint8(1), mask)
        _, piece, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        large = stats[:, cv2.CC_STAT_AREA] >= least
        large[0] = False  # what is not this object
        tidy[image == one] = 0
        tidy[large[piece]] = one
    return tidy
