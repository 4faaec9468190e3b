"""Depth images of one view seen from another: every pixel moved through space, the nearest surface kept.

Pixels carry a tag with them (who says so).  Depth is Z in metres, 0 where there is none; all views share one camera.
"""

from __future__ import annotations

from typing import no_type_check

import cv2
import numba
import numpy as np
from jaxtyping import Bool, Float, Int16

from scene.camera import Intrinsics
from scene.depth_noise import DepthNoise
from scene.registration import surface_step

_VOTE = 5  # of the 3 x 3 pixels, as published: a gap between moved pixels is closed, a speck is dropped
_SIGMAS = 3.0  # of the sensor's noise; farther apart are two surfaces
_NOISE = DepthNoise()


def noise_margin_m(depth_m: Float[np.ndarray, "*n"], least_m: float) -> Float[np.ndarray, "*n"]:
    """By how much two depths must differ to be of two surfaces: three deviations of the sensor, and ``least_m``."""
    beyond_m = np.maximum(depth_m - np.float32(0.4), 0)
    deviation_m = np.float32(_NOISE.noise_at_near_m) + np.float32(_NOISE.noise_growth) * beyond_m**2
    return np.maximum(np.float32(_SIGMAS) * deviation_m, np.float32(least_m))


def target_from_source(
    world_from_target: Float[np.ndarray, "4 4"], world_from_source: Float[np.ndarray, "4 4"]
) -> Float[np.ndarray, "4 4"]:
    """Takes points of one camera's frame to another's."""
    return np.linalg.inv(world_from_target.astype(np.float64)) @ world_from_source.astype(np.float64)


def pinhole(camera: Intrinsics) -> Float[np.ndarray, " 4"]:
    """Focal lengths and principal point, as the compiled loops take them."""
    return np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float64)


def reprojected(
    depth_m: Float[np.ndarray, "h w"],
    tag: Int16[np.ndarray, "h w"],
    camera: Intrinsics,
    to_target: Float[np.ndarray, "4 4"],
) -> tuple[Float[np.ndarray, "h w"], Int16[np.ndarray, "h w"]]:
    """The depth image and its tags as the target view has them (0 and -1 where nothing lands)."""
    depth_m = np.ascontiguousarray(depth_m, np.float32)
    nearest, tags, box = _splat(depth_m, tag, pinhole(camera), to_target)
    return _settled(nearest, tags, box, np.float32(surface_step(camera)))


def grown_depth(
    depth_m: Float[np.ndarray, "h w"], tag: Int16[np.ndarray, "h w"], allowed: Bool[np.ndarray, "h w"], pixels: int
) -> tuple[Float[np.ndarray, "h w"], Int16[np.ndarray, "h w"]]:
    """The depth image spread by so many pixels into those allowed, each ring the mean (of 1/Z) of its neighbours."""
    depth_m, tag, kernel = depth_m.copy(), tag.copy(), np.ones((3, 3), np.uint8)
    for _ in range(pixels):
        known = depth_m > 0
        ring = (cv2.dilate(known.astype(np.uint8), kernel) > 0) & ~known & allowed
        inverse = np.divide(1.0, depth_m, out=np.zeros_like(depth_m), where=known)
        share = cv2.blur(known.astype(np.float32), (3, 3), borderType=cv2.BORDER_CONSTANT)
        mean = cv2.blur(inverse, (3, 3), borderType=cv2.BORDER_CONSTANT)
        depth_m[ring] = share[ring] / mean[ring]
        tag[ring] = cv2.dilate(tag, kernel)[ring]
    return depth_m, tag


@numba.njit(cache=True, nogil=True)
@no_type_check
def _splat(depth, tag, pinhole, to_target):
    height, width = depth.shape
    fx, fy, cx, cy = pinhole
    nearest = np.zeros((height, width), np.float32)
    tags = np.full((height, width), -1, np.int16)
    box = np.array([height, 0, width, 0])  # rows and columns from .. to that something lands in
    for v in range(height):
        for u in range(width):
            z = np.float64(depth[v, u])
            if z <= 0:
                continue
            x, y = (u - cx) / fx * z, (v - cy) / fy * z
            far = to_target[2, 0] * x + to_target[2, 1] * y + to_target[2, 2] * z + to_target[2, 3]
            if far <= 1e-3:
                continue
            a = (to_target[0, 0] * x + to_target[0, 1] * y + to_target[0, 2] * z + to_target[0, 3]) / far
            b = (to_target[1, 0] * x + to_target[1, 1] * y + to_target[1, 2] * z + to_target[1, 3]) / far
            column, row = np.rint(fx * a + cx), np.rint(fy * b + cy)
            if column < 0 or row < 0 or column >= width or row >= height:
                continue
            i, j = int(row), int(column)
            if nearest[i, j] == 0 or far < nearest[i, j]:
                nearest[i, j], tags[i, j] = far, tag[v, u]
                box[0], box[1] = min(box[0], i), max(box[1], i + 1)
                box[2], box[3] = min(box[2], j), max(box[3], j + 1)
    return nearest, tags, box


@numba.njit(cache=True, nogil=True)
@no_type_check
def _settled(nearest, tags, box, step):
    """Specks dropped, gaps closed, and what shines through a gap of a nearer surface covered by it."""
    height, width = nearest.shape
    depth = np.zeros_like(nearest)
    out = np.full((height, width), -1, np.int16)
    for v in range(max(0, box[0] - 1), min(height, box[1] + 1)):
        for u in range(max(0, box[2] - 1), min(width, box[3] + 1)):
            low_y, high_y, low_x, high_x = max(0, v - 1), min(height, v + 2), max(0, u - 1), min(width, u + 2)
            hits, front = 0, np.float32(np.inf)
            for y in range(low_y, high_y):
                for x in range(low_x, high_x):
                    if nearest[y, x] > 0:
                        hits += 1
                        front = min(front, nearest[y, x])
            if hits < _VOTE:
                continue
            near, inverse, whose = 0, 0.0, np.int16(-1)
            for y in range(low_y, high_y):
                for x in range(low_x, high_x):
                    if 0 < nearest[y, x] <= front * (1 + step):
                        near += 1
                        inverse += 1.0 / nearest[y, x]
                        if nearest[y, x] == front:
                            whose = tags[y, x]
            own = nearest[v, u]
            if own > 0 and (own <= front * (1 + step) or near < _VOTE):
                depth[v, u], out[v, u] = own, tags[v, u]
            else:
                depth[v, u], out[v, u] = near / inverse, whose
    return depth, out
