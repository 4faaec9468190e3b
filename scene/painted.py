"""Where in the world an in-painter put an object's surface."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from scene.camera import unproject_where
from scene.records import HiddenPixels, ObjectViews


def painted_points(views: ObjectViews, per_view: int | None = None) -> Float[np.ndarray, "n 3"]:
    """World points of the in-painted pixels that have depth, evenly thinned to about ``per_view`` a view."""
    if views.hidden is None:
        return np.zeros((0, 3), np.float32)
    parts = []
    for told, depth_mm, pose in zip(
        with_depth(views.hidden), views.hidden.depth_mm, views.world_from_camera, strict=True
    ):
        points = unproject_where(told, depth_mm * np.float32(1e-3), views.camera, pose)
        parts.append(points if per_view is None else points[:: max(1, len(points) // per_view)])
    return np.concatenate(parts)


def with_depth(hidden: HiddenPixels, least: float = 0.0) -> Bool[np.ndarray, "n h w"]:
    """The in-painted pixels that are told a depth, and are at least so sure."""
    return (hidden.confidence > 0) & (hidden.confidence >= 255 * least) & (hidden.depth_mm > 0)
