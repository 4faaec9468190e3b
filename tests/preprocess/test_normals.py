"""Normals from depth against spheres and planes."""

import numpy as np

from preprocess.normals import normals_from_depth
from scene.camera import Intrinsics
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
