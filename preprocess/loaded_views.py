"""An object folder's views as the fit will see them: in one camera, with facts, and with a place in the world."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8, UInt16

from preprocess.settings import ExtractSettings, PrepareSettings
from scene.camera import Intrinsics, unproject_where
from scene.cells import CellGrid, LabelVotes, grown, main_cells
from scene.errors import UserError
from scene.facts import find_doubts, object_facts, sure_points
from scene.images import millimetres
from scene.normalize import around
from scene.object_source import SourceView, open_object_source
from scene.records import Fact, Frame, ObjectViews
from scene.registration import color_into, depth_into, labels_into
from scene.stream import ahead
from scene.view_notes import ViewNotes

_MOST_POINTS = 200_000  # kept of the fused points; enough for the box and to look at
# O2-Recon's centre crops of ScanNet's colour images; both leave 4:3 for 640 x 480.
_CROP_OF_1296 = (1248 / 1296, 936 / 968)
_CROP_OF_640 = 624 / 640


@dataclass(frozen=True)
class LoadedViews:
    """The views of an object folder that could be read."""

    views: ObjectViews  # without normals; colours are those of the whole images
    notes: ViewNotes
    numbers: Sequence[int]  # of the views in the object folder
    points_m: Float[np.ndarray, "n 3"]  # the object's fused points, world
    source_camera: Intrinsics  # of the folder's images

    def into_views(self, image: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "a b"]:
        """A mask over an image of the folder, as one over the same view here."""
        return labels_into(self.views.camera, self.source_camera)(image.astype(np.uint8)) > 0


def load_views(object_folder: Path, settings: PrepareSettings) -> LoadedViews:
    """Read an object folder (``scene.object_source``), crop and register it, and place the object in the world.

    Raises UserError when the folder cannot be used or no pixel of the object has depth.
    """
    source = open_object_source(object_folder)
    indices, loaded = [], []
    for k, view in enumerate(ahead(source.load_view, range(len(source)))):
        if view is not None:
            indices.append(k)
            loaded.append(view)
    if not loaded:
        raise UserError(f"{object_folder}: not one view can be read; extract the object again")
    camera = target_camera(source.camera, settings.crop)
    poses = source.world_from_camera[indices]
    facts = _facts(source.camera, poses, loaded)
    color_map, label_map = color_into(camera, source.camera), labels_into(camera, source.camera)
    depth_map = depth_into(camera, source.camera, np.eye(4))
    depth_mm = np.stack([millimetres(depth_map(view.depth_mm)) for view in loaded])
    fact = np.stack([label_map(image) for image in facts])
    points = object_points(depth_mm, fact, camera, poses)
    if len(points) == 0:
        raise UserError(f"{object_folder}: no pixel of the object has a depth that can be trusted; it cannot be placed")
    notes = _of_views(source.notes, indices)
    views = ObjectViews(
        name=source.name,
        label=notes.label,
        camera=camera,
        world_from_camera=poses,
        world_from_normalized=around(points, settings.margin),
        color=np.stack([color_map(view.color) for view in loaded]),
        depth_mm=depth_mm,
        fact=fact,
        scores=notes.scores,
        up=notes.up,
    )
    return LoadedViews(views, notes, [source.numbers[k] for k in indices], points, source.camera)


def target_camera(camera: Intrinsics, crop: str) -> Intrinsics:
    """The camera of the training images: unchanged, or O2-Recon's centre crop brought to 640 x 480.

    Its crop is the 1248 x 936 of 1296 x 968, and of other images 0.975 of the largest 4:3 box (624 x 468 of 640 x 480).
    """
    if crop == "none":
        return camera
    if abs(camera.width / camera.height - 1296 / 968) < 0.002:
        width, height = camera.width * _CROP_OF_1296[0], camera.height * _CROP_OF_1296[1]
    else:
        height = _CROP_OF_640 * min(camera.height, camera.width * 3 / 4)
        width = height * 4 / 3
    left, top = (camera.width - width) / 2, (camera.height - height) / 2
    sx, sy = 640 / width, 480 / height
    cx, cy = (camera.cx - left + 0.5) * sx - 0.5, (camera.cy - top + 0.5) * sy - 0.5
    return Intrinsics(640, 480, camera.fx * sx, camera.fy * sy, cx, cy)


def _facts(
    camera: Intrinsics, poses: Float[np.ndarray, "n 4 4"], views: Sequence[SourceView]
) -> list[UInt8[np.ndarray, "h w"]]:
    """The facts stored in the folder; where it has none (O2-Recon's), those that masks and depth give."""
    if all(view.fact is not None for view in views):
        return [view.fact for view in views if view.fact is not None]
    frames = [
        Frame(i, camera, pose, view.color, view.depth_mm * np.float32(1e-3), view.mask.astype(np.uint8))
        for i, (pose, view) in enumerate(zip(poses, views, strict=True))
    ]
    votes = LabelVotes(CellGrid(np.asarray(poses[0, :3, 3], np.float64), ExtractSettings().cell_m))
    doubts = [find_doubts(frame) for frame in frames]
    for frame, doubt in zip(frames, doubts, strict=True):
        votes.add_view(*sure_points(frame, doubt))
    won = votes.won_cells()
    cells = grown(main_cells(*won[1])) if 1 in won else np.zeros(0, np.int64)
    return [object_facts(frame, 1, doubt, votes.grid, cells) for frame, doubt in zip(frames, doubts, strict=True)]


def object_points(
    depth_mm: UInt16[np.ndarray, "n h w"],
    fact: UInt8[np.ndarray, "n h w"],
    camera: Intrinsics,
    world_from_camera: Float[np.ndarray, "n 4 4"],
) -> Float[np.ndarray, "m 3"]:
    """World points of an evenly spread share of the object's pixels."""
    points = []
    step = int((fact == Fact.OBJECT).sum()) // _MOST_POINTS + 1
    for image, what, pose in zip(depth_mm, fact, world_from_camera, strict=True):
        points.append(unproject_where(what == Fact.OBJECT, image * np.float32(1e-3), camera, pose)[::step])
    return np.concatenate(points)


def _of_views(notes: ViewNotes, numbers: Sequence[int]) -> ViewNotes:
    """The notes of the views that could be read."""
    scores = [notes.scores[i] for i in numbers] if notes.scores else []
    return dataclasses.replace(notes, frame_ids=[notes.frame_ids[i] for i in numbers], scores=scores)
