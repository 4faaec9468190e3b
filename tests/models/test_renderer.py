"""The renderer against a sphere, whose every pixel is known, and its gradients against finite differences."""

import dataclasses

import pytest
import torch

from models.fields import build_field
from models.rays import intersect_sphere
from models.records import FieldFunctions
from models.renderer import colored_samples, render, render_pixels, slope_along_ray
from models.settings import FieldSettings, RenderSettings

STILL = RenderSettings(perturb=False)


def test_sphere_is_seen_as_geometry_says(sphere_field, rays_from) -> None:
    rays = rays_from(300)
    field = sphere_field(radius=0.5, inv_s=2000.0)
    assert isinstance(field, FieldFunctions)
    seen = render(field, rays, STILL)
    entry, exit_ = intersect_sphere(rays.origins, rays.directions, 0.5)
    meets, misses = exit_ - entry > 0.3, exit_ == entry
    clear = (rays.origins + entry[:, None] * rays.directions).norm(dim=-1) > 0.52
    assert meets.sum() > 50
    assert (misses & clear).sum() > 20

    torch.testing.assert_close(seen.depth[meets], entry[meets], rtol=0, atol=0.004)
    torch.testing.assert_close(seen.opacity[meets], torch.ones(int(meets.sum())), rtol=0, atol=1e-3)
    assert seen.opacity[misses & clear].max() < 1e-3
    normal = (rays.origins + entry[:, None] * rays.directions)[meets] / 0.5
    torch.testing.assert_close(seen.normal[meets], normal, rtol=0, atol=0.03)
    torch.testing.assert_close(seen.color[meets], 0.5 + 0.5 * normal, rtol=0, atol=0.015)
    assert seen.color[misses & clear].abs().max() < 1e-3


def test_weights_sum_to_the_opacity_and_samples_are_sorted(sphere_field, rays_from) -> None:
    seen = render(sphere_field(inv_s=50.0), rays_from(100), STILL)
    torch.testing.assert_close(seen.weights.sum(-1), seen.opacity, rtol=0, atol=1e-5)
    assert seen.weights.min() >= 0
    assert seen.opacity.max() <= 1 + 1e-6
    assert (seen.ts[:, 1:] >= seen.ts[:, :-1]).all()
    assert seen.sdf.shape == seen.ts.shape == (100, 128)


def test_colouring_the_heaviest_samples_changes_little(sphere_field, rays_from) -> None:
    field, rays = sphere_field(inv_s=200.0), rays_from(100)
    every = render(field, rays, STILL)
    some = render(field, rays, dataclasses.replace(STILL, color_samples=24))
    torch.testing.assert_close(some.color, every.color, rtol=0, atol=5e-3)
    torch.testing.assert_close(some.weights, every.weights, rtol=0, atol=0)
    shares, picked = colored_samples(every.weights, every.opacity, 24)
    torch.testing.assert_close(shares.sum(-1), every.opacity, rtol=0, atol=1e-5)
    heaviest = every.weights.sort(-1, descending=True).values[:, :24]
    torch.testing.assert_close(every.weights.reshape(-1)[picked].reshape(100, 24), heaviest)


def test_background_shows_where_the_object_does_not(sphere_field, rays_from) -> None:
    field, rays = sphere_field(), rays_from(100)
    black = render(field, rays, STILL)
    white = render(field, rays, dataclasses.replace(STILL, background="white"))
    torch.testing.assert_close(white.color - black.color, (1 - black.opacity)[:, None].expand(-1, 3))


def test_ray_outside_the_bounds_sees_nothing(sphere_field, rays_from) -> None:
    rays = rays_from(4)
    away = dataclasses.replace(rays, directions=-rays.directions, near=torch.zeros(4), far=torch.zeros(4))
    seen = render(sphere_field(), away, STILL)
    assert seen.opacity.abs().max() < 1e-6
    assert torch.isfinite(seen.depth).all()


def test_gradients_agree_with_finite_differences(sphere_field, rays_from) -> None:
    field, rays = sphere_field(inv_s=30.0, dtype=torch.float64), rays_from(20, dtype=torch.float64)
    # Off the middle of the rays' spans, where a sample would sit on the kink between entering and leaving.
    field.centre = torch.tensor([0.013, 0.021, -0.017], dtype=torch.float64, requires_grad=True)
    settings = RenderSettings(samples=48, upsamples=0, perturb=False)  # fixed samples: they take no gradient
    mix = torch.randn(20, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def value(radius: torch.Tensor, centre: torch.Tensor, log_inv_s: torch.Tensor) -> torch.Tensor:
        field.radius, field.centre, field.log_inv_s = radius, centre, log_inv_s
        seen = render(field, rays, settings)
        parts = [seen.color, seen.normal, seen.depth[:, None], seen.opacity[:, None]]
        return (torch.cat(parts, dim=-1) * mix).sum()

    assert torch.autograd.gradcheck(value, (field.radius, field.centre, field.log_inv_s), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("network", ["hash", "cascade"])
def test_pixel_gradient_of_a_whole_field_agrees_with_finite_differences(network: str, rays_from) -> None:
    field = build_field(FieldSettings(network=network), seed=0).double()
    rays = rays_from(8, dtype=torch.float64)
    settings = RenderSettings(samples=24, upsamples=0, perturb=False)

    def value() -> torch.Tensor:
        seen = render(field, rays, settings)
        return (seen.color.sum(-1) + seen.depth + seen.normal[:, 0] + seen.opacity).sum()

    generator = torch.Generator().manual_seed(1)
    parameters = list(field.parameters())
    directions = [torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in parameters]
    gradients = torch.autograd.grad(value(), parameters, allow_unused=True, materialize_grads=True)
    along = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))
    step, values = 1e-6, []
    for sign in (1.0, -1.0):
        with torch.no_grad():
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter += sign * step * direction
            values.append(value())
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter -= sign * step * direction
    torch.testing.assert_close(along, (values[0] - values[1]) / (2 * step), rtol=1e-4, atol=1e-6)


def test_same_generator_same_bits_and_no_jitter_without(sphere_field, rays_from) -> None:
    field, rays, settings = sphere_field(), rays_from(30), RenderSettings()
    one, same, other = (render(field, rays, settings, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(one.color, same.color)
    assert not torch.equal(one.ts, other.ts)
    still = render(field, rays, settings)
    assert torch.equal(still.color, render(field, rays, STILL, torch.Generator()).color)


def test_pixels_by_chunks_are_the_same(sphere_field, rays_from) -> None:
    field, rays = sphere_field(inv_s=100.0), rays_from(70)
    whole, chunked = render(field, rays, STILL), render_pixels(field, rays, STILL, chunk=16)
    for name in ("color", "normal", "depth", "opacity"):
        torch.testing.assert_close(getattr(chunked, name), getattr(whole, name).detach())
    assert not chunked.color.requires_grad


def test_no_rays_give_no_pixels(sphere_field, rays_from) -> None:
    assert render_pixels(sphere_field(), rays_from(5)[:0], STILL).color.shape == (0, 3)


def test_annealing_lets_rays_stop_where_they_leave() -> None:
    gradients, directions = torch.tensor([[0.0, 0.0, 1.0]] * 3), torch.tensor([[0.0, 0, 1], [0, 0, -1], [1, 0, 0]])
    assert slope_along_ray(gradients, directions, 1.0).tolist() == [0.0, -1.0, 0.0]
    assert slope_along_ray(gradients, directions, 0.0).tolist() == [0.0, -1.0, -0.5]
    assert slope_along_ray(gradients, directions, 0.5).tolist() == [0.0, -1.0, -0.25]
