"""A field's zero set as a closed mesh in world metres.

The grid is swept slab by slab along z, so that memory grows with its face, not with its volume.  In each slab blocks
of 8, then 4, then 2 points a side are kept only where their centre's value says that the surface may pass; every
kept point is evaluated exactly once and shared by all cells that touch it, which is what makes the mesh watertight.

Frames: x in the normalised frame; grid points have integer indices i with x = origin + i * voxel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import mcubes
import numpy as np
import torch
import torch.nn.functional as F
import trimesh
from jaxtyping import Float, Int
from torch import Tensor

from models.records import FieldFunctions
from scene.camera import transform
from scene.errors import UserError
from scene.runlog import log
from training.mesh_cleanup import Triangles, largest_components, share_of_largest, weld
from training.settings import MeshSettings

_BLOCKS = (8, 4, 2)  # grid points a side; each divides the one before
_SLAB = 32  # grid points along z held at a time
_BRICK = 32  # cells a side that marching cubes is run on at a time
_SNAP = 0.01  # of a voxel: values nearer to 0 are moved away, so that no vertex meets a grid point and no face vanishes
_MOST_CELLS = 2048  # along the longest side
_WHOLE = 0.9  # of the surface in one part: the rest is crumbs, not worth moving the whole surface for
_JOIN_STEPS = 3

Sdf = Callable[[Tensor], Tensor]  # (n, 3) -> (n,), positive outside
Color = Callable[[Tensor], Tensor]  # (n, 3) -> (n, 3) in [0, 1]
Evaluate = Callable[[np.ndarray], np.ndarray]  # Sdf on numpy arrays


@dataclass(frozen=True)
class Grid:
    """Grid points round a box: one layer of them outside it on every side, where the field is taken as outside."""

    origin: Float[np.ndarray, " 3"]
    voxel: float
    points: tuple[int, int, int]

    @staticmethod
    def around(bounds: Float[np.ndarray, "2 3"], settings: MeshSettings, scale_m: float) -> Grid:
        """The grid of ``settings`` (``scale_m`` metres a normalised unit).  Raises UserError when it is too fine."""
        extent = bounds[1] - bounds[0]
        if not (np.isfinite(bounds).all() and (extent > 0).all()):
            raise UserError(f"mesh: the object's box {bounds.tolist()} is empty; were its views read whole?")
        voxel = float(extent.max()) / settings.resolution
        if settings.voxel_m is not None:
            voxel = settings.voxel_m / scale_m
        cells = np.ceil(extent / voxel - 1e-6).astype(int)
        if cells.max() > _MOST_CELLS:
            raise UserError(f"mesh: {cells.max()} cells along a side are more than {_MOST_CELLS}; take larger ones")
        x, y, z = (int(c) + 3 for c in cells)
        return Grid(bounds[0] - voxel, voxel, (x, y, z))

    def positions(self, index: Float[np.ndarray, "n 3"] | Int[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Positions of (fractional) grid indices."""
        return (self.origin + index * self.voxel).astype(np.float32)


def mesh_of_field(
    field: FieldFunctions,
    settings: MeshSettings,
    world_from_normalized: Float[np.ndarray, "4 4"],
    device: torch.device | str = "cpu",
) -> trimesh.Trimesh:
    """The coloured surface of a fitted field within the unit sphere, by ``extract``."""

    def sdf(x: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        # Nothing outside the sphere was ever fitted.
        return torch.maximum(field.sdf(x), x.norm(dim=-1) - 1.0)

    def color(x: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        _, gradient, feature = field.gradient(x)
        normal = F.normalize(gradient, dim=-1)
        return field.color(x, normal, -normal, feature)  # as seen from right in front

    bounds = np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])
    return extract(sdf, color, settings, world_from_normalized, bounds, device)


def extract(
    sdf: Sdf,
    color: Color | None,
    settings: MeshSettings,
    world_from_normalized: Float[np.ndarray, "4 4"],
    bounds: Float[np.ndarray, "2 3"],
    device: torch.device | str = "cpu",
) -> trimesh.Trimesh:
    """The zero set of ``sdf`` inside ``bounds`` (lower, upper corner) as a watertight mesh in world metres.

    ``sdf`` and ``color`` take float32 positions of the normalised frame on ``device``.  What leaves the box is closed
    at its walls; faces look outward; the ``settings.components`` largest connected parts are kept.
    Raises UserError when there is no surface in the box.
    """
    scale_m = float(np.cbrt(np.linalg.det(world_from_normalized[:3, :3])))
    grid = Grid.around(np.asarray(bounds, dtype=np.float64), settings, scale_m)

    triangles = largest_components(_in_one_piece(sdf, grid, settings, scale_m, device), settings.components)
    x = grid.origin + triangles.vertices * grid.voxel
    colors = None
    if color is not None:
        rgb = _in_chunks(color, x.astype(np.float32), settings.points_per_call, device)
        colors = np.rint(255.0 * np.clip(rgb, 0.0, 1.0)).astype(np.uint8)
    vertices = transform(world_from_normalized, x)
    return trimesh.Trimesh(vertices, triangles.faces, vertex_colors=colors, process=False)


def _in_one_piece(
    sdf: Sdf, grid: Grid, settings: MeshSettings, scale_m: float, device: torch.device | str
) -> Triangles:
    """All of the surface; where it falls apart, the nearest surface outside it that hangs together.

    Where a pole as thin as a grid cell of the field breaks, most of the object may hang on it.  Where nothing within
    ``join_m`` joins the parts, they are taken as they are.
    """

    def surface(outward_m: float) -> Triangles:
        def evaluate(x: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
            # What is not a number counts as outside, and as near: it is looked into.
            values = _in_chunks(sdf, x, settings.points_per_call, device) - np.float32(outward_m / scale_m)
            return np.nan_to_num(values, copy=False, nan=grid.voxel, posinf=grid.voxel, neginf=grid.voxel)

        triangles = weld(_marching_cubes(evaluate, grid, settings.margin), grid.points)
        if len(triangles.faces) == 0:
            raise UserError("mesh: the field has no surface inside the object's box; fit it for more steps")
        return triangles

    as_it_is = surface(0.0)
    if settings.components != 1 or settings.join_m == 0 or share_of_largest(as_it_is) >= _WHOLE:
        return as_it_is
    for outward_m in np.linspace(0.0, settings.join_m, _JOIN_STEPS + 1)[1:].tolist():
        joined = surface(outward_m)
        if share_of_largest(joined) >= _WHOLE:
            log.warning("the surface fell apart and is taken %.1f mm farther out, in one piece", 1e3 * outward_m)
            return joined
    return as_it_is


def _in_chunks(
    function: Callable[[Tensor], Tensor], x: Float[np.ndarray, "n 3"], chunk: int, device: torch.device | str
) -> Float[np.ndarray, "n ..."]:
    """``function`` of all rows, ``chunk`` at a time, without gradients."""
    with torch.no_grad():
        parts = [function(part.to(device)).cpu() for part in torch.from_numpy(x).split(chunk)]
    return torch.cat(parts).numpy()


def _marching_cubes(evaluate: Evaluate, grid: Grid, margin: float) -> Iterator[Triangles]:
    """Pieces of the surface in grid indices; pieces repeat the vertices they share."""
    width, depth = (-(-n // _BLOCKS[0]) * _BLOCKS[0] for n in grid.points[:2])
    window = np.full((width, depth, _SLAB + 1), grid.voxel, dtype=np.float32)
    for start in range(0, grid.points[2], _SLAB):
        window[:, :, 0] = window[:, :, -1]  # the plane below, of the slab before
        _fill_slab(window[:, :, 1:], evaluate, grid, start, margin)
        yield from _pieces(window, start - 1)


def _pieces(window: Float[np.ndarray, "x y z"], start: int) -> Iterator[Triangles]:
    """Marching cubes on every brick of the window (first plane at z index ``start``) that the surface passes."""
    for x in range(0, window.shape[0] - 1, _BRICK):
        for y in range(0, window.shape[1] - 1, _BRICK):
            brick = window[x : x + _BRICK + 1, y : y + _BRICK + 1]
            if brick.min() < 0.0 < brick.max():
                # Positive inside is what makes PyMCubes' faces look outward.
                vertices, faces = mcubes.marching_cubes(np.negative(brick), 0.0)
                yield Triangles(vertices + np.array([x, y, start], dtype=np.float64), faces.astype(np.int64))


def _fill_slab(values: Float[np.ndarray, "x y z"], evaluate: Evaluate, grid: Grid, start: int, margin: float) -> None:
    """Set ``values`` on the grid points with z index from ``start``: exact near the surface, of its sign elsewhere.

    A field with slope at most ``margin`` that vanishes within a voxel of one of a block's points is at most
    margin * (distance from the centre to that point + 1 voxel) at the centre: only such blocks are looked into.
    """
    x, y, z = values.shape
    corners = (np.arange(0, n, _BLOCKS[0], dtype=np.int32) for n in (x, y, min(z, grid.points[2] - start)))
    blocks = np.stack(np.meshgrid(*corners, indexing="ij"), axis=-1).reshape(-1, 3)
    offset = np.array([0, 0, start], dtype=np.int32)
    for size in _BLOCKS:
        middle = 0.5 * (size - 1)
        at_centre = evaluate(grid.positions(blocks + offset + middle))
        in_blocks = values.reshape(x // size, size, y // size, size, z // size, size)  # a view: axes are only split
        ix, iy, iz = (blocks // size).T
        in_blocks[ix, :, iy, :, iz, :] = at_centre[:, None, None, None]
        reach = margin * grid.voxel * (math.sqrt(3.0) * middle + 1.0)
        blocks = blocks[np.abs(at_centre) <= reach]
        eighths = np.stack(
            np.meshgrid(*[np.array([0, size // 2], dtype=np.int32)] * 3, indexing="ij"), axis=-1
        ).reshape(-1, 3)
        blocks = (blocks[:, None] + eighths).reshape(-1, 3)
    at_points = evaluate(grid.positions(blocks + offset))
    least = _SNAP * grid.voxel
    values[tuple(blocks.T)] = np.where(at_points < 0, np.minimum(at_points, -least), np.maximum(at_points, least))
    _close(values, grid, start)


def _close(values: Float[np.ndarray, "x y z"], grid: Grid, start: int) -> None:
    """Make all grid points outside the box positive, in place."""
    for axis, first in enumerate((0, 0, start)):
        along = np.moveaxis(values, axis, 0)
        if first == 0:
            along[0] = grid.voxel
        along[max(grid.points[axis] - 1 - first, 0) :] = grid.voxel
