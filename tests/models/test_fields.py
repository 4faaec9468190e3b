"""Fields: their start, their gradients, their stages."""

import dataclasses

import pytest
import torch

from models.fields import ObjectField, build_field
from models.finite_differences import finite_gradient
from models.settings import CascadeSdfSettings, FieldSettings, HashGridSettings, HashSdfSettings
from models.softplus import softplus_and_slope
from scene.config import from_dict
from scene.errors import UserError

TINY_GRID = HashGridSettings(levels=3, log2_table=8, base_resolution=4, finest_resolution=16)
HASH = FieldSettings(network="hash", hash=HashSdfSettings(grid=TINY_GRID))
CASCADE = FieldSettings(network="cascade")
BOTH = pytest.mark.parametrize("settings", [HASH, CASCADE], ids=["hash", "cascade"])


def points(count: int = 200) -> torch.Tensor:
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(5)) * 1.6 - 0.8


def stir(field: ObjectField) -> ObjectField:
    """Move every parameter off its special start."""
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for parameter in field.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return field


def test_hash_field_starts_as_a_sphere() -> None:
    field = build_field(HASH, seed=0)
    x = points()
    assert (field.sdf(x) - (x.norm(dim=-1) - 0.5)).abs().max() < 0.03


def test_cascade_field_starts_near_a_sphere() -> None:
    field = build_field(CASCADE, seed=0)
    outside = torch.nn.functional.normalize(points(), dim=-1)
    assert field.sdf(outside).min() > 0
    assert field.sdf(outside * 0.05).max() < 0
    error = (field.sdf(outside * 0.5)).abs()
    assert error.mean() < 0.15


@BOTH
@pytest.mark.parametrize("fine", [True, False])
def test_written_out_gradient_is_autograd_s_and_trains_like_it(settings: FieldSettings, fine: bool) -> None:
    settings = dataclasses.replace(settings, cascade=CascadeSdfSettings(fine_enabled=fine))
    field = stir(build_field(settings, seed=1)).double()
    x = points(40).double().requires_grad_()

    sdf, feature = field.sdf_and_feature(x)
    (expected,) = torch.autograd.grad(sdf.sum(), x, create_graph=True)
    same_sdf, gradient, same_feature = field.gradient(x)
    torch.testing.assert_close(same_sdf, sdf)
    torch.testing.assert_close(same_feature, feature)
    torch.testing.assert_close(gradient, expected)

    trained = [*field.sdf_network.parameters(), x]
    by_autograd, by_hand = (
        torch.autograd.grad((g.norm(dim=-1) - 1).square().sum(), trained, allow_unused=True, materialize_grads=True)
        for g in (expected, gradient)
    )
    for hand, autograd in zip(by_hand, by_autograd, strict=True):
        # Not to the last digit: torch takes softplus as linear beyond 20 / beta.
        torch.testing.assert_close(hand, autograd, rtol=1e-5, atol=1e-6)


@BOTH
def test_gradient_agrees_with_central_differences_in_float64(settings: FieldSettings) -> None:
    field = stir(build_field(settings, seed=2)).double()
    x = points(60).double()
    _, gradient, _ = field.gradient(x)
    differences = finite_gradient(field.sdf, x, 1e-6, "central")
    torch.testing.assert_close(gradient, differences, rtol=1e-5, atol=1e-5)


def test_gradient_modes_agree_on_a_smooth_field() -> None:
    x = points(50).double()
    gradients = {}
    for mode in ("analytic", "central", "tetrahedral"):
        field = build_field(dataclasses.replace(CASCADE, gradient=mode, gradient_step=1e-4), seed=3).double()
        gradients[mode] = field.gradient(x)[1]
    torch.testing.assert_close(gradients["central"], gradients["analytic"], rtol=0, atol=1e-3)
    torch.testing.assert_close(gradients["tetrahedral"], gradients["analytic"], rtol=0, atol=2e-2)


def test_softplus_is_torch_s_and_its_slope_the_derivative() -> None:
    x = torch.linspace(-0.4, 0.4, 101, requires_grad=True)
    value, slope = softplus_and_slope(x)
    expected = torch.nn.functional.softplus(x, 100.0)
    torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-8)
    torch.testing.assert_close(slope, torch.autograd.grad(expected.sum(), x)[0], rtol=1e-5, atol=1e-6)
    wide = torch.linspace(-0.15, 0.15, 41, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(softplus_and_slope, (wide,))
    assert torch.autograd.gradgradcheck(softplus_and_slope, (wide,))


def test_differences_are_exact_on_a_quadratic() -> None:
    x = points(30).double()

    def quadratic(y: torch.Tensor) -> torch.Tensor:
        return (y**2) @ torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)

    expected = 2 * x * torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    for scheme in ("central", "tetrahedral"):
        torch.testing.assert_close(finite_gradient(quadratic, x, 0.1, scheme), expected)


def test_second_stage_starts_where_the_first_ended() -> None:
    field = build_field(CASCADE, seed=4)
    x = points()
    field.set_stage(fine_enabled=False, view_directions=False)
    optimizer = torch.optim.Adam(field.parameters(), lr=1e-2)
    for _ in range(3):
        optimizer.zero_grad()
        sdf, gradient, feature = field.gradient(x)
        (sdf.square().sum() + gradient.sum() + field.color(x, gradient, x, feature).sum()).backward()
        optimizer.step()
    first = field.gradient(x)
    field.set_stage(fine_enabled=True, view_directions=True)
    for before, after in zip(first, field.gradient(x), strict=True):
        torch.testing.assert_close(after, before, rtol=0, atol=0)
    field.gradient(x)[0].sum().backward()
    last = field.sdf_network.fine.linear_layers()[-1]
    assert last.weight.grad is not None
    assert last.weight.grad.abs().max() > 0, "the fine network must be able to leave its start"


def test_first_stage_colour_ignores_the_direction_of_every_ray() -> None:
    field = stir(build_field(CASCADE, seed=5))
    x, normal = points(), torch.nn.functional.normalize(points(), dim=-1)
    feature = field.sdf_and_feature(x)[1]
    one, other = field.color(x, normal, normal, feature), field.color(x, normal, -normal, feature)
    assert (one - other).abs().amax(-1).min() > 1e-6, "in the second stage every ray's colour depends on its direction"
    field.set_stage(fine_enabled=False, view_directions=False)
    one, other = field.color(x, normal, normal, feature), field.color(x, normal, -normal, feature)
    assert torch.equal(one, other)
    assert one.std(0).min() > 1e-4, "place, normal and feature still matter for every ray"
    assert one.min() >= 0
    assert one.max() <= 1


def test_settings_outweigh_the_stage() -> None:
    settings = dataclasses.replace(CASCADE, cascade=CascadeSdfSettings(fine_enabled=False))
    field = build_field(settings, seed=0)
    field.set_stage(fine_enabled=True, view_directions=True)
    assert field.sdf_network.fine_enabled is False
    assert field.color_network.view_directions is True


@BOTH
def test_same_seed_same_bits_and_no_trace_on_the_global_state(settings: FieldSettings) -> None:
    before = torch.random.get_rng_state()
    one, same, other = (build_field(settings, seed).state_dict() for seed in (7, 7, 8))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


@BOTH
def test_groups_hold_every_parameter_once(settings: FieldSettings) -> None:
    field = build_field(settings, seed=0)
    grouped = [p for group in field.parameter_groups() for p in group["params"]]
    assert {id(p) for p in grouped} == {id(p) for p in field.parameters()}
    assert len(grouped) == len({id(p) for p in grouped})


def test_shapes_in_signatures_are_checked() -> None:
    with pytest.raises(Exception, match="sdf"):
        build_field(HASH, seed=0).sdf(torch.zeros(5, 2))


def test_impossible_networks_are_refused_in_a_sentence() -> None:
    for values, message in [
        ({"cascade": {"coarse_skip": 7}}, "coarse_skip from 1 to coarse_layers"),
        ({"cascade": {"coarse_width": 16}}, "coarse_width must be more than the encoded position"),
        ({"hash": {"hidden": 0}}, "hidden and features must be at least 1"),
        ({"color": {"layers": 0}}, "width and layers must be at least 1"),
        ({"gradient_step": 0}, "gradient_step, initial_radius and initial_inv_s must be positive"),
    ]:
        with pytest.raises(UserError, match=message):
            from_dict(values, FieldSettings)


def test_inv_s_starts_as_set_and_stays_finite() -> None:
    field = build_field(dataclasses.replace(HASH, initial_inv_s=64.0), seed=0)
    assert field.inv_s().item() == pytest.approx(64.0, rel=1e-5)
    with torch.no_grad():
        field.variance.fill_(50.0)
    assert field.inv_s().item() == 1e6
