"""Fusing depth against planes whose distances are known."""

import numpy as np
import pytest

from scene.camera import Intrinsics
from scene.fusion import Fusion, Volume, surface_cosine
from scene.records import Fact

CAMERA = Intrinsics(64, 48, 60.0, 60.0, 31.5, 23.5)
FRONT_M, BEHIND_M = 0.08, 0.04


def fuse_wall(depths_m: list[float], fact: Fact = Fact.OBJECT) -> Volume:
    """A wall at Z = depth before a camera at the origin, once a depth."""
    fusion = Fusion(np.array([-0.2, -0.2, 0.8]), np.array([0.2, 0.2, 1.2]), 0.02, FRONT_M, BEHIND_M)
    for depth_m in depths_m:
        depth = np.full((CAMERA.height, CAMERA.width), depth_m, np.float32)
        fusion.add(depth, CAMERA, np.eye(4), np.full(depth.shape, int(fact), np.uint8))
    return fusion.result()


def test_distances_to_a_wall_are_the_average_of_the_views() -> None:
    volume = fuse_wall([0.99, 1.01])
    middle = volume.sdf_m[10, 10]
    z = volume.points(np.stack([np.full(21, 10), np.full(21, 10), np.arange(21)], 1))[:, 2]
    # Within reach of both views, well in front of the wall, the two readings average to a wall at 1 m.
    both = (z > 0.94) & (z < 0.985)
    np.testing.assert_allclose(middle[both], 1.0 - z[both], atol=0.02 * 0.02)
    assert (np.sign(middle[both]) == 1).all()


def test_distances_hold_off_the_optical_axis_and_on_a_slant() -> None:
    # The plane z = 1 + x / 2, seen over the whole image; distances are to the plane, not along Z or the ray.
    directions = CAMERA.directions().astype(np.float64)
    depth = (1.0 / (1.0 - 0.5 * directions[..., 0])).astype(np.float32)
    fusion = Fusion(np.array([-0.35, -0.3, 0.6]), np.array([0.35, 0.3, 1.4]), 0.02, FRONT_M, BEHIND_M)
    fusion.add(depth, CAMERA, np.eye(4))
    volume = fusion.result()
    index = np.argwhere((volume.weight > 0) & (np.abs(volume.sdf_m) < 0.03))
    points = volume.points(index).astype(np.float64)
    expected = (1.0 + 0.5 * points[:, 0] - points[:, 2]) / np.hypot(1.0, 0.5)
    # Rounding to the nearest pixel moves the reading by at most half a pixel on the slant: 1 / 60 * 0.5 * 0.5 m.
    measured = volume.sdf_m[tuple(index.T)]
    inner = (np.abs(points[:, 0] / points[:, 2]) < 0.45) & (np.abs(points[:, 1] / points[:, 2]) < 0.33)
    assert inner.sum() > 500
    assert np.abs(measured - expected)[inner].max() < 0.006
    assert np.abs((measured - expected)[inner].mean()) < 0.0005


def test_every_voxel_is_free_seen_or_behind() -> None:
    volume = fuse_wall([1.0])
    z = volume.points(np.argwhere(np.ones_like(volume.sdf_m)))[:, 2].reshape(volume.sdf_m.shape)
    # Straight ahead, where the ray meets the wall squarely; half a voxel of tolerance at each limit.
    free, seen, behind = volume.free[10, 10] > 0, volume.weight[10, 10] > 0, volume.behind_object[10, 10] > 0
    assert (free.astype(int) + seen + behind <= 1).all()
    assert free[z[10, 10] < 1 - FRONT_M - 0.01].all()
    assert behind[z[10, 10] > 1 + BEHIND_M + 0.01].all()
    assert seen[np.abs(z[10, 10] - 0.99) < 0.03].all()


def test_something_else_frees_the_space_before_it_and_claims_no_surface() -> None:
    volume = fuse_wall([1.0], Fact.OTHER)
    assert volume.weight.max() == 0
    assert volume.free[10, 10, 0] == 1
    assert volume.other[10, 10, 10] == 1
    assert volume.behind_other[10, 10, -1] == 1
    assert volume.behind_object.max() == 0


def test_unknown_pixels_and_missing_depth_say_nothing() -> None:
    for volume in (fuse_wall([1.0], Fact.UNKNOWN), fuse_wall([0.0]), fuse_wall([1.0], Fact.OBJECT_NO_DEPTH)):
        assert volume.weight.max() == 0
        assert volume.free.max() == volume.behind_other.max() == volume.other.max() == 0


def test_evidence_fades_behind_the_surface() -> None:
    weight = fuse_wall([1.0]).weight[10, 10]
    z = 0.8 + 0.02 * np.arange(21)
    before, after = weight[np.abs(z - 0.98) < 0.001], weight[np.abs(z - 1.03) < 0.011]
    assert (after < before).all()


def test_cosine_of_a_slanted_plane() -> None:
    # The plane z = 1 + x / 2 has normal (1/2, 0, -1).
    directions = CAMERA.directions().astype(np.float64)
    depth = 1.0 / (1.0 - 0.5 * directions[..., 0])
    normal = np.array([0.5, 0.0, -1.0]) / np.hypot(0.5, 1.0)
    expected = np.abs(directions @ normal) / np.linalg.norm(directions, axis=2)
    measured = surface_cosine(depth.astype(np.float32), CAMERA)
    np.testing.assert_allclose(measured[1:-1, 1:-1], expected[1:-1, 1:-1], atol=2e-3)


@pytest.mark.parametrize("missing", [(20, 30), (21, 30)])
def test_cosine_beside_missing_depth_is_one(missing: tuple[int, int]) -> None:
    depth = np.ones((CAMERA.height, CAMERA.width), np.float32)
    depth[missing] = 0
    assert surface_cosine(depth, CAMERA)[20, 30] == 1.0
