"""Volumes that meshes share, against boxes of known overlap; diameters against all pairs of points."""

import time

import numpy as np
import pytest
import trimesh
from scipy.spatial.distance import pdist

from evaluation.solids import diameter, volume_iou

CUBE = trimesh.creation.box((1.0, 1.0, 1.0))


def box(size: float, x: float = 0.0, inwards: bool = False) -> trimesh.Trimesh:
    made = trimesh.creation.box((size,) * 3).apply_translation([x, 0, 0])
    if inwards:
        made.invert()
    return made


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5, 1.0, 3.0])
def test_shifted_cubes_share_what_arithmetic_says(shift):
    moved = CUBE.copy().apply_translation([shift, 0, 0])
    shared = max(0.0, 1.0 - shift)
    assert volume_iou(CUBE, moved) == pytest.approx(shared / (2.0 - shared), abs=1e-9)


def test_a_cube_in_a_cube_and_one_turned_inside_out():
    small = trimesh.creation.box((0.5, 0.5, 0.5))
    assert volume_iou(small, CUBE) == pytest.approx(1 / 8)
    small.invert()
    assert volume_iou(small, CUBE) == pytest.approx(1 / 8)


def test_parts_that_overlap_count_once_and_cavities_do_not():
    moved = CUBE.copy().apply_translation([0.5, 0, 0])
    both = trimesh.util.concatenate([CUBE, moved])
    long = trimesh.creation.box((1.5, 1.0, 1.0)).apply_translation([0.25, 0, 0])
    assert volume_iou(both, long) == pytest.approx(1.0)
    cavity = trimesh.creation.box((0.5, 0.5, 0.5))
    cavity.invert()
    assert volume_iou(trimesh.util.concatenate([CUBE, cavity]), CUBE) == pytest.approx(7 / 8)


def test_meshes_that_enclose_nothing_share_no_volume():
    holed = trimesh.Trimesh(CUBE.vertices, CUBE.faces[:-1])
    assert volume_iou(holed, CUBE) is None
    assert volume_iou(CUBE, holed) is None
    crossed = CUBE.faces.copy()
    crossed[0] = crossed[0, ::-1]
    assert volume_iou(trimesh.Trimesh(CUBE.vertices, crossed, process=False), CUBE) is None
    upper = CUBE.copy().apply_translation([1.0, 1.0, 0])  # joined along an edge, which then has four triangles
    joined = trimesh.util.concatenate([CUBE, upper])
    joined.merge_vertices()
    assert volume_iou(joined, CUBE) is None


def test_what_lies_in_a_cavity_is_solid_again():
    nested = [box(1.0), box(0.8, inwards=True), box(0.5)]
    assert volume_iou(trimesh.util.concatenate(nested[:2]), trimesh.util.concatenate(nested)) == pytest.approx(
        (1 - 0.8**3) / (1 - 0.8**3 + 0.5**3)
    )


def test_a_part_inside_out_is_no_cavity_and_what_lies_in_it_goes_by_it():
    right = trimesh.util.concatenate([box(1.0), box(0.9, x=3.0), box(0.5, x=3.0, inwards=True), box(0.3, x=3.0)])
    other = trimesh.util.concatenate(
        [box(1.0), box(0.9, x=3.0, inwards=True), box(0.5, x=3.0), box(0.3, x=3.0, inwards=True)]
    )
    assert volume_iou(other, right) == pytest.approx(1.0)
    assert volume_iou(other, CUBE) == pytest.approx(1 / (1 + 0.9**3 - 0.5**3 + 0.3**3))


def test_a_cavity_belongs_to_the_smallest_part_around_it():
    hollow = trimesh.util.concatenate([box(1.0), box(0.6), box(0.4, inwards=True)])  # its hollow part lies in a solid
    assert volume_iou(hollow, CUBE) == pytest.approx(1.0)


def test_the_diameter_is_the_largest_distance_of_all_pairs():
    points = np.random.default_rng(0).normal(size=(1_500, 3)) * [0.3, 0.8, 0.5]
    assert diameter(trimesh.PointCloud(points)) == pytest.approx(pdist(points).max(), abs=1e-12)
    flat = points * [1, 1, 0]
    assert diameter(trimesh.PointCloud(flat)) == pytest.approx(pdist(flat).max(), abs=1e-12)
    loose = trimesh.Trimesh([*CUBE.vertices, [50.0, 0, 0]], CUBE.faces, process=False)  # a vertex of no face
    assert diameter(loose) == pytest.approx(np.sqrt(3))


def test_of_many_corners_the_diameter_is_found_fast_and_nearly():
    directions = np.random.default_rng(0).normal(size=(40_000, 3))
    ball = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    start = time.process_time()
    found = diameter(trimesh.PointCloud(np.concatenate([ball, [[0.0, 0, 1.05]]])))  # its largest is 2.05, to -z
    assert time.process_time() - start < 3.0, "all pairs take 7 s"
    assert 2.05 * 0.9975 <= found <= 2.05
    assert found == pytest.approx(2.05, abs=1e-3)
