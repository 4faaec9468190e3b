"""The typed things handed from room to room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float, Integer, UInt8

from scene.camera import Intrinsics


class Fact(IntEnum):
    """What one pixel says of one object (stored as uint8 beside the depth image).

    A pixel speaks only of the space in front of what it saw.  With sensed depth t along the pixel's ray:
    OBJECT: free up to t, then the object's surface.  OTHER: free up to t, then something that is not the object; what
    lies behind is unknown.  UNKNOWN: nothing is known (no depth, a flying pixel, a mask's doubtful rim).
    OBJECT_NO_DEPTH: the ray meets the object at an unknown depth (inside the mask, depth missing).
    INPAINTED: the object stands there behind an occluder, says an in-painter; weaker than any sensed fact.  Only drawn
    rays carry it: a view's pixel keeps the fact that was sensed, and what was in-painted lies beside (HiddenPixels).
    """

    UNKNOWN = 0
    OBJECT = 1
    OTHER = 2
    OBJECT_NO_DEPTH = 3
    INPAINTED = 4


@dataclass(frozen=True)
class Frame:
    """One view of a scan with everything in one camera: colour, depth and labels share size and intrinsics."""

    frame_id: int  # its number in the source
    camera: Intrinsics
    world_from_camera: Float[np.ndarray, "4 4"]
    color: UInt8[np.ndarray, "h w 3"]  # RGB
    depth_m: Float[np.ndarray, "h w"]  # Z in metres, 0 = none
    instance: Integer[np.ndarray, "h w"] | None = None  # instance id, 0 = none


@dataclass(frozen=True)
class Instance:
    """One thing in the scan: its id in the instance images, its name, its NYU40 class where known (0 = unknown)."""

    instance_id: int
    label: str
    nyu40_id: int = 0


@dataclass(frozen=True)
class Scan:
    """A scan, its images read on demand.

    ``load_frame(k)`` gives the k-th usable frame (k indexes ``frame_ids`` and ``world_from_camera``) or None, with a
    logged warning, when its images cannot be read; it may be called from several threads.
    """

    name: str
    frame_ids: Sequence[int]
    world_from_camera: Float[np.ndarray, "n 4 4"]
    camera: Intrinsics  # of every loaded frame
    load_frame: Callable[[int], Frame | None]
    instances: Sequence[Instance] = ()  # empty: the scan has no instance images
    up: Float[np.ndarray, " 3"] | None = None  # unit vector away from gravity, where the format states it

    def __len__(self) -> int:
        return len(self.frame_ids)


@dataclass(frozen=True)
class HiddenPixels:
    """What an in-painter says that the views would see of the object if nothing stood before it.

    Where ``confidence`` is 0 it says nothing.  Colour and normal of these pixels stand in the views' own images, which
    hold nothing of the object there; the sensed depth and fact of what hides it stay as they were.
    """

    confidence: UInt8[np.ndarray, "n h w"]  # in 255ths
    depth_mm: Integer[np.ndarray, "n h w"]  # of the hidden surface; 0 = the in-painter gives none


@dataclass(frozen=True)
class ObjectViews:
    """One object as the fit sees it: picked views, what each pixel says of it, and its place in the world.

    ``world_from_normalized`` is a similarity: the object's fused points lie in the unit sphere of the normalised frame.
    Images stay compact (uint8, uint16) until sampled.
    """

    name: str  # <scene>_scannet_obj_<id>
    label: str  # the class name
    camera: Intrinsics  # shared by all views
    world_from_camera: Float[np.ndarray, "n 4 4"]
    world_from_normalized: Float[np.ndarray, "4 4"]
    color: UInt8[np.ndarray, "n h w 3"]  # RGB
    depth_mm: Integer[np.ndarray, "n h w"]  # 0 = none
    fact: UInt8[np.ndarray, "n h w"]  # Fact values
    normal: Float[np.ndarray, "n h w 3"] | None = None  # camera frame (OpenCV axes), unit; 0 where unknown
    scores: Sequence[float] = ()  # one a view: how well it shows the object; higher is better
    up: Float[np.ndarray, " 3"] | None = None  # world, away from gravity, where known
    hidden: HiddenPixels | None = None  # where the views were in-painted

    def __len__(self) -> int:
        return len(self.color)

    @property
    def scale_m(self) -> float:
        """Metres per normalised unit."""
        return float(np.cbrt(np.linalg.det(self.world_from_normalized[:3, :3])))
