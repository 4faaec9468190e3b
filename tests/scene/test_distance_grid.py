"""Signed distances on a grid, against arithmetic and against trimesh."""

from __future__ import annotations

import numpy as np
import trimesh

from scene.distance_grid import signed_distances
from scene.furniture import FAMILIES


def _grid(mesh: trimesh.Trimesh, voxel_m: float, band_m: float) -> tuple[np.ndarray, np.ndarray]:
    origin_m = mesh.bounds[0] - 0.103
    shape = tuple(int(n) for n in np.ceil((mesh.extents + 0.2) / voxel_m))
    distances = signed_distances(np.asarray(mesh.vertices), np.asarray(mesh.faces), origin_m, voxel_m, shape, band_m)
    return distances, origin_m + voxel_m * np.argwhere(np.ones(shape, bool))


def test_a_box_gives_its_formula() -> None:
    distances, points = _grid(trimesh.creation.box((0.4, 0.3, 0.2)), 0.02, 0.05)
    beyond = np.abs(points) - [0.2, 0.15, 0.1]
    outside = np.linalg.norm(np.maximum(beyond, 0), axis=1)
    expected = np.where(outside > 0, outside, beyond.max(axis=1))
    np.testing.assert_allclose(distances.ravel(), np.clip(expected, -0.05, 0.05), atol=1e-6)


def test_faces_on_the_voxels_leave_no_streaks() -> None:
    mesh = trimesh.creation.box(bounds=[[0, 0, 0], [0.4, 0.4, 0.4]])
    distances = signed_distances(
        np.asarray(mesh.vertices), np.asarray(mesh.faces), np.full(3, -0.1), 0.1, (7, 7, 7), 0.3
    )
    assert (distances[2:5, 2:5, 2:5] < 0).all()
    assert (distances > 0).sum() + (np.abs(distances) < 1e-6).sum() == 7**3 - 3**3


def test_furniture_agrees_with_trimesh() -> None:
    for family, seed in (("chair", 3), ("plant", 1), ("bookcase", 2)):
        mesh = FAMILIES[family](np.random.default_rng(seed)).mesh
        distances, points = _grid(mesh, 0.05, 0.08)
        chosen = np.random.default_rng(0).permutation(len(points))[:300]
        _, away, _ = trimesh.proximity.closest_point(mesh, points[chosen])
        np.testing.assert_allclose(np.abs(distances.ravel()[chosen]), np.minimum(away, 0.08), atol=2e-6)
        sure = away > 1e-4
        inside = mesh.contains(points[chosen[sure]])
        assert ((distances.ravel()[chosen[sure]] < 0) == inside).mean() > 0.995, family


def test_overlapping_parts_count_as_their_union() -> None:
    parts = [trimesh.creation.box((0.3, 0.3, 0.3)), trimesh.creation.box((0.3, 0.1, 0.1))]
    parts[1].apply_translation([0.15, 0.01, 0.01])
    distances, points = _grid(trimesh.util.concatenate(parts), 0.02, 0.05)
    inside = (np.abs(points) < 0.15 - 1e-6).all(axis=1)
    inside |= (np.abs(points - [0.15, 0.01, 0.01]) < np.array([0.15, 0.05, 0.05]) - 1e-6).all(axis=1)
    assert ((distances.ravel() < 0) >= inside).all()
