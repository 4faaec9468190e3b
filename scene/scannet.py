"""Reader of ScanNet exports, annotated or not.

A scan folder holds ``color/{i}.jpg|png``, ``depth/{i}.png`` (uint16 mm, 0 = none), ``pose/{i}.txt`` (4 x 4
camera-to-world of the depth camera, OpenCV axes), ``intrinsic/{intrinsic,extrinsic}_{color,depth}.txt`` and, where
annotated, ``instance-filt/{i}.png``, ``label-filt/{i}.png``, ``*aggregation.json`` and ``<scene>.txt``.  An extrinsic
takes points of its camera to the frame both cameras share, as in ScanNet's own SensorData reader.

Frames come out in one camera: the colour camera at a working size of at most 640 pixels on its longer side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from scene.errors import UserError
from scene.files import read_json
from scene.frame_files import listed, numbered
from scene.images import UnreadableImage, read_color, read_depth_mm, read_labels, resize_color, resize_labels
from scene.records import Frame, Instance, Scan
from scene.registration import depth_into
from scene.runlog import log
from scene.scannet_cameras import Rig, read_poses, read_rig, read_up
from scene.scannet_labels import read_instances


def open_scan(folder: Path, instances: Path | None = None) -> Scan:
    """Open a ScanNet export; images are read on demand.

    ``instances`` is a folder written by ``preprocess.segment_scan`` that takes the place of the scan's own masks.
    What leaves the scan usable is logged as a warning that names the file; raises UserError where it does not.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such scan folder; give the folder that holds color/, depth/ and pose/")
    color = numbered(folder / "color")
    depth = numbered(folder / "depth", (".png",))
    frame_ids = _matched(folder, color, depth)
    poses = read_poses(folder / "pose", frame_ids, numbered(folder / "pose", (".txt",)))
    frame_ids = [i for i in frame_ids if i in poses]
    rig = read_rig(folder, [color[i] for i in frame_ids], [depth[i] for i in frame_ids])

    masks = numbered((instances or folder) / "instance-filt", (".png",))
    things: list[Instance] = []
    if masks or instances is not None:
        frame_ids = _with_masks((instances or folder) / "instance-filt", frame_ids, masks)
        things = (
            _read_instance_list(instances / "instances.json")
            if instances is not None
            else read_instances(folder, masks, numbered(folder / "label-filt", (".png",)))
        )
    depth_from_color = np.linalg.inv(rig.color_from_depth)
    world_from_camera = np.stack([poses[i] @ depth_from_color for i in frame_ids])
    return Scan(
        name=folder.resolve().name.removesuffix("_scannet"),
        frame_ids=frame_ids,
        world_from_camera=world_from_camera,
        camera=rig.camera,
        load_frame=_loader(rig, frame_ids, world_from_camera, color, depth, masks),
        instances=things,
        up=read_up(folder, instances),
    )


def _loader(
    rig: Rig,
    frame_ids: list[int],
    world_from_camera: Float[np.ndarray, "n 4 4"],
    color: Mapping[int, Path],
    depth: Mapping[int, Path],
    masks: Mapping[int, Path],
) -> Callable[[int], Frame | None]:
    """The scan's ``load_frame``: one frame registered into ``rig.camera``, or None with a warning."""
    register = depth_into(rig.camera, rig.depth_camera, rig.color_from_depth)
    width, height = rig.camera.width, rig.camera.height
    told: set[int] = set()  # frames already warned of: a scan is passed over more than once

    def load_frame(index: int) -> Frame | None:
        frame_id = frame_ids[index]
        try:
            rgb, depth_mm = read_color(color[frame_id]), read_depth_mm(depth[frame_id])
            instance = read_labels(masks[frame_id]) if masks else None
            _check_size(color[frame_id], rgb, rig.color_size)
            _check_size(depth[frame_id], depth_mm, (rig.depth_camera.width, rig.depth_camera.height))
            if instance is not None:
                _check_shape(masks[frame_id], instance, rig.color_size)
        except UnreadableImage as error:
            if frame_id not in told:
                log.warning("frame %d left out: %s", frame_id, error)
            told.add(frame_id)
            return None
        return Frame(
            frame_id=frame_id,
            camera=rig.camera,
            world_from_camera=world_from_camera[index],
            color=resize_color(rgb, width, height),
            depth_m=register(depth_mm),
            instance=None if instance is None else resize_labels(instance, width, height),
        )

    return load_frame


def _matched(folder: Path, color: Mapping[int, Path], depth: Mapping[int, Path]) -> list[int]:
    """Frame ids with both a colour and a depth image; a few unmatched ones are named, many are an error."""
    for kind, images in (("color", color), ("depth", depth)):
        if not images:
            raise UserError(f"{folder / kind}: holds no frames; images must be named by number, as {kind}/0.png")
    both = sorted(color.keys() & depth.keys())
    alone = sorted(color.keys() ^ depth.keys())
    if len(both) < max(len(color), len(depth)) / 2:
        raise UserError(
            f"{folder}: {len(color)} colour and {len(depth)} depth images cannot be matched, only {len(both)} share a "
            "number; export both with the same numbering"
        )
    if alone:
        log.warning("%s: %d frames left out, colour or depth missing: %s", folder, len(alone), listed(alone))
    return both


def _with_masks(folder: Path, frame_ids: list[int], masks: Mapping[int, Path]) -> list[int]:
    """The frames that have an instance image; the others are named."""
    kept = [i for i in frame_ids if i in masks]
    if not kept:
        raise UserError(f"{folder}: no instance image has the number of a usable frame; number them like color/")
    if missing := sorted(set(frame_ids) - set(kept)):
        log.warning("%s: %d frames left out, instance image missing: %s", folder, len(missing), listed(missing))
    return kept


def _read_instance_list(path: Path) -> list[Instance]:
    """The instances named by a segmentation folder's ``instances.json``."""
    entries = read_json(path)
    try:
        return [Instance(int(e["instance_id"]), str(e["label"]), int(e.get("nyu40_id", 0))) for e in entries]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: is not a list of instances ({error!r}); segment the scan again") from error


def _check_size(path: Path, image: np.ndarray, size: tuple[int, int]) -> None:
    if image.shape[1::-1] != size:
        raise UnreadableImage(f"{path}: is {image.shape[1]}x{image.shape[0]}, the others are {size[0]}x{size[1]}")


def _check_shape(path: Path, labels: np.ndarray, size: tuple[int, int]) -> None:
    """Label images may be smaller than colour, but must show the same view (aspect within 1 %)."""
    if abs(labels.shape[1] * size[1] / (labels.shape[0] * size[0]) - 1) > 0.01:
        raise UnreadableImage(
            f"{path}: is {labels.shape[1]}x{labels.shape[0]}, which is not the shape of the {size[0]}x{size[1]} colour"
        )
