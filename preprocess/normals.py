"""Surface normals from depth: a plane fitted in every object pixel's window, never across an edge.

In the image a plane n . P = d is linear in inverse depth: with P = Z (x, y, 1), x = (u - cx) / fx, y = (v - cy) / fy,

    1 / Z = (n_x x + n_y y + n_z) / d = a (u - u0) + b (v - v0) + c,

so (a, b, c) by least squares over the window round (u0, v0) give n up to length: n_x ~ a fx, n_y ~ b fy,
n_z ~ c - n_x x0 - n_y y0.  Normals are unit, in the camera frame (OpenCV axes), and point towards the camera.
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float, UInt8

from scene.camera import Intrinsics
from scene.records import Fact
from scene.registration import surface_step

_MIN_PIXELS = 8  # of a window; with fewer the plane is noise


def normals_from_depth(
    depth_m: Float[np.ndarray, "h w"], fact: UInt8[np.ndarray, "h w"], camera: Intrinsics, radius_px: int
) -> Float[np.ndarray, "h w 3"]:
    """Normals (float16) of the pixels of fact OBJECT; 0 where unknown."""
    pinhole = np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float64)
    depth, step = depth_m.astype(np.float32), surface_step(camera)
    return _fit_planes(depth, fact == Fact.OBJECT, pinhole, radius_px, step).astype(np.float16)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _fit_planes(depth, mine, pinhole, radius, step):
    height, width = depth.shape
    normal = np.zeros((height, width, 3), np.float32)
    for v in range(height):
        for u in range(width):
            if not mine[v, u] or depth[v, u] <= 0:
                continue
            z = depth[v, u]
            # Sums of the normal equations: s for 1, (u, v), their products, and each times w = 1 / Z.
            n = 0
            s_u = s_v = s_uu = s_uv = s_vv = s_w = s_uw = s_vw = 0.0
            for y in range(max(0, v - radius), min(height, v + radius + 1)):
                for x in range(max(0, u - radius), min(width, u + radius + 1)):
                    other = depth[y, x]
                    if not mine[y, x] or other <= 0 or abs(other - z) > step * z:
                        continue
                    du, dv, w = float(x - u), float(y - v), 1.0 / other
                    n += 1
                    s_u += du
                    s_v += dv
                    s_uu += du * du
                    s_uv += du * dv
                    s_vv += dv * dv
                    s_w += w
                    s_uw += du * w
                    s_vw += dv * w
            if n < _MIN_PIXELS:
                continue
            c_uu, c_uv, c_vv = s_uu - s_u * s_u / n, s_uv - s_u * s_v / n, s_vv - s_v * s_v / n
            c_uw, c_vw = s_uw - s_u * s_w / n, s_vw - s_v * s_w / n
            determinant = c_uu * c_vv - c_uv * c_uv
            if determinant < 0.05 * (c_uu + c_vv) ** 2 / 4:  # pixels in a line hold no plane
                continue
            a = (c_uw * c_vv - c_vw * c_uv) / determinant
            b = (c_vw * c_uu - c_uw * c_uv) / determinant
            c = (s_w - a * s_u - b * s_v) / n
            nx, ny = a * pinhole[0], b * pinhole[1]
            nz = c - nx * (u - pinhole[2]) / pinhole[0] - ny * (v - pinhole[3]) / pinhole[1]
            length = np.sqrt(nx * nx + ny * ny + nz * nz)
            # 1 / Z > 0 means n . P = d > 0: the fit's normal points away from the camera, ours towards it.
            if length > 0:
                normal[v, u, 0], normal[v, u, 1], normal[v, u, 2] = -nx / length, -ny / length, -nz / length
    return normal
