"""Normals from depth against spheres and planes."""

import numpy as np

from preprocess.normals import normals_from_depth
from scene.camera import Intrinsics
from scene.depth_noise import DepthNoise, add_noise
from scene.records import Fact

CAMERA = Intrinsics(80, 60, 90.0, 88.0, 41.0, 28.5)


def angles(normal: np.ndarray, truth: np.ndarray) -> np.ndarray:
    sine = np.linalg.norm(np.cross(normal.astype(np.float64), truth), axis=-1)
    return np.degrees(np.arctan2(sine, (normal.astype(np.float64) * truth).sum(axis=-1)))


def test_planes_are_exact_and_normals_face_the_camera() -> None:
    for plane in (np.array([0.0, 0.0, 1.0]), np.array([0.5, -0.3, 0.81]), np.array([-0.2, 0.8, 0.57])):
        plane = plane / np.linalg.norm(plane)
        depth = (2.0 / np.maximum(CAMERA.directions() @ plane, 0.3)).astype(np.float32)
        fact = np.where(CAMERA.directions() @ plane > 0.3, Fact.OBJECT, Fact.OTHER).astype(np.uint8)
        normal = normals_from_depth(depth, fact, CAMERA, 3)
        known = (normal != 0).any(axis=-1)
        assert not known[fact != Fact.OBJECT].any()
        assert known[fact == Fact.OBJECT].mean() > 0.99
        assert angles(normal[known], -plane).max() < 0.2
        assert ((normal * CAMERA.directions()).sum(axis=-1)[known] < 0).all()


def sphere(noise_m: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth, facts and true normals of a sphere of radius 0.5 m at 2 m."""
    rays = CAMERA.directions().astype(np.float64)
    center = np.array([0.1, -0.05, 2.0])
    a, b, c = (rays**2).sum(-1), rays @ center, center @ center - 0.25
    root = b * b - a * c
    depth = np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / a, 0.0)
    truth = (rays * depth[..., None] - center) / 0.5
    depth = depth + noise_m * np.random.default_rng(0).normal(size=depth.shape) * (depth > 0)
    return depth.astype(np.float32), np.where(depth > 0, Fact.OBJECT, Fact.UNKNOWN).astype(np.uint8), truth


def test_sphere() -> None:
    depth, fact, truth = sphere(0.0)
    normal = normals_from_depth(depth, fact, CAMERA, 2)
    known = (normal != 0).any(axis=-1)
    assert known.sum() > 0.85 * (fact == Fact.OBJECT).sum()  # not where the sphere turns away
    lengths = np.linalg.norm(normal[known].astype(np.float64), axis=-1)
    np.testing.assert_allclose(lengths, 1.0, atol=2e-3)
    assert np.median(angles(normal[known], truth[known])) < 3.0


def test_noise_averages_out_over_the_window() -> None:
    depth, fact, truth = sphere(0.004)
    errors = {}
    for radius in (1, 4):
        normal = normals_from_depth(depth, fact, CAMERA, radius)
        known = (normal != 0).any(axis=-1)
        errors[radius] = np.median(angles(normal[known], truth[known]))
    assert errors[4] < 8.0
    assert errors[4] < errors[1] / 2


def test_no_plane_is_fitted_across_an_edge_or_to_a_line() -> None:
    depth = np.full((60, 80), 1.0, np.float32)
    depth[:, 40:] = 1.5
    normal = normals_from_depth(depth, np.full((60, 80), Fact.OBJECT, np.uint8), CAMERA, 4)
    np.testing.assert_allclose(normal, np.broadcast_to([0, 0, -1], normal.shape), atol=1e-3)
    line = np.full((60, 80), Fact.OTHER, np.uint8)
    line[30] = Fact.OBJECT
    assert not normals_from_depth(depth, line, CAMERA, 4).any()


def folded(angle_deg: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Depth, with a camera's noise, and true normals of a ridge at 2 m whose sides lean back by ``angle_deg``; it runs
    down the middle column."""
    camera = Intrinsics(160, 120, 290.0, 290.0, 80.0, 59.5)
    sine, cosine = np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg))
    rays = camera.directions().astype(np.float64)
    side = np.sign(rays[..., 0])
    truth = np.stack([side * sine, np.zeros_like(side), np.full_like(side, -cosine)], -1)
    depth = -2.0 * cosine / (rays * truth).sum(-1)
    return add_noise(depth, np.random.default_rng(seed), DepthNoise()), truth


def errors_of_fold(angle_deg: float, radius_px: int) -> np.ndarray:
    camera = Intrinsics(160, 120, 290.0, 290.0, 80.0, 59.5)
    depth, truth = folded(angle_deg)
    normal = normals_from_depth(depth, np.full(depth.shape, Fact.OBJECT, np.uint8), camera, radius_px)
    return angles(normal, truth)


def test_flat_surfaces_are_smooth_and_creases_stay_sharp() -> None:
    flat, sharp = errors_of_fold(1.0, 16), errors_of_fold(40.0, 16)
    assert np.median(flat) < 2.0
    assert np.median(flat) < np.median(errors_of_fold(1.0, 4)) / 2.5  # what the small windows give
    away = np.abs(np.arange(160) - 80)
    assert np.median(sharp[:, (away > 3) & (away < 16)]) < 2.5  # a window of 16 px reaches across the crease there
    assert np.quantile(sharp[:, away > 3], 0.95) < 5.0  # a fixed window of 4 px: 7


def test_a_thin_part_gets_the_normals_that_its_few_pixels_give() -> None:
    camera = Intrinsics(160, 120, 290.0, 290.0, 79.5, 59.5)
    depth = np.full((120, 160), 1.5, np.float32)
    depth[:, 78:83] = 1.2  # a bar in front of a wall
    depth = add_noise(depth, np.random.default_rng(0), DepthNoise())
    fact = np.full((120, 160), Fact.OTHER, np.uint8)
    fact[:, 78:83] = Fact.OBJECT
    normal = normals_from_depth(depth, fact, camera, 16)
    known = (normal != 0).any(-1)
    np.testing.assert_array_equal(known, fact == Fact.OBJECT)
    assert np.median(angles(normal[known], np.array([0.0, 0.0, -1.0]))) < 15.0


def test_flat_where_cameras_are_exact() -> None:
    """Depth in whole millimetres, no noise: the noise is measured, not supposed, and windows still grow."""
    camera = Intrinsics(160, 120, 290.0, 290.0, 79.5, 59.5)
    plane = np.array([0.3, -0.2, 0.93]) / np.linalg.norm([0.3, -0.2, 0.93])
    depth = (np.rint(1500.0 / (camera.directions() @ plane)) / 1000).astype(np.float32)
    normal = normals_from_depth(depth, np.full(depth.shape, Fact.OBJECT, np.uint8), camera, 16)
    assert np.quantile(angles(normal, -plane), 0.95) < 1.0
