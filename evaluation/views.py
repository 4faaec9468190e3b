"""What the measures without truth need of a view, whether it comes from a scan or from an object's folder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Integer, UInt8

from scene.camera import Intrinsics
from scene.errors import UserError
from scene.records import Fact, ObjectViews, Scan
from scene.stream import stream_frames


@dataclass(frozen=True)
class View:
    """A camera, the depth it sensed (Z in metres, 0 = none) and which thing each pixel shows (0 = none)."""

    camera: Intrinsics
    world_from_camera: Float[np.ndarray, "4 4"]
    depth_m: Float[np.ndarray, "h w"]
    instance: Integer[np.ndarray, "h w"] | None = None
    color: UInt8[np.ndarray, "h w 3"] | None = None
    index: int = -1  # its place among the scan's frames or the object's views

    def shows(self, instance_id: int) -> Bool[np.ndarray, "h w"]:
        """The pixels of one thing; none where the view has no instances."""
        return np.zeros(self.depth_m.shape, bool) if self.instance is None else self.instance == instance_id

    def rays(self, pixels: Int[np.ndarray, " n"]) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 3"]]:
        """Origins and directions in the world, the latter scaled to Z = 1, of pixels counted row by row."""
        v, u = np.divmod(pixels, self.camera.width)
        x, y = (u - self.camera.cx) / self.camera.fx, (v - self.camera.cy) / self.camera.fy
        directions = np.stack([x, y, np.ones_like(x)], axis=1) @ self.world_from_camera[:3, :3].T
        return np.broadcast_to(self.world_from_camera[:3, 3], directions.shape), directions


def views_of_scan(scan: Scan, max_frames: int) -> list[View]:
    """Up to ``max_frames`` readable frames, evenly spread over the scan, without their colour.

    Raises UserError when none can be read.
    """
    chosen = np.unique(np.linspace(0, len(scan) - 1, min(max_frames, len(scan))).round().astype(int)).tolist()
    views = [
        View(frame.camera, frame.world_from_camera, frame.depth_m, frame.instance, index=index)
        for index, frame in stream_frames(scan, f"reading {scan.name}", chosen)
    ]
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
                index=k,
            )
        )
    return result
