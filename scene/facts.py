"""What each pixel says of one object (``scene.records.Fact``), from depth and instance masks.

Three things make a labelled pixel doubtful, and a doubtful pixel says nothing:
a *flying* pixel hangs between two surfaces at a depth edge, so too few of its neighbours share its depth;
at a mask's *rim* a pixel may carry the neighbour's label, told by which side its depth agrees with;
a *leak* lies far from where most views see the object, a mask painted on to what is beside or behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int64, Integer, UInt8

from scene.camera import unproject_where
from scene.cells import CellGrid, contains
from scene.records import Fact, Frame
from scene.registration import surface_step

_MIN_SUPPORT = 3  # of 8 neighbours; the corner of a surface has three, a column of flying pixels two
_STRIDE = 3  # pixels between the points of a sparse grid; a cell of 5 cm is 10 pixels wide at 3 m
_RIM_REACH = 2  # pixels on either side of a mask's border that are looked at


@dataclass(frozen=True)
class PixelDoubts:
    """What is doubtful in one frame, for all objects at once."""

    flying: Bool[np.ndarray, "h w"]
    rival: Integer[np.ndarray, "h w"]  # at a mask's rim: the label the pixel may really have; -1 where none


def find_doubts(frame: Frame) -> PixelDoubts:
    """Flying pixels, and rim pixels whose depth agrees with another label a quarter as often as with their own."""
    assert frame.instance is not None
    depth, label = frame.depth_m.astype(np.float32), frame.instance.astype(np.int32)
    flying, rival = _find_doubts(depth, label, np.float32(surface_step(frame.camera)))
    return PixelDoubts(flying, rival)


@numba.njit(cache=True, nogil=True)  # frames run in threads, so one frame is not cut up further
@no_type_check
def _find_doubts(depth, label, step):
    height, width = depth.shape
    flying = np.zeros((height, width), np.bool_)
    rival = np.full((height, width), -1, np.int32)
    for v in range(height):
        for u in range(width):
            z, own = depth[v, u], label[v, u]
            tolerance = z * step
            support, same, other, other_label = 0, 0, 0, -1
            for dv in range(-_RIM_REACH, _RIM_REACH + 1):
                for du in range(-_RIM_REACH, _RIM_REACH + 1):
                    y, x = v + dv, u + du
                    if (dv == 0 and du == 0) or y < 0 or x < 0 or y >= height or x >= width:
                        continue
                    near = abs(dv) <= 1 and abs(du) <= 1
                    if z <= 0:  # nothing to compare: a neighbour of another label is doubt enough
                        if near and label[y, x] != own:
                            rival[v, u] = label[y, x]
                        continue
                    if depth[y, x] <= 0 or abs(depth[y, x] - z) > tolerance:
                        continue
                    if near:
                        support += 1
                    if label[y, x] == own:
                        same += 1
                    else:
                        other += 1
                        other_label = label[y, x]
            flying[v, u] = z > 0 and support < _MIN_SUPPORT
            if 4 * other > same:
                rival[v, u] = other_label
    return flying, rival


def sure_points(frame: Frame, doubts: PixelDoubts) -> tuple[Float[np.ndarray, "n 3"], Integer[np.ndarray, " n"]]:
    """World points and labels of a sparse grid of a frame's pixels, those in doubt left out."""
    assert frame.instance is not None
    chosen = np.zeros(frame.depth_m.shape, bool)
    sparse = (slice(None, None, _STRIDE), slice(None, None, _STRIDE))
    chosen[sparse] = ((frame.depth_m > 0) & ~doubts.flying & (doubts.rival < 0))[sparse]
    return unproject_where(chosen, frame.depth_m, frame.camera, frame.world_from_camera), frame.instance[chosen]


def object_facts(
    frame: Frame,
    instance_id: int,
    doubts: PixelDoubts,
    grid: CellGrid,
    cells: Int64[np.ndarray, " n"],
) -> UInt8[np.ndarray, "h w"]:
    """The ``Fact`` of every pixel for one object; ``cells`` (sorted keys of ``grid``) are those it may lie in."""
    assert frame.instance is not None
    sensed = (frame.depth_m > 0) & ~doubts.flying
    mine = frame.instance == instance_id
    fact = np.full(frame.depth_m.shape, Fact.UNKNOWN, np.uint8)
    fact[mine & (frame.depth_m <= 0) & (doubts.rival < 0)] = Fact.OBJECT_NO_DEPTH
    fact[sensed & ~mine & (doubts.rival != instance_id)] = Fact.OTHER
    own = sensed & mine & (doubts.rival < 0)
    points = unproject_where(own, frame.depth_m, frame.camera, frame.world_from_camera)
    fact[own] = np.where(contains(cells, grid.keys(points)), Fact.OBJECT, Fact.UNKNOWN)
    return fact
