"""Points with signed distances for the direct fit, drawn from an object's completed shape.

Near the surface and inside a point is told its distance.  Farther outside it is told only a lower bound: what is seen
through is free, but how far the nearest surface is nobody knows where some of it is hidden.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import ndimage

from models.records import PointBatch, PointKind
from scene.camera import transform
from scene.normalize import inverse
from scene.records import ObjectViews
from training.completion import CompleteShape, complete
from training.grounds import gather_evidence
from training.settings import FitSettings, PointSettings


class PointBatches:
    """A fixed pool of points, drawn once; batches are picked from it."""

    def __init__(
        self,
        shape: CompleteShape,
        world_from_normalized: Float[np.ndarray, "4 4"],
        settings: PointSettings,
        device: torch.device | str = "cpu",
        seed: int = 0,
    ) -> None:
        self.device = torch.device(device)
        scale_m = float(np.cbrt(np.linalg.det(world_from_normalized[:3, :3])))
        index, kind = _draw(shape, settings, np.random.default_rng(seed))
        sdf_m = ndimage.map_coordinates(shape.sdf_m, index.T, order=1, mode="nearest")
        sure = ndimage.map_coordinates(shape.confidence, index.T, order=0, mode="nearest")
        world_m = shape.origin_m + shape.voxel_m * index
        x = transform(inverse(world_from_normalized), world_m)
        weight = settings.unseen_weight + (1.0 - settings.unseen_weight) * sure
        weight = np.where(sdf_m < 0, settings.inside_weight * weight, weight)
        self._x = torch.from_numpy(x.astype(np.float32)).to(self.device)
        self._sdf = torch.from_numpy((sdf_m / scale_m).astype(np.float32)).to(self.device)
        self._weight = torch.from_numpy(weight.astype(np.float32)).to(self.device)
        self._kind = torch.from_numpy(kind).to(self.device)

    @staticmethod
    def of(
        views: ObjectViews,
        settings: FitSettings,
        device: torch.device | str = "cpu",
        seed: int = 0,
        folder: Path | None = None,
    ) -> PointBatches:
        """The points of an object's views: fused, completed by the priors, drawn.  Raises UserError without depth.

        On what grounds the shape stands is kept in the fit's ``folder``, if one is given.
        """
        evidence = gather_evidence(views, settings, folder)
        return PointBatches(complete(evidence), views.world_from_normalized, settings.points, device, seed)

    def draw(self, count: int, generator: torch.Generator) -> PointBatch:
        """``count`` points of the pool, with replacement."""
        chosen = torch.randint(len(self._x), (count,), generator=generator, device=self.device)
        return PointBatch(self._x[chosen], self._sdf[chosen], self._weight[chosen], self._kind[chosen])


def _draw(
    shape: CompleteShape, settings: PointSettings, random: np.random.Generator
) -> tuple[Float[np.ndarray, "n 3"], Int[np.ndarray, " n"]]:
    """Fractional voxel indices and kinds: near the surface, deep inside (or no cavity would be filled), outside."""
    near = _anywhere_in(np.abs(shape.sdf_m) < settings.band_m, round(settings.pool * settings.near_share), random)
    deep = _anywhere_in(shape.sdf_m <= -settings.band_m, round(settings.pool * settings.deep_share), random)
    free = _anywhere_in(shape.sdf_m >= settings.band_m, settings.pool - len(near) - len(deep), random)
    kinds = np.repeat([int(PointKind.SURFACE), int(PointKind.FREE)], [len(near) + len(deep), len(free)])
    return np.concatenate([near, deep, free]), kinds


def _anywhere_in(where: np.ndarray, count: int, random: np.random.Generator) -> Float[np.ndarray, "n 3"]:
    """Points drawn evenly from the voxels of ``where``; none if there are none."""
    index = np.argwhere(where)
    if len(index) == 0:
        return np.zeros((0, 3))
    chosen = index[random.integers(len(index), size=count)]
    return chosen + random.uniform(-0.5, 0.5, (count, 3))
