"""A surface that goes on as it was seen: what is hidden of it, from the seen pixels at the border and no others.

A plane is linear in 1/Z over the image (``preprocess.normals``), so every hidden pixel takes the value there of the
plane fitted to 1/Z of the border's pixels, each with a weight that falls with the fourth power of its distance:
moving least squares (Levin, "The approximation power of moving least-squares", Math. Comp. 1998).  It is exact where
the border lies on one plane, and near the border it follows the part that is close.
"""

from __future__ import annotations

from typing import no_type_check

import cv2
import numba
import numpy as np
from jaxtyping import Bool, Float

from scene.camera import Intrinsics

_BAND_SHARE = 1 / 40  # of the image's width: how deep the border is
# Of the seen part's size in pixels: as far as that from its border about half of what is told is right within 2 cm
# (on generated rooms), at twice the distance a quarter.
_REACH_SHARE = 0.1
_LEAST_REACH_PX = 4.0  # a doubtful rim lies between what is seen and what is hidden
_ROOM_SHARE = 0.5  # of the seen part's size in metres: so far beyond the seen depths it may go on
_MOST_SAMPLES = 600
_LEAST_SAMPLES = 12  # of a border; with fewer a plane is noise


def continued_depth(
    depth_m: Float[np.ndarray, "h w"],
    seen: Bool[np.ndarray, "h w"],
    hidden: Bool[np.ndarray, "h w"],
    camera: Intrinsics,
) -> Float[np.ndarray, "h w"]:
    """Depth (Z, metres) of the hidden pixels; 0 elsewhere and where no border is near or it would go too far."""
    out = np.zeros(depth_m.shape, np.float32)
    seen = seen & (depth_m > 0) & ~hidden
    if not hidden.any() or seen.sum() < _LEAST_SAMPLES:
        return out
    from_hidden = cv2.distanceTransform((~hidden).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    from_seen = cv2.distanceTransform((~seen).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    band_px = max(4.0, _BAND_SHARE * depth_m.shape[1])
    v, u = _thinned(seen & (from_hidden <= band_px))
    reach_px = max(_LEAST_REACH_PX, _REACH_SHARE * float(np.sqrt(seen.sum())))
    rows, columns = np.nonzero(hidden & (from_seen <= reach_px))
    if len(v) < _LEAST_SAMPLES or len(rows) == 0:
        return out
    samples = np.stack([u, v, 1.0 / depth_m[v, u]], axis=1).astype(np.float64)
    inverse = _moving_planes(samples, columns.astype(np.float64), rows.astype(np.float64), band_px)
    low_m, high_m = _depth_limits(depth_m, seen, camera)
    good = (inverse > 1 / high_m) & (inverse < 1 / low_m)
    out[rows[good], columns[good]] = 1.0 / inverse[good]
    return out


def _thinned(chosen: Bool[np.ndarray, "h w"]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of an even share of the chosen pixels."""
    v, u = np.nonzero(chosen)
    step = int(np.ceil(np.sqrt(len(v) / _MOST_SAMPLES)))
    if step > 1:
        kept = ((u % step) == 0) & ((v % step) == 0)
        if kept.sum() >= _LEAST_SAMPLES:
            return v[kept], u[kept]
    return v, u


def _depth_limits(depth_m: np.ndarray, seen: np.ndarray, camera: Intrinsics) -> tuple[float, float]:
    """Nearest and farthest depth that the surface may go on to."""
    low_m, middle_m, high_m = np.percentile(depth_m[seen], [2, 50, 98])
    size_m = np.sqrt(seen.sum() / (camera.fx * camera.fy)) * middle_m
    room_m = _ROOM_SHARE * max(size_m, high_m - low_m)
    return max(0.05, low_m - room_m), high_m + room_m


@numba.njit(cache=True, nogil=True)
@no_type_check
def _moving_planes(samples, columns, rows, soften):
    values = np.zeros(len(rows))
    for k in range(len(rows)):
        n = s_u = s_v = s_w = s_uu = s_uv = s_vv = s_uw = s_vw = 0.0
        for i in range(len(samples)):
            du, dv, w = samples[i, 0] - columns[k], samples[i, 1] - rows[k], samples[i, 2]
            weight = 1.0 / (du * du + dv * dv + soften * soften / 16) ** 2
            n += weight
            s_u += weight * du
            s_v += weight * dv
            s_w += weight * w
            s_uu += weight * du * du
            s_uv += weight * du * dv
            s_vv += weight * dv * dv
            s_uw += weight * du * w
            s_vw += weight * dv * w
        c_uu, c_uv, c_vv = s_uu - s_u * s_u / n, s_uv - s_u * s_v / n, s_vv - s_v * s_v / n
        c_uw, c_vw = s_uw - s_u * s_w / n, s_vw - s_v * s_w / n
        determinant = c_uu * c_vv - c_uv * c_uv
        values[k] = s_w / n
        if determinant > 1e-3 * (c_uu + c_vv) ** 2 / 4:  # pixels in a line hold no plane
            a = (c_uw * c_vv - c_vw * c_uv) / determinant
            b = (c_vw * c_uu - c_uw * c_uv) / determinant
            values[k] -= (a * s_u + b * s_v) / n
    return values
