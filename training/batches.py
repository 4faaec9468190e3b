"""Rays drawn from an object's views, converted from their compact images as they are drawn.

Frames: normalised (object in the unit sphere) unless a name says otherwise.  The scale is the metres of a normalised
unit; d is a camera-frame direction with Z = 1, so that depth (Z) times d is a point of the camera frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor

from models.rays import intersect_sphere
from models.records import PointBatch, RayBatch
from scene.errors import UserError
from scene.normalize import normalized_from_camera
from scene.records import Fact, ObjectViews
from training.settings import RaySettings

_OF_OBJECT = (Fact.OBJECT, Fact.OBJECT_NO_DEPTH)


@runtime_checkable
class BatchSource(Protocol):
    """Where a phase's batches come from; the same generator state gives the same batch."""

    def draw(self, count: int, generator: torch.Generator) -> RayBatch | PointBatch:
        """``count`` rays or points at random, on the generator's device."""


@dataclass(frozen=True)
class Cameras:
    """All views' cameras in the normalised frame."""

    rotation: Float[Tensor, "v 3 3"]  # camera axes -> normalised axes
    centre: Float[Tensor, "v 3"]
    scale_m: float

    @staticmethod
    def of(views: ObjectViews, device: torch.device) -> Cameras:
        poses = normalized_from_camera(views.world_from_camera, views.world_from_normalized)
        as_tensor = torch.from_numpy(poses).float().to(device)
        return Cameras(as_tensor[:, :3, :3].contiguous(), as_tensor[:, :3, 3].contiguous(), views.scale_m)


class RayBatches:
    """Rays of every pixel that says something of the object inside the unit sphere.

    Left out are pixels whose ray misses the sphere, whose fact is UNKNOWN, or that saw something else before the
    sphere begins.  An in-painted pixel is a ray of its own (fact INPAINTED) beside the one of what was sensed there.
    The images are held as they are (views over the caller's arrays on a CPU).
    """

    def __init__(self, views: ObjectViews, settings: RaySettings, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self._settings = settings
        self._camera = views.camera
        self._cameras = Cameras.of(views, self.device)
        fact = np.ascontiguousarray(views.fact)
        depth_mm = np.ascontiguousarray(views.depth_mm)
        informative = np.stack([_informative(views, view) for view in range(len(views))])
        of_object = np.isin(fact, _OF_OBJECT)
        self._size = fact.size  # an index from here on means what was in-painted at the pixel that many before it
        self._object = self._pixels(informative & of_object)
        self._other = self._pixels(informative & ~of_object)
        self._hidden_confidence = self._hidden_depth_mm = None
        if views.hidden is not None:
            self._hidden_confidence = self._images(np.ascontiguousarray(views.hidden.confidence).reshape(-1))
            self._hidden_depth_mm = self._depths(views.hidden.depth_mm)
            meets = np.stack([_meets_sphere(views, view)[0] for view in range(len(views))])
            filled = np.flatnonzero(meets & (views.hidden.confidence > 0)) + self._size
            self._object = torch.cat([self._object, self._images(filled.astype(_index_type(2 * self._size)))])
        if len(self._object) == 0:
            raise UserError(f"{views.name}: no pixel of its views shows the object; check its masks and depth images")
        self._fact = self._images(fact.reshape(-1))
        self._color = self._images(np.ascontiguousarray(views.color).reshape(-1, 3))
        self._depth_mm = self._depths(depth_mm)
        self._normal = None
        if views.normal is not None:
            self._normal = self._images(np.ascontiguousarray(views.normal).reshape(-1, 3))

    def _images(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.device)

    def _depths(self, depth_mm: Integer[np.ndarray, "v h w"]) -> Tensor:
        """Depth images as torch can index them, which is not uint16: the same bits, made whole again when drawn."""
        return self._images(np.ascontiguousarray(depth_mm).astype(np.uint16, copy=False).view(np.int16).reshape(-1))

    def _pixels(self, wanted: Bool[np.ndarray, "v h w"]) -> Int[Tensor, " p"]:
        """Indices of the wanted pixels into the flattened images."""
        return self._images(np.flatnonzero(wanted).astype(_index_type(2 * wanted.size)))

    def __len__(self) -> int:
        """Rays that can be drawn."""
        return len(self._object) + len(self._other)

    def draw(self, count: int, generator: torch.Generator) -> RayBatch:
        """``count`` rays at random, with replacement; ``object_share`` of them through the object's pixels."""
        share = self._settings.object_share
        if share is None:
            share = len(self._object) / len(self)
        through_object = count if len(self._other) == 0 else round(share * count)
        parts = []
        for pixels, number in ((self._object, through_object), (self._other, count - through_object)):
            if number:
                chosen = torch.randint(len(pixels), (number,), generator=generator, device=self.device)
                parts.append(pixels[chosen])
        return self._batch(torch.cat(parts).long())

    def view(self, index: int, stride: int = 1) -> RayBatch:
        """The rays of every ``stride``-th pixel and row of one view, row by row."""
        size = self._camera.height * self._camera.width
        pixel = torch.arange(index * size, (index + 1) * size, device=self.device)
        return self._batch(pixel.reshape(self._camera.height, -1)[::stride, ::stride].reshape(-1))

    def _batch(self, index: Int[Tensor, " n"]) -> RayBatch:
        camera = self._camera
        pixel = index % self._size
        view = pixel // (camera.height * camera.width)
        u, v = pixel % camera.width, pixel // camera.width % camera.height
        x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
        local = torch.stack([x, y, torch.ones_like(x)], dim=-1)
        length = local.norm(dim=-1)
        rotation = self._cameras.rotation[view]
        origins = self._cameras.centre[view]
        directions = torch.einsum("nij,nj->ni", rotation, local / length[:, None])
        near, far = intersect_sphere(origins, directions)
        depth_mm, fact = self._depth_mm[pixel], self._fact[pixel]
        confidence = torch.ones_like(near)
        if self._hidden_confidence is not None and self._hidden_depth_mm is not None:
            filled = index >= self._size
            depth_mm = torch.where(filled, self._hidden_depth_mm[pixel], depth_mm)
            fact = fact.masked_fill(filled, int(Fact.INPAINTED))
            confidence = torch.where(filled, self._hidden_confidence[pixel].float() / 255.0, confidence)
        depth_m = (depth_mm.int() & 0xFFFF).float() / 1000.0
        normal = torch.zeros_like(origins)
        if self._normal is not None:
            normal = torch.einsum("nij,nj->ni", rotation, self._normal[pixel].float())
        return RayBatch(
            origins=origins,
            directions=directions,
            near=near,
            far=far,
            color=self._color[pixel].float() / 255.0,
            depth=depth_m * length / self._cameras.scale_m,
            fact=fact,
            normal=normal,
            confidence=confidence,
        )


def _index_type(most: int) -> type[np.signedinteger]:
    return np.int32 if most < 2**31 else np.int64


def _informative(views: ObjectViews, index: int) -> Bool[np.ndarray, "h w"]:
    """The pixels of a view that say something of the space inside the unit sphere."""
    meets, enters_m = _meets_sphere(views, index)
    fact = views.fact[index]
    stopped_before = (fact == Fact.OTHER) & (views.depth_mm[index] / np.float32(1000.0) <= enters_m)
    return meets & (fact != Fact.UNKNOWN) & ~stopped_before


def _meets_sphere(views: ObjectViews, index: int) -> tuple[Bool[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """The pixels of a view whose rays meet the unit sphere, and at what depth they enter it."""
    world_from_camera = views.world_from_camera[index].astype(np.float64)
    centre = np.linalg.inv(world_from_camera) @ views.world_from_normalized.astype(np.float64)[:, 3]
    d = views.camera.directions()
    along = d @ centre[:3].astype(np.float32)
    squared = np.einsum("hwc,hwc->hw", d, d)
    # |d Z - centre|^2 = radius^2, solved for Z.
    inside = along**2 - squared * np.float32(centre[:3] @ centre[:3] - views.scale_m**2)
    root = np.sqrt(np.maximum(inside, 0.0))
    meets = (inside > 0.0) & (along + root > 0.0)
    return meets, (along - root) / squared
