"""Loss terms against arithmetic: what each pixel may and may not claim; how terms are found."""

import dataclasses
import importlib
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

import models.losses
from models.losses import loss_term
from models.losses.ray_samples import facing_cosine
from models.losses.supervision import mask_target, sensed_depth
from models.records import PointBatch, PointKind, RayBatch, Rendered, Step
from models.renderer import render
from models.settings import RenderSettings
from scene.errors import UserError
from scene.records import Fact

FACTS = torch.tensor([int(f) for f in (Fact.OBJECT, Fact.OTHER, Fact.OTHER, Fact.UNKNOWN, Fact.OBJECT_NO_DEPTH)])


def five_rays(**given: Tensor) -> RayBatch:
    """Along +x from the origin with bounds 1..3: object at 2, other at 2.2 and 3.5, unknown, object unmeasured."""
    along_x = torch.tensor([[1.0, 0.0, 0.0]]).expand(5, 3)
    values = {
        "origins": torch.zeros(5, 3),
        "directions": along_x,
        "near": torch.full((5,), 1.0),
        "far": torch.full((5,), 3.0),
        "color": torch.full((5, 3), 0.5),
        "depth": torch.tensor([2.0, 2.2, 3.5, 0.0, 0.0]),
        "fact": FACTS.to(torch.uint8),
        "normal": torch.zeros(5, 3),
        "confidence": torch.ones(5),
        **given,
    }
    return RayBatch(**values)


def rendered_as(count: int, ts: Tensor, sdf: Tensor, **given: Tensor) -> Rendered:
    values = {
        "color": torch.zeros(count, 3),
        "normal": torch.zeros(count, 3),
        "depth": torch.zeros(count),
        "opacity": torch.full((count,), 0.5),
        "weights": torch.zeros_like(ts),
        "ts": ts,
        "sdf": sdf,
        "gradients": torch.zeros(*ts.shape, 3),
        "inv_s": torch.tensor(1.0),
        **given,
    }
    return Rendered(**values)


def loss(name: str, step: Step, **options: float) -> Tensor:
    return loss_term.find({name: options})[name](step)


def ray_step(field: object, rays: RayBatch, **given: Tensor) -> Step:
    ts = given.pop("ts", torch.zeros(len(rays), 1))
    sdf = given.pop("sdf", torch.zeros_like(ts))
    return Step(field, 0, torch.Generator(), rays=rays, rendered=rendered_as(len(rays), ts, sdf, **given))


def test_only_a_ray_that_passed_the_whole_object_is_known_to_miss_it() -> None:
    target, weight = mask_target(five_rays())
    assert target.tolist() == [1, 0, 0, 0, 1]
    assert weight.tolist() == [1, 0, 1, 0, 1], "behind what stands in the object's bounds nothing is known"


def test_inpainted_pixels_claim_as_much_as_their_confidence() -> None:
    fact = FACTS.clone().to(torch.uint8)
    fact[3] = int(Fact.INPAINTED)
    rays = five_rays(fact=fact, confidence=torch.tensor([1.0, 1, 1, 0.25, 1]))
    target, weight = mask_target(rays)
    assert (target[3], weight[3]) == (1.0, 0.25)
    assert sensed_depth(rays)[3] == 0


def test_mask_leaves_the_occluded_alone(sphere_field) -> None:
    opacity = torch.full((5,), 0.25, requires_grad=True)
    value = loss("mask", ray_step(sphere_field(), five_rays(), opacity=opacity))
    expected = (-2 * torch.log(torch.tensor(0.25)) - torch.log(torch.tensor(0.75))) / 3
    torch.testing.assert_close(value, expected)
    value.backward()
    assert opacity.grad is not None
    assert (opacity.grad != 0).tolist() == [True, False, True, False, True]
    assert (opacity.grad < 0).tolist() == [True, False, False, False, True]


def test_color_counts_object_pixels_only(sphere_field) -> None:
    color = torch.tensor([[0.5, 0.6, 0.3], [9, 9, 9], [9, 9, 9], [9, 9, 9], [0.5, 0.5, 0.6]])
    assert loss("color", ray_step(sphere_field(), five_rays(), color=color)).item() == pytest.approx(0.2)


def test_normal_is_angle_plus_distance_of_unit_vectors(sphere_field) -> None:
    known = torch.zeros(5, 3)
    known[0], known[1] = torch.tensor([-1.0, 0, 0]), torch.tensor([0, 1.0, 0])  # the second is not the object's
    rays = five_rays(normal=known)
    seen = torch.zeros(5, 3)
    seen[0] = torch.tensor([-0.4, 0.0, 0.0])
    assert loss("normal", ray_step(sphere_field(), rays, normal=seen)).item() == pytest.approx(0.0)
    seen[0] = torch.tensor([0.0, 0.3, 0.0])
    assert loss("normal", ray_step(sphere_field(), rays, normal=seen)).item() == pytest.approx(1.0 + 2.0)


def test_depth_is_wanted_where_the_object_s_was_sensed(sphere_field) -> None:
    depth = torch.full((5,), 2.3, requires_grad=True)
    value = loss("depth", ray_step(sphere_field(), five_rays(), depth=depth))
    assert value.item() == pytest.approx(0.3)
    value.backward()
    assert depth.grad is not None
    assert (depth.grad != 0).tolist() == [True, False, False, False, False]


def test_eikonal_is_the_squared_deviation_from_length_one(sphere_field) -> None:
    gradients = torch.zeros(5, 2, 3)
    gradients[:, 0, 0], gradients[:, 1, 1] = 1.0, 3.0
    step = ray_step(sphere_field(), five_rays(), ts=torch.zeros(5, 2), gradients=gradients)
    assert loss("eikonal", step).item() == pytest.approx(2.0)


def test_band_wants_the_way_left_times_the_cosine(sphere_field) -> None:
    ts = torch.tensor([[1.0, 1.9, 2.05, 2.5]]).expand(5, 4)
    sdf = torch.tensor([[9.0, 0.1, -0.05, 9.0]]).expand(5, 4)
    assert loss("truncated_sdf", ray_step(sphere_field(), five_rays(), ts=ts, sdf=sdf)).item() < 1e-6
    half = torch.tensor([[-0.5, 3**0.5 / 2, 0]]).expand(5, 3)
    tilted = five_rays(normal=half)
    torch.testing.assert_close(facing_cosine(tilted), torch.full((5,), 0.5))
    value = loss("truncated_sdf", ray_step(sphere_field(), tilted, ts=ts, sdf=sdf * 0.5))
    assert value.item() < 1e-6
    wrong = loss("truncated_sdf", ray_step(sphere_field(), five_rays(), ts=ts, sdf=sdf + 0.016))
    assert wrong.item() == pytest.approx(0.1, rel=1e-4), "in units of the truncation"


def test_space_is_free_before_what_was_seen_and_unknown_behind(sphere_field) -> None:
    ts = torch.linspace(1.0, 3.0, 41).expand(5, 41).contiguous()
    sdf = torch.full((5, 41), -0.1, requires_grad=True)
    loss("free_space", ray_step(sphere_field(), five_rays(), ts=ts, sdf=sdf)).backward()
    assert sdf.grad is not None
    pushed = sdf.grad < 0
    expected = torch.stack([ts[0] < 2.0 - 0.16, ts[1] < 2.2 - 0.02, ts[2] < 4.0, ts[3] < 0, ts[4] < 0])
    assert torch.equal(pushed, expected)


def test_no_free_point_is_farther_from_the_object_than_the_way_left_to_it(sphere_field) -> None:
    ts = torch.tensor([[1.5]]).expand(5, 1).contiguous()
    sdf = torch.full((5, 1), 0.6, requires_grad=True)
    value = loss("free_space", ray_step(sphere_field(), five_rays(), ts=ts, sdf=sdf))
    value.backward()
    assert sdf.grad is not None
    assert (sdf.grad[:, 0] > 0).tolist() == [True, False, False, False, False]


def test_true_geometry_costs_nothing(sphere_field, rays_from) -> None:
    """A true sphere, seen truly: every term about geometry is near zero, and much larger for a wrong sphere."""
    field, rays = sphere_field(radius=0.5, inv_s=2000.0, dtype=torch.float64), rays_from(100, dtype=torch.float64)
    settings = RenderSettings(perturb=False)
    truth = render(field, rays, settings)
    meets = truth.opacity.detach() > 0.5
    missing = truth.opacity.detach() < 1e-3
    fact = torch.where(meets, int(Fact.OBJECT), int(Fact.UNKNOWN)).masked_fill(missing, int(Fact.OTHER))
    rays = dataclasses.replace(
        rays,
        fact=fact.to(torch.uint8),
        depth=torch.where(meets, truth.depth, torch.where(missing, rays.far + 1, 0.0)).detach(),
        normal=torch.nn.functional.normalize(truth.normal.detach(), dim=-1) * meets[:, None],
        color=truth.color.detach(),
    )
    wrong_field = sphere_field(radius=0.35, inv_s=2000.0, dtype=torch.float64)
    for name in ("color", "mask", "depth", "normal", "eikonal", "free_space", "truncated_sdf"):
        right, wrong = (
            loss(name, Step(f, 0, torch.Generator(), rays=rays, rendered=render(f, rays, settings))).item()
            for f in (field, wrong_field)
        )
        # A curved surface bends away within the band: the plane's target is off by up to band^2 / (2 radius).
        assert right < (0.2 if name == "truncated_sdf" else 0.02), name
        if name not in ("eikonal", "free_space"):
            assert wrong > 3 * right, name


def point_step(field: object, sdf: Tensor) -> Step:
    batch = PointBatch(
        x=torch.tensor([[0.5, 0, 0], [0.6, 0, 0], [0.8, 0, 0], [0.9, 0, 0]]),
        sdf=torch.tensor([0.0, 0.1, 0.02, 0.4]),
        weight=torch.tensor([1.0, 3.0, 1.0, 1.0]),
        kind=torch.tensor([PointKind.SURFACE, PointKind.SURFACE, PointKind.FREE, PointKind.FREE]),
    )
    return Step(field, 0, torch.Generator().manual_seed(0), points=batch, point_sdf=sdf)


def test_point_terms_are_the_weighted_means_of_their_kind(sphere_field) -> None:
    step = point_step(sphere_field(), torch.tensor([0.005, 0.2, -0.01, 0.06]))
    huber = (0.005**2 / (2 * 0.01) * 1 + (0.1 - 0.005) * 3) / 4
    assert loss("point_sdf", step).item() == pytest.approx(huber)
    assert loss("point_free", step).item() == pytest.approx(0.03 / 2), (
        "0.06 is enough where the bound is capped at 0.05"
    )
    assert loss("point_free", step, cap=0.5).item() == pytest.approx((0.03 + 0.34) / 2)


def test_point_eikonal_is_zero_for_a_distance_and_repeats_by_seed(sphere_field) -> None:
    field = sphere_field()
    assert loss("point_eikonal", point_step(field, torch.zeros(4)), elsewhere=0.0).item() < 1e-3

    class Doubled(sphere_field):  # type: ignore[misc, valid-type]
        def sdf(self, x: Tensor) -> Tensor:
            return 2 * super().sdf(x)

    doubled = [loss("point_eikonal", point_step(Doubled(), torch.zeros(4)), elsewhere=0.5, count=100.0) for _ in "ab"]
    assert doubled[0].item() == pytest.approx(1.0, abs=0.15)
    assert torch.equal(doubled[0], doubled[1])


def test_nothing_to_supervise_costs_nothing(sphere_field) -> None:
    rays = five_rays(fact=torch.zeros(5, dtype=torch.uint8))
    opacity = torch.full((5,), 0.5, requires_grad=True)
    step = ray_step(sphere_field(), rays, opacity=opacity)
    for name in ("color", "mask", "depth", "normal", "free_space", "truncated_sdf"):
        assert loss(name, step).item() == 0, name


def test_gradients_of_the_terms_agree_with_finite_differences(sphere_field) -> None:
    generator = torch.Generator().manual_seed(3)
    ts = torch.linspace(1.0, 3.0, 9, dtype=torch.float64).expand(5, 9).contiguous()
    rays = five_rays(normal=torch.tensor([[-1.0, 0, 0]]).expand(5, 3))
    rays = RayBatch(**{f.name: _double(getattr(rays, f.name)) for f in dataclasses.fields(rays)})
    inputs = {
        name: torch.rand(shape, generator=generator, dtype=torch.float64) * 0.8 + 0.1
        for name, shape in {
            "color": (5, 3), "normal": (5, 3), "depth": (5,), "opacity": (5,), "sdf": (5, 9), "gradients": (5, 9, 3)
        }.items()
    }  # fmt: skip
    leaf_of = {
        "color": "color", "mask": "opacity", "normal": "normal", "depth": "depth",
        "eikonal": "gradients", "free_space": "sdf", "truncated_sdf": "sdf",
    }  # fmt: skip
    for term, leaf in leaf_of.items():

        def value(x: Tensor, term: str = term, leaf: str = leaf) -> Tensor:
            return loss(term, ray_step(sphere_field(), rays, ts=ts, **{**inputs, leaf: x}))

        assert torch.autograd.gradcheck(value, (inputs[leaf].clone().requires_grad_(),)), term


def _double(value: Tensor) -> Tensor:
    return value.double() if value.is_floating_point() else value


def test_all_terms_are_found_and_unknown_names_get_the_nearest() -> None:
    published = {"color", "eikonal", "mask", "normal", "depth", "truncated_sdf", "free_space"}
    assert published | {"point_sdf", "point_free", "point_eikonal"} <= set(loss_term.all())
    assert list(loss_term.find({"mask": {}, "color": {}})) == ["mask", "color"]
    with pytest.raises(UserError, match="no loss called 'colour'; did you mean 'color'"):
        loss_term.find({"colour": {}})
    with pytest.raises(UserError, match="truncated_sdf has no option 'truncaton'; did you mean 'truncation'"):
        loss_term.find({"truncated_sdf": {"truncaton": 0.1}})
    with pytest.raises(UserError, match="mask has no option 'gamma'; known here: none"):
        loss_term.find({"mask": {"gamma": 1.0}})


def test_a_term_in_a_new_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sphere_field) -> None:
    (tmp_path / "dropped_in.py").write_text(
        "from models.losses import loss_term\n\n\n"
        "@loss_term('dropped_in')\ndef dropped_in(step, *, factor=2.0):\n    return step.point_sdf.sum() * factor\n"
    )
    monkeypatch.setattr(models.losses, "__path__", [*models.losses.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    try:
        term = loss_term.find({"dropped_in": {"factor": 3.0}})["dropped_in"]
        assert term(point_step(sphere_field(), torch.ones(4))).item() == 12.0
    finally:
        loss_term.forget("dropped_in")
        sys.modules.pop("models.losses.dropped_in", None)


def test_a_term_in_the_wrong_phase_says_so(sphere_field) -> None:
    with pytest.raises(ValueError, match="whose batches are points"):
        loss("color", point_step(sphere_field(), torch.zeros(4)))
    with pytest.raises(ValueError, match="whose batches are rays"):
        loss("point_sdf", ray_step(sphere_field(), five_rays()))
