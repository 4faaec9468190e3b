"""Images of one camera seen in another: depth into the colour camera, and any image into a crop or resize of it.

Where both cameras share their centre (ScanNet, most exports) the two images are related by a fixed map of pixels,
depth by depth the same; else every depth pixel is moved through space and the nearest surface wins.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float, Integer, UInt8, UInt16

from scene.camera import Intrinsics, nearest_pixel, transform

DepthMap = Callable[[UInt16[np.ndarray, "hd wd"]], Float[np.ndarray, "h w"]]
ColorMap = Callable[[UInt8[np.ndarray, "hs ws 3"]], UInt8[np.ndarray, "h w 3"]]
LabelMap = Callable[[Integer[np.ndarray, "hs ws"]], Integer[np.ndarray, "h w"]]
NormalMap = Callable[[Float[np.ndarray, "hs ws 3"]], Float[np.ndarray, "h w 3"]]


def surface_step(camera: Intrinsics) -> float:
    """How much of their depth neighbouring pixels of one surface may differ by: a slant of 80 degrees, and 2 % at
    least, which is several times the noise of the usual depth camera."""
    return max(0.02, 5.7 / camera.fx)


def depth_into(
    color_camera: Intrinsics, depth_camera: Intrinsics, color_from_depth: Float[np.ndarray, "4 4"]
) -> DepthMap:
    """A function from depth images in millimetres (depth camera) to depth in metres (colour camera), 0 = none."""
    if not np.allclose(color_from_depth, np.eye(4), atol=1e-6):
        return _through_space(color_camera, depth_camera, color_from_depth)
    if color_camera == depth_camera:
        return _metres
    u, v = _pixels_of(color_camera, depth_camera)
    step = surface_step(depth_camera)
    return lambda depth_mm: _sample(_metres(depth_mm), u, v, step)


def _through_space(
    color_camera: Intrinsics, depth_camera: Intrinsics, color_from_depth: Float[np.ndarray, "4 4"]
) -> DepthMap:
    """Depth pixels are moved into the colour camera, the nearest kept, which tells every colour pixel what it sees;
    then its depth is looked up again where that surface lies in the depth image, to be rid of rounding to pixels."""
    parts = int(np.ceil(max(color_camera.fx / depth_camera.fx, color_camera.fy / depth_camera.fy) + 0.5))  # no gaps
    finer = depth_camera.resized(depth_camera.width * parts, depth_camera.height * parts)
    refine = depth_into(finer, depth_camera, np.eye(4))
    finer_rays, color_rays = finer.directions(), color_camera.directions()
    depth_from_color, step = np.linalg.inv(color_from_depth), surface_step(depth_camera)

    def register(depth_mm: UInt16[np.ndarray, "hd wd"]) -> Float[np.ndarray, "h w"]:
        depth = refine(depth_mm)
        points = transform(color_from_depth, finer_rays[depth > 0] * depth[depth > 0, None])
        u, v = _pixels(points, color_camera)
        inside, column, row = nearest_pixel(np.stack([u, v], axis=1), points[:, 2], color_camera)
        rough = np.full((color_camera.height, color_camera.width), np.inf, np.float32)
        np.minimum.at(rough, (row, column), points[inside, 2])
        rough[~np.isfinite(rough)] = 0.0

        u, v = _pixels(transform(depth_from_color, color_rays * rough[..., None]), depth_camera)
        found = _sample(_metres(depth_mm), u, v, step)
        rays = np.stack(((u - depth_camera.cx) / depth_camera.fx, (v - depth_camera.cy) / depth_camera.fy), axis=-1)
        points = transform(color_from_depth, np.concatenate([rays, np.ones_like(rays[..., :1])], -1) * found[..., None])
        good = (found > 0) & (np.abs(points[..., 2] - rough) < step * rough)
        return np.where(good, points[..., 2], rough)

    return register


def _sample(
    depth_m: Float[np.ndarray, "hd wd"], u: Float[np.ndarray, "h w"], v: Float[np.ndarray, "h w"], step: float
) -> Float[np.ndarray, "h w"]:
    """Depth at fractional pixels: linear in 1/Z (exact on planes) inside one surface, else of the nearest pixel, so
    that no depth is invented across an edge or a hole."""
    inverse = np.divide(1.0, depth_m, out=np.zeros_like(depth_m), where=depth_m > 0)
    block = np.ones((2, 2), np.uint8)  # anchored so that a pixel stands for itself and its neighbours at +1
    corner_u, corner_v = np.floor(u), np.floor(v)
    farthest = cv2.remap(cv2.dilate(depth_m, block, anchor=(0, 0)), corner_u, corner_v, cv2.INTER_NEAREST)
    nearest = cv2.remap(cv2.erode(depth_m, block, anchor=(0, 0)), corner_u, corner_v, cv2.INTER_NEAREST)
    one_surface = (nearest > 0) & (farthest - nearest < step * nearest)
    smooth = cv2.remap(inverse, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    plain = cv2.remap(depth_m, u, v, cv2.INTER_NEAREST)
    return np.where(one_surface, 1.0 / np.maximum(smooth, 1e-6), plain).astype(np.float32)


def _metres(depth_mm: UInt16[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    return depth_mm.astype(np.float32) * np.float32(1e-3)


def color_into(target: Intrinsics, source: Intrinsics) -> ColorMap:
    """A function from images of ``source`` to those of a camera with the same centre and axes (a crop, a resize)."""
    if target == source:
        return lambda image: image
    u, v = _pixels_of(target, source)
    return lambda image: cv2.remap(image, u, v, cv2.INTER_LINEAR)


def labels_into(target: Intrinsics, source: Intrinsics) -> LabelMap:
    """As ``color_into`` for labels: the nearest pixel; 0 beyond the source's edge."""
    if target == source:
        return lambda image: image
    u, v = _pixels_of(target, source)
    return lambda image: cv2.remap(image, u, v, cv2.INTER_NEAREST)


def normals_into(target: Intrinsics, source: Intrinsics) -> NormalMap:
    """As ``labels_into`` for normals of the camera frame; 0, unknown, beyond the source's edge."""
    u, v = _pixels_of(target, source)
    return lambda normal: cv2.remap(normal.astype(np.float32), u, v, cv2.INTER_NEAREST).astype(normal.dtype)


def _pixels_of(target: Intrinsics, source: Intrinsics) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """Where the rays through the target's pixels meet the source image: columns and rows."""
    return _pixels(target.directions(), source)


def _pixels(
    points: Float[np.ndarray, "*n 3"], camera: Intrinsics
) -> tuple[Float[np.ndarray, "*n"], Float[np.ndarray, "*n"]]:
    """Columns and rows at which camera-frame points appear; far outside the image for those not in front."""
    z = np.where(points[..., 2] > 1e-3, points[..., 2], np.float32(1e-6))
    u, v = points[..., 0] / z * camera.fx + camera.cx, points[..., 1] / z * camera.fy + camera.cy
    return np.clip(u, -9999, 9999).astype(np.float32), np.clip(v, -9999, 9999).astype(np.float32)
