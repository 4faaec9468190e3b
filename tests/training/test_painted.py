"""In-painted depth as weaker evidence: it closes what an occluder hides and moves nothing that was sensed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from scene.painted import painted_points
from scene.raycast import RayCaster
from scene.records import Fact, HiddenPixels, ObjectViews
from tests.scene.tiny_scan import box
from tests.training.exact_views import views_of
from training.completed_shape import completed_mesh
from training.evidence import INSIDE, OUTSIDE, UNKNOWN, Evidence, gather
from training.painted import with_painted
from training.settings import AlignmentSettings, EvidenceSettings, FitSettings, PriorSettings

CENTRE_M, SIZE_M = (0.3, -0.2, 0.25), (0.8, 0.4, 0.5)
# It hides the right half of the box's front from every eye.
BOARD = box((0.6, -0.75, 0.4), (0.7, 0.02, 0.8))
EYES = [(0.3 + dx, -2.2, z) for dx in (-0.3, 0.0, 0.3) for z in (0.5, 0.8)]
SETTINGS = EvidenceSettings(voxel_m=0.02, min_voxels_across=20, alignment=AlignmentSettings(rounds=0))


@pytest.fixture(scope="module")
def views() -> ObjectViews:
    return views_of([box(CENTRE_M, SIZE_M), BOARD], EYES)


def painted(views: ObjectViews, confidence: int, nearer_mm: int = 0) -> ObjectViews:
    """The views as an in-painter that knows the box would fill them."""
    alone = views_of([box(CENTRE_M, SIZE_M)], EYES)
    hidden = (views.fact == Fact.OTHER) & (alone.fact == Fact.OBJECT)
    depth_mm = np.where(hidden, alone.depth_mm - nearer_mm, 0).astype(np.uint16)
    return replace(views, hidden=HiddenPixels(np.where(hidden, confidence, 0).astype(np.uint8), depth_mm))


def evidence_of(views: ObjectViews) -> tuple[Evidence, Evidence]:
    """Before and after what was painted."""
    before = gather(views, SETTINGS)
    return before, with_painted(before, SETTINGS)


def at(evidence: Evidence, point: tuple[float, float, float]) -> tuple[int, int, int]:
    i, j, k = np.rint((np.array(point) - evidence.origin_m) / evidence.voxel_m).astype(int)
    return int(i), int(j), int(k)


HIDDEN_FRONT_M = (0.62, -0.39, 0.3)  # just behind the box's front, where the board stands before it
BEFORE_IT_M = (0.62, -0.5, 0.3)


def test_what_was_painted_is_supposed_where_nothing_was_sensed(views: ObjectViews) -> None:
    before, after = evidence_of(painted(views, 204))
    assert before.side[at(before, HIDDEN_FRONT_M)] == UNKNOWN
    assert before.side[at(before, BEFORE_IT_M)] == UNKNOWN
    assert after.side[at(after, HIDDEN_FRONT_M)] == INSIDE
    assert after.side[at(after, BEFORE_IT_M)] == OUTSIDE
    assert after.confidence[at(after, HIDDEN_FRONT_M)] == pytest.approx(0.8)
    assert abs(after.sdf_m[at(after, (0.62, -0.4, 0.3))]) < 0.02


def test_nothing_sensed_is_moved(views: ObjectViews) -> None:
    """Not even by a fill that stands where cameras saw free space."""
    before, after = evidence_of(painted(views, 255, nearer_mm=300))
    known = before.side != UNKNOWN
    assert known.any()
    for name in ("side", "sdf_m", "confidence"):
        assert np.array_equal(getattr(before, name)[known], getattr(after, name)[known])
    assert after.confidence[~known].max() < 1.0, "never as good as what was sensed"


@pytest.mark.parametrize("confidence", [0, 5])
def test_a_fill_that_lost_its_confidence_says_nothing(views: ObjectViews, confidence: int) -> None:
    before, after = evidence_of(painted(views, confidence))
    assert np.array_equal(before.side, after.side)


def test_doubted_pixels_hardly_move_the_surface_nor_the_trust_of_others(views: ObjectViews) -> None:
    """Half the views are painted 3 cm too near; where they are doubted, the others have their way."""
    right = painted(views, 240)
    wrong = painted(views, 240, nearer_mm=30)
    assert right.hidden is not None
    assert wrong.hidden is not None
    odd = np.arange(len(views))[:, None, None] % 2 == 1
    depth_mm = np.where(odd, wrong.hidden.depth_mm, right.hidden.depth_mm)

    def at_the_front(doubted: int) -> tuple[float, float]:
        confidence = np.where(odd & (right.hidden.confidence > 0), doubted, right.hidden.confidence).astype(np.uint8)
        _, after = evidence_of(replace(views, hidden=HiddenPixels(confidence, depth_mm)))
        where = at(after, (0.62, -0.4, 0.3))
        return float(after.sdf_m[where]), float(after.confidence[where])

    sdf_right_m = float(evidence_of(right)[1].sdf_m[at(evidence_of(right)[1], (0.62, -0.4, 0.3))])
    doubted_m, doubted_trust = at_the_front(16)
    believed_m, _ = at_the_front(240)
    assert abs(believed_m - sdf_right_m) > 0.004
    assert abs(doubted_m - sdf_right_m) < 0.25 * abs(believed_m - sdf_right_m)
    assert doubted_trust > 0.8, "what is sure here is not made less so by what is doubted there"


def test_the_box_that_is_looked_at_holds_what_was_painted(views: ObjectViews) -> None:
    full = painted(views, 255)
    points = painted_points(full)
    evidence = gather(full, SETTINGS)
    last_m = evidence.origin_m + evidence.voxel_m * np.array(evidence.side.shape)
    assert points[:, 0].max() == pytest.approx(0.7, abs=0.01)
    assert (points.max(axis=0) < last_m).all()


def test_the_completed_shape_is_closed_and_reaches_behind_the_board(views: ObjectViews) -> None:
    settings = FitSettings(evidence=SETTINGS, priors={"parsimony": PriorSettings()})
    shape = completed_mesh(painted(views, 255), settings)
    assert shape.is_watertight
    assert shape.volume > 0
    z, _ = RayCaster(trimesh.Trimesh(shape.vertices, shape.faces)).render(views.camera, views.world_from_camera[1])
    alone = views_of([box(CENTRE_M, SIZE_M)], EYES)
    both = (z > 0) & (alone.fact[1] == Fact.OBJECT)
    assert both.sum() > 0.9 * (alone.fact[1] == Fact.OBJECT).sum()
    assert np.median(np.abs(z[both] - alone.depth_mm[1][both] / 1000)) < 0.015
