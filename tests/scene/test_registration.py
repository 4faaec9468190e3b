"""Depth moved between cameras, against planes known in closed form."""

import numpy as np
import pytest

from scene.camera import Intrinsics
from scene.registration import color_into, depth_into, labels_into

SOURCE = Intrinsics(64, 48, 60.0, 61.0, 31.3, 22.8)
TARGET = Intrinsics(100, 80, 90.0, 88.0, 48.0, 41.0)


def plane_depth_mm(camera: Intrinsics, normal: np.ndarray, distance_m: float) -> np.ndarray:
    """Depth image of the plane n . P = d: Z = d / (n . ray)."""
    return np.rint(1000 * distance_m / (camera.directions() @ normal)).astype(np.uint16)


def test_identity_only_changes_the_unit() -> None:
    depth = np.array([[0, 1500]], np.uint16)
    camera = Intrinsics(2, 1, 1.0, 1.0, 0.0, 0.0)
    np.testing.assert_allclose(depth_into(camera, camera, np.eye(4))(depth), [[0.0, 1.5]])


def test_shared_centre_is_exact_on_planes() -> None:
    normal = np.array([0.3, -0.2, 0.93])
    depth = depth_into(TARGET, SOURCE, np.eye(4))(plane_depth_mm(SOURCE, normal, 2.0))
    truth = 2.0 / (TARGET.directions() @ normal)
    assert (depth > 0).mean() > 0.8  # the target sees a little more than the source
    assert np.abs(depth - truth)[depth > 0].max() < 0.015
    assert np.median(np.abs(depth - truth)[depth > 0]) < 0.0005


def test_no_depth_is_invented_across_an_edge_or_a_hole() -> None:
    depth_mm = np.where(np.arange(64) < 30, 1000, 2000) * np.ones((48, 1))
    depth_mm[20:24, 10:14] = 0
    depth = depth_into(TARGET, SOURCE, np.eye(4))(depth_mm.astype(np.uint16))
    assert set(np.unique(np.rint(depth * 1000)).tolist()) == {0, 1000, 2000}


def test_moved_camera_sees_planes_where_they_are_and_the_nearer_one_wins() -> None:
    color_from_depth = np.eye(4)
    color_from_depth[:3, 3] = [0.1, 0.0, 0.2]  # the colour camera stands 0.2 m behind the depth camera
    depth_mm = np.full((48, 64), 2000, np.uint16)
    depth_mm[:, 30:] = 1000
    depth = depth_into(TARGET, SOURCE, color_from_depth)(depth_mm)
    values, counts = np.unique(np.rint(depth[depth > 0] * 1000), return_counts=True)
    assert values[counts > 20].tolist() == [1200, 2200]
    row = depth[40]  # a point appears in column (X + 0.1) / (Z + 0.2) * fx + cx; both sides end at column 29.5 ...
    edge_far, edge_near = -1.8 / 60 * 2.0, -1.8 / 60 * 1.0
    column_far, column_near = (edge_far + 0.1) / 2.2 * 90 + 48, (edge_near + 0.1) / 1.2 * 90 + 48
    np.testing.assert_allclose(row[20 : int(column_far)], 2.2, atol=0.001)
    assert (row[int(column_far) + 2 : int(column_near)] == 0).all()  # ... opens a gap nobody saw
    np.testing.assert_allclose(row[int(column_near) + 1 : 85], 1.2, atol=0.001)


@pytest.mark.parametrize("other", [SOURCE, SOURCE.cropped(3, 2, 50, 40)])
def test_crops_are_pixel_exact(other: Intrinsics) -> None:
    labels = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64)
    left, top = round(SOURCE.cx - other.cx), round(SOURCE.cy - other.cy)
    expected = labels[top : top + other.height, left : left + other.width]
    np.testing.assert_array_equal(labels_into(other, SOURCE)(labels), expected)
    color = np.stack([expected % 251] * 3, axis=-1).astype(np.uint8)
    whole = np.stack([labels % 251] * 3, axis=-1).astype(np.uint8)
    np.testing.assert_array_equal(color_into(other, SOURCE)(whole), color)
    depth = depth_into(other, SOURCE, np.eye(4))(np.full((48, 64), 1234, np.uint16))
    np.testing.assert_allclose(depth, np.full((other.height, other.width), 1.234), rtol=1e-6)
