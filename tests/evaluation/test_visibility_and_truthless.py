"""What cameras saw of a box, and how meshes fit it without truth: all by arithmetic."""

import numpy as np
import pytest
import trimesh

from evaluation.sampling import surface_of
from evaluation.settings import ScoreSettings
from evaluation.truthless import depth_agreement, free_space_violation, scores_without_truth
from evaluation.views import View, views_of_object, views_of_scan
from evaluation.visibility import looked_at, seen, surface_seen
from scene.camera import Intrinsics
from scene.errors import UserError
from scene.raycast import RayCaster
from scene.records import Fact, Frame, ObjectViews, Scan

CAMERA = Intrinsics(160, 120, 150.0, 150.0, 79.5, 59.5)
BOX = trimesh.creation.box((0.6, 0.6, 0.6))
WALL = trimesh.creation.box((8.0, 8.0, 0.1), trimesh.transformations.translation_matrix([0.0, 0.0, 1.5]))


def camera_at(x: float, y: float, z: float) -> np.ndarray:
    """A camera at (x, y, z) that looks along +z."""
    world_from_camera = np.eye(4)
    world_from_camera[:3, 3] = x, y, z
    return world_from_camera


def view_of(world_from_camera: np.ndarray, *others: trimesh.Trimesh) -> View:
    """What a perfect depth camera sees of the box (id 7) before a wall, among other things (id 1)."""
    depths = []
    for mesh in (BOX, WALL, *others):
        depth, _ = RayCaster(mesh).render(CAMERA, world_from_camera)
        depths.append(np.where(depth > 0, depth, np.inf))
    nearest = np.argmin(depths, axis=0)
    return View(CAMERA, world_from_camera, np.min(depths, axis=0).astype(np.float32), np.where(nearest == 0, 7, 1))


def test_of_a_box_only_the_face_towards_the_camera_is_seen():
    surface = surface_of(BOX, 6_000, 0)
    visible = seen(surface.points, surface.normals, [view_of(camera_at(0, 0, -2))])
    front = surface.normals[:, 2] < -0.5
    inner = np.abs(surface.points[:, :2]).max(1) < 0.28  # not within a pixel of the outline
    assert visible[front & inner].all()
    assert not visible[~front].any()


def test_the_share_of_a_box_that_was_seen_is_one_face_of_six():
    assert surface_seen(BOX, [view_of(camera_at(0, 0, -2))]) == pytest.approx(1 / 6, abs=0.01)
    assert surface_seen(BOX, []) == 0.0


def test_what_stands_in_front_of_the_seen_is_looked_at_and_what_lies_behind_it_is_not():
    views = [view_of(camera_at(0, 0, -2))]
    for shift_m, is_seen, is_looked_at in ((-0.3, False, True), (-0.01, True, True), (0.1, False, False)):
        surface = surface_of(BOX.copy().apply_translation([0, 0, shift_m]), 3_000, 0)
        front = (surface.normals[:, 2] < -0.5) & (np.abs(surface.points[:, :2]).max(1) < 0.25)
        assert (seen(surface.points, surface.normals, views)[front] == is_seen).all()
        found = looked_at(surface.points, surface.normals, views)
        assert (found[front] == is_looked_at).all()
        assert not found[surface.normals[:, 2] > 0.5].any()  # its back


def test_what_an_occluder_covers_is_not_seen():
    board = trimesh.creation.box((0.3, 2.0, 0.02), trimesh.transformations.translation_matrix([0.15, 0.0, -0.8]))
    surface = surface_of(BOX, 6_000, 0)
    visible = seen(surface.points, surface.normals, [view_of(camera_at(0, 0, -2), board)])
    front = surface.normals[:, 2] < -0.5
    shadow = surface.points[:, 0] / 1.7  # tangent of the ray to the front face, 1.7 m from the camera
    covered = (shadow > 0.01) & (shadow < 0.3 / 1.21 - 0.01)
    free = shadow < -0.01
    assert not visible[front & covered].any()
    assert visible[front & free & (np.abs(surface.points[:, 1]) < 0.28)].mean() > 0.9


def test_the_far_side_of_a_thin_panel_is_hidden_and_missing_depth_shows_nothing():
    panel = trimesh.creation.box((0.5, 0.5, 0.01))
    surface = surface_of(panel, 2_000, 0)
    depth_m = np.full((120, 160), 1.995, np.float32)
    visible = seen(surface.points, surface.normals, [View(CAMERA, camera_at(0, 0, -2), depth_m)])
    assert visible[surface.normals[:, 2] < -0.5].all()
    assert not visible[surface.normals[:, 2] > 0.5].any()
    nothing = View(CAMERA, camera_at(0, 0, -2), np.zeros_like(depth_m))
    assert not seen(surface.points, surface.normals, [nothing]).any()


VIEWS = [view_of(camera_at(x, 0, -2)) for x in (-0.1, 0.0, 0.1)]


def test_the_true_box_agrees_with_all_depth_and_violates_nothing():
    assert depth_agreement(BOX, VIEWS, 7) == 1.0
    assert free_space_violation(BOX, VIEWS) == 0.0


@pytest.mark.parametrize(("shift_m", "expected"), [(-0.015, 1.0), (-0.025, 0.0), (0.015, 1.0), (0.025, 0.0)])
def test_depth_agreement_turns_at_two_centimetres_along_the_ray(shift_m, expected):
    # A plane moved along the optical axis is off by shift / cos along the ray: still clear of the threshold here.
    moved = trimesh.creation.box((0.9, 0.9, 0.6), trimesh.transformations.translation_matrix([0, 0, shift_m]))
    assert depth_agreement(moved, [view_of(camera_at(0, 0, -2))], 7) == expected


def test_depth_agreement_counts_missed_pixels_and_is_none_without_pixels():
    left = trimesh.creation.box((0.3, 0.6, 0.6), trimesh.transformations.translation_matrix([-0.15, 0, 0]))
    view = view_of(camera_at(0, 0, -2))
    assert depth_agreement(left, [view], 7) == pytest.approx(0.5, abs=0.02)
    drawn = depth_agreement(left, [view], 7, max_pixels=1000)
    assert drawn == depth_agreement(left, [view], 7, max_pixels=1000)
    assert drawn == pytest.approx(0.5, abs=0.06)
    assert depth_agreement(left, [view], 8) is None


def test_free_space_violation_is_the_share_of_area_that_was_seen_through():
    # A square beside the box, before the wall: both its sides stand in space that all three cameras saw through.
    square = trimesh.creation.box((0.2, 0.2, 0.001), trimesh.transformations.translation_matrix([-0.55, 0, 0]))
    both = trimesh.util.concatenate([BOX, square])
    expected = square.area / both.area
    assert free_space_violation(both, VIEWS) == pytest.approx(expected, abs=0.003)
    assert free_space_violation(both, VIEWS[:2]) is None  # two views are not enough to know


def test_free_space_is_not_known_where_no_three_views_have_depth_at_the_mesh():
    away = view_of(trimesh.transformations.rotation_matrix(np.pi, [0, 1, 0], [0, 0, -2]) @ camera_at(0, 0, -2))
    blind = View(CAMERA, camera_at(0, 0, -2), np.zeros((120, 160), np.float32))
    for third in (away, blind):
        assert free_space_violation(BOX, [*VIEWS[:2], third]) is None
    scores = scores_without_truth(BOX, VIEWS[:2], 7, ScoreSettings())
    assert "surface_seen" in scores
    assert "free_space_violation" not in scores


def test_free_space_violation_turns_at_its_margin():
    for shift_m, violates in ((-0.02, False), (-0.04, True)):
        moved = BOX.copy().apply_translation([0, 0, shift_m])
        share = free_space_violation(moved, VIEWS)
        # Moved towards the cameras only the front face (a sixth) leaves what was seen, but for a rim of pixels.
        assert (0.13 < share < 0.18) if violates else share == 0.0


def test_an_object_folder_gives_the_same_as_the_scan():
    fact = np.stack([np.where(view.instance == 7, Fact.OBJECT, Fact.OTHER) for view in VIEWS]).astype(np.uint8)
    fact[:, :10] = Fact.UNKNOWN
    fact[:, 60, 80] = Fact.INPAINTED
    depth_mm = np.stack([np.rint(view.depth_m * 1000) for view in VIEWS]).astype(np.uint16)
    poses = np.stack([view.world_from_camera for view in VIEWS])
    color = np.zeros((3, 120, 160, 3), np.uint8)
    views = views_of_object(ObjectViews("box", "box", CAMERA, poses, np.eye(4), color, depth_mm, fact), 7)
    assert all((view.depth_m[:10] == 0).all() and view.depth_m[60, 80] == 0 for view in views)
    assert not views[0].shows(7)[60, 80]
    assert depth_agreement(BOX, views, 7) == 1.0
    assert free_space_violation(BOX, views) == 0.0


def test_a_long_scan_is_thinned_evenly_and_unreadable_frames_are_passed_over():
    loaded = []

    def load_frame(k: int) -> Frame | None:
        loaded.append(k)
        depth_m = np.ones((120, 160), np.float32)
        return None if k == 0 else Frame(k, CAMERA, np.eye(4), np.zeros((120, 160, 3), np.uint8), depth_m)

    scan = Scan("s", list(range(101)), np.tile(np.eye(4), (101, 1, 1)), CAMERA, load_frame)
    assert len(views_of_scan(scan, 5)) == 4
    assert loaded == [0, 25, 50, 75, 100]
    empty = Scan("s", [0], np.eye(4)[None], CAMERA, lambda k: None)
    with pytest.raises(UserError, match="none of the scan's frames"):
        views_of_scan(empty, 5)
