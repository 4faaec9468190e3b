"""Cameras of a ScanNet export: poses, intrinsics, extrinsics, the unit of depth, the direction of up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from scene.camera import Intrinsics
from scene.errors import UserError
from scene.files import read_json
from scene.frame_files import is_rigid, listed, nearest_rigid, read_matrix
from scene.images import UnreadableImage, read_color, read_depth_mm
from scene.runlog import log

_WORK_SIDE = 640  # pixels on the longer side of the working camera
_FULL_SIZE = (1296, 968)  # of ScanNet's colour; exports of smaller colour often keep the intrinsics of this size
_LOOK_AT = 7  # images of each kind looked at to learn size and unit of all


@dataclass(frozen=True)
class Rig:
    """The two cameras of a scan and the one that its frames are handed out in."""

    camera: Intrinsics  # the colour camera at working size
    color_size: tuple[int, int]  # width, height of the colour files
    depth_camera: Intrinsics
    color_from_depth: Float[np.ndarray, "4 4"]


def read_rig(folder: Path, color: Sequence[Path], depth: Sequence[Path]) -> Rig:
    """Sizes from a sample of the images, intrinsics and extrinsics from ``intrinsic/``.

    Raises UserError without intrinsics, with ones that cannot belong to the images, or when depth is not in
    millimetres.
    """
    colors, depths = _sample(color, read_color), _sample(depth, read_depth_mm)
    _check_depth_unit(folder / "depth", depths)
    color_size, depth_size = _common_size(colors), _common_size(depths)
    color_camera, depth_camera = _read_intrinsics(folder / "intrinsic", color_size, depth_size)
    scale = min(1.0, _WORK_SIDE / max(color_size))
    camera = color_camera.resized(round(color_size[0] * scale), round(color_size[1] * scale))
    shared_from_color = _read_extrinsic(folder / "intrinsic" / "extrinsic_color.txt")
    shared_from_depth = _read_extrinsic(folder / "intrinsic" / "extrinsic_depth.txt")
    return Rig(camera, color_size, depth_camera, np.linalg.inv(shared_from_color) @ shared_from_depth)


def read_poses(
    folder: Path, frame_ids: Sequence[int], files: Mapping[int, Path]
) -> dict[int, Float[np.ndarray, "4 4"]]:
    """World from depth camera by frame id, read from ``files``, the numbered texts of the pose ``folder``.

    Lost poses are left out with one warning that counts and names them; raises UserError when none is left.
    """
    poses = {}
    for frame_id in frame_ids:
        pose = read_matrix(files[frame_id]) if frame_id in files else None
        if pose is not None and pose.shape == (4, 4) and is_rigid(pose):
            poses[frame_id] = nearest_rigid(pose)
    if not poses:
        raise UserError(
            f"{folder}: none of the {len(frame_ids)} frames has a valid pose; a pose is a rigid 4 x 4 "
            "camera-to-world matrix, named by the frame's number"
        )
    lost = [frame_id for frame_id in frame_ids if frame_id not in poses]
    if lost:
        log.warning(
            "%s: %d of %d poses missing or invalid, frames left out: %s",
            folder,
            len(lost),
            len(frame_ids),
            listed(lost),
        )
    return poses


def read_up(folder: Path, instances: Path | None = None) -> Float[np.ndarray, " 3"] | None:
    """Up in the scan's frame: ScanNet scenes (with a ``<scene>.txt``) stand on z; others as ``segment_scan`` found it.

    None where neither tells.  Raises UserError when the segmentation's ``room.json`` is broken.
    """
    path = folder / f"{folder.resolve().name.removesuffix('_scannet')}.txt"
    if path.is_file():
        return np.array([0.0, 0.0, 1.0])
    found = None if instances is None else instances / "room.json"
    if found is None or not found.is_file():
        return None
    try:
        up = np.array(read_json(found)["up"], np.float64).reshape(3)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{found}: does not tell the direction up ({error!r}); segment the scan again") from error
    return up / np.linalg.norm(up)


def _sample(paths: Sequence[Path], read: Callable[[Path], np.ndarray]) -> list[np.ndarray]:
    """A few readable images, evenly spread.  Raises UserError when not one of them can be read."""
    images, faults = [], []
    for index in np.unique(np.linspace(0, len(paths) - 1, min(_LOOK_AT, len(paths))).astype(int)):
        try:
            images.append(read(paths[index]))
        except UnreadableImage as error:
            faults.append(str(error))  # logged when the frame itself is loaded
    if not images:
        raise UserError(f"{faults[0]}; of {len(faults)} images looked at not one can be used, export the scan again")
    return images


def _common_size(images: Sequence[np.ndarray]) -> tuple[int, int]:
    """The (width, height) most images have."""
    height, width = Counter(image.shape[:2] for image in images).most_common(1)[0][0]
    return width, height


def _check_depth_unit(folder: Path, images: Sequence[np.ndarray]) -> None:
    """Refuse depth that cannot be millimetres, doubt depth that hardly can."""
    values = np.concatenate([image[image > 0] for image in images])
    if len(values) == 0:
        raise UserError(f"{folder}: the {len(images)} images looked at hold no depth at all; export the depth again")
    median = float(np.median(values))
    if median < 50:
        raise UserError(
            f"{folder}: the median depth is {median:.0f} mm, so these values look like metres; "
            "multiply them by 1000 and save them as 16-bit PNG in millimetres"
        )
    if not 200 < median < 15000:
        log.warning("%s: the median depth is %.2f m; is it really in millimetres?", folder, median / 1000)


def _read_intrinsics(
    folder: Path, color_size: tuple[int, int], depth_size: tuple[int, int]
) -> tuple[Intrinsics, Intrinsics]:
    """Both cameras; where one file is missing the other camera, rescaled, stands in for it with a warning."""
    found: dict[str, Intrinsics] = {}
    for kind, size in (("color", color_size), ("depth", depth_size)):
        path = folder / f"intrinsic_{kind}.txt"
        if not path.exists():
            continue
        matrix = read_matrix(path)
        if matrix is None or matrix.shape not in ((3, 3), (4, 4)) or not np.isfinite(matrix).all():
            raise UserError(f"{path}: is not a 3 x 3 or 4 x 4 matrix of finite numbers; export the intrinsics again")
        camera = Intrinsics.from_matrix(matrix, *size)
        if not _fits(camera) and size[0] < _FULL_SIZE[0] and _fits(Intrinsics.from_matrix(matrix, *_FULL_SIZE)):
            log.warning("%s: belongs to images of %dx%d; scaled to %dx%d", path, *_FULL_SIZE, *size)
            camera = Intrinsics.from_matrix(matrix, *_FULL_SIZE).resized(*size)
        if not _fits(camera):
            raise UserError(
                f"{path}: a camera with its centre at ({camera.cx:.0f}, {camera.cy:.0f}) and focal length "
                f"{camera.fx:.0f} does not fit images of {size[0]}x{size[1]}; scale the intrinsics with the images"
            )
        found[kind] = camera
    if not found:
        raise UserError(f"{folder}: no intrinsic_color.txt or intrinsic_depth.txt; write the 3 x 3 camera matrix there")
    for kind, other, size in (("color", "depth", color_size), ("depth", "color", depth_size)):
        if kind not in found:
            log.warning("%s: missing; the %s camera's is used, rescaled", folder / f"intrinsic_{kind}.txt", other)
            found[kind] = found[other].resized(*size)
    color, depth = found["color"], found["depth"]
    ratio = (color.fx / color.width) / (depth.fx / depth.width)
    if not 0.6 < ratio < 1.6:
        log.warning(
            "%s: colour sees %.1f times the angle that depth sees; do both belong to the images?", folder, 1 / ratio
        )
    return color, depth


def _fits(camera: Intrinsics) -> bool:
    """Whether focal length and principal point can be those of a camera with images of this size."""
    inside = 0.05 < camera.cx / camera.width < 0.95 and 0.05 < camera.cy / camera.height < 0.95
    return inside and min(camera.fx, camera.fy) > 0.2 * camera.width


def _read_extrinsic(path: Path) -> Float[np.ndarray, "4 4"]:
    """Shared frame from camera; identity when the file is absent or, with a warning, when it is no rigid motion."""
    matrix = read_matrix(path)
    if matrix is not None and matrix.shape == (4, 4) and is_rigid(matrix):
        return nearest_rigid(matrix)
    if path.exists():
        log.warning("%s: is not a rigid 4 x 4 matrix; taken as identity", path)
    return np.eye(4)
