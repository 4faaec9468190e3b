"""What the completion network sees of a box: where it was sensed, what is free or hidden, and how it is turned."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import trimesh
from scipy import ndimage

from scene.camera import transform
from scene.errors import UserError
from scene.records import ObjectViews
from tests.scene.tiny_scan import box
from tests.training.exact_views import views_of
from training.shape_prior.look import CELL_M, CHANNELS, CoarseLook, look

DISTANCE, SEEN, FREE, OTHER, _, BEHIND_OBJECT, BEHIND_OTHER, VIEWS, HEIGHT = range(9)
SIZE_M = np.array([0.6, 0.4, 0.5])
YAW_DEG = 28.0
EYES = [(0.3 + dx, -2.0, z) for dx in (-1.4, -0.7, 0.0, 0.7, 1.4) for z in (0.9, 1.5)]
MIDDLE_M = np.array([0.3, -0.2, 0.25])


def turned(angle_deg: float, shift_m: tuple[float, float, float]) -> np.ndarray:
    matrix = trimesh.transformations.rotation_matrix(np.deg2rad(angle_deg), [0, 0, 1])
    matrix[:3, 3] = shift_m
    return matrix


WORLD_FROM_BOX = turned(YAW_DEG, tuple(MIDDLE_M))


@pytest.fixture(scope="module")
def views() -> ObjectViews:
    """A turned box on the floor, seen from the front and both sides; a low wall stands before its right end."""
    body = box((0, 0, 0), SIZE_M)
    body.apply_transform(WORLD_FROM_BOX)
    return views_of([body, box((0.75, -0.75, 0.2), (0.5, 0.04, 0.4))], EYES)


@pytest.fixture(scope="module")
def seen(views: ObjectViews) -> CoarseLook:
    return look(views)


def beyond_m(seen: CoarseLook) -> np.ndarray:
    """Distance of every cell to the box, from its formula; negative inside."""
    cells = np.argwhere(np.ones(seen.shape, bool))
    world = transform(np.linalg.inv(seen.grid_from_world), seen.origin_m + CELL_M * cells)
    beyond = np.abs(transform(np.linalg.inv(WORLD_FROM_BOX), world)) - SIZE_M / 2
    outside = np.linalg.norm(np.maximum(beyond, 0), axis=1)
    return np.where(outside > 0, outside, beyond.max(axis=1)).reshape(seen.shape)


def test_channels_are_so_many_and_bounded(seen: CoarseLook) -> None:
    assert seen.channels.shape == (CHANNELS, *seen.shape)
    assert seen.channels.dtype == np.float32
    assert np.isfinite(seen.channels).all()
    assert np.abs(seen.channels).max() <= 1
    assert all(layer.std() > 0 for layer in seen.channels[:9]), "every one of them tells something"


def test_the_sensed_sheet_lies_on_the_box(seen: CoarseLook) -> None:
    near = (seen.channels[SEEN] > 0) & (np.abs(seen.channels[DISTANCE]) < 0.2)
    assert near.sum() > 300
    distance_m = np.abs(beyond_m(seen)[near])
    assert distance_m.mean() < 0.006
    assert np.percentile(distance_m, 98) < 0.02


def test_what_was_seen_through_is_free_and_what_was_not_is_not(seen: CoarseLook) -> None:
    away_m = beyond_m(seen)
    free = seen.channels[FREE] > 0
    assert away_m[free].min() > -0.02
    assert (seen.channels[BEHIND_OBJECT][away_m < -0.06] > 0).mean() > 0.95
    assert not free[away_m < -0.06].any(), "nobody sees through it"
    at = np.rint(seen.cells_of(np.array([[0.2, -0.55, 0.4]]))[0]).astype(int)
    assert free[tuple(at)], "before its front face"


def test_the_wall_hides_what_is_behind_it(seen: CoarseLook) -> None:
    behind, aside = np.rint(seen.cells_of(np.array([[0.68, -0.3, 0.1], [0.1, -0.55, 0.3]]))).astype(int)
    assert seen.channels[BEHIND_OTHER][tuple(behind)] >= 0.2
    assert seen.channels[BEHIND_OTHER][tuple(aside)] == 0


def test_heights_are_above_the_floor_on_which_it_stands(seen: CoarseLook) -> None:
    world_z = seen.origin_m[2] + CELL_M * np.arange(seen.shape[2])
    np.testing.assert_allclose(seen.channels[HEIGHT][0, 0], world_z, atol=1.5 * CELL_M)


def test_the_grid_is_turned_as_the_box_stands(seen: CoarseLook) -> None:
    rotation = seen.grid_from_world[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(rotation[2], [0, 0, 1], atol=1e-9)
    along = np.rad2deg(np.arctan2(rotation[0, 1], rotation[0, 0]))
    assert abs((along - YAW_DEG + 45) % 90 - 45) < 2


def test_another_world_frame_shows_the_same(views: ObjectViews, seen: CoarseLook) -> None:
    other_from_world = turned(90.0, (3.1, -7.7, 0.4))
    poses = other_from_world @ views.world_from_camera
    again = look(dataclasses.replace(views, world_from_camera=poses))
    inside = np.argwhere(beyond_m(seen) < 0.1)
    world = transform(np.linalg.inv(seen.grid_from_world), seen.origin_m + CELL_M * inside)
    there = again.cells_of(transform(other_from_world, world))
    for channel in (DISTANCE, SEEN, FREE, BEHIND_OBJECT, BEHIND_OTHER, VIEWS, HEIGHT):
        moved = ndimage.map_coordinates(again.channels[channel], there.T, order=1, mode="nearest")
        assert np.abs(moved - seen.channels[channel][tuple(inside.T)]).mean() < 0.05, channel


def test_an_object_without_depth_is_told(views: ObjectViews) -> None:
    with pytest.raises(UserError, match="room_scannet_obj_2: hardly any of its pixels has depth"):
        look(dataclasses.replace(views, depth_mm=np.zeros_like(views.depth_mm)))


def test_what_spans_a_hall_is_no_object(views: ObjectViews) -> None:
    with pytest.raises(UserError, match="no single object"):
        look(dataclasses.replace(views, depth_mm=(views.depth_mm * 12.0).clip(0, 65535).astype(np.uint16)))
