"""Filling hidden pixels: what may change, in which order, what is carried where, and what is dropped."""

import dataclasses
import logging

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.inpaint import inpaint
from preprocess.paint_reference import reference_views
from preprocess.painters import ClassicalPainter, DiffusionPainter
from preprocess.painting import Painter
from preprocess.reprojection import reprojected, target_from_source
from preprocess.settings import InpaintSettings
from scene.records import Fact, ObjectViews
from tests.preprocess.boarded_box import BoardedBox, NoiseModel, Oracle, boarded_box, random_views

SETTINGS = InpaintSettings(grow_px=0)


@pytest.fixture(scope="module")
def scene() -> BoardedBox:
    return boarded_box()


def only(hidden: np.ndarray, *views: int) -> np.ndarray:
    chosen = np.zeros(len(hidden), bool)
    chosen[list(views)] = True
    return hidden & chosen[:, None, None]


@given(seed=st.integers(0, 10**6), height=st.integers(5, 41), width=st.integers(5, 41), diffusion=st.booleans())
@settings(max_examples=30, deadline=None)
def test_only_hidden_pixels_ever_change(seed: int, height: int, width: int, diffusion: bool) -> None:
    rng = np.random.default_rng(seed)
    views, hidden = random_views(rng, height, width)
    whole = rng.integers(0, 256, views.color.shape).astype(np.uint8)
    how = InpaintSettings(least_grey=0, sensing_margin_m=0.0)
    painter = DiffusionPainter(NoiseModel(), how) if diffusion else ClassicalPainter()
    before = {name: np.copy(getattr(views, name)) for name in ("color", "depth_mm", "fact", "normal")}
    out = inpaint(views, whole, hidden, painter, how, lambda color, view: color.astype(np.float32) - 128)
    for name, image in before.items():
        np.testing.assert_array_equal(getattr(views, name), image)  # what came in is left alone
    np.testing.assert_array_equal(out.fact, views.fact)
    np.testing.assert_array_equal(out.depth_mm, views.depth_mm)
    filled = np.zeros(views.fact.shape, bool) if out.hidden is None else out.hidden.confidence > 0
    assert out.color[~filled].tobytes() == views.color[~filled].tobytes()
    assert out.normal is not None
    assert views.normal is not None
    assert out.normal[~filled].tobytes() == views.normal[~filled].tobytes()
    assert out.normal.dtype == views.normal.dtype
    assert not filled[np.isin(views.fact, (Fact.OBJECT, Fact.OBJECT_NO_DEPTH))].any()
    if out.hidden is not None:
        assert not out.hidden.depth_mm[~filled].any()


def test_something_is_filled_by_both_painters(scene: BoardedBox) -> None:
    """The test above would also pass if nothing ever were."""
    for painter in (ClassicalPainter(), DiffusionPainter(NoiseModel(), SETTINGS), Oracle(scene.true_m)):
        assert isinstance(painter, Painter)
        out = inpaint(scene.views, scene.views.color, scene.hidden, painter, InpaintSettings(contradictions=100))
        assert out.hidden is not None
        assert (out.color[scene.hidden] != scene.views.color[scene.hidden]).any(axis=-1).mean() > 0.3 or isinstance(
            painter, ClassicalPainter
        )
        assert (out.hidden.confidence[scene.hidden] > 0).mean() > 0.3


def test_the_order_of_the_ancestor(scene: BoardedBox) -> None:
    """Reference views' depth, the other views' where it does not reach, all colours, then normals, view by view."""
    painter, predicted = Oracle(scene.true_m), []

    def predict(color: np.ndarray, view: int) -> np.ndarray:
        predicted.append(view)
        mask = painter.views[-1].hidden if painter.asked[-1] == ("normal", view) else scene.hidden[view]
        assert (color[mask] == painter.grey).all()  # it sees the painted image
        return np.broadcast_to(np.float32([0, 0, -1]), color.shape)

    out = inpaint(scene.views, scene.views.color, scene.hidden, painter, SETTINGS, predict)
    stages = [what for what, _ in painter.asked]
    references = reference_views(scene.hidden, scene.views.scores, (), SETTINGS.reference_views)
    assert [view for what, view in painter.asked if what == "depth"][: len(references)] == references
    assert stages == sorted(stages, key=["depth", "color", "normal"].index)
    assert [view for what, view in painter.asked if what == "normal"] == predicted == list(range(len(scene.views)))
    assert out.normal is not None
    assert out.hidden is not None
    filled = out.hidden.confidence > 0
    np.testing.assert_array_equal(out.normal[filled], np.broadcast_to([0, 0, -1], (filled.sum(), 3)))


def test_reference_views() -> None:
    hidden = np.zeros((6, 4, 4), bool)
    for view, count in enumerate((3, 9, 0, 5, 16, 1)):
        hidden[view].reshape(-1)[:count] = True
    assert reference_views(hidden, [], (), 2) == [1, 4]
    assert reference_views(hidden, [9.0, 8.0, 7.0, 6.0, 0.0, 0.0], (), 2) == [1, 3]  # 4 shows the object badly
    assert reference_views(hidden, [], (0, 2), 1) == [0]  # drawn by hand; view 2's mask is empty
    assert reference_views(hidden, [], (0, 2), 2) == [0, 4]  # one mask drawn does not cost the others
    assert reference_views(hidden, [], (0, 3), 1) == [0, 3]
    assert reference_views(hidden, [], (), 99) == [0, 1, 3, 4, 5]


def moved_by_hand(depth_m: np.ndarray, views: ObjectViews, source: int, target: int) -> np.ndarray:
    """The nearest point that lands in each pixel, one pixel after the other."""
    camera, out = views.camera, np.full(depth_m.shape, np.inf)
    to_target = np.linalg.inv(views.world_from_camera[target]) @ views.world_from_camera[source]
    for v, u in zip(*np.nonzero(depth_m), strict=True):
        z = float(depth_m[v, u])
        point = to_target @ [(u - camera.cx) / camera.fx * z, (v - camera.cy) / camera.fy * z, z, 1]
        column = round(camera.fx * point[0] / point[2] + camera.cx)
        row = round(camera.fy * point[1] / point[2] + camera.cy)
        if 0 <= row < camera.height and 0 <= column < camera.width:
            out[row, column] = min(out[row, column], point[2])
    return np.where(np.isfinite(out), out, 0)


def test_reprojection_against_brute_force(scene: BoardedBox) -> None:
    views = scene.views
    depth_m = np.where(scene.hidden[1], scene.true_m[1], 0).astype(np.float32)
    tag = np.where(depth_m > 0, 1, -1).astype(np.int16)
    to_target = target_from_source(views.world_from_camera[4], views.world_from_camera[1])
    moved_m, tags = reprojected(depth_m, tag, views.camera, to_target)
    plain = moved_by_hand(depth_m, views, 1, 4)
    around = np.pad(plain, 1)
    hits = sum(
        (around[dv : dv + plain.shape[0], du : du + plain.shape[1]] > 0).astype(int)
        for dv in range(3)
        for du in range(3)
    )
    np.testing.assert_array_equal(moved_m > 0, hits >= 5)
    np.testing.assert_array_equal(tags >= 0, moved_m > 0)
    both = (plain > 0) & (moved_m > 0)
    assert both.sum() > 300
    np.testing.assert_allclose(moved_m[both], plain[both], atol=1e-5)
    there = (moved_m > 0) & (scene.true_m[4] > 0)
    assert np.abs(moved_m - scene.true_m[4])[there].max() < 0.02  # half a pixel on a slanted face


def test_one_drawn_mask_gives_those_of_the_other_views(scene: BoardedBox) -> None:
    painter = Oracle(scene.true_m)
    out = inpaint(scene.views, scene.views.color, only(scene.hidden, 2), painter, SETTINGS, drawn=(2,))
    assert painter.asked.count(("depth", 2)) == 1
    assert out.hidden is not None
    filled = out.hidden.confidence > 0
    np.testing.assert_array_equal(filled[2], scene.hidden[2])
    for view in (1, 3):
        assert (scene.hidden[view] & filled[view]).sum() > 0.6 * scene.hidden[view].sum()
        assert (scene.true_m[view] > 0)[filled[view]].mean() > 0.97
        error_m = np.abs(out.hidden.depth_mm[view] * 1e-3 - scene.true_m[view])
        assert np.quantile(error_m[filled[view] & scene.hidden[view]], 0.99) < 0.02


def test_carried_masks_grow_over_the_doubtful_rim_only(scene: BoardedBox) -> None:
    rim = (cv2.dilate(scene.hidden[3].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0) & ~scene.hidden[3]
    fact = scene.views.fact.copy()
    fact[3][rim] = Fact.UNKNOWN
    filled = {}
    for name, views in (("clear", scene.views), ("doubtful", dataclasses.replace(scene.views, fact=fact))):
        for grow_px in (0, 2):
            how = InpaintSettings(grow_px=grow_px)
            out = inpaint(views, views.color, only(scene.hidden, 2), Oracle(scene.true_m), how, drawn=(2,))
            assert out.hidden is not None
            filled[name, grow_px] = out.hidden.confidence[3] > 0
    np.testing.assert_array_equal(filled["clear", 2], filled["clear", 0])
    more = filled["doubtful", 2] & ~filled["doubtful", 0]
    assert more.sum() > 50
    assert not (more & ~rim).any()


def test_other_views_masks_can_be_left_out(scene: BoardedBox) -> None:
    none = np.zeros_like(scene.true_m)
    lone = dataclasses.replace(SETTINGS, unite_masks=False, reference_views=1, all_depths=False)
    out = inpaint(scene.views, scene.views.color, scene.hidden, Oracle(none), lone)
    assert out.hidden is not None
    (reference,) = reference_views(scene.hidden, scene.views.scores, (), 1)
    assert np.flatnonzero(out.hidden.confidence.any(axis=(1, 2))).tolist() == [reference]
    assert not out.hidden.depth_mm.any()  # the painter could not tell
    united = inpaint(
        scene.views, scene.views.color, scene.hidden, Oracle(none), dataclasses.replace(lone, unite_masks=True)
    )
    assert united.hidden is not None
    np.testing.assert_array_equal(united.hidden.confidence, np.where(scene.hidden, 128, 0))  # nothing to check it by


def test_what_is_painted_black_is_dropped(scene: BoardedBox, caplog: pytest.LogCaptureFixture) -> None:
    for grey, dark in ((9, True), (10, False)):
        painter = Oracle(scene.true_m, grey=grey, least_grey=10)
        with caplog.at_level(logging.INFO, "farside"):
            out = inpaint(scene.views, scene.views.color, scene.hidden, painter, SETTINGS)
        colors = painter.asked.index(("color", 0))
        asked = sum(int(view.hidden.sum()) for view in painter.views[colors : colors + len(scene.views)])
        assert (out.hidden is None) == dark
        assert f"dropped: {asked if dark else 0} too dark" in caplog.messages[-1]


def test_a_black_object_is_filled_by_the_classical_painter(scene: BoardedBox) -> None:
    outs = {}
    for grey in (5, 120):
        views = dataclasses.replace(scene.views, color=np.full_like(scene.views.color, grey))
        out = inpaint(views, views.color, scene.hidden, ClassicalPainter(), SETTINGS)
        assert out.hidden is not None
        assert np.abs(out.color[out.hidden.confidence > 0].astype(int) - grey).max() < 5
        outs[grey] = out.hidden
    np.testing.assert_array_equal(outs[5].confidence, outs[120].confidence)
    np.testing.assert_array_equal(outs[5].depth_mm, outs[120].depth_mm)


def test_a_view_that_shows_nothing_of_the_object_keeps_the_depth_that_is_carried_there(scene: BoardedBox) -> None:
    fact, color = scene.views.fact.copy(), scene.views.color.copy()
    own = fact == Fact.OBJECT
    color[own] = (30, 90, 160)
    fact[3][own[3]] = Fact.UNKNOWN
    views = dataclasses.replace(scene.views, fact=fact, color=color)
    out = inpaint(views, color, scene.hidden, ClassicalPainter(), SETTINGS, drawn=(2,))
    assert out.hidden is not None
    carried = scene.hidden[3] & (out.hidden.depth_mm[3] > 0)
    assert carried.sum() > 100
    assert (out.color[3][carried] == (30, 90, 160)).all()


def test_nothing_hidden_nothing_done(scene: BoardedBox) -> None:
    painter = Oracle(scene.true_m)
    own = scene.views.fact == Fact.OBJECT
    for hidden in (np.zeros_like(own), own):  # what shows the object hides nothing
        assert inpaint(scene.views, scene.views.color, hidden, painter, SETTINGS) is scene.views
    assert painter.asked == []
    assert inpaint(scene.views, scene.views.color, scene.hidden, Oracle(scene.true_m, confidence=0.0), SETTINGS) is (
        scene.views
    )


def test_normals_of_the_painted_depth_stand_in_for_a_predictor(scene: BoardedBox) -> None:
    out = inpaint(scene.views, scene.views.color, scene.hidden, Oracle(scene.true_m), SETTINGS)
    assert out.normal is not None
    known = scene.hidden & (out.normal != 0).any(axis=-1)
    assert known.sum() > 0.9 * scene.hidden.sum()
    cosine = (out.normal.astype(np.float32) * scene.true_normal).sum(axis=-1)[known]
    assert np.quantile(cosine, 0.1) > 0.98
    without = dataclasses.replace(scene.views, normal=None)
    painter = Oracle(scene.true_m)
    assert inpaint(without, without.color, scene.hidden, painter, SETTINGS).normal is None
    assert not any(what == "normal" for what, _ in painter.asked)


def test_normals_that_turn_away_or_are_none_are_unknown(scene: BoardedBox) -> None:
    for bad in ([0, 0, 1], [0, 0, 0], [np.nan, 0, -1], [np.inf, 0, -1]):
        out = inpaint(
            scene.views,
            scene.views.color,
            scene.hidden,
            Oracle(scene.true_m),
            SETTINGS,
            lambda color, view, bad=bad: np.broadcast_to(np.float32(bad), color.shape),  # type: ignore[misc]
        )
        assert out.normal is not None
        assert not out.normal[scene.hidden].any()


def test_the_same_seed_gives_the_same_bits(scene: BoardedBox) -> None:
    outs = []
    for seed in (7, 7, 8):
        how = InpaintSettings(seed=seed, contradictions=100)
        outs.append(inpaint(scene.views, scene.views.color, scene.hidden, DiffusionPainter(NoiseModel(), how), how))
    assert outs[0].color.tobytes() == outs[1].color.tobytes() != outs[2].color.tobytes()
    assert outs[0].hidden is not None
    assert outs[1].hidden is not None
    assert outs[0].hidden.confidence.tobytes() == outs[1].hidden.confidence.tobytes()
    assert outs[0].hidden.depth_mm.tobytes() == outs[1].hidden.depth_mm.tobytes()


@pytest.mark.parametrize(
    "wrong",
    [
        {"strength": 0.0},
        {"steps": 2, "strength": 0.3},
        {"confidence": 1.1},
        {"context": -0.1},
        {"reference_views": 0},
        {"grow_px": -1},
        {"least_grey": -1},
        {"sensing_margin_m": float("nan")},
        {"tolerance_m": 0.0},
        {"contradictions": 0},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        InpaintSettings(**wrong)  # type: ignore[arg-type]
