"""The normalised frame: exact there and back, and not blown up by what flies about."""

import numpy as np
import pytest

from scene.camera import transform
from scene.normalize import around, inverse, normalized_from_camera, scale_of, similarity

RANDOM = np.random.default_rng(0)


def test_there_and_back_is_exact() -> None:
    world_from_normalized = similarity(np.array([1.0, -20.0, 3.0]), 0.37)
    points = RANDOM.normal(size=(100, 3))
    back = transform(inverse(world_from_normalized), transform(world_from_normalized, points))
    np.testing.assert_allclose(back, points, atol=1e-13)
    np.testing.assert_allclose(inverse(world_from_normalized) @ world_from_normalized, np.eye(4), atol=1e-14)
    assert scale_of(world_from_normalized) == pytest.approx(0.37, rel=1e-14)


def test_cameras_see_the_same_pixels_in_either_frame() -> None:
    pose = np.eye(4)
    pose[:3, :3] = np.linalg.qr(RANDOM.normal(size=(3, 3)))[0]
    pose[:3, 3] = [2.0, 1.0, -1.0]
    frame = similarity(np.array([0.5, 0.2, 0.9]), 0.8)
    points = RANDOM.normal(size=(50, 3))
    local = transform(np.linalg.inv(pose), points)
    local_normalized = transform(np.linalg.inv(normalized_from_camera(pose, frame)), transform(inverse(frame), points))
    np.testing.assert_allclose(local_normalized * 0.8, local, atol=1e-12)


def box_surface(count: int) -> np.ndarray:
    points = RANDOM.uniform(-0.5, 0.5, (count, 3)) * [1.0, 0.6, 0.4]
    axis = RANDOM.integers(0, 3, count)
    points[np.arange(count), axis] = np.sign(points[np.arange(count), axis]) * np.array([0.5, 0.3, 0.2])[axis]
    return (points + np.array([3.0, 1.0, 0.7])).astype(np.float32)


def test_sphere_is_that_of_the_box() -> None:
    frame = around(box_surface(20000), margin=1.0)
    np.testing.assert_allclose(frame[:3, 3], [3.0, 1.0, 0.7], atol=0.003)
    assert scale_of(frame) == pytest.approx(np.linalg.norm([1.0, 0.6, 0.4]) / 2, abs=0.003)


def test_strays_do_not_blow_up_the_sphere() -> None:
    points = box_surface(20000)
    strays = (points.mean(axis=0) + RANDOM.normal(scale=4.0, size=(200, 3))).astype(np.float32)
    clean, dirty = around(points, 1.1), around(np.concatenate([points, strays]), 1.1)
    assert scale_of(dirty) < 1.35 * scale_of(clean)


def test_a_thin_pole_belongs_to_the_lamp() -> None:
    foot = RANDOM.uniform(-0.15, 0.15, (4000, 3)) * [1, 1, 0.1]
    pole = np.stack([np.zeros(300), np.zeros(300), np.linspace(0, 1.5, 300)], axis=1)
    points = np.concatenate([foot, pole]).astype(np.float32)
    assert scale_of(around(points, 1.0)) > 0.75


def test_no_points_no_place() -> None:
    with pytest.raises(ValueError, match="no place"):
        around(np.zeros((0, 3), np.float32), 1.1)
    assert scale_of(around(np.zeros((5, 3), np.float32), 1.1)) > 0
