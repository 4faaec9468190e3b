"""What the measures without truth need of a view, whether it comes from a scan or from an object's folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer, UInt8

from scene.camera import Intrinsics
from scene.errors import UserError
from scene.records import Fact, Frame, ObjectViews, Scan


@dataclass(frozen=True)
class View:
    """A camera, the depth it sensed (Z in metres, 0 = none) and which thing each pixel shows (0 = none)."""

    camera: Intrinsics
    world_from_camera: Float[np.ndarray, "4 4"]
    depth_m: Float[np.ndarray, "h w"]
    instance: Integer[np.ndarray, "h w"] | None = None
    color: UInt8[np.ndarray, "h w 3"] | None = None

    def shows(self, instance_id: int) -> Bool[np.ndarray, "h w"]:
        """The pixels of one thing; none where the view has no instances."""
        return np.zeros(self.depth_m.shape, bool) if self.instance is None else self.instance == instance_id


def view_of_frame(frame: Frame, with_color: bool = False) -> View:
    """A scan's frame as a view, its colour left out unless asked for."""
    color = frame.color if with_color else None
    return View(frame.camera, frame.world_from_camera, frame.depth_m, frame.instance, color)


def views_of_scan(scan: Scan, max_frames: int) -> list[View]:
    """Up to ``max_frames`` readable frames, evenly spread over the scan.  Raises UserError when none can be read."""
    chosen = np.unique(np.linspace(0, len(scan) - 1, min(max_frames, len(scan))).round().astype(int))
    views = [view_of_frame(frame) for frame in map(scan.load_frame, chosen.tolist()) if frame is not None]
    if not views:
        raise UserError(f"{scan.name}: none of the scan's frames can be read; check its colour and depth images")
    return views


def views_of_object(views: ObjectViews, instance_id: int) -> list[View]:
    """The object's own views: its pixels carry ``instance_id``; only sensed depth counts, nothing in-painted."""
    result = []
    for k in range(len(views)):
        fact = views.fact[k]
        sensed = (fact == Fact.OBJECT) | (fact == Fact.OTHER)
        shown = (fact == Fact.OBJECT) | (fact == Fact.OBJECT_NO_DEPTH)
        result.append(
            View(
                views.camera,
                views.world_from_camera[k],
                np.where(sensed, views.depth_mm[k], 0).astype(np.float32) / 1000.0,
                np.where(shown, instance_id, 0),
                views.color[k],
            )
        )
    return result


def instance_ids(views: Iterable[View]) -> list[int]:
    """The ids of all things that the views show."""
    ids: set[int] = set()
    for view in views:
        if view.instance is not None:
            ids.update(np.unique(view.instance).tolist())
    return sorted(ids - {0})
