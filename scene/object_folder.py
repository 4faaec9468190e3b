"""The training folder: one object's picked views, normalised, as the fit reads them (O2-Recon's second layout).

``<scene>_scannet_obj_<id>[_inpainted]/`` holds, by view: ``image/{i:04d}.png`` (black outside the mask), ``mask``
(255 = object), ``depth`` (mm), ``scale_depth`` (mm / scale), ``pose/{i:04d}.txt`` (camera-to-world),
``pred_normal/{i:04d}.npz`` (``arr_0``); and ``cameras_sphere.npz`` (``world_mat_i`` = K [R|t] in the normalised frame,
``scale_mat_i`` = identity), ``trans_n2w.txt`` (world from normalised), ``point_cloud_scan_norm.ply``, ``semantic.txt``,
``clip_scores.json``.
Ours add ``fact/{i:04d}.png`` (``scene.records.Fact``) and ``views.json``, and where hidden pixels were in-painted
``confidence/{i:04d}.png`` (255ths) and ``sensed_depth`` (mm): then image, mask, depth and normals show the object as if
nothing stood before it, as O2-Recon's do, and ``sensed_depth`` holds what the camera measured.

Normals on disk are minus ours ("opencv_away" of ``scene.normal_conventions``), which is what O2-Recon's trainer expects
(it flips them after turning them to the world).
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8, UInt16
from scipy.linalg import rq

from scene.camera import Intrinsics, transform
from scene.errors import UserError
from scene.files import atomic_folder
from scene.frame_files import listed, numbered, read_matrix, write_matrix
from scene.images import UnreadableImage, read_color, read_depth_mm, read_mask, write_image
from scene.normal_files import read_normals, write_normals
from scene.normalize import inverse, normalized_from_camera
from scene.records import Fact, HiddenPixels, ObjectViews
from scene.runlog import log
from scene.sensor_camera import in_image_camera
from scene.stream import ahead
from scene.view_notes import ViewNotes, read_notes, write_notes

_IMAGE_FOLDERS = ("image", "mask", "depth", "scale_depth", "fact", "pose")
_HIDDEN_FOLDERS = ("confidence", "sensed_depth")  # of in-painted views
_NORMAL_AXES = "opencv_away"  # of scene.normal_conventions


def write_training_folder(
    folder: Path, views: ObjectViews, notes: ViewNotes, points_m: Float[np.ndarray, "n 3"]
) -> None:
    """Write the whole folder at once; ``points_m`` are the object's fused points in the world."""
    with atomic_folder(folder) as temporary:
        folders = [*_IMAGE_FOLDERS, *(["pred_normal"] if views.normal is not None else [])]
        for name in [*folders, *(_HIDDEN_FOLDERS if views.hidden is not None else [])]:
            (temporary / name).mkdir()
        for _ in ahead(lambda i: _write_view(temporary, views, i), range(len(views))):
            pass
        np.savez(temporary / "cameras_sphere.npz", allow_pickle=False, **_cameras(views))
        write_matrix(temporary / "trans_n2w.txt", views.world_from_normalized)
        points = transform(inverse(views.world_from_normalized), points_m)
        _write_points(temporary / "point_cloud_scan_norm.ply", points)
        write_notes(temporary, notes)


def read_training_folder(folder: Path, only: Collection[int] | None = None) -> ObjectViews:
    """Read a training folder, ours or O2-Recon's; unreadable views are left out with a warning.

    ``only`` restricts it to the views of these numbers.  Without ``fact/`` the facts follow from mask and depth.
    Raises UserError naming what is missing or wrong.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such training folder; run exp_preprocess.py first")
    world_from_normalized = read_matrix(folder / "trans_n2w.txt")
    if world_from_normalized is None or not _is_similarity(world_from_normalized):
        raise UserError(f"{folder / 'trans_n2w.txt'}: is not a scale and a shift in a 4 x 4 matrix; prepare it again")
    views = _load_views(folder, only)
    numbers, first = list(views), next(iter(views.values()))
    height, width = first["image"].shape[:2]
    camera, world_from_camera = _read_cameras(folder, numbers, world_from_normalized, width, height)
    if not (folder / "views.json").exists():  # made by O2-Recon
        views = in_image_camera(folder, views, camera, world_from_camera, world_from_normalized)
    facts = [
        view["fact"] if "fact" in view else facts_from_mask(view["mask"], view["depth"]) for view in views.values()
    ]
    with_normals = all("pred_normal" in view for view in views.values())
    hidden = _hidden(views) if "confidence" in first else None
    notes = read_notes(folder, numbers)
    return ObjectViews(
        name=folder.resolve().name.removesuffix("_inpainted"),
        label=notes.label,
        camera=camera,
        world_from_camera=world_from_camera,
        world_from_normalized=world_from_normalized,
        color=np.stack([view["image"] for view in views.values()]),
        depth_mm=np.stack([view["depth" if hidden is None else "sensed_depth"] for view in views.values()]),
        fact=np.stack(facts),
        normal=np.stack([view["pred_normal"] for view in views.values()]) if with_normals else None,
        scores=notes.scores,
        up=notes.up,
        hidden=hidden,
    )


def _hidden(views: Mapping[int, Mapping[str, np.ndarray]]) -> HiddenPixels:
    confidence = np.stack([view["confidence"] for view in views.values()])
    depth_mm = np.stack([view["depth"] for view in views.values()])
    return HiddenPixels(confidence, np.where(confidence > 0, depth_mm, 0).astype(np.uint16))


def facts_from_mask(mask: UInt8[np.ndarray, "h w"], depth_mm: UInt16[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """The ``Fact`` of every pixel when only a mask (255 = object) is known; a rim blurred by resampling is unknown."""
    sensed = depth_mm > 0
    fact = np.full(mask.shape, Fact.UNKNOWN, np.uint8)
    fact[sensed & (mask == 0)] = Fact.OTHER
    fact[sensed & (mask == 255)] = Fact.OBJECT
    fact[~sensed & (mask == 255)] = Fact.OBJECT_NO_DEPTH
    return fact


def _write_view(folder: Path, views: ObjectViews, i: int) -> None:
    mask = np.isin(views.fact[i], (Fact.OBJECT, Fact.OBJECT_NO_DEPTH))
    depth_mm = views.depth_mm[i].astype(np.uint16)
    name = f"{i:04d}"
    if views.hidden is not None:
        filled = views.hidden.confidence[i] > 0
        write_image(folder / "confidence" / f"{name}.png", views.hidden.confidence[i])
        write_image(folder / "sensed_depth" / f"{name}.png", depth_mm)
        mask = mask | filled
        depth_mm = np.where(filled, views.hidden.depth_mm[i], depth_mm).astype(np.uint16)
    write_image(folder / "image" / f"{name}.png", np.where(mask[..., None], views.color[i], np.uint8(0)))
    write_image(folder / "mask" / f"{name}.png", mask.astype(np.uint8) * 255)
    write_image(folder / "depth" / f"{name}.png", depth_mm)
    write_image(folder / "scale_depth" / f"{name}.png", (depth_mm / views.scale_m).clip(0, 65535).astype(np.uint16))
    write_image(folder / "fact" / f"{name}.png", views.fact[i])
    write_matrix(folder / "pose" / f"{name}.txt", views.world_from_camera[i])
    if views.normal is not None:
        write_normals(folder / "pred_normal" / f"{name}.npz", views.normal[i], _NORMAL_AXES)


def _load_views(folder: Path, only: Collection[int] | None) -> dict[int, dict[str, np.ndarray]]:
    """The images of every readable view, by its number and by folder; all of one size."""
    files = {name: numbered(folder / name) for name in ("image", "mask", "depth", "fact", *_HIDDEN_FOLDERS)}
    files["pred_normal"] = numbered(folder / "pred_normal", (".npz",))
    if only is not None:
        files = {name: {i: path for i, path in paths.items() if i in only} for name, paths in files.items()}
    # Of an in-painted folder: without these, what was painted would be taken for sensed.
    painted = _HIDDEN_FOLDERS if any(files[name] for name in _HIDDEN_FOLDERS) else ()
    needed = ("image", "mask", "depth", *painted)
    numbers = sorted(set.intersection(*(set(files[name]) for name in needed)))
    loaded = zip(numbers, ahead(lambda i: _read_view(files, i), numbers), strict=True)
    views = {i: view for i, view in loaded if view is not None}
    if not views:
        raise UserError(f"{folder}: holds no readable view with {_all_of(needed)}; run exp_preprocess.py again")
    if left_out := sorted(set(files["image"]) - set(views)):
        what = _all_of(needed).replace(" and ", " or ")
        log.warning("%s: views left out, %s missing or unreadable: %s", folder, what, listed(left_out))
    height, width = next(iter(views.values()))["image"].shape[:2]
    for i, view in views.items():
        for name, image in view.items():
            if image.shape[:2] != (height, width):
                raise UserError(
                    f"{folder / name}: view {i} is not {width}x{height} as the images are; prepare it again"
                )
    return views


def _all_of(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _read_view(files: Mapping[str, Mapping[int, Path]], i: int) -> dict[str, np.ndarray] | None:
    """The images of one view that are there, by folder; None, with a warning, when one cannot be read."""
    readers: dict[str, Callable[[Path], np.ndarray]] = {
        "image": read_color,
        "mask": read_mask,
        "depth": read_depth_mm,
        "fact": read_mask,
        "confidence": read_mask,
        "sensed_depth": read_depth_mm,
        "pred_normal": lambda path: read_normals(path, _NORMAL_AXES),
    }
    try:
        return {name: readers[name](paths[i]) for name, paths in files.items() if i in paths}
    except UnreadableImage as error:
        log.warning("%s", error)
        return None


def _cameras(views: ObjectViews) -> dict[str, np.ndarray]:
    """``world_mat_i`` and ``scale_mat_i`` of every view."""
    intrinsic = np.eye(4)
    intrinsic[:3, :3] = views.camera.matrix
    poses = normalized_from_camera(views.world_from_camera, views.world_from_normalized)
    matrices = {f"world_mat_{i}": intrinsic @ np.linalg.inv(pose) for i, pose in enumerate(poses)}
    return matrices | {f"scale_mat_{i}": np.eye(4) for i in range(len(poses))}


def _read_cameras(
    folder: Path, numbers: list[int], world_from_normalized: Float[np.ndarray, "4 4"], width: int, height: int
) -> tuple[Intrinsics, Float[np.ndarray, "n 4 4"]]:
    """The one camera of all views, and world from camera of each, out of ``cameras_sphere.npz``."""
    path = folder / "cameras_sphere.npz"
    try:
        with np.load(path, allow_pickle=False) as archive:
            projections = [archive[f"world_mat_{i}"] @ archive[f"scale_mat_{i}"] for i in numbers]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: has no readable camera for every view ({error}); prepare the object again") from error
    matrices, poses = [], []
    for i, projection in zip(numbers, projections, strict=True):
        try:
            matrix, pose = _decompose(projection[:3, :4].astype(np.float64))
        except ValueError as error:  # singular, or not finite
            raise UserError(f"{path}: world_mat_{i} is not a pinhole camera; prepare the object again") from error
        matrices.append(matrix)
        poses.append(pose)
    if np.abs(np.stack(matrices) - matrices[0]).max() > 0.5:
        raise UserError(f"{path}: the views have different intrinsics; bring all images to one camera first")
    world_from_camera = np.stack(poses)
    world_from_camera[:, :3, 3] = transform(world_from_normalized, world_from_camera[:, :3, 3])
    return Intrinsics.from_matrix(np.mean(matrices, axis=0), width, height), world_from_camera


def _decompose(projection: Float[np.ndarray, "3 4"]) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "4 4"]]:
    """K with positive focal lengths, and world from camera, of ``projection`` = K [R|t] up to a factor.

    Raises ValueError when there is no such camera.
    """
    upper, rotation = rq(projection[:, :3])
    signs = np.diag(np.sign(np.diag(upper)))
    upper, rotation = upper @ signs, signs @ rotation
    if np.linalg.det(rotation) < 0:  # the factor was negative
        rotation = -rotation
    pose = np.eye(4)
    pose[:3, :3] = rotation.T
    pose[:3, 3] = -np.linalg.solve(projection[:, :3], projection[:, 3])
    return upper / upper[2, 2], pose


def _is_similarity(matrix: np.ndarray) -> bool:
    scale = matrix[0, 0]
    return bool(
        matrix.shape == (4, 4)
        and np.isfinite(matrix).all()
        and scale > 0
        and np.allclose(matrix[:3, :3], scale * np.eye(3), atol=1e-3 * scale)
        and np.allclose(matrix[3], [0, 0, 0, 1])
    )


def _write_points(path: Path, points: Float[np.ndarray, "n 3"]) -> None:
    """A point cloud as binary PLY."""
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(points)}\n"
    properties = "".join(f"property float {axis}\n" for axis in "xyz")
    path.write_bytes((header + properties + "end_header\n").encode() + points.astype("<f4").tobytes())
