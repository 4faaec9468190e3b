"""The outer surface of CADs as they come, on shapes whose outer surface is known."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from evaluation.truth.outer_points import OuterPoints, outer_points
from scene.errors import UserError

COUNT = 4000


def join(*meshes: trimesh.Trimesh) -> trimesh.Trimesh:
    return trimesh.util.concatenate(list(meshes))


def turned_at_random(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """The mesh with half of its faces inside out."""
    faces = np.array(mesh.faces)
    inside_out = np.random.default_rng(0).random(len(faces)) < 0.5
    faces[inside_out] = faces[inside_out][:, ::-1]
    return trimesh.Trimesh(mesh.vertices, faces, process=False)


def sheet(height: float = 0.0) -> trimesh.Trimesh:
    corners = [[0, 0, height], [1, 0, height], [1, 1, height], [0, 1, height]]
    return trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]], process=False)


def outward(found: OuterPoints) -> np.ndarray:
    """How far normals point away from the origin, for convex shapes about it."""
    return (found.normals * found.points).sum(axis=1)


def test_box_in_box() -> None:
    outer, inner = trimesh.creation.box((1.0, 0.8, 0.6)), trimesh.creation.box((0.5, 0.4, 0.3))
    found = outer_points(turned_at_random(join(outer, inner)), COUNT, seed=0)
    assert (np.abs(found.points / [0.5, 0.4, 0.3]).max(axis=1) > 0.999).all()
    assert found.area_m2 == pytest.approx(outer.area, rel=0.01)
    assert found.share == pytest.approx(0.8, rel=0.01)
    assert outward(found).min() > 0.29
    assert len(found.points) == pytest.approx(COUNT, rel=0.03)


def test_sphere_in_sphere_far_from_the_origin() -> None:
    shell, core = trimesh.creation.icosphere(3, 0.5), trimesh.creation.icosphere(2, 0.45)
    mesh = turned_at_random(join(shell, core))
    mesh.apply_translation((7.0, -5.0, 1.0))
    found = outer_points(mesh, COUNT, seed=1)
    away = found.points - [7.0, -5.0, 1.0]
    assert np.linalg.norm(away, axis=1).min() > 0.49
    assert (found.normals * away).sum(axis=1).min() > 0.48
    assert found.area_m2 == pytest.approx(shell.area, rel=0.01)


def test_an_open_box_counts_every_sheet_once_with_its_more_open_side() -> None:
    box = trimesh.creation.box((1.0, 1.0, 1.0))
    found = outer_points(trimesh.Trimesh(box.vertices, box.faces[box.face_normals[:, 2] < 0.5]), COUNT, seed=0)
    assert found.area_m2 == pytest.approx(5.0)
    assert outward(found).min() > 0.49


def test_the_inside_of_an_open_bin_of_boards_is_outer_surface() -> None:
    """Thick walls: outside, inside and rim all show."""
    outside = trimesh.creation.box((0.5, 0.5, 0.5), transform=trimesh.transformations.translation_matrix((0, 0, 0.25)))
    inside = trimesh.creation.box((0.46, 0.46, 0.5), transform=trimesh.transformations.translation_matrix((0, 0, 0.27)))
    bin_ = trimesh.boolean.difference([outside, inside], engine="manifold")
    found = outer_points(turned_at_random(bin_), COUNT, seed=0)
    assert found.share == 1.0
    at_floor_inside = (np.abs(found.points[:, 2] - 0.02) < 1e-6) & (np.abs(found.points[:, :2]).max(axis=1) < 0.22)
    assert at_floor_inside.sum() > 0.05 * len(found.points)
    assert (found.normals[at_floor_inside, 2] > 0.99).all()


def test_a_single_sheet_and_a_two_sided_one_count_once() -> None:
    two_sided = join(sheet(), trimesh.Trimesh(sheet().vertices, sheet().faces[:, ::-1], process=False))
    for mesh in (sheet(), two_sided):
        found = outer_points(mesh, COUNT, seed=0)
        assert found.area_m2 == pytest.approx(1.0)
        assert len(found.points) == pytest.approx(COUNT, rel=0.01)
        np.testing.assert_allclose(np.abs(found.normals[:, 2]), 1.0)


@pytest.mark.parametrize("gap_m", [1e-4, 1e-3, 1e-2])
def test_sheets_of_a_thin_board_look_away_from_each_other(gap_m: float) -> None:
    found = outer_points(turned_at_random(join(sheet(0.0), sheet(gap_m))), COUNT, seed=0)
    assert found.area_m2 == pytest.approx(2.0)
    above = found.points[:, 2] > gap_m / 2
    assert (found.normals[above, 2] > 0).all()
    assert (found.normals[~above, 2] < 0).all()


def test_what_shows_through_a_slit_only_is_inside() -> None:
    """A closed cabinet of two walls with a slit of 4 mm all along the front's middle."""
    outer, inner = trimesh.creation.box((1.0, 0.6, 1.0)), trimesh.creation.box((0.96, 0.56, 0.96))
    parts = []
    for box, y in ((outer, -0.3), (inner, -0.28)):
        front = np.abs(box.triangles_center[:, 1] - y) < 1e-9
        parts.append(trimesh.Trimesh(box.vertices, box.faces[~front], process=False))
        width, height = box.extents[0], box.extents[2]
        for sign in (-1.0, 1.0):
            half = trimesh.creation.box((width, 0.0, height / 2 - 0.002))
            half.apply_translation((0, y, sign * (height / 4 + 0.001)))
            parts.append(half)
    found = outer_points(join(*parts), COUNT, seed=0)
    deep = (np.abs(found.points / [0.48, 0.28, 0.48]).max(axis=1) < 1.001) & (found.points[:, 1] > -0.2)
    assert deep.mean() < 0.01
    assert found.area_m2 == pytest.approx(outer.area, rel=0.05)


def test_points_are_area_uniform_and_repeat_with_the_seed() -> None:
    mesh = join(
        sheet(), trimesh.creation.box((1, 1, 0.5), transform=trimesh.transformations.translation_matrix((5, 0, 0)))
    )
    first, again, other = (outer_points(mesh, COUNT, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.points, again.points)
    np.testing.assert_array_equal(first.normals, again.normals)
    assert not np.array_equal(first.points, other.points[: len(first.points)])
    assert (first.points[:, 0] < 2).mean() == pytest.approx(1.0 / 5.0, rel=0.02)


def test_overlapping_sheets_cut_otherwise_count_once() -> None:
    """As where boards of no thickness lie on each other: the same place, other triangles, facing either way."""
    other_diagonal = trimesh.Trimesh(sheet().vertices, [[1, 2, 3], [3, 1, 0]], process=False)
    finer = turned_at_random(sheet().subdivide().subdivide())
    found = outer_points(join(sheet(), other_diagonal, finer), COUNT, seed=0)
    assert found.area_m2 == pytest.approx(1.0, rel=0.01)
    quarter = (found.points[:, :2] < 0.5).all(axis=1)
    assert quarter.mean() == pytest.approx(0.25, abs=0.02)


def test_a_mesh_without_area_is_refused() -> None:
    with pytest.raises(UserError, match="no surface"):
        outer_points(trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], process=False), COUNT, seed=0)
