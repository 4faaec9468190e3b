"""Empty space: the box about a field, and rays that lose nothing by being shortened."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from models.empty_space import find_occupancy
from models.records import RayBatch

CPU = torch.device("cpu")


class Ball:
    """A ball of any sharpness; counts the points that it is asked for together."""

    def __init__(
        self, radius: float, centre: tuple[float, float, float] = (0.0, 0.0, 0.0), inv_s: float = 400.0
    ) -> None:
        self.radius, self.centre, self.sharpness = radius, torch.tensor(centre), inv_s
        self.most = 0

    def sdf(self, x: Tensor) -> Tensor:
        self.most = max(self.most, len(x))
        return (x - self.centre).norm(dim=-1) - self.radius

    def inv_s(self) -> Tensor:
        return torch.tensor(self.sharpness)

    def gradient(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        raise NotImplementedError

    def color(self, x: Tensor, normal: Tensor, direction: Tensor, feature: Tensor) -> Tensor:
        raise NotImplementedError


def test_the_box_is_the_objects_and_shrinks_with_it() -> None:
    centre = torch.tensor([0.2, -0.1, 0.3])
    sizes = []
    for radius in (0.5, 0.3, 0.1):
        low, high = find_occupancy(Ball(radius, (0.2, -0.1, 0.3)), CPU, cells=32).box()
        # The cells that may hold some of it: less than three too many a side (half a diagonal of slope 1.5, a cell).
        assert (low <= centre - radius).all()
        assert (low >= centre - radius - 3 / 16).all()
        assert (high >= centre + radius).all()
        assert (high <= centre + radius + 3 / 16).all()
        sizes.append((high - low).norm().item())
    assert sizes == sorted(sizes, reverse=True)


def test_without_any_surface_the_box_is_the_whole_cube() -> None:
    occupancy = find_occupancy(Ball(-5.0), CPU, cells=8)
    low, high = occupancy.box()
    assert (low.tolist(), high.tolist()) == ([-1.0] * 3, [1.0] * 3)
    assert not occupancy.stops.any()


@pytest.mark.parametrize("inv_s", [30.0, 100.0, 2000.0])
def test_no_light_stops_where_a_ray_was_cut(inv_s: float, rays_from: Callable[..., RayBatch]) -> None:
    """Every point of a ray at which the surface is not far away lies in what is left of it."""
    ball, rays = Ball(0.3, (0.25, -0.2, 0.1), inv_s), rays_from(500)
    near, far, meets = find_occupancy(ball, CPU).shortened(rays.origins, rays.directions, rays.near, rays.far)
    assert (near >= rays.near - 1e-6).all()
    assert (far <= rays.far + 1e-5).all()
    t = rays.near[:, None] + (rays.far - rays.near)[:, None] * torch.linspace(0, 1, 400)
    points = rays.origins[:, None] + rays.directions[:, None] * t[..., None]
    near_surface = ball.sdf(points.reshape(-1, 3)).reshape(t.shape) < 8.0 / inv_s
    assert near_surface.any(-1).sum() > 50
    left = (t >= near[:, None]) & (t <= far[:, None]) & meets[:, None]
    assert not (near_surface & ~left).any()


def test_a_settled_surface_leaves_little_of_the_rays(rays_from: Callable[..., RayBatch]) -> None:
    rays = rays_from(500)
    occupancy = find_occupancy(Ball(0.25, inv_s=2000.0), CPU)
    near, far, meets = occupancy.shortened(rays.origins, rays.directions, rays.near, rays.far)
    assert ((far - near) * meets).sum() < 0.4 * (rays.far - rays.near).sum()
    soft = find_occupancy(Ball(0.25, inv_s=5.0), CPU).shortened(rays.origins, rays.directions, rays.near, rays.far)
    torch.testing.assert_close(soft[1] - soft[0], rays.far - rays.near)


def test_the_field_is_asked_in_parts() -> None:
    ball = Ball(0.3)
    find_occupancy(ball, CPU, cells=48)
    assert 0 < ball.most <= 16384
