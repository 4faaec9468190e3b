"""One surface of the whole scan, fused from its depth images, and the space that was seen to be free.

World frame, metres.  Vertex normals point to where the cameras were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import no_type_check

import mcubes
import numba
import numpy as np
import trimesh
from jaxtyping import Bool, Float, Float32, Int32, Int64, UInt8

from preprocess.segment_settings import SurfaceSettings
from scene.camera import unproject_where
from scene.errors import UserError
from scene.fusion import Fusion, Volume
from scene.records import Frame, Scan
from scene.registration import surface_step
from scene.runlog import log
from scene.stream import stream_frames

_BOUNDS_FRAMES = 60  # frames looked at for the scan's extent
_BOUNDS_STRIDE = 8  # and every so many of their pixels
_MARGIN_M = 0.1  # round the points, so that the surface never ends at the volume's own border
_LEAST_EDGE_M = 0.03  # smaller steps in depth are noise
_LEAST_FREE = 3  # views that must have seen through a voxel: one may be wrong, two may share an error of pose
_OPEN_SHARE = 0.6  # of a voxel in front of the fused surface: beyond this a voxel near the surface is free too


@dataclass(frozen=True)
class FreeSpace:
    """Where cameras saw that nothing is; voxel (i, j, k) has its centre at ``origin_m + voxel_m * (i, j, k)``."""

    origin_m: Float[np.ndarray, " 3"]
    voxel_m: float
    open: Bool[np.ndarray, "x y z"]

    def at(self, points: Float[np.ndarray, "*n 3"]) -> Bool[np.ndarray, "*n"]:
        """Whether world points lie in space seen to be free; beyond the volume nothing is known."""
        voxel, inside = self.voxels(points)
        return self.open[voxel] & inside

    def voxels(
        self, points: Float[np.ndarray, "*n 3"]
    ) -> tuple[tuple[Int64[np.ndarray, "*n"], ...], Bool[np.ndarray, "*n"]]:
        """The indices of the voxels points lie in (clipped to the volume), and which points lie in the volume."""
        index = np.rint((points - self.origin_m.astype(points.dtype)) / points.dtype.type(self.voxel_m))
        last = np.array(self.open.shape) - 1
        inside = np.asarray(((index >= 0) & (index <= last)).all(axis=-1))
        clipped = np.clip(index, 0, last).astype(np.int64)
        return (clipped[..., 0], clipped[..., 1], clipped[..., 2]), inside


@dataclass(frozen=True)
class FusedSurface:
    """A triangle mesh of everything that was sensed, and what the views say of it."""

    vertices: Float32[np.ndarray, "v 3"]
    faces: Int64[np.ndarray, "f 3"]
    normals: Float32[np.ndarray, "v 3"]
    color: UInt8[np.ndarray, "v 3"]
    area_m2: Float32[np.ndarray, " v"]  # a third of the triangles round the vertex
    views: Int32[np.ndarray, " v"]  # how many sensed the vertex
    voxel_m: float
    space: FreeSpace

    def __len__(self) -> int:
        return len(self.vertices)

    def edges(self) -> Int64[np.ndarray, "e 2"]:
        """Every edge of the mesh once."""
        pairs = np.sort(np.concatenate([self.faces[:, [0, 1]], self.faces[:, [1, 2]], self.faces[:, [2, 0]]]), axis=1)
        keys = np.unique(pairs[:, 0] * len(self.vertices) + pairs[:, 1])
        return np.stack(np.divmod(keys, max(len(self.vertices), 1)), axis=1)

    def mesh(self) -> trimesh.Trimesh:
        return trimesh.Trimesh(self.vertices, self.faces, vertex_colors=self.color, process=False)


def fuse_surface(scan: Scan, settings: SurfaceSettings) -> FusedSurface:
    """Fuse a scan's depth.  Raises UserError when no frame has usable depth or nothing comes out of it."""
    picked = np.unique(np.linspace(0, len(scan) - 1, min(len(scan), settings.max_views)).astype(int)).tolist()
    low, high = _bounds(scan, picked, settings)
    voxel_m = max(settings.voxel_m, float((np.prod(high - low) / settings.max_voxels) ** (1 / 3)))
    if voxel_m > settings.voxel_m:
        log.warning("%s: the scan is large; fused with voxels of %.1f cm", scan.name, 100 * voxel_m)
    fusion = Fusion(low, high, voxel_m, settings.front_m, settings.behind_m)
    for _, frame in stream_frames(scan, "fusing depth", picked):
        fusion.add(sound_depth(frame, settings.max_depth_m), frame.camera, frame.world_from_camera)
    volume = fusion.result()
    del fusion
    vertices, faces = _surface_of(volume, volume.weight > settings.min_weight)
    near_free = (volume.weight > settings.min_weight) & (volume.sdf_m > _OPEN_SHARE * voxel_m)
    space = FreeSpace(volume.origin_m, voxel_m, (volume.free >= _LEAST_FREE) | near_free)
    del volume, near_free
    surface = _looked_at(scan, picked, vertices, faces, space, settings)
    if len(surface.faces) == 0:
        raise UserError(
            f"{scan.name}: no surface comes out of fusing its depth; check depth scale, poses and intrinsics"
        )
    return surface


def sound_depth(frame: Frame, max_depth_m: float) -> Float[np.ndarray, "h w"]:
    """A frame's depth without what is too far to be exact, and without both sides of every depth edge.

    Pixels at an edge may hang in the air between the two surfaces, and fused they would join them.
    """
    depth = np.where(frame.depth_m <= max_depth_m, frame.depth_m, 0).astype(np.float32)
    tolerance = np.maximum(_LEAST_EDGE_M, depth * surface_step(frame.camera))
    doubtful = np.zeros(depth.shape, bool)
    for here, there in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
    ):
        jump = np.abs(depth[here] - depth[there]) > np.minimum(tolerance[here], tolerance[there])
        edge = jump & (depth[here] > 0) & (depth[there] > 0)
        doubtful[here] |= edge
        doubtful[there] |= edge
    return np.where(doubtful, np.float32(0), depth)


def _bounds(
    scan: Scan, picked: Sequence[int], settings: SurfaceSettings
) -> tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]]:
    """Corners of the box of what was sensed, but for the one in two thousand points that lies farthest out."""
    points = []
    for _, frame in stream_frames(scan, "measuring the scan", picked[:: -(-len(picked) // _BOUNDS_FRAMES)]):
        sparse = np.zeros(frame.depth_m.shape, bool)
        sparse[::_BOUNDS_STRIDE, ::_BOUNDS_STRIDE] = True
        usable = sparse & (sound_depth(frame, settings.max_depth_m) > 0)
        points.append(unproject_where(usable, frame.depth_m, frame.camera, frame.world_from_camera))
    if sum(map(len, points)) == 0:
        raise UserError(
            f"{scan.name}: no frame has depth within {settings.max_depth_m:g} m; check the unit (uint16 millimetres)"
        )
    low, high = np.percentile(np.concatenate(points).astype(np.float64), [0.05, 99.95], axis=0)
    return low - _MARGIN_M, high + _MARGIN_M


def _surface_of(
    volume: Volume, known: Bool[np.ndarray, "x y z"]
) -> tuple[Float32[np.ndarray, "v 3"], Int64[np.ndarray, "f 3"]]:
    """The zero level of the fused distance, between known voxels only."""
    field = np.where(known, volume.sdf_m, np.float32(volume.voxel_m))
    index, faces = mcubes.marching_cubes(field, 0.0)
    # Each vertex lies on the edge between two voxels; both must be known, else it is the border of the evidence.
    below, above = np.floor(index + 1e-6).astype(np.int64), np.ceil(index - 1e-6).astype(np.int64)
    sound = known[tuple(below.T)] & known[tuple(above.T)]
    faces = faces[:, ::-1].astype(np.int64)  # outwards: marching_cubes takes the inside to be positive
    return volume.points(index), np.ascontiguousarray(faces[sound[faces].all(axis=1)])


def _looked_at(
    scan: Scan,
    picked: Sequence[int],
    vertices: Float32[np.ndarray, "v 3"],
    faces: Int64[np.ndarray, "f 3"],
    space: FreeSpace,
    settings: SurfaceSettings,
) -> FusedSurface:
    """The surface with its colour, without the vertices that too few views sensed or too many saw through."""
    normals = np.asarray(trimesh.Trimesh(vertices, faces, process=False).vertex_normals, np.float32)
    counts = np.zeros((len(vertices), 2), np.int32)  # sensed, seen through
    color = np.zeros((len(vertices), 4), np.float32)  # weighted sum, weight
    for _, frame in stream_frames(scan, "looking at the surface", picked):
        camera_from_world = np.linalg.inv(frame.world_from_camera).astype(np.float32)
        pinhole = np.array([frame.camera.fx, frame.camera.fy, frame.camera.cx, frame.camera.cy], np.float32)
        depth = np.ascontiguousarray(frame.depth_m, np.float32)
        center = frame.world_from_camera[:3, 3].astype(np.float32)
        _look(vertices, normals, depth, frame.color, camera_from_world, center, pinhole, counts, color)
    least = min(settings.min_views, len(picked))
    sound = (counts[:, 0] >= least) & (counts[:, 1] <= settings.max_through * counts[:, 0])
    faces = faces[sound[faces].all(axis=1)]
    kept = np.zeros(len(vertices), bool)
    kept[faces] = True
    faces = (np.cumsum(kept) - 1)[faces]
    vertices = vertices[kept]
    corners = vertices[faces]
    face_area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    area = np.bincount(faces.ravel(), np.repeat(face_area / 3, 3), len(vertices))
    return FusedSurface(
        vertices=vertices,
        faces=faces,
        normals=normals[kept],
        color=np.rint(color[kept, :3] / np.maximum(color[kept, 3:], 1e-9)).clip(0, 255).astype(np.uint8),
        area_m2=area.astype(np.float32),
        views=counts[kept, 0],
        voxel_m=space.voxel_m,
        space=space,
    )


@numba.njit(parallel=True, cache=True)
@no_type_check
def _look(vertices, normals, depth, image, m, center, pinhole, counts, color):
    """Count for each vertex whether the frame sensed it or saw through it, and add its colour where sensed.

    ``m`` is camera-from-world.  The tolerance grows with depth as the noise of depth cameras does.
    """
    height, width = depth.shape
    for i in numba.prange(len(vertices)):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        depth_here = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3]
        if depth_here < 0.1:
            continue
        right = (m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]) / depth_here
        down = (m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]) / depth_here
        u = int(np.floor(right * pinhole[0] + pinhole[2] + 0.5))
        v = int(np.floor(down * pinhole[1] + pinhole[3] + 0.5))
        if u < 0 or v < 0 or u >= width or v >= height or depth[v, u] <= 0:
            continue
        tolerance = 0.03 + 0.01 * depth_here
        if depth[v, u] > depth_here + tolerance + 0.02:
            counts[i, 1] += 1
        elif depth[v, u] > depth_here - tolerance:
            dx, dy, dz = center[0] - x, center[1] - y, center[2] - z
            along = dx * normals[i, 0] + dy * normals[i, 1] + dz * normals[i, 2]
            cosine = along / np.sqrt(dx * dx + dy * dy + dz * dz)
            if cosine > 0.05:
                counts[i, 0] += 1
                weight = cosine / (depth_here * depth_here)
                for c in range(3):
                    color[i, c] += weight * image[v, u, c]
                color[i, 3] += weight
