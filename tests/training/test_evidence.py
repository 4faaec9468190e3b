"""What views of a box with an unseen back know of the space round it, and what the priors make of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import trimesh
from scipy import ndimage

from models.records import PointKind
from scene.errors import UserError
from scene.records import Fact, ObjectViews
from tests.scene.tiny_scan import box
from tests.training.exact_views import views_of
from training.completion import complete
from training.evidence import INSIDE, OUTSIDE, UNKNOWN, Evidence, gather
from training.points import PointBatches
from training.priors import apply_priors, prior
from training.priors.parsimony import minimal_surface
from training.priors.symmetry import Scorer, find_planes
from training.settings import EvidenceSettings, PointSettings, PriorSettings

SIZE_M = (0.6, 0.4, 0.5)
CENTRE_M = (0.3, -0.2, 0.25)
COARSE = EvidenceSettings(voxel_m=0.02, min_voxels_across=20)
ALL = {name: PriorSettings() for name in ("support", "symmetry", "connection", "parsimony")}


FRONT = [(0.3 + dx, -2.0, z) for dx in (-1.4, -0.7, 0.0, 0.7, 1.4) for z in (0.9, 1.5)]


@pytest.fixture(scope="module")
def box_views() -> ObjectViews:
    """A box seen from the front and both sides, never from behind."""
    return views_of([box(CENTRE_M, SIZE_M)], FRONT)


@pytest.fixture(scope="module")
def evidence(box_views: ObjectViews) -> Evidence:
    return gather(box_views, COARSE)


def at(evidence: Evidence, point: tuple[float, float, float]) -> tuple[int, int, int]:
    i, j, k = np.rint((np.array(point) - evidence.origin_m) / evidence.voxel_m).astype(int)
    return int(i), int(j), int(k)


def true_inside(evidence: Evidence) -> np.ndarray:
    points = evidence.points(np.argwhere(np.ones_like(evidence.side))).reshape(*evidence.side.shape, 3)
    return (np.abs(points - np.array(CENTRE_M)) < np.array(SIZE_M) / 2).all(axis=-1)


def test_evidence_knows_the_front_and_leaves_the_back_open(evidence: Evidence) -> None:
    assert evidence.side[at(evidence, (0.3, -0.39, 0.25))] == INSIDE, "just behind the front face"
    assert evidence.side[at(evidence, (0.3, -0.43, 0.25))] == OUTSIDE, "just before it"
    assert evidence.side[at(evidence, (0.3, -0.2, 0.25))] == UNKNOWN, "deep inside nobody looked"
    assert evidence.side[at(evidence, (0.3, 0.06, 0.25))] == UNKNOWN, "nor behind the box"
    assert evidence.other[at(evidence, (0.3, -0.46, 0.0))], "the floor before it is something else"


def test_sensed_sides_and_distances_are_true(evidence: Evidence) -> None:
    points = evidence.points(np.argwhere(np.ones_like(evidence.side))).reshape(*evidence.side.shape, 3)
    inside = evidence.side == INSIDE
    beyond = np.abs(points - np.array(CENTRE_M)) - np.array(SIZE_M) / 2
    assert (beyond[inside].max(axis=-1) < 1.5 * evidence.voxel_m).mean() > 0.99
    front = inside & (np.abs(points[..., 0] - 0.3) < 0.2) & (np.abs(points[..., 2] - 0.25) < 0.15)
    front &= np.abs(points[..., 1] + 0.39) < 0.015
    assert front.any()
    np.testing.assert_allclose(evidence.sdf_m[front], -(points[front][:, 1] + 0.4), atol=0.004)


def test_no_depth_on_the_object_is_told(box_views: ObjectViews) -> None:
    blind = dataclasses.replace(
        box_views, fact=np.where(box_views.fact == Fact.OBJECT, 0, box_views.fact).astype(np.uint8)
    )
    with pytest.raises(UserError, match="room_scannet_obj_2: fewer than 50"):
        gather(blind, COARSE)


def test_no_prior_but_connection_touches_what_was_sensed(evidence: Evidence) -> None:
    known = evidence.side != UNKNOWN
    for name, function in prior.find({"support": {}, "symmetry": {}, "parsimony": {}}).items():
        after = function(evidence)
        assert (after.side[known] == evidence.side[known]).all(), name
        assert (after.sdf_m[known] == evidence.sdf_m[known]).all(), name
        assert (after.confidence[known] == 1).all(), name
        assert (after.confidence[(after.side != UNKNOWN) & ~known] < 1).all(), name


def test_support_is_the_floor(evidence: Evidence) -> None:
    after = apply_priors(evidence, {"support": PriorSettings()})
    assert after.support_m == pytest.approx(0.0, abs=2 * evidence.voxel_m)
    assert after.side[at(evidence, (0.3, -0.2, -0.06))] == OUTSIDE


def test_a_box_high_above_the_floor_has_no_support() -> None:
    flying = box((0.3, -0.2, 1.2), SIZE_M)
    eyes = [(0.3 + dx, -2.0, 1.6) for dx in (-0.8, 0.0, 0.8)]
    after = apply_priors(gather(views_of([flying], eyes, (0.3, -0.2, 1.2)), COARSE), {"support": PriorSettings()})
    assert after.support_m is None


def test_symmetry_finds_the_plane_of_a_box_seen_from_three_sides(evidence: Evidence) -> None:
    best = find_planes(Scorer(evidence), 1)[0]
    scorer = Scorer(evidence)
    normal = scorer.normal(best.angle)
    assert abs(normal[0]) > 0.99, "left and right are alike; the front has no seen counterpart"
    assert (scorer.centre @ normal + best.offset_m) / normal[0] == pytest.approx(0.3, abs=0.015)
    assert best.hit > 0.9
    assert best.miss < 0.02


def test_symmetry_brings_the_unseen_half_of_a_wedge_of_views() -> None:
    # A box half hidden by a screen: its right end was never seen, its left end and its mirror line were.
    screen = box((0.52, -0.75, 0.5), (0.42, 0.02, 1.0))
    eyes = [(x, -2.0, z) for x in (-1.2, -0.6, 0.0, 0.3) for z in (0.9, 1.5)]
    seen = gather(views_of([box(CENTRE_M, SIZE_M), screen], eyes), COARSE)
    without = complete(apply_priors(seen, {"parsimony": PriorSettings()}))
    with_mirror = complete(apply_priors(seen, ALL))
    truth = true_inside(seen)
    right = truth & (np.indices(truth.shape)[0] > at(seen, (0.5, 0, 0))[0])
    assert (with_mirror.sdf_m[right] < 0).mean() >= (without.sdf_m[right] < 0).mean()


def test_symmetry_is_refused_where_free_space_contradicts() -> None:
    # An L: the mirror image of its foot would stand in space that every view saw through.
    foot, post = box((0.45, -0.2, 0.1), (0.5, 0.3, 0.2)), box((0.1, -0.2, 0.4), (0.2, 0.3, 0.8))
    lshape = trimesh.util.concatenate([post, foot])
    eyes = [(0.3 + dx, dy, 1.0) for dx in (-1.5, 0.0, 1.5) for dy in (-2.0, 1.6)]
    seen = gather(views_of([lshape], eyes, (0.35, -0.2, 0.4)), COARSE)
    after = apply_priors(seen, {"symmetry": PriorSettings(options={"planes": 1.0})})
    before_post = at(seen, (-0.15, -0.2, 0.1))
    assert after.side[before_post] != INSIDE


def test_minimal_surface_closes_a_gap_and_not_a_cavern() -> None:
    force = np.full((20, 20, 20), 0.02, np.float32)
    force[:3] = force[-3:] = 6.0
    force[:, :3] = force[:, -3:] = 6.0
    force[:, :, :3] = force[:, :, -3:] = 6.0
    force[6:14, 6:14, 6:14] = -6.0
    force[9:11, 9:11, 6:14] = 0.02  # a narrow shaft of unknown through a solid
    u = minimal_surface(force, np.zeros(force.shape, bool), 200)
    assert (u[9:11, 9:11, 8:12] > 0.5).all(), "filling the shaft saves its walls"
    assert (u[4, 4] < 0.5).all(), "the unknown outside costs volume and stays empty"


def test_parts_are_joined_and_noise_is_not(evidence: Evidence) -> None:
    side = np.full((40, 20, 20), UNKNOWN, np.int8)
    side[4:12, 6:14, 6:14] = side[28:36, 6:14, 6:14] = INSIDE
    side[20, 2, 2] = INSIDE
    apart = dataclasses.replace(
        evidence,
        side=side,
        confidence=(side != UNKNOWN).astype(np.float32),
        sdf_m=(side * evidence.band_m).astype(np.float32),
        other=np.zeros(side.shape, bool),
    )
    joined = apply_priors(apart, {"connection": PriorSettings()})
    parts, _ = ndimage.label(joined.side == INSIDE)
    assert parts[8, 10, 10] == parts[32, 10, 10]
    assert parts[20, 2, 2] != parts[8, 10, 10]


def test_parts_that_meet_in_a_corner_alone_are_joined(evidence: Evidence) -> None:
    side = np.full((20, 20, 20), UNKNOWN, np.int8)
    side[4:8, 4:8, 4:8] = side[8:12, 8:12, 8:12] = INSIDE
    corner = dataclasses.replace(
        evidence,
        side=side,
        confidence=(side != UNKNOWN).astype(np.float32),
        sdf_m=(side * evidence.band_m).astype(np.float32),
        other=np.zeros(side.shape, bool),
    )
    joined = apply_priors(corner, {"connection": PriorSettings()})
    assert ndimage.label(joined.side == INSIDE)[1] == 1


def test_completed_box_is_the_box(box_views: ObjectViews, evidence: Evidence) -> None:
    shape = complete(apply_priors(evidence, ALL))
    truth = true_inside(evidence)
    inside = shape.sdf_m < 0
    overlap = (inside & truth).sum() / (inside | truth).sum()
    assert overlap > 0.7, f"intersection over union {overlap:.2f}"
    assert ndimage.label(inside)[1] == 1


def test_points_repeat_by_seed_and_carry_the_distance(evidence: Evidence) -> None:
    shape = complete(apply_priors(evidence, ALL))
    to_world = np.diag([0.6, 0.6, 0.6, 1.0])
    settings = PointSettings(pool=4000)
    batches = [PointBatches(shape, to_world, settings, seed=3) for _ in range(2)]
    one, two = (b.draw(500, torch.Generator().manual_seed(1)) for b in batches)
    assert torch.equal(one.x, two.x)
    assert torch.equal(one.sdf, two.sdf)
    surface = one.kind == int(PointKind.SURFACE)
    index = ((one.x.numpy() * 0.6) - shape.origin_m) / shape.voxel_m
    expected = ndimage.map_coordinates(shape.sdf_m, index.T, order=1, mode="nearest") / 0.6
    np.testing.assert_allclose(one.sdf.numpy(), expected, atol=1e-4)
    assert (one.sdf[~surface] > 0).all()
    assert one.weight.min() >= settings.unseen_weight - 1e-6


def test_points_inside_weigh_more(evidence: Evidence) -> None:
    shape, to_world = complete(evidence), np.diag([0.6, 0.6, 0.6, 1.0])
    even, heavy = (
        PointBatches(shape, to_world, PointSettings(pool=3000, inside_weight=weight)).draw(
            2000, torch.Generator().manual_seed(0)
        )
        for weight in (1.0, 4.0)
    )
    inside = even.sdf < 0
    assert 0 < inside.sum() < len(inside)
    torch.testing.assert_close(heavy.weight, torch.where(inside, 4.0, 1.0) * even.weight)


def test_an_unknown_prior_is_told_with_the_nearest(evidence: Evidence) -> None:
    with pytest.raises(UserError, match="no prior called 'symetry'; did you mean 'symmetry'"):
        apply_priors(evidence, {"symetry": PriorSettings()})
    with pytest.raises(UserError, match="prior symmetry has no option 'least_hits'"):
        apply_priors(evidence, {"symmetry": PriorSettings(options={"least_hits": 1.0})})


def test_a_switched_off_prior_does_nothing(evidence: Evidence) -> None:
    assert apply_priors(evidence, {"parsimony": PriorSettings(enabled=False)}) is evidence
