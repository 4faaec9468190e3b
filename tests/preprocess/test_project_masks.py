"""Masks respect what hides what, and fill holes in the depth only where colours agree."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from preprocess.fused_surface import FusedSurface
from preprocess.project_masks import ObjectProjector
from preprocess.segment_settings import MaskSettings
from scene.raycast import RayCaster
from scene.records import Frame
from tests.preprocess.analytic_room import CAMERA, box, looking, surface_of

POSE = looking(np.array([0.0, -2.0, 0.9]), np.array([0.0, 0.0, 0.5]))
GREY, BLUE = 128, (20, 30, 200)


@pytest.fixture(scope="module")
def cube() -> tuple[ObjectProjector, Frame, np.ndarray]:
    """A projector that knows one cube (instance 7), a frame of it before nothing, and its true mask."""
    mesh = box((-0.3, -0.3, 0.2), (0.3, 0.3, 0.8))
    surface: FusedSurface = surface_of(mesh)
    depth, triangle = RayCaster(mesh).render(CAMERA, POSE)
    color = np.full((*depth.shape, 3), GREY, np.uint8)
    frame = Frame(0, CAMERA, POSE, color, depth.astype(np.float32))
    return ObjectProjector(surface, np.full(len(surface), 7), MaskSettings()), frame, triangle >= 0


def test_a_cube_is_found_where_it_is(cube: tuple[ObjectProjector, Frame, np.ndarray]) -> None:
    projector, frame, truth = cube
    found = projector.instance_image(frame)
    assert set(np.unique(found).tolist()) == {0, 7}
    assert ((found == 7) & truth).sum() / ((found == 7) | truth).sum() > 0.95


def test_what_stands_before_the_object_or_is_gone_is_not_taken_for_it(
    cube: tuple[ObjectProjector, Frame, np.ndarray],
) -> None:
    projector, frame, truth = cube
    depth = frame.depth_m.copy()
    depth[:, :100] = 1.0  # someone stands on the left
    depth[:, 120:] = 4.0  # and on the right the object was not there yet
    found = projector.instance_image(dataclasses.replace(frame, depth_m=depth))
    assert not found[:, :100].any()
    assert not found[:, 120:].any()
    assert (found[:, 102:118] == 7).sum() > 0.9 * truth[:, 102:118].sum()


def test_holes_are_filled_where_the_colour_agrees(cube: tuple[ObjectProjector, Frame, np.ndarray]) -> None:
    projector, frame, truth = cube
    depth, color = frame.depth_m.copy(), frame.color.copy()
    v, u = (int(x) for x in np.median(np.nonzero(truth), axis=1))
    hole = (slice(v - 15, v + 15), slice(u - 15, u + 15))
    depth[hole] = 0
    assert (projector.instance_image(dataclasses.replace(frame, depth_m=depth))[hole] == 7).all()
    color[hole] = BLUE  # something else that the depth camera did not measure
    found = projector.instance_image(dataclasses.replace(frame, depth_m=depth, color=color))[hole]
    assert (found == 7).mean() < 0.3


def test_specks_are_given_up(cube: tuple[ObjectProjector, Frame, np.ndarray]) -> None:
    projector, frame, truth = cube
    depth = np.full_like(frame.depth_m, 5.0)
    v, u = (int(x) for x in np.median(np.nonzero(truth), axis=1))
    depth[v : v + 3, u : u + 3] = frame.depth_m[v : v + 3, u : u + 3]
    assert not projector.instance_image(dataclasses.replace(frame, depth_m=depth)).any()
