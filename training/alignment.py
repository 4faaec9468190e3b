"""An object's views brought to agree with one another before their depth is averaged for good.

Poses of hand-held scans are off by some millimetres and tenths of a degree; averaged as they are, views blur edges and
eat what is thin.  Each view is moved to lie on the average of all of them (point to signed distance: Bylow et al.,
Real-Time Camera Tracking and 3D Reconstruction Using Signed Distance Functions, 2013) by everything it saw near the
object, and all are averaged anew.  The average itself stays in place, and so does the object in the scan's frame.

Letters: p points of a view in the world, c their mean, r their signed distance to the average, g its gradient.  A small
motion (w, t) turns by w (rad) about c and shifts by t (m); r changes by ((p - c) x g) . w + g . t.
"""

from __future__ import annotations

import dataclasses
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from scene.camera import transform
from scene.fusion import Fusion, Volume
from scene.records import Fact, ObjectViews
from scene.runlog import log
from training.settings import AlignmentSettings

_POINTS = 3000  # of a view that are looked at; more change nothing
_STEPS = 4  # of Gauss-Newton for a view in a round
_NOISE_M = 0.01  # of a sensed distance; residuals beyond it count by their size alone (Huber)
_INDEPENDENT = 300  # points at most that a view's count as: the errors of neighbouring pixels are alike
_LEAST_POINTS = 200  # of a view near the average; fewer say nothing
_LEAST_GAIN = 6.0  # in log-likelihood, for a motion to be believed: six numbers must tell more than six (Akaike)


def align(
    views: ObjectViews,
    low_m: Float[np.ndarray, " 3"],
    high_m: Float[np.ndarray, " 3"],
    settings: AlignmentSettings,
) -> ObjectViews:
    """The views with poses that agree better in the box; a view that does not gain, or would move far, stays put."""
    voxel_m = max(settings.voxel_m, float(np.cbrt(np.prod(high_m - low_m) / settings.max_voxels)))
    points = [_camera_points(views, view, low_m, high_m) for view in range(len(views))]
    given, poses = views.world_from_camera, views.world_from_camera.astype(np.float64)
    for _ in range(settings.rounds):
        average = _fuse(views, poses, low_m, high_m, voxel_m, settings.reach_m)
        moved = np.stack(
            [_moved(average, p, pose, old, settings) for p, pose, old in zip(points, poses, given, strict=True)]
        )
        if np.array_equal(moved, poses):
            break
        poses = moved
    shift_m = np.linalg.norm(poses[:, :3, 3] - given[:, :3, 3], axis=1)
    log.debug("%s: its views moved by up to %.1f mm", views.name, 1e3 * shift_m.max())
    return dataclasses.replace(views, world_from_camera=poses.astype(given.dtype))


def _fuse(
    views: ObjectViews,
    poses: Float[np.ndarray, "n 4 4"],
    low_m: Float[np.ndarray, " 3"],
    high_m: Float[np.ndarray, " 3"],
    voxel_m: float,
    reach_m: float,
) -> Volume:
    """All that was sensed in the box, whatever it belongs to: floor and neighbours hold a view as the object does."""
    fusion = Fusion(low_m, high_m, voxel_m, reach_m, reach_m)
    for view in range(len(views)):
        fusion.add(_sure_depth(views, view), views.camera, poses[view])
    return fusion.result()


def _sure_depth(views: ObjectViews, view: int) -> Float[np.ndarray, "h w"]:
    """Sensed depth: in-painted pixels, flying ones and masks' rims have none."""
    sensed = (views.fact[view] == Fact.OBJECT) | (views.fact[view] == Fact.OTHER)
    return np.where(sensed, views.depth_mm[view], 0).astype(np.float32) / 1000.0


def _camera_points(
    views: ObjectViews, view: int, low_m: Float[np.ndarray, " 3"], high_m: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "n 3"]:
    """What a view sensed in the box, evenly thinned, in its camera's frame."""
    camera, pose = views.camera, views.world_from_camera[view].astype(np.float64)
    pinhole = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
    near = _points_in_box(_sure_depth(views, view), pinhole, pose, np.asarray(low_m), np.asarray(high_m))
    return near[:: max(1, len(near) // _POINTS)]


@numba.njit(cache=True)
@no_type_check
def _points_in_box(depth, pinhole, pose, low, high):
    """The pixels' points, in the camera's frame, that lie within the box in the world's; row by row."""
    height, width = depth.shape
    points, count = np.empty((depth.size, 3)), 0
    for v in range(height):
        for u in range(width):
            z = np.float64(depth[v, u])
            if z <= 0:
                continue
            x, y = (u - pinhole[2]) / pinhole[0] * z, (v - pinhole[3]) / pinhole[1] * z
            inside = True
            for axis in range(3):
                world = pose[axis, 0] * x + pose[axis, 1] * y + pose[axis, 2] * z + pose[axis, 3]
                inside = inside and low[axis] < world < high[axis]
            if inside:
                points[count, 0], points[count, 1], points[count, 2] = x, y, z
                count += 1
    return points[:count].copy()


def _signed_distances(
    volume: Volume, points: Float[np.ndarray, "n 3"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 3"]]:
    """The averaged distance and its gradient at world points, trilinear; nan where not all around was sensed."""
    index = (points - volume.origin_m) / volume.voxel_m
    result = np.full((len(points), 4), np.nan)
    _interpolate(volume.sdf_m, volume.weight, index, result)
    return result[:, 0], result[:, 1:] / volume.voxel_m


@numba.njit(cache=True)
@no_type_check
def _interpolate(sdf, weight, index, result):
    """Value and gradient (per voxel) between the eight voxels round each index."""
    for n in range(len(index)):
        i, j, k = int(np.floor(index[n, 0])), int(np.floor(index[n, 1])), int(np.floor(index[n, 2]))
        if min(i, j, k) < 0 or i + 1 >= sdf.shape[0] or j + 1 >= sdf.shape[1] or k + 1 >= sdf.shape[2]:
            continue
        x, y, z = index[n, 0] - i, index[n, 1] - j, index[n, 2] - k
        value, along_x, along_y, along_z, known = 0.0, 0.0, 0.0, 0.0, True
        for a in range(2):
            for b in range(2):
                for c in range(2):
                    known = known and weight[i + a, j + b, k + c] > 0
                    d = sdf[i + a, j + b, k + c]
                    u, v, w = x if a else 1 - x, y if b else 1 - y, z if c else 1 - z
                    value += d * u * v * w
                    along_x += d * (2 * a - 1) * v * w
                    along_y += d * u * (2 * b - 1) * w
                    along_z += d * u * v * (2 * c - 1)
        if known:
            result[n, 0], result[n, 1], result[n, 2], result[n, 3] = value, along_x, along_y, along_z


def _moved(
    average: Volume,
    points: Float[np.ndarray, "n 3"],
    pose: Float[np.ndarray, "4 4"],
    given: Float[np.ndarray, "4 4"],
    settings: AlignmentSettings,
) -> Float[np.ndarray, "4 4"]:
    """The pose at which a view lies best on the average, not believing in large motions without need."""
    used = points[np.isfinite(_signed_distances(average, transform(pose, points))[0])]
    if len(used) < _LEAST_POINTS:
        return pose
    best, now, begun, least = pose, pose, np.inf, np.inf
    for step in range(_STEPS + 1):
        world = transform(now, used)
        residual_m, slope = _signed_distances(average, world)
        # A point that left the band is as far off as the band is wide.
        cost = _cost(np.nan_to_num(residual_m, nan=settings.reach_m))
        if step == 0:
            begun = cost
        if cost >= least:
            break
        best, least = now, cost
        now = _stepped(world, residual_m, slope, now, given, settings)
    motion = best @ np.linalg.inv(given)
    turn_deg = np.linalg.norm(Rotation.from_matrix(motion[:3, :3]).as_rotvec(degrees=True))
    centre = transform(given, used.mean(axis=0)[None])
    shift_m = np.linalg.norm(transform(motion, centre) - centre)
    small = turn_deg <= settings.most_turn_deg and shift_m <= settings.most_shift_m
    gain = (begun - least) * min(_INDEPENDENT, len(used))
    return best if small and gain > _LEAST_GAIN else pose


def _stepped(
    world: Float[np.ndarray, "n 3"],
    residual_m: Float[np.ndarray, " n"],
    slope: Float[np.ndarray, "n 3"],
    pose: Float[np.ndarray, "4 4"],
    given: Float[np.ndarray, "4 4"],
    settings: AlignmentSettings,
) -> Float[np.ndarray, "4 4"]:
    """One step of Gauss-Newton with Huber's weights; the prior pulls the whole motion so far back to none."""
    sound = np.isfinite(residual_m)
    if sound.sum() < _LEAST_POINTS:
        return pose
    world, residual_m, slope = world[sound], residual_m[sound], slope[sound]
    centre = world.mean(axis=0)
    jacobian = np.concatenate([np.cross(world - centre, slope), slope], axis=1)
    weight = 1 / np.maximum(np.abs(residual_m), _NOISE_M) / _NOISE_M
    weight *= min(1.0, _INDEPENDENT / len(world))
    sigma = np.repeat([np.radians(settings.turn_deg), settings.shift_m], 3)
    motion = pose @ np.linalg.inv(given)
    turned = Rotation.from_matrix(motion[:3, :3]).as_rotvec()
    shifted = centre - transform(np.linalg.inv(motion), centre[None])[0]
    prior = np.concatenate([turned, shifted]) / sigma**2
    normal = (jacobian * weight[:, None]).T @ jacobian + np.diag(1 / sigma**2)
    step = -np.linalg.solve(normal, jacobian.T @ (weight * residual_m) + prior)
    return _about(centre, step) @ pose


def _about(centre: Float[np.ndarray, " 3"], step: Float[np.ndarray, " 6"]) -> Float[np.ndarray, "4 4"]:
    """The rigid motion that turns by ``step[:3]`` about ``centre`` and shifts by ``step[3:]``."""
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_rotvec(step[:3]).as_matrix()
    motion[:3, 3] = centre - motion[:3, :3] @ centre + step[3:]
    return motion


def _cost(residual_m: Float[np.ndarray, " n"]) -> float:
    """Mean negative log-likelihood of a point's residual (Huber's), but for a constant."""
    size = np.abs(residual_m) / _NOISE_M
    return float(np.where(size < 1, 0.5 * size**2, size - 0.5).mean())
