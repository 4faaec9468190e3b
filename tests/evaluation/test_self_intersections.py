"""Pairs of triangles that pass through each other, against brute force and shapes that have none."""

import itertools
import time

import mcubes
import numpy as np
import pytest
import trimesh

from evaluation.self_intersections import MOST, self_intersections


def pairs_of(mesh: trimesh.Trimesh) -> int:
    """All pairs, of meshes where all are counted."""
    pairs, all_counted = self_intersections(mesh)
    assert all_counted
    return pairs


def pierced(edges: np.ndarray, triangle: np.ndarray) -> bool:
    """Whether an edge of the first triangle passes through the second: barycentric coordinates of where it does."""
    a, u, v = triangle[0], triangle[1] - triangle[0], triangle[2] - triangle[0]
    for p, q in ((edges[k], edges[(k + 1) % 3]) for k in range(3)):
        matrix = np.stack([u, v, p - q], axis=1)
        if abs(np.linalg.det(matrix)) < 1e-12:  # the edge runs along the plane
            continue
        s, t, along = np.linalg.solve(matrix, p - a)
        if s > 0 and t > 0 and s + t < 1 and 0 < along < 1:
            return True
    return False


def by_brute_force(mesh: trimesh.Trimesh) -> int:
    """All pairs by pairs; of triangles in general position."""
    triangles = np.asarray(mesh.triangles, np.float64)
    return sum(
        pierced(triangles[i], triangles[j]) or pierced(triangles[j], triangles[i])
        for i, j in itertools.combinations(range(len(triangles)), 2)
        if not set(mesh.faces[i]) & set(mesh.faces[j])
    )


def soup(seed: int, count: int, size: float) -> trimesh.Trimesh:
    generator = np.random.default_rng(seed)
    corners = generator.random((count, 1, 3)) + size * generator.normal(size=(count, 3, 3))
    return trimesh.Trimesh(corners.reshape(-1, 3), np.arange(3 * count).reshape(-1, 3), process=False)


@pytest.mark.parametrize(
    ("seed", "count", "size"), [(0, 1, 0.1), (1, 2, 1.0), (2, 70, 0.1), (3, 90, 0.3), (4, 60, 2.0)]
)
def test_a_soup_of_triangles_intersects_as_often_as_all_pairs_tried_one_by_one(seed, count, size):
    mesh = soup(seed, count, size)
    assert pairs_of(mesh) == by_brute_force(mesh)


def test_triangles_that_share_corners_are_neighbours_also_where_each_has_corners_of_its_own():
    generator = np.random.default_rng(5)
    mesh = trimesh.Trimesh(
        generator.random((30, 3)), generator.permuted(np.tile(np.arange(30), (40, 1)), axis=1)[:, :3]
    )
    apart = mesh.copy()
    apart.unmerge_vertices()
    expected = by_brute_force(mesh)
    assert expected > 0
    assert pairs_of(mesh) == pairs_of(apart) == expected


def box(*centre: float) -> trimesh.Trimesh:
    return trimesh.creation.box((1.0, 1.0, 1.0), trimesh.transformations.translation_matrix(centre))


def both(one: trimesh.Trimesh, other: trimesh.Trimesh) -> trimesh.Trimesh:
    joined = trimesh.util.concatenate([one, other])
    assert isinstance(joined, trimesh.Trimesh)
    return joined


def test_two_boxes_pass_through_each_other_and_do_not_where_one_only_stands_on_the_other():
    turned = box(0.45, 0.4, 0.35).apply_transform(trimesh.transformations.rotation_matrix(0.3, [1, 2, 3]))
    assert pairs_of(both(box(0, 0, 0), turned)) == by_brute_force(both(box(0, 0, 0), turned)) > 0
    assert pairs_of(both(box(0, 0, 0), box(0.5, 0.5, 0.5))) > 0  # edges meet faces on their diagonals
    assert pairs_of(both(box(0, 0, 0), box(0.2, 0.3, 1.0))) == 0
    assert pairs_of(both(box(0, 0, 0), box(0.0, 0.0, 1.0))) == 0
    assert pairs_of(both(box(0, 0, 0), box(3.0, 0.0, 0.0))) == 0


def test_a_gap_or_a_depth_that_single_precision_cannot_hold_is_a_touch():
    rounded = both(box(0, 0, 0), box(0.2, 0.3, 1.0))
    turn = trimesh.transformations.rotation_matrix(0.7, [3, 1, 2])
    turn[:3, 3] = 3.1, -2.3, 1.7
    rounded.apply_transform(turn)
    rounded.vertices = rounded.vertices.astype(np.float32).astype(np.float64)
    assert pairs_of(rounded) == 0
    assert pairs_of(both(box(0, 0, 0), box(0.2, 0.3, 0.9999))) > 0


def test_a_sphere_and_what_marching_cubes_makes_have_none():
    assert pairs_of(trimesh.creation.icosphere(subdivisions=5)) == 0
    x, y, z = np.meshgrid(*3 * [np.linspace(-2, 2, 60)], indexing="ij")
    noise = 0.3 * np.sin(5 * x) * np.sin(4 * y + 1) * np.sin(6 * z)
    vertices, faces = mcubes.marching_cubes(x**2 + y**2 + z**2 - 2 + noise, 0.0)
    assert len(faces) > 10_000
    assert pairs_of(trimesh.Trimesh(vertices, faces)) == 0


def test_one_large_triangle_through_many_small_ones_is_found_through_all_of_them():
    sphere = trimesh.creation.icosphere(subdivisions=4)
    sphere.apply_transform(trimesh.transformations.rotation_matrix(0.37, [1, 2, 3]))
    plane = trimesh.Trimesh([[-9, -9, 0.0123], [9, -9, 0.0123], [0, 18, 0.0123]], [[0, 1, 2]])
    heights = sphere.triangles[:, :, 2]
    crossing = (heights.min(1) < 0.0123) & (heights.max(1) > 0.0123)
    assert pairs_of(both(sphere, plane)) == crossing.sum()


def test_triangles_without_area_and_no_triangles_pass_through_nothing():
    needle = trimesh.Trimesh([[0, 0, -2], [0, 0, 2], [0, 0, 0.1]], [[0, 1, 2], [0, 1, 1]], process=False)
    assert pairs_of(both(box(0, 0, 0), needle)) == 0
    assert pairs_of(trimesh.Trimesh()) == 0


def test_of_triangles_that_are_no_surface_counting_ends_and_says_so():
    began = time.perf_counter()
    assert self_intersections(soup(0, 5_000, 2.0)) == (MOST, False)  # each of these meets most of the others
    # Slanted sheets in one another's boxes, of which no two meet: nothing is found, and that nothing more is there
    # would take all pairs to know.
    count = 20_000
    rise = np.linspace(0.0, 0.2, count)[:, None, None] * np.array([0.0, 0.0, 1.0])
    sheets = np.array([[0, 0, 0], [1, 0, 1], [0, 1, 0.3]]) + rise
    assert self_intersections(trimesh.Trimesh(sheets.reshape(-1, 3), np.arange(3 * count).reshape(-1, 3))) == (0, False)
    assert time.perf_counter() - began < 10.0, "of all pairs it would be minutes"
