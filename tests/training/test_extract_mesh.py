"""Meshes of analytic fields: size, place, closedness, colour."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor

from scene.errors import UserError
from training.extract_mesh import extract
from training.settings import MeshSettings

UNIT_BOX = np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])
SCALE_M = 0.4


def world_from_normalized() -> np.ndarray:
    """A similarity with a turn about x, so that every part of it shows."""
    matrix = np.eye(4)
    matrix[:3, :3] = SCALE_M * np.array([[1.0, 0.0, 0.0], [0.0, 0.8, -0.6], [0.0, 0.6, 0.8]])
    matrix[:3, 3] = [3.0, -1.0, 0.5]
    return matrix


def ball(x: Tensor, centre: tuple[float, float, float] = (0.0, 0.0, 0.0), radius: float = 0.6) -> Tensor:
    return (x - torch.tensor(centre)).norm(dim=1) - radius


def box(x: Tensor, half: tuple[float, float, float], centre: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Tensor:
    q = (x - torch.tensor(centre)).abs() - torch.tensor(half)
    return q.clamp(min=0).norm(dim=1) + q.max(dim=1).values.clamp(max=0)


def torus(x: Tensor) -> Tensor:
    ring = torch.stack([x[:, :2].norm(dim=1) - 0.6, x[:, 2]], dim=1)
    return ring.norm(dim=1) - 0.2


def mesh_of(sdf, resolution: int = 96, color=None, bounds: np.ndarray = UNIT_BOX, **settings) -> trimesh.Trimesh:
    wanted = MeshSettings(resolution=resolution, **settings)
    return extract(sdf, color, wanted, world_from_normalized(), bounds)


def assert_closed(mesh: trimesh.Trimesh) -> None:
    """Watertight and outward, with no face without area."""
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0
    assert mesh.area_faces.min() > 0


def test_ball_has_its_size_and_place() -> None:
    mesh = mesh_of(ball)
    assert_closed(mesh)
    centre = world_from_normalized()[:3, 3]
    assert np.abs(np.linalg.norm(mesh.vertices - centre, axis=1) - 0.6 * SCALE_M).max() < 2e-4
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * (0.6 * SCALE_M) ** 3, rel=2e-3)


def test_torus_keeps_its_hole_and_its_turn() -> None:
    mesh = mesh_of(torus)
    assert_closed(mesh)
    assert mesh.euler_number == 0
    assert mesh.volume == pytest.approx(2 * np.pi**2 * 0.6 * 0.2**2 * SCALE_M**3, rel=5e-3)
    axis = mesh.principal_inertia_vectors[np.argmax(mesh.principal_inertia_components)]
    assert abs(axis @ (world_from_normalized()[:3, 2] / SCALE_M)) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("slope", [0.6, 1.0, 1.4])
def test_blocks_give_what_the_whole_grid_gives(slope: float) -> None:
    """A wide margin looks into every block; the default one must find the same vertices."""

    def bent(x: Tensor) -> Tensor:
        return slope * torch.minimum(torus(x), ball(x, (0.3, 0.2, -0.1), 0.45))

    sparse, dense = mesh_of(bent, 70), mesh_of(bent, 70, margin=1e6)
    np.testing.assert_array_equal(sparse.vertices, dense.vertices)
    np.testing.assert_array_equal(sparse.faces, dense.faces)


def test_each_point_is_evaluated_at_most_once() -> None:
    """Two answers for one point could differ in the last bit and tear the mesh there."""
    seen: list[Tensor] = []

    def recorded(x: Tensor) -> Tensor:
        seen.append(x.clone())
        return ball(x)

    mesh_of(recorded, 64)
    points = torch.cat(seen)
    assert len(torch.unique(points, dim=0)) == len(points)
    assert len(points) < 0.5 * 67**3


def test_thin_slab_survives() -> None:
    """Two cells thick, and not along the grid's middle."""
    half = (0.7, 0.5, 2.0 / 96)
    mesh = mesh_of(lambda x: box(x, half, (0.0, 0.0, 0.013)))
    assert_closed(mesh)
    assert mesh.volume == pytest.approx(8 * np.prod(half) * SCALE_M**3, rel=0.05)


def test_largest_component_is_kept_or_as_many_as_asked() -> None:
    def three(x: Tensor) -> Tensor:
        floaters = torch.minimum(ball(x, (0.8, 0.8, 0.8), 0.1), ball(x, (-0.8, 0.8, 0.8), 0.05))
        return torch.minimum(ball(x, radius=0.4), floaters)

    one, two, all_parts = mesh_of(three), mesh_of(three, components=2), mesh_of(three, components=0)
    assert [m.body_count for m in (one, two, all_parts)] == [1, 2, 3]
    assert one.volume == pytest.approx(4 / 3 * np.pi * (0.4 * SCALE_M) ** 3, rel=5e-3)
    assert one.area < two.area < all_parts.area
    assert_closed(all_parts)


def lamp(x: Tensor, gap: float = 0.03) -> Tensor:
    """Foot and shade on a pole that is broken: nothing but a gap is left of some of it."""
    pole = torch.minimum(
        box(x, (0.05, 0.05, 0.3 - gap), (0.0, 0.0, -0.3)), box(x, (0.05, 0.05, 0.3 - gap), (0.0, 0.0, 0.3))
    )
    return torch.minimum(pole, torch.minimum(box(x, (0.3, 0.3, 0.05), (0, 0, -0.6)), ball(x, (0, 0, 0.6), 0.3)))


def test_what_fell_apart_is_taken_where_it_hangs_together() -> None:
    cut, whole = mesh_of(lamp), mesh_of(lamp, join_m=0.02)
    assert np.ptp(cut.vertices[:, 2]) < 0.6 * np.ptp(whole.vertices[:, 2])
    assert_closed(whole)
    assert whole.body_count == 1
    sound = mesh_of(ball, join_m=0.02)
    assert np.array_equal(sound.vertices, mesh_of(ball).vertices), "what is in one piece stays where it is"


def test_parts_that_nothing_near_joins_are_cut_as_they_are() -> None:
    far = mesh_of(lambda x: lamp(x, 0.2), join_m=0.02)
    assert np.array_equal(far.vertices, mesh_of(lambda x: lamp(x, 0.2)).vertices)


def test_an_inner_wall_is_no_part() -> None:
    shell = mesh_of(lambda x: torch.maximum(ball(x), -ball(x, radius=0.4)), join_m=0.02)
    assert np.array_equal(shell.vertices, mesh_of(ball).vertices)


def test_hollow_inside_is_filled() -> None:
    shell = mesh_of(lambda x: ball(x).abs() - 0.1)
    assert shell.body_count == 1
    assert shell.volume == pytest.approx(4 / 3 * np.pi * (0.7 * SCALE_M) ** 3, rel=5e-3)


def test_what_leaves_the_box_is_closed_at_its_walls() -> None:
    bounds = np.array([[-1.0, -0.5, -0.3], [1.0, 0.4, 0.7]])
    mesh = mesh_of(lambda x: ball(x, radius=1.2), bounds=bounds)
    assert_closed(mesh)
    local = (mesh.vertices - world_from_normalized()[:3, 3]) @ world_from_normalized()[:3, :3] / SCALE_M**2
    voxel = 2.0 / 96
    assert (local >= bounds[0] - voxel).all()
    # The far walls lie at the first grid plane beyond the box.
    assert (local <= bounds[1] + 2 * voxel).all()
    np.testing.assert_allclose(mesh.volume, np.prod(bounds[1] - bounds[0]) * SCALE_M**3, rtol=0.15)


def test_noise_is_closed_too() -> None:
    """Ambiguous cells everywhere, values on both sides of zero and at it."""
    generator = torch.Generator().manual_seed(0)

    def noise(x: Tensor) -> Tensor:
        value = torch.randn(len(x), generator=generator) * 0.01
        return torch.where(torch.rand(len(x), generator=generator) < 0.1, torch.zeros(()), value)

    mesh = mesh_of(noise, 40, components=0, margin=1e6)
    assert_closed(mesh)
    assert len(mesh.faces) > 10_000


def test_numbers_that_are_none_count_as_outside() -> None:
    mesh = mesh_of(lambda x: torch.where(x[:, 0] > 0.3, torch.full((), torch.nan), ball(x)))
    assert_closed(mesh)


def test_colour_is_taken_at_the_surface() -> None:
    mesh = mesh_of(ball, color=lambda x: x * 0.5 + 0.5)
    local = (mesh.vertices - world_from_normalized()[:3, 3]) @ world_from_normalized()[:3, :3] / SCALE_M**2
    assert np.abs(mesh.visual.vertex_colors[:, :3] / 255.0 - (local * 0.5 + 0.5)).max() < 0.005


def test_voxels_in_metres_take_the_place_of_resolution() -> None:
    coarse = mesh_of(ball, voxel_m=0.02)
    assert np.median(coarse.edges_unique_length) == pytest.approx(0.02, rel=0.35)


def test_no_surface_and_too_fine_a_grid_are_said_plainly() -> None:
    with pytest.raises(UserError, match="no surface"):
        mesh_of(lambda x: ball(x) + 10.0)
    with pytest.raises(UserError, match="cells along a side"):
        mesh_of(ball, voxel_m=1e-5)
