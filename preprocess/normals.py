"""Surface normals from depth: a plane fitted round every object pixel, as far as the surface is flat.

In the image a plane n . P = d is linear in inverse depth: with P = Z (x, y, 1), x = (u - cx) / fx, y = (v - cy) / fy,

    w = 1 / Z = (n_x x + n_y y + n_z) / d = a (u - u0) + b (v - v0) + c,

so (a, b, c) by least squares over a window round (u0, v0) give n up to length: n_x ~ a fx, n_y ~ b fy,
n_z ~ c - n_x x0 - n_y y0.  Normals are unit, in the camera frame (OpenCV axes), and point towards the camera.

The window grows ring by ring to twice its size.  A ring's pixels join if they lie on the plane of those within, up to
the depth's noise, so that what lies beyond an edge or a crease stays out; the window stops where fewer than half of the
ring join (a thin part, a rim, a curve).  Flat surfaces get smooth normals, thin ones what their few pixels give.  The
noise is measured in the image itself; in w it is much the same at all depths, for cameras that triangulate.
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, UInt8

from scene.camera import Intrinsics
from scene.records import Fact
from scene.registration import surface_step

_FIRST_PX = 2  # radius of the smallest window
_DENSE_PX = 8  # radius up to which a ring has 56 pixels; wider ones have 16
_MIN_PIXELS = 8  # of a window; with fewer the plane is noise
_SAME_PLANE = 3.5  # times the noise: as far from the plane a pixel still belongs to it; half of it is the plane's own
_ROUGH = 1.5  # times the noise: a window whose pixels scatter more holds no plane
_NOISE_PX = 4  # radius of the windows in which noise is measured,
_NOISE_SAMPLES = 1000  # so many of them or more, if the object has so many pixels
_FLATTEST = 0.25  # quantile of their scatter: most of an object may be curved
_USUAL_NOISE = 1e-3  # 1/m, where an object is too small to tell: that of structured light


def normals_from_depth(
    depth_m: Float[np.ndarray, "h w"], fact: UInt8[np.ndarray, "h w"], camera: Intrinsics, radius_px: int
) -> Float[np.ndarray, "h w 3"]:
    """Normals (float16) of the pixels of fact OBJECT; 0 where unknown.  ``radius_px``: of the largest window."""
    return normals_where((fact == Fact.OBJECT) & (depth_m > 0), depth_m, camera, radius_px)


def normals_where(
    mine: Bool[np.ndarray, "h w"], depth_m: Float[np.ndarray, "h w"], camera: Intrinsics, radius_px: int
) -> Float[np.ndarray, "h w 3"]:
    """As ``normals_from_depth`` for any pixels that have depth."""
    inverse = np.divide(1.0, depth_m, out=np.zeros(depth_m.shape), where=mine)
    pinhole = np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float64)
    step = surface_step(camera)
    noise = _noise(inverse, step, max(1, int(np.sqrt(mine.sum() / _NOISE_SAMPLES))))
    return _fit_planes(inverse, pinhole, radius_px, step, noise).astype(np.float16)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _gather(sums, inverse, v, u, radius, inner, c, a, b, tolerance):
    """The sums of a least-squares plane with those of a square ring added: of its pixels whose w, less that of (u, v),
    is within ``tolerance`` of the plane a du + b dv + c; and which share of the ring's pixels these are.

    The sums are of 1, u, v, their products, w, its products with u and v, and its square.  Wide rings are thinned out:
    neighbouring pixels share much of their noise, and it is the lever that makes a plane sure.
    """
    height, width = inverse.shape
    n, s_u, s_v, s_uu, s_uv, s_vv, s_w, s_uw, s_vw, s_ww = sums
    before, ring, stride = n, 0, max(1, radius // (4 if radius <= _DENSE_PX else 2))
    base = inverse[v, u]
    first, last = -min(radius, u // stride * stride), min(radius, width - 1 - u)  # columns inside the image
    for dv in range(-radius, radius + 1, stride):
        y = v + dv
        if y < 0 or y >= height:
            continue
        row, beside, on_row = inverse[y], abs(dv) > inner, c + b * dv
        r_n = r_u = r_uu = r_w = r_uw = r_ww = 0.0  # this row's
        for du in range(first, last + 1, stride):
            if not (beside or abs(du) > inner):
                continue
            ring += 1
            there = row[np.uint64(u + du)]  # an unsigned index is not looked at for counting from the end
            w = there - base
            if there <= 0 or abs(w - on_row - a * du) > tolerance:
                continue
            r_n += 1.0
            r_u += du
            r_uu += du * du
            r_w += w
            r_uw += du * w
            r_ww += w * w
        n += r_n
        s_u += r_u
        s_v += dv * r_n
        s_uu += r_uu
        s_uv += dv * r_u
        s_vv += dv * dv * r_n
        s_w += r_w
        s_uw += r_uw
        s_vw += dv * r_w
        s_ww += r_ww
    return (n, s_u, s_v, s_uu, s_uv, s_vv, s_w, s_uw, s_vw, s_ww), (n - before) / max(ring, 1)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _solve(sums):
    """Whether a window holds a plane; its (c, a, b), and the mean square of what it leaves."""
    n, s_u, s_v, s_uu, s_uv, s_vv, s_w, s_uw, s_vw, s_ww = sums
    if n < _MIN_PIXELS:
        return False, 0.0, 0.0, 0.0, 0.0
    c_uu, c_uv, c_vv = s_uu - s_u * s_u / n, s_uv - s_u * s_v / n, s_vv - s_v * s_v / n
    c_uw, c_vw = s_uw - s_u * s_w / n, s_vw - s_v * s_w / n
    determinant = c_uu * c_vv - c_uv * c_uv
    if determinant < 0.05 * (c_uu + c_vv) ** 2 / 4:  # pixels in a line hold no plane
        return False, 0.0, 0.0, 0.0, 0.0
    a = (c_uw * c_vv - c_vw * c_uv) / determinant
    b = (c_vw * c_uu - c_uw * c_uv) / determinant
    left = (s_ww - s_w * s_w / n - a * c_uw - b * c_vw) / (n - 3)
    return True, (s_w - a * s_u - b * s_v) / n, a, b, left


@numba.njit(cache=True, nogil=True)
@no_type_check
def _noise(inverse, step, stride):
    """The deviation of w (1/m) from planes, where the object is flattest."""
    height, width = inverse.shape
    nothing = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    found, count = np.empty((height // stride + 1) * (width // stride + 1)), 0
    for v in range(0, height, stride):
        for u in range(0, width, stride):
            if inverse[v, u] <= 0:
                continue
            sums, share = _gather(nothing, inverse, v, u, _NOISE_PX, -1, 0.0, 0.0, 0.0, step * inverse[v, u])
            good, _, _, _, left = _solve(sums)
            if good and share > 0.8:
                found[count] = np.sqrt(max(left, 0.0))
                count += 1
    return np.quantile(found[:count], _FLATTEST) if count >= 20 else _USUAL_NOISE


@numba.njit(cache=True, nogil=True)
@no_type_check
def _fit_planes(inverse, pinhole, radius_px, step, noise):
    height, width = inverse.shape
    nothing = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    normal = np.zeros((height, width, 3), np.float32)
    for v in range(height):
        for u in range(width):
            base = inverse[v, u]
            if base <= 0:
                continue
            good, radius, sums = False, 0, nothing
            c = a = b = 0.0
            while not good and radius < min(radius_px, 2 * _FIRST_PX):  # a wider one where the first has too few pixels
                radius = min(radius + _FIRST_PX, radius_px)
                sums, _ = _gather(nothing, inverse, v, u, radius, -1, 0.0, 0.0, 0.0, step * base)
                good, c, a, b, _ = _solve(sums)
            if not good:
                continue
            while radius < radius_px:
                wider = min(2 * radius, radius_px)
                sums, share = _gather(sums, inverse, v, u, wider, radius, c, a, b, _SAME_PLANE * noise)
                good, c_wider, a_wider, b_wider, left = _solve(sums)
                if share < 0.5 or not good or left > (_ROUGH * noise) ** 2:
                    break
                c, a, b, radius = c_wider, a_wider, b_wider, wider
            nx, ny = a * pinhole[0], b * pinhole[1]
            nz = base + c - nx * (u - pinhole[2]) / pinhole[0] - ny * (v - pinhole[3]) / pinhole[1]
            length = np.sqrt(nx * nx + ny * ny + nz * nz)
            # 1 / Z > 0 means n . P = d > 0: the fit's normal points away from the camera, ours towards it.
            if length > 0:
                normal[v, u, 0], normal[v, u, 1], normal[v, u, 2] = -nx / length, -ny / length, -nz / length
    return normal
