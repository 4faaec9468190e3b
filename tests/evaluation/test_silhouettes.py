"""Outlines against masks, by arithmetic: a pixel speaks only of the space in front of what it saw."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from evaluation.settings import ScoreSettings
from evaluation.silhouettes import silhouette_iou
from evaluation.truthless import scores_without_truth
from evaluation.views import View
from scene.camera import Intrinsics
from scene.raycast import RayCaster

CAMERA = Intrinsics(160, 120, 150.0, 150.0, 79.5, 59.5)
OBJECT = 7


def box(extents: tuple[float, float, float], *at: float) -> trimesh.Trimesh:
    return trimesh.creation.box(extents, trimesh.transformations.translation_matrix(at))


BOX = box((0.6, 0.6, 0.6), 0, 0, 0)
WALL = box((8, 8, 0.1), 0, 0, 1.5)


def view_of(x: float = 0.0, *others: trimesh.Trimesh) -> View:
    """A perfect depth camera at (x, 0, -2) that looks along +z at the box (id 7) and other things (id 1)."""
    pose = np.eye(4)
    pose[:3, 3] = x, 0, -2
    depths = np.stack([RayCaster(mesh).render(CAMERA, pose)[0] for mesh in (BOX, WALL, *others)])
    depths[depths == 0] = np.inf
    instance = np.where(depths.argmin(0) == 0, OBJECT, 1)
    return View(CAMERA, pose, depths.min(0).astype(np.float32), instance)


VIEWS = [view_of(x) for x in (-0.2, 0.0, 0.2)]


def joined(*meshes: trimesh.Trimesh) -> trimesh.Trimesh:
    whole = trimesh.util.concatenate(meshes)
    assert isinstance(whole, trimesh.Trimesh)
    return whole


def test_the_true_mesh_fills_its_outline_and_an_empty_place_none_of_it():
    assert silhouette_iou(BOX, VIEWS, OBJECT) == 1.0
    behind_the_wall = box((0.6, 0.6, 0.6), 6.0, 0, 8.0)
    assert silhouette_iou(behind_the_wall, VIEWS, OBJECT) == 0.0
    assert silhouette_iou(BOX, VIEWS, 99) is None
    assert silhouette_iou(BOX, [], OBJECT) is None


def test_half_a_mesh_covers_half_of_the_pixels():
    # The front face, 0.6 m wide and 1.7 m away, is 53 pixels wide; two pixels at the right rim are not forgiven, as
    # no pixel beside them is covered, and none within the outline is.
    left = box((0.3, 0.6, 0.6), -0.15, 0, 0)
    assert silhouette_iou(left, [view_of()], OBJECT) == pytest.approx(0.5, abs=0.02)


def test_what_stands_wrongly_before_the_wall_counts_against_the_mesh():
    wing = box((0.3, 0.6, 0.02), -0.55, 0, -0.29)  # beside the box, seen before the wall
    own = (view_of().instance == OBJECT).sum()
    pose = view_of().world_from_camera
    wing_pixels = ((RayCaster(wing).render(CAMERA, pose)[0] > 0) & (view_of().instance != OBJECT)).sum()
    expected = own / (own + wing_pixels)
    assert silhouette_iou(joined(BOX, wing), [view_of()], OBJECT) == pytest.approx(expected, abs=0.02)


def test_behind_an_occluder_and_without_depth_the_pixels_say_nothing():
    board = box((0.6, 2.0, 0.02), 0.3, 0, -0.8)
    half_hidden = view_of(0.0, board)
    assert 0.3 < (half_hidden.instance == OBJECT).sum() / (view_of().instance == OBJECT).sum() < 0.7
    # The plain intersection over union of outlines is about a half here; the hidden half is no fault of the mesh.
    assert silhouette_iou(BOX, [half_hidden], OBJECT) == 1.0
    # Nor is it one that the mesh is larger there, as far as nothing was seen.
    larger = joined(BOX, box((0.2, 0.4, 0.3), 0.4, 0, 0))
    assert silhouette_iou(larger, [half_hidden], OBJECT) == 1.0
    wing = joined(BOX, box((0.3, 0.6, 0.02), -0.55, 0, -0.29))
    assert silhouette_iou(wing, [half_hidden], OBJECT) < 0.8
    blind = replace(half_hidden, depth_m=np.where(half_hidden.instance == OBJECT, half_hidden.depth_m, 0))
    assert silhouette_iou(wing, [blind], OBJECT) == 1.0


@pytest.mark.parametrize(("gap_m", "stands_before"), [(0.02, False), (0.05, True)])
def test_before_the_wall_begins_three_centimetres_before_it(gap_m, stands_before):
    sheet = box((3.0, 2.0, 0.002), 0, 0, 1.45 - gap_m)
    assert (silhouette_iou(joined(BOX, sheet), VIEWS, OBJECT) < 0.5) == stands_before


def test_masks_may_fray_by_two_pixels_and_no_more():
    mask = view_of().instance == OBJECT
    ys, xs = np.nonzero(mask)
    for grown, least, most in ((2, 1.0, 1.0), (6, 0.6, 0.75)):
        fat = np.zeros_like(mask)
        fat[ys.min() - grown : ys.max() + 1 + grown, xs.min() - grown : xs.max() + 1 + grown] = True
        iou = silhouette_iou(BOX, [replace(view_of(), instance=np.where(fat, OBJECT, 1))], OBJECT)
        assert iou is not None
        assert least <= iou <= most, grown
    thin = mask.copy()
    thin[ys.min() : ys.min() + 2] = False
    assert silhouette_iou(BOX, [replace(view_of(), instance=np.where(thin, OBJECT, 1))], OBJECT) == 1.0


def test_drawn_pixels_give_about_the_same_and_repeat():
    left = box((0.3, 0.6, 0.6), -0.15, 0, 0)
    drawn = silhouette_iou(left, VIEWS, OBJECT, max_pixels=2000)
    assert drawn == silhouette_iou(left, VIEWS, OBJECT, max_pixels=2000)
    assert drawn != silhouette_iou(left, VIEWS, OBJECT, max_pixels=2000, seed=1)
    assert drawn == pytest.approx(silhouette_iou(left, VIEWS, OBJECT), abs=0.06)


def test_a_camera_beside_the_mesh_sees_it_with_the_whole_image():
    pose = np.eye(4)
    pose[:3, 3] = 0, 0, -0.2  # within the box of the mesh, which encloses the camera's place
    depth_m = np.full((120, 160), 3.0, np.float32)
    depth_m[:20] = 0.4
    instance = np.where(depth_m < 1, OBJECT, 1)
    ring = joined(box((2.0, 0.1, 2.0), 0, 0.5, 0), box((2.0, 0.1, 2.0), 0, -0.5, 0))
    iou = silhouette_iou(ring, [View(CAMERA, pose, depth_m, instance)], OBJECT)
    assert iou is not None
    assert 0.1 < iou < 0.5  # the lower board stands in free space


def test_all_that_is_told_without_truth():
    mesh = BOX.subdivide_to_size(0.1)
    mesh.vertex_attributes["confidence"] = np.where(mesh.vertices[:, 2] < 0.0, 0.7, 1.0).astype(np.float32)
    scores = scores_without_truth(mesh, VIEWS, OBJECT, ScoreSettings())
    assert scores["silhouette_iou"] == scores["depth_agreement"] == scores["watertight"] == scores["components"] == 1.0
    assert scores["free_space_violation"] == scores["self_intersections"] == 0.0
    assert scores["area_m2"] == pytest.approx(6 * 0.36)
    tenths = [scores[f"confidence_in_{k / 10:.1f}"] for k in range(10)]
    assert sum(tenths) == pytest.approx(1.0)
    assert tenths[7] + tenths[9] == pytest.approx(1.0)
    assert tenths[7] == pytest.approx(0.5, abs=0.05)
    assert scores["confidence_mean"] == pytest.approx(0.7 * tenths[7] + 1.0 * tenths[9], abs=1e-6)


def test_without_views_or_confidence_what_is_not_known_is_left_out():
    open_box = BOX.submesh([np.arange(10)], append=True)
    two = joined(open_box, box((0.2, 0.2, 0.2), 2, 0, 0))
    scores = scores_without_truth(two, [], OBJECT, ScoreSettings())
    assert scores == {"watertight": 0.0, "components": 2.0, "self_intersections": 0.0, "area_m2": pytest.approx(2.04)}
    unlabelled = [replace(view, instance=None) for view in VIEWS]
    found = scores_without_truth(BOX, unlabelled, OBJECT, ScoreSettings())
    assert found.keys() - scores == {"free_space_violation", "surface_seen"}
    assert found["surface_seen"] == pytest.approx(1 / 6, abs=0.02)  # the front face
