"""The object folder before in-painting: the views of a scan that show one object (O2-Recon's first layout).

``<scene>_scannet_obj_<id>/`` holds, by view number from 0: ``image/{i}.jpg`` (black outside the mask),
``origin_image/{i}.jpg``, ``mask/{i}.png`` (255 = object), ``inst/{i}.png`` (instance ids), ``depth/{i}.png`` (mm),
``pose/{i}.txt`` (camera-to-world), ``intrinsic/``, ``semantic.txt`` (class name), ``clip_scores.json`` (score by view).
Ours add ``fact/{i}.png`` (``scene.records.Fact``) and ``views.json``; folders without them are read as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8, UInt16

from scene.camera import Intrinsics
from scene.errors import UserError
from scene.frame_files import numbered, write_matrix
from scene.images import (
    UnreadableImage,
    encode_image,
    millimetres,
    read_color,
    read_depth_mm,
    read_mask,
    resize_color,
    resize_labels,
)
from scene.records import Frame
from scene.registration import depth_into
from scene.runlog import log
from scene.scannet_cameras import Rig, read_poses, read_rig
from scene.view_notes import ViewNotes, read_notes, write_notes

_FOLDERS = ("image", "origin_image", "mask", "inst", "depth", "pose", "fact", "intrinsic")


@dataclass(frozen=True)
class SourceView:
    """One view of an object, everything in one camera."""

    color: UInt8[np.ndarray, "h w 3"]  # the whole image
    depth_mm: UInt16[np.ndarray, "h w"]  # 0 = none
    mask: Bool[np.ndarray, "h w"]
    fact: UInt8[np.ndarray, "h w"] | None  # None: the folder states none


@dataclass(frozen=True)
class ObjectSource:
    """An object folder before in-painting, its images read on demand."""

    name: str  # <scene>_scannet_obj_<id>
    camera: Intrinsics
    world_from_camera: Float[np.ndarray, "n 4 4"]
    load_view: Callable[[int], SourceView | None]  # None, with a warning, for a view that cannot be read
    notes: ViewNotes
    numbers: Sequence[int]  # of the views, as their files are named

    def __len__(self) -> int:
        return len(self.world_from_camera)


def open_object_source(folder: Path) -> ObjectSource:
    """Open an object folder before in-painting, ours or O2-Recon's.  Raises UserError naming what is missing."""
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such object folder; run preprocess/object_mask_with_clip.py first")
    images = {name: numbered(folder / name) for name in ("origin_image", "depth", "mask", "fact")}
    views = sorted(images["origin_image"].keys() & images["depth"].keys() & images["mask"].keys())
    if not views:
        raise UserError(f"{folder}: holds no view with origin_image, depth and mask; extract the object again")
    poses = read_poses(folder / "pose", views, numbered(folder / "pose", (".txt",)))
    views = [i for i in views if i in poses]
    rig = read_rig(folder, [images["origin_image"][i] for i in views], [images["depth"][i] for i in views])
    depth_from_color = np.linalg.inv(rig.color_from_depth)
    return ObjectSource(
        name=folder.resolve().name,
        camera=rig.camera,
        world_from_camera=np.stack([poses[i] @ depth_from_color for i in views]),
        load_view=_loader(folder.name, rig, views, images),
        notes=read_notes(folder, views),
        numbers=views,
    )


def _loader(
    name: str, rig: Rig, views: list[int], images: dict[str, dict[int, Path]]
) -> Callable[[int], SourceView | None]:
    register = depth_into(rig.camera, rig.depth_camera, rig.color_from_depth)
    width, height = rig.camera.width, rig.camera.height

    def load_view(index: int) -> SourceView | None:
        view = views[index]
        try:
            depth_m = register(read_depth_mm(images["depth"][view]))
            fact = images["fact"].get(view)
            return SourceView(
                color=resize_color(read_color(images["origin_image"][view]), width, height),
                depth_mm=millimetres(depth_m),
                mask=resize_labels(read_mask(images["mask"][view]), width, height) > 127,
                fact=None if fact is None else resize_labels(read_mask(fact), width, height),
            )
        except UnreadableImage as error:
            log.warning("view %d of %s left out: %s", view, name, error)
            return None

    return load_view


class ObjectSourceWriter:
    """Fills one (temporary) folder, view by view in any order and from any thread; then call ``finish``."""

    def __init__(self, folder: Path, camera: Intrinsics) -> None:
        self.folder = folder
        for name in _FOLDERS:
            (folder / name).mkdir()
        matrix = np.eye(4)
        matrix[:3, :3] = camera.matrix
        for kind in ("color", "depth"):  # one camera for both: frames come registered
            write_matrix(folder / "intrinsic" / f"intrinsic_{kind}.txt", matrix)
            write_matrix(folder / "intrinsic" / f"extrinsic_{kind}.txt", np.eye(4))

    def write_view(
        self,
        number: int,
        frame: Frame,
        mask: Bool[np.ndarray, "h w"],
        fact: UInt8[np.ndarray, "h w"],
        shared: dict[str, bytes],
    ) -> None:
        """Write view ``number``; ``shared`` is ``encode_shared(frame)``, the same for all objects of a frame."""
        files = {
            "image": encode_image(".jpg", np.where(mask[..., None], frame.color, np.uint8(0))),
            "mask": encode_image(".png", mask.astype(np.uint8) * 255),
            "fact": encode_image(".png", fact),
            **shared,
        }
        for name, data in files.items():
            suffix = ".jpg" if name.endswith("image") else ".png"
            (self.folder / name / f"{number}{suffix}").write_bytes(data)
        write_matrix(self.folder / "pose" / f"{number}.txt", frame.world_from_camera)

    def finish(self, notes: ViewNotes) -> None:
        write_notes(self.folder, notes)


def encode_shared(frame: Frame) -> dict[str, bytes]:
    """The images of a frame that are the same in the folders of all its objects, by folder."""
    assert frame.instance is not None
    return {
        "origin_image": encode_image(".jpg", frame.color),
        "inst": encode_image(".png", frame.instance),
        "depth": encode_image(".png", millimetres(frame.depth_m)),
    }
