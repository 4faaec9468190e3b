"""Which fills lose their confidence: planted wrong ones, with the right ones beside them keeping theirs."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.inpaint import inpaint
from preprocess.paint_consistency import Fills, Sight, agreed, judge
from preprocess.reprojection import noise_margin_m
from preprocess.settings import InpaintSettings
from scene.depth_noise import DepthNoise
from scene.raycast import RayCaster
from scene.records import Fact
from tests.preprocess.boarded_box import BOX, BoardedBox, Oracle, boarded_box
from tests.training.exact_views import views_of

SETTINGS = InpaintSettings(grow_px=0)


@pytest.fixture(scope="module")
def scene() -> BoardedBox:
    return boarded_box()


def patch(scene: BoardedBox, view: int) -> np.ndarray:
    """Hidden pixels in the middle of a view's hidden part, about 10 x 10."""
    v, u = np.nonzero(scene.hidden[view])
    near = np.zeros_like(scene.hidden[view])
    near[int(np.median(v)) - 5 : int(np.median(v)) + 5, int(np.median(u)) - 5 : int(np.median(u)) + 5] = True
    return near & scene.hidden[view]


def fills_of(scene: BoardedBox, depth_m: np.ndarray, views: tuple[int, ...]) -> Fills:
    """Every named view painted on its own."""
    chosen = np.isin(np.arange(len(depth_m)), views)[:, None, None]
    mask = scene.hidden & chosen
    origin = np.where(mask, np.arange(len(depth_m))[:, None, None], -1).astype(np.int16)
    return Fills(mask, np.where(mask, depth_m, 0).astype(np.float32), origin)


def blind(scene: BoardedBox) -> Sight:
    """Views that sensed nothing, so that only other fills can speak."""
    nothing = dataclasses.replace(scene.views, depth_mm=np.zeros_like(scene.views.depth_mm))
    return Sight(nothing, SETTINGS.sensing_margin_m)


def test_the_truth_keeps_its_confidence(scene: BoardedBox) -> None:
    out = inpaint(scene.views, scene.views.color, scene.hidden, Oracle(scene.true_m, confidence=0.8), SETTINGS)
    assert out.hidden is not None
    assert (out.hidden.confidence[scene.hidden] == 204).mean() > 0.995


def test_a_fill_in_space_another_view_saw_through_loses_its_confidence() -> None:
    """A patch half way between the board and the box, where the views from the side looked through."""
    scene = boarded_box(half_angle=1.25)
    view, where = 2, patch(scene, 2)
    wrong_m = scene.true_m.copy()
    board_m = scene.views.depth_mm[view] * np.float32(1e-3)
    wrong_m[view][where] = 0.5 * (board_m + scene.true_m[view])[where]
    sight = Sight(scene.views, SETTINGS.sensing_margin_m)
    assert sight.behind_occluder(wrong_m[view], view)[where].all()
    only = fills_of(scene, wrong_m, (view,))  # no other view is painted: only what was sensed can speak
    assert sight.in_free_space(only.depth_m[view], view)[where].mean() > 0.95
    verdict = judge(only, sight, SETTINGS)
    assert (verdict.agreement[view][where] == 0).mean() > 0.95
    assert verdict.dropped["free_space"] >= 0.95 * where.sum()
    assert (verdict.agreement[view][scene.hidden[view] & ~where] == 1).all()
    out = inpaint(scene.views, scene.views.color, scene.hidden, Oracle(wrong_m), SETTINGS)
    assert out.hidden is not None
    assert (out.hidden.confidence[view][where] == 0).mean() > 0.95
    lost = out.hidden.confidence == 0
    assert not out.hidden.depth_mm[lost].any()
    np.testing.assert_array_equal(out.color[lost], scene.views.color[lost])
    others = scene.hidden & (np.arange(6) != view)[:, None, None]
    assert (out.hidden.confidence[others] == 255).mean() > 0.98


def test_a_fill_that_does_not_lie_behind_what_hides_it_loses_its_confidence(scene: BoardedBox) -> None:
    board_m = scene.views.depth_mm * np.float32(1e-3)
    for offset_m, kept in ((-0.1, False), (0.0, False), (0.005, False), (0.03, True)):
        depth_m = np.where(scene.hidden, board_m + offset_m, 0).astype(np.float32)
        fills = fills_of(scene, depth_m, (3,))
        seen_through = dataclasses.replace(scene.views, fact=scene.views.fact.copy())
        seen_through.fact[[0, 1, 2, 4, 5]] = Fact.UNKNOWN  # only its own view has seen anything
        verdict = judge(fills, Sight(seen_through, SETTINGS.sensing_margin_m), SETTINGS)
        assert (verdict.agreement[3][scene.hidden[3]] > 0).all() == kept
        assert verdict.dropped["occluder"] == (0 if kept else scene.hidden[3].sum())
        assert verdict.dropped["free_space"] == verdict.dropped["other_fills"] == 0


@pytest.mark.parametrize("offset_m", [-0.25, 0.25])
def test_two_other_fills_outvote_one_and_one_does_not(scene: BoardedBox, offset_m: float) -> None:
    view, where = 2, patch(scene, 2)
    wrong_m = scene.true_m.copy()
    wrong_m[view][where] += offset_m  # in front of the truth, or behind it
    kept = {}
    for others in ((1, 3), (3,), ()):
        verdict = judge(fills_of(scene, wrong_m, (view, *others)), blind(scene), SETTINGS)
        kept[others] = verdict.agreement[view]
        for other in others:  # one wrong fill alone drops no right one
            assert (verdict.agreement[other][scene.hidden[other]] > 0).all()
    middle = where & (np.roll(where, 2, 0) & np.roll(where, -2, 0) & np.roll(where, 2, 1) & np.roll(where, -2, 1))
    assert not kept[1, 3][middle].any()
    assert (kept[3,][middle] == 0.5).all()
    assert (kept[()][where] == 1.0).all()
    right = scene.hidden[view] & ~np.logical_or.reduce(
        [np.roll(where, (a, b), (0, 1)) for a in (-2, 2) for b in (-2, 2)]
    )
    assert (kept[1, 3][right & ~where] == 1.0).mean() > 0.95


def test_what_one_painting_says_in_many_views_is_one_voice(scene: BoardedBox) -> None:
    """The wrong patch stands against fills that were all carried from view 1."""
    view, where = 2, patch(scene, 2)
    wrong_m = scene.true_m.copy()
    wrong_m[view][where] -= 0.25
    fills = fills_of(scene, wrong_m, tuple(range(6)))
    assert not judge(fills, blind(scene), SETTINGS).agreement[view][where].any()
    carried = fills.mask & (np.arange(6) != view)[:, None, None]
    fills.origin[carried] = 1
    assert (judge(fills, blind(scene), SETTINGS).agreement[view][where] > 0).all()
    fills.origin[fills.mask] = 1
    assert (judge(fills, blind(scene), SETTINGS).agreement[fills.mask] == 1).all()  # nor does it speak of itself


def test_a_surface_contradicts_nothing_that_lies_behind_it() -> None:
    """Front and rear of the same box, painted in views from both sides."""
    views = views_of([BOX], [(0.3, -2.0, 0.9), (0.5, 2.4, 0.9), (-1.7, 0.2, 0.9), (2.3, 0.1, 0.9)], (0.3, 0.2, 0.4))
    true_m = np.stack([RayCaster(BOX).render(views.camera, pose)[0] for pose in views.world_from_camera])
    scene = BoardedBox(views, true_m.astype(np.float32), np.zeros((*true_m.shape, 3)), true_m > 0)
    verdict = judge(fills_of(scene, scene.true_m, (0, 1, 2, 3)), blind(scene), SETTINGS)
    assert (verdict.agreement[scene.hidden] > 0.99).mean() > 0.98
    assert verdict.dropped == {"occluder": 0, "free_space": 0, "other_fills": 0}


def test_a_view_that_is_unsure_contradicts_nothing(scene: BoardedBox) -> None:
    near_m = np.where(scene.hidden, 0.8, 0).astype(np.float32)  # in front of everything
    for fact, raised in ((Fact.OTHER, True), (Fact.UNKNOWN, False), (Fact.OBJECT_NO_DEPTH, False)):
        unsure = dataclasses.replace(scene.views, fact=np.full_like(scene.views.fact, fact))
        assert Sight(unsure, 0.01).in_free_space(near_m[2], 2).any() == raised


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_neighbours_must_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    painted = rng.random((9, 11)) < 0.7
    raw = painted & (rng.random((9, 11)) < 0.5)
    got = agreed(raw, painted)
    for v in range(9):
        for u in range(11):
            window = (slice(max(0, v - 1), v + 2), slice(max(0, u - 1), u + 2))
            marked, known = raw[window].sum(), painted[window].sum()
            assert got[v, u] == (raw[v, u] and marked >= 3 and marked >= 4 / 9 * known)


def test_margin_is_that_of_the_sensor() -> None:
    noise, depth_m = DepthNoise(), np.float32([0.0, 0.4, 1.0, 3.0, 5.0])
    deviation = noise.noise_at_near_m + noise.noise_growth * np.maximum(depth_m - 0.4, 0) ** 2
    np.testing.assert_allclose(noise_margin_m(depth_m, 0.0), 3 * deviation, rtol=1e-5)
    assert noise_margin_m(depth_m, 0.05).min() == np.float32(0.05)
