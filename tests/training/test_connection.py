"""Which parts the connection prior joins: by size, by how far apart, and by what was really seen between them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from training.evidence import INSIDE, OUTSIDE, UNKNOWN, Evidence
from training.priors.connection import connection

VOXEL_M = 0.02
SHAPE = (56, 16, 16)
LARGE, SMALL = np.s_[8:16], np.s_[11:14]  # along y and z: a part of 40 %, or of 6 %, of the largest


def parts(across: slice, gap_side: int, gap_confidence: float, gap_m: float = 0.4) -> Evidence:
    """A block, and ``gap_m`` along x another ``across`` wide, in space of which one thing is known."""
    side = np.full(SHAPE, gap_side, np.int8)
    confidence = np.full(SHAPE, gap_confidence, np.float32)
    first = 12 + round(gap_m / VOXEL_M)
    for where in (np.s_[2:12, 4:14, 4:14], np.s_[first : first + 6, across, across]):
        side[where], confidence[where] = INSIDE, 1.0
    band_m = 0.03
    return Evidence(
        origin_m=np.zeros(3),
        voxel_m=VOXEL_M,
        side=side,
        confidence=confidence,
        sdf_m=(band_m * side).astype(np.float32),
        band_m=band_m,
        other=np.zeros(SHAPE, bool),
        up=np.array([0.0, 0.0, 1.0]),
    )


def pieces(evidence: Evidence) -> int:
    return int(ndimage.label(evidence.side == INSIDE)[1])


def test_large_parts_are_joined_through_free_space_and_small_ones_are_not() -> None:
    for across, joined in ((LARGE, 1), (SMALL, 2)):
        apart = parts(across, OUTSIDE, 1.0)
        assert pieces(apart) == 2
        assert pieces(connection(apart)) == joined


def test_a_small_part_close_by_is_joined_through_free_space() -> None:
    assert pieces(connection(parts(SMALL, OUTSIDE, 1.0, gap_m=0.1))) == 1


def test_how_far_a_large_part_may_be_is_an_option() -> None:
    assert pieces(connection(parts(LARGE, OUTSIDE, 1.0), far_m=0.15)) == 2
    assert pieces(connection(parts(LARGE, OUTSIDE, 1.0), large_part=0.99)) == 2


def test_nothing_is_joined_below_the_support() -> None:
    """Two large parts that stand on a floor: the way between them runs above it, though below nothing was seen."""
    apart = parts(LARGE, OUTSIDE, 1.0)
    confidence = apart.confidence.copy()
    confidence[:, :, :4] = 0.9  # what the support prior supposes
    joined = connection(replace(apart, confidence=confidence, support_m=4 * VOXEL_M))
    assert pieces(joined) == 1
    assert not (joined.side[:, :, :3] == INSIDE).any()


@pytest.mark.parametrize(("side", "confidence"), [(UNKNOWN, 0.0), (OUTSIDE, 0.7)])
def test_what_was_not_seen_to_be_free_can_be_passed(side: int, confidence: float) -> None:
    """Space that another prior supposes to be free was not seen: it parts nothing, however small."""
    assert pieces(connection(parts(SMALL, side, confidence))) == 1


def test_sensed_parts_stay_and_rods_are_told_with_little_confidence() -> None:
    apart = parts(LARGE, OUTSIDE, 1.0)
    after = connection(apart, confidence=0.1)
    rod = (after.side == INSIDE) & (apart.side != INSIDE)
    assert rod.any()
    assert (after.side[apart.side == INSIDE] == INSIDE).all()
    np.testing.assert_array_equal(after.confidence[rod], np.float32(0.1))
    assert rod.sum(axis=(1, 2)).max() <= 60, "a rod, not a block"
    np.testing.assert_array_equal(after.side[~rod], apart.side[~rod])
