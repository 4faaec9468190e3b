"""Averaging many depth views into one volume (Curless and Levoy 1996), after the one principle: a pixel speaks only
of the space in front of what it saw.

Letters: d is the signed distance of a voxel to what a pixel sensed, positive in front of it; t_front and t_behind bound
the band round a surface in which d is averaged.  A voxel farther in front is *free*; one farther behind is *behind* and
nothing is known of it.  World frame, metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float, UInt8, UInt16

from scene.camera import Intrinsics
from scene.records import Fact

_OBJECT, _OTHER = int(Fact.OBJECT), int(Fact.OTHER)


@dataclass(frozen=True)
class Volume:
    """What the views say of each voxel; voxel (i, j, k) has its centre at ``origin_m + voxel_m * (i, j, k)``."""

    origin_m: Float[np.ndarray, " 3"]
    voxel_m: float
    sdf_m: Float[np.ndarray, "x y z"]  # mean signed distance to the surface, positive outside; 0 where weight is 0
    weight: Float[np.ndarray, "x y z"]  # how much evidence of a surface nearby; 0 = none
    free: UInt16[np.ndarray, "x y z"]  # number of views that saw through the voxel
    behind_object: UInt16[np.ndarray, "x y z"]  # number of views for which it lies behind the object's own surface
    behind_other: UInt16[np.ndarray, "x y z"]  # number of views for which something else hides it
    other: UInt16[np.ndarray, "x y z"]  # number of views that sensed the surface of something else here
    color: UInt8[np.ndarray, "x y z 3"] | None = None  # mean colour in the band

    def points(self, index: np.ndarray) -> np.ndarray:
        """World points of (possibly fractional) voxel indices (n, 3)."""
        return (self.origin_m + self.voxel_m * index).astype(np.float32)


class Fusion:
    """A volume under construction: ``add`` views one at a time, then take ``result``."""

    def __init__(
        self,
        low_m: Float[np.ndarray, " 3"],
        high_m: Float[np.ndarray, " 3"],
        voxel_m: float,
        front_m: float,
        behind_m: float,
        with_color: bool = False,
    ) -> None:
        self._shape = tuple(int(n) for n in np.ceil((high_m - low_m) / voxel_m).astype(int) + 1)
        self._origin_m = np.asarray(low_m, np.float64)
        self._voxel_m, self._front_m, self._behind_m = voxel_m, front_m, behind_m
        self._sums = np.zeros((*self._shape, 2), np.float32)  # weighted distance, weight
        self._counts = np.zeros((*self._shape, 4), np.uint16)  # free, behind object, behind other, other's surface
        self._color = np.zeros((*self._shape, 3) if with_color else (0, 0, 0, 3), np.float32)

    def add(
        self,
        depth_m: Float[np.ndarray, "h w"],
        camera: Intrinsics,
        world_from_camera: Float[np.ndarray, "4 4"],
        fact: UInt8[np.ndarray, "h w"] | None = None,
        color: UInt8[np.ndarray, "h w 3"] | None = None,
        trust: Float[np.ndarray, "h w"] | None = None,
    ) -> None:
        """Integrate one depth image; without ``fact`` every pixel with depth is a surface.

        ``trust`` is how much each pixel's evidence of a surface counts, against 1 for all without it.
        """
        if fact is None:
            fact = np.where(depth_m > 0, _OBJECT, 0).astype(np.uint8)
        depth = np.ascontiguousarray(depth_m, np.float32)
        camera_from_world = np.linalg.inv(world_from_camera)
        # Camera coordinates of voxel (i, j, k) are start + i * step[0] + j * step[1] + k * step[2].
        step = (camera_from_world[:3, :3] * self._voxel_m).T.astype(np.float32)
        start = (camera_from_world[:3, :3] @ self._origin_m + camera_from_world[:3, 3]).astype(np.float32)
        _integrate(
            self._sums,
            self._counts,
            self._color,
            depth,
            surface_cosine(depth, camera),
            fact,
            np.zeros((0, 0, 3), np.uint8) if color is None else color,
            np.zeros((0, 0), np.float32) if trust is None else np.ascontiguousarray(trust, np.float32),
            start,
            step,
            np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float32),
            np.float32(self._front_m),
            np.float32(self._behind_m),
        )

    def result(self) -> Volume:
        weight = self._sums[..., 1]
        safe = np.maximum(weight, 1e-12)
        color = None
        if self._color.size:
            color = np.rint(self._color / safe[..., None]).clip(0, 255).astype(np.uint8)
        free, behind_object, behind_other, other = (np.ascontiguousarray(self._counts[..., i]) for i in range(4))
        return Volume(
            self._origin_m,
            self._voxel_m,
            (self._sums[..., 0] / safe).astype(np.float32),
            np.ascontiguousarray(weight),
            free,
            behind_object,
            behind_other,
            other,
            color,
        )


def surface_cosine(depth_m: Float[np.ndarray, "h w"], camera: Intrinsics) -> Float[np.ndarray, "h w"]:
    """Cosine between each pixel's ray and the surface normal sensed there, in [0.1, 1]; 1 where there is no normal.

    It turns the offset along the ray into distance to the surface's plane.  Central differences over three pixels;
    pixels next to a depth edge get the normal of the side they lie on only roughly, which the caller's facts leave out.
    """
    return _cosines(np.ascontiguousarray(depth_m, np.float32), camera.fx, camera.fy, camera.cx, camera.cy)


@numba.njit(parallel=True, cache=True)
@no_type_check
def _cosines(depth, fx, fy, cx, cy):
    """Rows side by side; the tangents are differences of the points right and left, below and above."""
    height, width = depth.shape
    cosine = np.ones((height, width), np.float32)
    for v in numba.prange(1, height - 1):
        for u in range(1, width - 1):
            left, right, above, below = depth[v, u - 1], depth[v, u + 1], depth[v - 1, u], depth[v + 1, u]
            if depth[v, u] <= 0 or left <= 0 or right <= 0 or above <= 0 or below <= 0:
                continue
            x, y = (u - cx) / fx, (v - cy) / fy
            ax, ay, az = (x + 1 / fx) * right - (x - 1 / fx) * left, y * (right - left), right - left
            bx, by, bz = x * (below - above), (y + 1 / fy) * below - (y - 1 / fy) * above, below - above
            nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
            lengths = math.sqrt((nx * nx + ny * ny + nz * nz) * (x * x + y * y + 1.0))
            if lengths > 0:
                cosine[v, u] = min(1.0, max(0.1, abs(nx * x + ny * y + nz) / lengths))
    return cosine


@numba.njit(parallel=True, cache=True)
@no_type_check
def _integrate(sums, counts, color_sums, depth, cosine, fact, color, trust, start, step, pinhole, front_m, behind_m):
    """Each voxel looks up the pixel it falls into; threads own whole x slices, so the result never depends on them."""
    height, width = depth.shape
    fx, fy, cx, cy = pinhole[0], pinhole[1], pinhole[2], pinhole[3]
    with_color, with_trust = color_sums.size > 0 and color.size > 0, trust.size > 0
    for i in numba.prange(sums.shape[0]):
        for j in range(sums.shape[1]):
            x = start[0] + i * step[0, 0] + j * step[1, 0]
            y = start[1] + i * step[0, 1] + j * step[1, 1]
            z = start[2] + i * step[0, 2] + j * step[1, 2]
            for k in range(sums.shape[2]):
                pz = z + k * step[2, 2]
                if pz < np.float32(0.05):
                    continue
                rx, ry = (x + k * step[2, 0]) / pz, (y + k * step[2, 1]) / pz
                u = int(np.floor(rx * fx + cx + np.float32(0.5)))
                v = int(np.floor(ry * fy + cy + np.float32(0.5)))
                if u < 0 or v < 0 or u >= width or v >= height:
                    continue
                sensed, what = depth[v, u], fact[v, u]
                if sensed <= 0 or (what != _OBJECT and what != _OTHER):
                    continue
                # From the difference in Z to that along the ray, and from there to the distance to the plane.
                d = (sensed - pz) * math.sqrt(rx * rx + ry * ry + np.float32(1)) * cosine[v, u]
                if what == _OTHER:
                    if d > front_m:
                        counts[i, j, k, 0] += 1
                    elif d < -behind_m:
                        counts[i, j, k, 2] += 1
                    else:
                        counts[i, j, k, 3] += 1
                elif d > front_m:
                    counts[i, j, k, 0] += 1
                elif d < -behind_m:
                    counts[i, j, k, 1] += 1
                else:
                    # Noise grows with depth and slant; behind the surface evidence fades, so that the far side of
                    # a thin part is not pushed away.
                    weight = cosine[v, u] / max(sensed * sensed, np.float32(0.25))
                    if d < 0:
                        weight *= np.float32(1) + d / (behind_m + np.float32(1e-6))
                    if with_trust:
                        weight *= trust[v, u]
                    sums[i, j, k, 0] += weight * d
                    sums[i, j, k, 1] += weight
                    if with_color:
                        for c in range(3):
                            color_sums[i, j, k, c] += weight * color[v, u, c]
