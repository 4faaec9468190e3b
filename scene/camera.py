"""Pinhole cameras under one convention.

World and camera axes are right-handed and in metres; a camera looks along +z with x right and y down (OpenCV).
``world_from_camera`` (4 x 4) takes camera points to the world.  Pixel (u, v) has its centre at integer coordinates, so
u = fx X/Z + cx and the image spans [-0.5, width - 0.5].  Depth is Z, not distance along the ray.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera: focal lengths and principal point in pixels, image size."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    @staticmethod
    def from_matrix(matrix: Float[np.ndarray, "_ _"], width: int, height: int) -> Intrinsics:
        """From the upper left 3 x 3 of a 3 x 3 or 4 x 4 matrix."""
        return Intrinsics(
            width, height, float(matrix[0, 0]), float(matrix[1, 1]), float(matrix[0, 2]), float(matrix[1, 2])
        )

    @property
    def matrix(self) -> Float[np.ndarray, "3 3"]:
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def resized(self, width: int, height: int) -> Intrinsics:
        """The camera after the image is resampled to another size (pixel edges stay where they are)."""
        sx, sy = width / self.width, height / self.height
        return Intrinsics(
            width, height, self.fx * sx, self.fy * sy, (self.cx + 0.5) * sx - 0.5, (self.cy + 0.5) * sy - 0.5
        )

    def cropped(self, left: int, top: int, width: int, height: int) -> Intrinsics:
        """The camera after the image is cropped to ``width`` x ``height`` from pixel (left, top)."""
        return Intrinsics(width, height, self.fx, self.fy, self.cx - left, self.cy - top)

    def directions(self) -> Float[np.ndarray, "h w 3"]:
        """Camera-frame directions through every pixel centre, scaled to Z = 1 (so point = depth * direction)."""
        u, v = np.meshgrid(np.arange(self.width), np.arange(self.height))
        x, y = (u - self.cx) / self.fx, (v - self.cy) / self.fy
        return np.stack([x, y, np.ones_like(x)], axis=-1).astype(np.float32)


def transform(matrix: Float[np.ndarray, "4 4"], points: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    """Apply a 4 x 4 affine transform to points; keeps the points' dtype."""
    return points @ matrix[:3, :3].T.astype(points.dtype) + matrix[:3, 3].astype(points.dtype)


def unproject(
    depth_m: Float[np.ndarray, "h w"], camera: Intrinsics, world_from_camera: Float[np.ndarray, "4 4"]
) -> Float[np.ndarray, "h w 3"]:
    """World points of every pixel of a depth image (those without depth land on the camera centre)."""
    return transform(world_from_camera, camera.directions() * depth_m[..., None].astype(np.float32))


def unproject_where(
    where: Bool[np.ndarray, "h w"],
    depth_m: Float[np.ndarray, "h w"],
    camera: Intrinsics,
    world_from_camera: Float[np.ndarray, "4 4"],
) -> Float[np.ndarray, "n 3"]:
    """World points of the chosen pixels of a depth image, row by row."""
    v, u = np.nonzero(where)
    z = depth_m[v, u].astype(np.float32)
    x, y = (u.astype(np.float32) - camera.cx) / camera.fx * z, (v.astype(np.float32) - camera.cy) / camera.fy * z
    return transform(world_from_camera, np.stack([x, y, z], axis=1).astype(np.float32))


def project(
    points: Float[np.ndarray, "n 3"], camera: Intrinsics, world_from_camera: Float[np.ndarray, "4 4"]
) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, " n"]]:
    """Pixel coordinates (u, v) and depth Z in metres of world points; behind the camera Z <= 0 and (u, v) is NaN."""
    local = transform(np.linalg.inv(world_from_camera), points)
    z = local[:, 2]
    safe = np.where(z > 1e-6, z, np.nan)
    uv = np.stack([camera.fx * local[:, 0] / safe + camera.cx, camera.fy * local[:, 1] / safe + camera.cy], axis=1)
    return uv, z


def nearest_pixel(
    uv: Float[np.ndarray, "n 2"], z: Float[np.ndarray, " n"], camera: Intrinsics
) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " m"], Int[np.ndarray, " m"]]:
    """Which points fall into the image, and their pixel columns and rows."""
    finite = np.isfinite(uv).all(axis=1) & (z > 1e-6)
    u = np.rint(np.where(finite, uv[:, 0], -1)).astype(np.int64)
    v = np.rint(np.where(finite, uv[:, 1], -1)).astype(np.int64)
    inside = np.flatnonzero((u >= 0) & (v >= 0) & (u < camera.width) & (v < camera.height))
    return inside, u[inside], v[inside]
