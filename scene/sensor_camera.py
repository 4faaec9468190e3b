"""Which camera the depth images of O2-Recon's training folders lie in.

Its preparation crops and resizes colour and masks but copies depth, and normals, as the sensor gave them, so these are
some 2.5 % smaller than the image they are laid over.  Its fused point cloud was made from that same depth, which tells:
under the right camera depth pixels fall on the cloud's own points, under a wrong one between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8, UInt16
from scipy.spatial import cKDTree

from scene.camera import Intrinsics, transform, unproject_where
from scene.images import millimetres
from scene.registration import depth_into, normals_into
from scene.runlog import log

_SIZE = (640, 480)  # of every image in O2-Recon's folders
_CLEARLY = 0.7  # a crop is only believed when it fits this much better than none
_LOOK_AT = 4  # views
_PIXELS = 3000  # of each


def in_image_camera(
    folder: Path,
    views: Mapping[int, dict[str, np.ndarray]],
    camera: Intrinsics,
    world_from_camera: Float[np.ndarray, "n 4 4"],
    world_from_normalized: Float[np.ndarray, "4 4"],
) -> dict[int, dict[str, np.ndarray]]:
    """The views (images by name) with ``depth`` and ``pred_normal`` brought into the camera of their colour images."""
    sensor = sensor_camera(folder, list(views.values()), camera, world_from_camera, world_from_normalized)
    if sensor == camera:
        return dict(views)
    log.info("%s: depth and normals are uncropped, as O2-Recon leaves them; they are brought to the images", folder)
    depth_map, normal_map = depth_into(camera, sensor, np.eye(4)), normals_into(camera, sensor)
    result = {}
    for i, view in views.items():
        moved = {"depth": millimetres(depth_map(view["depth"]))}
        if "pred_normal" in view:
            moved["pred_normal"] = normal_map(view["pred_normal"])
        result[i] = view | moved
    return result


def sensor_camera(
    folder: Path,
    views: Sequence[Mapping[str, np.ndarray]],
    camera: Intrinsics,
    world_from_camera: Float[np.ndarray, "n 4 4"],
    world_from_normalized: Float[np.ndarray, "4 4"],
) -> Intrinsics:
    """The camera of the depth images: ``camera`` itself or ``camera`` before one of O2-Recon's crops."""
    cloud = _read_cloud(folder / "point_cloud_scan_norm.ply")
    if cloud is None or len(cloud) == 0 or (camera.width, camera.height) != _SIZE:
        return camera
    tree = cKDTree(transform(world_from_normalized, cloud))
    chosen = np.unique(np.linspace(0, len(views) - 1, _LOOK_AT).astype(int))

    def misfit(candidate: Intrinsics) -> float:
        """Median distance in metres from depth pixels to the cloud."""
        distances = [
            _distances(tree, views[i]["mask"], views[i]["depth"], candidate, world_from_camera[i]) for i in chosen
        ]
        together = np.concatenate(distances)
        return float(np.median(together)) if len(together) else 0.0

    best = min(_uncropped(camera), key=misfit)
    return best if misfit(best) < _CLEARLY * misfit(camera) else camera


def _uncropped(camera: Intrinsics) -> list[Intrinsics]:
    """The 640 x 480 camera before the 1248 x 936 of 1296 x 968, and before the 624 x 468 of 640 x 480, were cut out."""
    cameras = []
    for width, height, cropped_width, cropped_height in ((1296, 968, 1248, 936), (640, 480, 624, 468)):
        piece = camera.resized(cropped_width, cropped_height)
        whole = piece.cropped((cropped_width - width) // 2, (cropped_height - height) // 2, width, height)
        cameras.append(whole.resized(*_SIZE))
    return cameras


def _distances(
    tree: cKDTree,
    mask: UInt8[np.ndarray, "h w"],
    depth_mm: UInt16[np.ndarray, "h w"],
    camera: Intrinsics,
    world_from_camera: Float[np.ndarray, "4 4"],
) -> Float[np.ndarray, " n"]:
    """From a sample of the mask's inner pixels, which lie in it whatever the crop, to the nearest cloud points."""
    inner = cv2.erode(mask, np.ones((25, 25), np.uint8)) == 255
    points = unproject_where(inner & (depth_mm > 0), depth_mm * np.float32(1e-3), camera, world_from_camera)
    return np.asarray(tree.query(points[:: len(points) // _PIXELS + 1])[0])


def _read_cloud(path: Path) -> Float[np.ndarray, "n 3"] | None:
    """The points of a PLY file; None when there is none that can be read."""
    import trimesh  # heavy, and only needed for folders that are not ours

    try:
        cloud = trimesh.load(path, process=False)
    except Exception as error:  # parsers of foreign formats raise anything
        log.warning("%s: cannot be read (%s); depth is taken to lie over the images", path, error)
        return None
    return np.asarray(cloud.vertices, np.float64) if isinstance(cloud, trimesh.PointCloud | trimesh.Trimesh) else None
