"""Bounds against geometry, samples against brute force."""

import math

import pytest
import torch

from models.rays import intersect_box, intersect_sphere
from models.sampling import (
    log_transmission_from_sdf,
    sample_rays,
    samples_from_weights,
    stratified_samples,
    weights_from_log_transmission,
)
from models.settings import RenderSettings


def random_rays(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    origins = torch.randn(count, 3, generator=generator) * 1.5
    return origins, torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)


@pytest.mark.parametrize("shape", ["sphere", "box"])
def test_spans_are_where_a_march_finds_the_inside(shape: str) -> None:
    origins, directions = random_rays(400, seed=0)
    low, high = torch.tensor([-0.7, -0.4, -0.9]), torch.tensor([0.5, 0.8, 0.2])
    near, far = (
        intersect_sphere(origins, directions, 0.8)
        if shape == "sphere"
        else intersect_box(origins, directions, low, high)
    )
    t = torch.linspace(0.0, 8.0, 8001)
    x = origins[:, None] + directions[:, None] * t[:, None]
    inside = x.norm(dim=-1) < 0.8 if shape == "sphere" else ((x > low) & (x < high)).all(-1)
    hit = inside.any(-1)
    first = t[inside.int().argmax(-1)]
    last = t[len(t) - 1 - inside.flip(-1).int().argmax(-1)]
    assert 20 < int(hit.sum()) < 380
    torch.testing.assert_close(near[hit], first[hit], rtol=0, atol=2e-3)
    torch.testing.assert_close(far[hit], last[hit], rtol=0, atol=2e-3)
    assert (far - near)[~hit].max() < 0.05, "only grazing hits may slip through the march"
    assert (far >= near).all()
    assert (near >= 0).all()


def test_box_copes_with_rays_along_its_faces() -> None:
    origins = torch.tensor([[-2.0, 0.0, 0.0], [-2.0, 1.0, 0.0], [-2.0, 1.5, 0.0]])
    near, far = intersect_box(origins, torch.tensor([[1.0, 0.0, 0.0]] * 3), -torch.ones(3), torch.ones(3))
    assert torch.isfinite(near).all()
    assert torch.isfinite(far).all()
    assert (near[0], far[0]) == (1.0, 3.0)
    assert near[2] == far[2]


def test_stratified_samples_sit_one_in_each_part() -> None:
    near, far = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 2.0])
    still = stratified_samples(near, far, 4, None)
    torch.testing.assert_close(still, torch.tensor([[1.25, 1.75, 2.25, 2.75], [2.0] * 4]))
    jittered = stratified_samples(near, far, 4, torch.Generator().manual_seed(0))[0]
    assert ((jittered >= torch.arange(4) * 0.5 + 1) & (jittered <= torch.arange(4) * 0.5 + 1.5)).all()
    assert not torch.equal(jittered, still[0])
    again = stratified_samples(near, far, 4, torch.Generator().manual_seed(0))[0]
    assert torch.equal(jittered, again)


def test_samples_from_weights_are_the_quantiles() -> None:
    edges = torch.tensor([[0.0, 1.0, 2.0, 4.0]])
    samples = samples_from_weights(edges, torch.tensor([[1.0, 0.0, 3.0]]), 4)
    # A quarter of the mass lies evenly on [0, 1], the rest on [2, 4]; quantiles 1/8, 3/8, 5/8, 7/8.
    torch.testing.assert_close(samples, torch.tensor([[0.5, 2 + 1 / 3, 3.0, 3 + 2 / 3]]), rtol=1e-3, atol=1e-3)
    none = samples_from_weights(edges, torch.zeros(1, 3), 5)
    assert ((none >= 0) & (none <= 4)).all(), "where nothing is likely the samples spread over the ray"


def test_transmission_is_equation_13_of_neus() -> None:
    sdf, slope, length, inv_s = (torch.tensor([[v]], dtype=torch.float64) for v in (0.03, -0.8, 0.05, 40.0))

    def phi(x: float) -> float:
        return 1 / (1 + math.exp(-40.0 * x))

    start, end = 0.03 + 0.8 * 0.025, 0.03 - 0.8 * 0.025
    alpha = max((phi(start) - phi(end)) / phi(start), 0.0)
    log_transmission = log_transmission_from_sdf(sdf, slope, length, inv_s.squeeze())
    assert 1 - math.exp(log_transmission.item()) == pytest.approx(alpha, rel=1e-9)


def test_weights_are_products_of_alphas_and_sum_to_what_is_stopped() -> None:
    alpha = torch.rand(5, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.9
    weights = weights_from_log_transmission(torch.log1p(-alpha))
    passed = torch.cat([torch.ones(5, 1, dtype=torch.float64), torch.cumprod(1 - alpha, -1)], dim=-1)
    torch.testing.assert_close(weights, passed[:, :-1] * alpha)
    torch.testing.assert_close(weights.sum(-1), 1 - passed[:, -1])


def test_deep_inside_a_sharp_object_all_stays_finite() -> None:
    sdf = torch.tensor([[0.5, -0.5, -0.9]], requires_grad=True)
    log_transmission = log_transmission_from_sdf(sdf, -torch.ones(1, 3), torch.full((1, 3), 0.1), torch.tensor(1e6))
    weights = weights_from_log_transmission(log_transmission)
    weights.sum().backward()
    torch.testing.assert_close(weights.detach(), torch.tensor([[0.0, 1.0, 0.0]]))
    assert sdf.grad is not None
    assert torch.isfinite(sdf.grad).all()


def test_upsampling_gathers_at_the_surface(sphere_field, rays_from) -> None:
    rays = rays_from(100)
    field = sphere_field(radius=0.5)
    settings = RenderSettings(samples=32, upsamples=32, upsample_steps=4, perturb=False)
    t = sample_rays(field.sdf, rays, settings, None)
    assert t.shape == (100, 64)
    assert (t[:, 1:] >= t[:, :-1]).all()
    assert (t >= rays.near[:, None] - 1e-5).all()
    assert (t <= rays.far[:, None] + 1e-5).all()
    hit = intersect_sphere(rays.origins, rays.directions, 0.5)
    meets = hit[1] - hit[0] > 0.2
    close = ((t - hit[0][:, None]).abs() < 0.03).sum(-1)[meets]
    assert meets.sum() > 20
    assert close.float().mean() > 16, "even spacing would leave 2 within this distance"
    assert not t.requires_grad
