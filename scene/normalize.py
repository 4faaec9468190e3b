"""World <-> normalised frame: a similarity (uniform scale and shift) that puts an object into the unit sphere.

``world_from_normalized`` = [[s I, c], [0, 1]] with s metres per normalised unit and c the centre in the world; axes
stay parallel, so directions and normals need no change.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from scene.cells import CellGrid, main_cells


def similarity(center_m: Float[np.ndarray, " 3"], scale_m: float) -> Float[np.ndarray, "4 4"]:
    """``world_from_normalized`` for a sphere of radius ``scale_m`` round ``center_m``."""
    matrix = np.diag([scale_m, scale_m, scale_m, 1.0])
    matrix[:3, 3] = center_m
    return matrix


def inverse(world_from_normalized: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
    """``normalized_from_world``, exact to rounding."""
    scale = scale_of(world_from_normalized)
    return similarity(-world_from_normalized[:3, 3] / scale, 1.0 / scale)


def scale_of(world_from_normalized: Float[np.ndarray, "4 4"]) -> float:
    """Metres per normalised unit."""
    return float(np.cbrt(np.linalg.det(world_from_normalized[:3, :3])))


def normalized_from_camera(
    world_from_camera: Float[np.ndarray, "*n 4 4"], world_from_normalized: Float[np.ndarray, "4 4"]
) -> Float[np.ndarray, "*n 4 4"]:
    """Rigid poses in the normalised frame, for cameras whose depth is in normalised units too."""
    poses = np.array(world_from_camera, np.float64)
    poses[..., :3, 3] = (poses[..., :3, 3] - world_from_normalized[:3, 3]) / scale_of(world_from_normalized)
    return poses


def around(points_m: Float[np.ndarray, "n 3"], margin: float) -> Float[np.ndarray, "4 4"]:
    """``world_from_normalized`` from an object's fused points: the sphere round their box, ``margin`` larger.

    Points apart from the object proper (what flying pixels and leaking masks leave behind) do not count: of the points'
    cells, 5 % of the object's size, only the heavy groups that hang together make the box.  Raises ValueError when
    there are no points.
    """
    if len(points_m) == 0:
        raise ValueError("an object without a single point has no place in the world")
    middle = np.median(points_m, axis=0)
    spread = np.quantile(np.linalg.norm(points_m - middle, axis=1), 0.9)
    grid = CellGrid(middle.astype(np.float64), max(0.1 * float(spread), 1e-3))
    keys, counts = np.unique(grid.keys(points_m), return_counts=True)
    proper = np.isin(grid.keys(points_m), main_cells(keys, counts))
    low, high = points_m[proper].min(axis=0), points_m[proper].max(axis=0)
    radius = float(np.linalg.norm(high - low)) / 2
    return similarity(((low + high) / 2).astype(np.float64), max(radius * margin, 1e-3))
