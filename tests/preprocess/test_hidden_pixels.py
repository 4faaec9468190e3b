"""Which pixels something else hides: against ray-cast scenes, and against a generated room that knows its truth."""

import dataclasses
import logging

import cv2
import numpy as np
import pytest
import trimesh

from preprocess.hidden import drawn_masks, hidden_pixels
from preprocess.object_mask_with_clip import extract
from preprocess.settings import ExtractSettings, HiddenSettings, PrepareSettings
from scene.camera import Intrinsics
from scene.raycast import RayCaster
from scene.records import Fact, ObjectViews
from scene.scannet import open_scan
from tests.scene.tiny_scan import box
from tests.training.exact_views import views_of

BOX = box((0.0, 0.2, 0.35), (0.8, 0.4, 0.7))
BOARD = box((0.1, -0.5, 0.3), (0.5, 0.05, 0.6))  # upright before it, 0.45 m off
EYES = [(0.4 * k - 0.4, -2.0, 0.8) for k in range(3)]
EXACT = HiddenSettings(least_area_px=0)


def _scene(*occluders: trimesh.Trimesh) -> tuple[ObjectViews, np.ndarray, np.ndarray]:
    """Views of the box, its depth as it were without all else, and the pixels that the occluders (0.1 m off) hide."""
    views = views_of([BOX, *occluders], EYES, target=(0.0, 0.0, 0.35))
    caster = RayCaster(BOX)
    alone_m = np.stack([caster.render(views.camera, pose)[0] for pose in views.world_from_camera])
    hidden = (alone_m > 0) & (views.fact == Fact.OTHER) & (alone_m - views.depth_mm / 1000 > 0.03)
    return views, alone_m, hidden


def _rim(mask: np.ndarray) -> np.ndarray:
    """Pixels within one of a mask's border: where a ray grazes an edge either answer is right."""
    kernel = np.ones((3, 3), np.uint8)
    one = mask.astype(np.uint8)
    return np.stack([cv2.dilate(m, kernel) != cv2.erode(m, kernel) for m in one])


def test_what_a_board_hides_of_a_box_is_found_exactly():
    views, _, hidden = _scene(BOARD)
    found = hidden_pixels(views, BOX, EXACT)
    assert hidden.sum() > 2000
    assert not ((found != hidden) & ~_rim(hidden)).any()
    # On exact depth the rim, too, is right but for rounding.
    assert (found != hidden).sum() < 0.01 * hidden.sum()


def test_nothing_is_hidden_where_nothing_stands_before_the_object():
    views, _, _ = _scene()
    assert not hidden_pixels(views, BOX, EXACT).any()


def test_an_object_does_not_hide_itself():
    # A table's top hides its own legs and rear from above.
    top, leg, rear = (
        box((0, 0.2, 0.7), (1.0, 0.6, 0.05)),
        box((0.4, 0.4, 0.35), (0.06, 0.06, 0.7)),
        box((-0.4, 0.4, 0.35), (0.06, 0.06, 0.7)),
    )
    table = trimesh.util.concatenate([top, leg, rear])
    views = views_of([table], [(0.2, -1.0, 2.0), (0.3, -0.2, 2.5)], target=(0.0, 0.2, 0.3))
    assert (views.fact == Fact.OBJECT).sum() > 500
    assert not hidden_pixels(views, table, EXACT).any()


def test_what_stands_behind_hides_nothing():
    views, _, _ = _scene(box((0.0, 0.8, 0.5), (2.0, 0.05, 1.0)))
    assert not hidden_pixels(views, BOX, EXACT).any()


def test_an_occluder_that_touches_the_object_hides_what_is_behind_it_only():
    touching = box((0.1, -0.1, 0.2), (0.3, 0.2, 0.4))  # its rear face is the box's front
    views, _, hidden = _scene(touching)
    found = hidden_pixels(views, BOX, EXACT)
    assert hidden.sum() > 500
    wrong = (found != hidden) & ~_rim(hidden)
    assert wrong.sum() < 0.05 * hidden.sum()  # where the two meet the gap is within the noise
    assert not found[(views.fact == Fact.OBJECT)].any()


def test_a_shape_thicker_than_the_object_does_not_make_a_rim_where_it_stands_on_the_floor():
    views, _, hidden = _scene(BOARD)
    thick = box((0.0, 0.2, 0.35), (0.82, 0.42, 0.72))  # 1 cm too far on every side, into the floor as well
    found = hidden_pixels(views, thick, HiddenSettings())
    far = np.stack([cv2.dilate(m.astype(np.uint8), np.ones((7, 7), np.uint8)) == 0 for m in hidden])
    assert not (found & far).any()
    assert (found & hidden).sum() > 0.98 * hidden.sum()


def test_missing_depth_says_nothing_far_from_any_that_is_there():
    views, _, hidden = _scene(BOARD)
    lost = dataclasses.replace(
        views, depth_mm=np.zeros_like(views.depth_mm), fact=np.full_like(views.fact, Fact.UNKNOWN)
    )
    assert not hidden_pixels(lost, BOX, EXACT).any()
    depth_mm, fact = views.depth_mm.copy(), views.fact.copy()
    depth_mm[:, 40:80, 60:100], fact[:, 40:80, 60:100] = 0, Fact.UNKNOWN
    found = hidden_pixels(dataclasses.replace(views, depth_mm=depth_mm, fact=fact), BOX, EXACT)
    assert not found[:, 46:74, 66:94].any()
    outside = np.ones_like(hidden)
    outside[:, 36:84, 56:104] = False
    np.testing.assert_array_equal(found[outside & ~_rim(hidden)], hidden[outside & ~_rim(hidden)])


def test_a_few_pixels_without_depth_go_by_their_neighbours():
    views, _, hidden = _scene(BOARD)
    random = np.random.default_rng(0)
    gone = random.random(views.fact.shape) < 0.3
    thinned = dataclasses.replace(
        views,
        depth_mm=np.where(gone, 0, views.depth_mm).astype(np.uint16),
        fact=np.where(gone, Fact.UNKNOWN, views.fact).astype(np.uint8),
    )
    found = hidden_pixels(thinned, BOX, EXACT)
    assert (found & hidden).sum() / (found | hidden).sum() > 0.95
    silent = hidden_pixels(thinned, BOX, dataclasses.replace(EXACT, reach_px=0.0))
    assert not silent[gone].any()


def test_a_mask_without_depth_shows_the_object_and_is_never_hidden():
    views, _, hidden = _scene(BOARD)
    fact = np.where(hidden, Fact.OBJECT_NO_DEPTH, views.fact).astype(np.uint8)
    depth_mm = np.where(hidden, 0, views.depth_mm).astype(np.uint16)
    found = hidden_pixels(dataclasses.replace(views, fact=fact, depth_mm=depth_mm), BOX, EXACT)
    assert not found[hidden].any()


def test_points_that_other_views_sensed_fill_in_what_the_shape_lacks():
    aside = [(-2.0, 0.6, 0.8), (2.0, 0.6, 0.8), (0.4, -2.0, 0.8)]  # the first two see past the board
    views = views_of([BOX, BOARD], aside, target=(0.0, 0.0, 0.35))
    half = box((0.2, 0.2, 0.35), (0.4, 0.4, 0.7))
    alone_m = RayCaster(BOX).render(views.camera, views.world_from_camera[2])[0]
    hidden = (alone_m > 0) & (views.fact[2] == Fact.OTHER) & (alone_m - views.depth_mm[2] / 1000 > 0.03)
    fewest = dataclasses.replace(EXACT, least_points=1, point_cell_m=0.02)
    with_points = hidden_pixels(views, trimesh.Trimesh(), fewest)[2]
    assert not with_points[views.fact[2] == Fact.OBJECT].any()
    found = hidden_pixels(views, half, fewest)[2]
    only_shape = hidden_pixels(views, half, dataclasses.replace(fewest, least_points=10_000))[2]
    assert (found & hidden).sum() > (only_shape & hidden).sum()
    assert not (only_shape & ~found).any()


def test_small_patches_are_noise():
    views, _, hidden = _scene(BOARD)
    area = int(hidden[1].sum())
    assert hidden_pixels(views, BOX, HiddenSettings(least_area_px=area // 2))[1].any()
    assert not hidden_pixels(views, BOX, HiddenSettings(least_area_px=2 * area))[1].any()


def test_a_shape_beside_or_behind_the_camera_hides_nothing():
    views, _, _ = _scene(BOARD)
    nothing = dataclasses.replace(
        views, fact=np.where(views.fact == Fact.OBJECT, Fact.OTHER, views.fact).astype(np.uint8)
    )
    for centre in ((0.0, -6.0, 0.5), (9.0, 0.0, 0.5)):
        assert not hidden_pixels(nothing, box(centre, (0.5, 0.5, 0.5)), EXACT).any()


@pytest.mark.parametrize("size", [(160, 120), (333, 251), (1296, 968), (40, 30)])
def test_drawn_masks_are_read_at_any_size(tmp_path, size):
    folder = tmp_path / "scene0012_00_scannet_obj_7"
    drawn = folder / "only-seg-0012-obj7"
    drawn.mkdir(parents=True)
    camera = Intrinsics(160, 120, 150.0, 150.0, 79.5, 59.5)
    mask = np.zeros((120, 160), np.uint8)
    mask[30:60, 40:100] = 255
    cv2.imwrite(str(drawn / "3_class_inpaint mask.png"), cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST))
    cv2.imwrite(str(drawn / "3_class.png"), mask)  # what else the annotators' tool leaves there
    found = drawn_masks(folder, camera)
    assert list(found) == [3]
    assert found[3].shape == (120, 160)
    assert (found[3] & (mask > 0)).sum() / (found[3] | (mask > 0)).sum() > 0.9


def test_missing_broken_and_strange_masks_are_left_out_by_name(tmp_path, caplog):
    camera = Intrinsics(64, 48, 50.0, 50.0, 31.5, 23.5)
    folder = tmp_path / "scene0012_00_scannet_obj_7"
    folder.mkdir()
    assert drawn_masks(folder, camera) == {}
    for name in ("only-seg-0012-obj7", "only-seg-0012-obj8"):
        (folder / name).mkdir()
        cv2.imwrite(str(folder / name / "0_class_inpaint mask.png"), np.full((48, 64), 255, np.uint8))
    (folder / "only-seg-0012-obj7" / "1_class_inpaint mask.png").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        found = drawn_masks(folder, camera)
    assert list(found) == [0]
    assert found[0].all()
    assert "1_class_inpaint mask.png" in caplog.text
    assert "obj8" in caplog.text


def test_settings_refuse_nonsense():
    for wrong in ({"margin_m": -0.1}, {"reach_px": -1.0}, {"point_cell_m": 0.0}, {"least_points": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            HiddenSettings(**wrong)


def test_masks_of_a_generated_room_meet_the_truth(tmp_path):
    from preprocess.loaded_views import load_views
    from scene.mesh import load_mesh
    from scene.synthetic import make_scan, scene_name, true_room

    seed = 9_800_028
    scan_folder = make_scan(tmp_path, seed, 6, size=(160, 120))
    room, scan = true_room(scan_folder), open_scan(scan_folder)
    extract(scan, tmp_path / "objects", ExtractSettings(), None)
    both = either = 0
    for truth in sorted((tmp_path / "truth" / scene_name(seed)).glob("obj_*.ply")):
        instance_id = int(truth.stem.removeprefix("obj_")) + 1
        folder = tmp_path / "objects" / f"{scan.name}_scannet_obj_{instance_id}"
        if not folder.is_dir():
            continue
        loaded = load_views(folder, PrepareSettings(normals="none"))
        true = room.hidden(instance_id, list(loaded.notes.frame_ids))
        found = hidden_pixels(loaded.views, load_mesh(truth), HiddenSettings(least_area_px=5))
        both, either = both + (true & found).sum(), either + (true | found).sum()
    assert either > 2000
    assert both / either > 0.7
