"""Images of one camera seen in another: depth into the colour camera, and any image into a crop or resize of it.

Where both cameras share their centre (ScanNet, most exports) the two images are related by a fixed map of pixels,
depth by depth the same; else every depth pixel is moved through space and the nearest surface wins.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float, Integer, UInt8, UInt16

from scene.camera import Intrinsics, transform

DepthMap = Callable[[UInt16[np.ndarray, "hd wd"]], Float[np.ndarray, "h w"]]
ColorMap = Callable[[UInt8[np.ndarray, "hs ws 3"]], UInt8[np.ndarray, "h w 3"]]
LabelMap = Callable[[Integer[np.ndarray, "hs ws"]], Integer[np.ndarray, "h w"]]

# Between neighbours closer than this share of their depth lies one surface: interpolating invents nothing.
_SAME_SURFACE = 0.02


def depth_into(
    color_camera: Intrinsics, depth_camera: Intrinsics, color_from_depth: Float[np.ndarray, "4 4"]
) -> DepthMap:
    """A function from depth images in millimetres (depth camera) to depth in metres (colour camera), 0 = none."""
    if np.allclose(color_from_depth, np.eye(4), atol=1e-6):
        if color_camera == depth_camera:
            return lambda depth_mm: depth_mm.astype(np.float32) * np.float32(1e-3)
        return _by_lookup(color_camera, depth_camera)
    return _by_splatting(color_camera, depth_camera, color_from_depth)


def _by_lookup(color_camera: Intrinsics, depth_camera: Intrinsics) -> DepthMap:
    """Every colour pixel looks up its ray in the depth image: linear in 1/Z (exact on planes) inside one surface,
    else the nearest pixel, so that no depth is invented across an edge or a hole."""
    u, v = _pixels_of(color_camera, depth_camera)
    corner_u, corner_v = np.floor(u), np.floor(v)

    def register(depth_mm: UInt16[np.ndarray, "hd wd"]) -> Float[np.ndarray, "h w"]:
        depth = depth_mm.astype(np.float32) * np.float32(1e-3)
        inverse = np.divide(1.0, depth, out=np.zeros_like(depth), where=depth > 0)
        block = np.ones((2, 2), np.uint8)  # anchored so that pixel (i, j) stands for itself and its +1 neighbours
        farthest = cv2.remap(cv2.dilate(depth, block, anchor=(0, 0)), corner_u, corner_v, cv2.INTER_NEAREST)
        nearest = cv2.remap(cv2.erode(depth, block, anchor=(0, 0)), corner_u, corner_v, cv2.INTER_NEAREST)
        one_surface = (nearest > 0) & (farthest - nearest < _SAME_SURFACE * nearest)
        smooth = cv2.remap(inverse, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        plain = cv2.remap(depth, u, v, cv2.INTER_NEAREST)
        return np.where(one_surface, 1.0 / np.maximum(smooth, 1e-6), plain).astype(np.float32)

    return register


def _by_splatting(
    color_camera: Intrinsics, depth_camera: Intrinsics, color_from_depth: Float[np.ndarray, "4 4"]
) -> DepthMap:
    """Every depth pixel is cut into enough parts to leave no gaps, moved into the colour camera, the nearest kept."""
    parts = int(np.ceil(max(color_camera.fx / depth_camera.fx, color_camera.fy / depth_camera.fy) + 0.5))
    finer = depth_camera.resized(depth_camera.width * parts, depth_camera.height * parts)
    rays = finer.directions().reshape(-1, 3)

    def register(depth_mm: UInt16[np.ndarray, "hd wd"]) -> Float[np.ndarray, "h w"]:
        depth = np.repeat(np.repeat(depth_mm, parts, 0), parts, 1).reshape(-1).astype(np.float32) * np.float32(1e-3)
        seen = depth > 0
        points = transform(color_from_depth, rays[seen] * depth[seen, None])
        points = points[points[:, 2] > 1e-3]
        u = np.rint(points[:, 0] / points[:, 2] * color_camera.fx + color_camera.cx).astype(np.int64)
        v = np.rint(points[:, 1] / points[:, 2] * color_camera.fy + color_camera.cy).astype(np.int64)
        inside = (u >= 0) & (v >= 0) & (u < color_camera.width) & (v < color_camera.height)
        result = np.full(color_camera.height * color_camera.width, np.inf, np.float32)
        np.minimum.at(result, v[inside] * color_camera.width + u[inside], points[inside, 2])
        result[~np.isfinite(result)] = 0.0
        return result.reshape(color_camera.height, color_camera.width)

    return register


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


def _pixels_of(target: Intrinsics, source: Intrinsics) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """Where the rays through the target's pixels meet the source image: columns and rows."""
    rays = target.directions()
    return rays[..., 0] * source.fx + source.cx, rays[..., 1] * source.fy + source.cy
