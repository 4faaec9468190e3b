"""What samplers, field, renderer and losses hand to one another.

Letters: n rays or points, s samples along a ray.  Positions and distances are in the normalised frame (object in the
unit sphere); t is the distance along a ray's unit direction.  Signed distance is positive outside the object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Integer
from torch import Tensor


@runtime_checkable
class FieldFunctions(Protocol):
    """What the renderer and the losses may ask of a field; ``models.fields.ObjectField`` is one."""

    def sdf(self, x: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Signed distance, positive outside."""

    def gradient(
        self, x: Float[Tensor, "n 3"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n 3"], Float[Tensor, "n f"]]:
        """Signed distance, its gradient (itself differentiable) and a feature for ``color``."""

    def color(
        self,
        x: Float[Tensor, "n 3"],
        normal: Float[Tensor, "n 3"],
        direction: Float[Tensor, "n 3"],
        feature: Float[Tensor, "n f"],
    ) -> Float[Tensor, "n 3"]:
        """RGB in [0, 1] seen along ``direction`` (unit, away from the camera)."""

    def inv_s(self) -> Float[Tensor, ""]:
        """Sharpness of the surface: the standard deviation's inverse in NeuS."""


@dataclass(frozen=True)
class RayBatch:
    """Rays and what their pixels say (``scene.records.Fact``)."""

    origins: Float[Tensor, "n 3"]
    directions: Float[Tensor, "n 3"]  # unit
    near: Float[Tensor, " n"]  # where the ray enters the object's bounds; near = far where it misses them
    far: Float[Tensor, " n"]  # where it leaves them: behind this lies nothing of the object
    color: Float[Tensor, "n 3"]  # in [0, 1]
    depth: Float[Tensor, " n"]  # t of what the pixel saw, 0 where no depth was sensed
    fact: Integer[Tensor, " n"]  # scene.records.Fact
    normal: Float[Tensor, "n 3"]  # unit, in the normalised frame; 0 where unknown
    confidence: Float[Tensor, " n"]  # 1 for sensed pixels; less for those that an in-painter filled

    def __len__(self) -> int:
        return len(self.origins)

    def __getitem__(self, index: slice | Tensor) -> RayBatch:
        """Some of the rays."""
        return RayBatch(**{f.name: getattr(self, f.name)[index] for f in fields(self)})


class PointKind(IntEnum):
    """What a point of a ``PointBatch`` says."""

    SURFACE = 0  # the signed distance here is ``sdf``
    FREE = 1  # seen to be free: the signed distance here is at least ``sdf``


@dataclass(frozen=True)
class PointBatch:
    """Points with what is known of the signed distance there."""

    x: Float[Tensor, "n 3"]
    sdf: Float[Tensor, " n"]  # the distance, or its lower bound, as ``kind`` says
    weight: Float[Tensor, " n"]  # >= 0: how far to trust it
    kind: Integer[Tensor, " n"]  # PointKind

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: slice | Tensor) -> PointBatch:
        """Some of the points."""
        return PointBatch(**{f.name: getattr(self, f.name)[index] for f in fields(self)})


@dataclass(frozen=True)
class Pixels:
    """What rays see."""

    color: Float[Tensor, "n 3"]
    normal: Float[Tensor, "n 3"]  # mean unit gradient by weight: its length is at most the opacity
    depth: Float[Tensor, " n"]  # mean t by weight, over the opacity; 0 where the ray meets nothing
    opacity: Float[Tensor, " n"]  # sum of the weights, in [0, 1]


@dataclass(frozen=True)
class Rendered(Pixels):
    """What rays see, and what the renderer asked of the field; samples sit in the middle of their interval."""

    weights: Float[Tensor, "n s"]
    ts: Float[Tensor, "n s"]
    sdf: Float[Tensor, "n s"]
    gradients: Float[Tensor, "n s 3"]
    inv_s: Float[Tensor, ""]


@dataclass(frozen=True)
class Likeness:
    """What the object should look like: features of an image and text network, unit vectors."""

    seen_color: Float[Tensor, " d"]  # of the best-scored view
    seen_normal: Float[Tensor, " d"] | None  # None: the views have no normals
    color_text: Float[Tensor, " d"]  # of the class name
    normal_text: Float[Tensor, " d"]


@dataclass(frozen=True)
class NovelView:
    """The object rendered from where no camera stood, as the same network sees it."""

    color: Float[Tensor, " d"]
    normal: Float[Tensor, " d"]
    wanted: Likeness


@dataclass(frozen=True)
class Step:
    """What a loss term may look at in one iteration; which parts are there depends on the phase's batches.

    Ray phases carry ``rays`` and ``rendered``; point phases carry ``points`` and the field's ``point_sdf`` there.
    ``novel`` renders the object from a place drawn anew, given pixels a side and samples a ray.
    """

    field: FieldFunctions
    iteration: int
    generator: torch.Generator
    rays: RayBatch | None = None
    rendered: Rendered | None = None
    points: PointBatch | None = None
    point_sdf: Float[Tensor, " n"] | None = None
    novel: Callable[[int, int], NovelView] | None = None
