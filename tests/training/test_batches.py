"""Rays against the geometry they were made from."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from models.records import RayBatch
from scene.errors import UserError
from scene.records import Fact, HiddenPixels, ObjectViews
from training.batches import RayBatches
from training.settings import RaySettings


def draw(views: ObjectViews, count: int = 4000, seed: int = 0, **settings: float | None) -> RayBatch:
    batches = RayBatches(views, RaySettings(**settings))  # type: ignore[arg-type]
    return batches.draw(count, torch.Generator().manual_seed(seed))


def changed(views: ObjectViews, **images: np.ndarray) -> ObjectViews:
    return dataclasses.replace(views, **images)


def test_object_rays_end_on_the_object(sphere_views: ObjectViews) -> None:
    rays = draw(sphere_views, object_share=1.0)
    assert (rays.fact == Fact.OBJECT).all()
    hit = rays.origins + rays.depth[:, None] * rays.directions
    # A ball of radius 0.6; the depth is rounded to a millimetre and the mesh has facets.
    assert (hit.norm(dim=1) - 0.6).abs().max() < 4e-3
    torch.testing.assert_close(rays.directions.norm(dim=1), torch.ones(len(rays)))


def test_normals_are_turned_to_the_normalised_frame(sphere_views: ObjectViews) -> None:
    rays = draw(sphere_views, object_share=1.0)
    outward = torch.nn.functional.normalize(rays.origins + rays.depth[:, None] * rays.directions, dim=1)
    assert ((rays.normal * outward).sum(1) > 0.98).all()
    half = changed(sphere_views, normal=sphere_views.normal.astype(np.float16))
    torch.testing.assert_close(draw(half, object_share=1.0).normal, rays.normal, atol=1e-3, rtol=0)
    without = changed(sphere_views, normal=None)
    assert not draw(without).normal.any()


def test_colours_belong_to_their_pixels(sphere_views: ObjectViews) -> None:
    rays = draw(sphere_views, object_share=1.0)
    # The fixture paints 127 + 100 n.
    torch.testing.assert_close(rays.color, (127 + 100 * rays.normal) / 255, atol=1.1 / 255, rtol=0)


def test_near_and_far_lie_on_the_unit_sphere(sphere_views: ObjectViews) -> None:
    rays = draw(sphere_views, object_share=None)
    assert (rays.near < rays.far).all()
    for t in (rays.near, rays.far):
        torch.testing.assert_close((rays.origins + t[:, None] * rays.directions).norm(dim=1), torch.ones(len(rays)))


def test_rays_that_say_nothing_are_left_out(sphere_views: ObjectViews) -> None:
    """Unknown pixels; rays beside the unit sphere; something else that stands before the sphere."""
    total = sphere_views.fact.size
    drawable = len(RayBatches(sphere_views, RaySettings()))
    assert (sphere_views.fact == Fact.OBJECT).sum() < drawable < total
    fact, depth_mm = sphere_views.fact.copy(), sphere_views.depth_mm.copy()
    fact[0] = Fact.UNKNOWN
    fact[1] = Fact.OTHER
    depth_mm[1] = 300
    fewer = len(RayBatches(changed(sphere_views, fact=fact, depth_mm=depth_mm), RaySettings()))
    per_view = drawable / len(sphere_views)
    assert fewer == pytest.approx(drawable - 2 * per_view, abs=2)
    # What stands inside the sphere hides the object: a fact of its own, so it stays.
    depth_mm[1] = 1500
    assert len(RayBatches(changed(sphere_views, fact=fact, depth_mm=depth_mm), RaySettings())) > fewer


def test_every_view_sees_its_drawable_pixels_as_its_rays(sphere_views: ObjectViews) -> None:
    """The pixel test in the camera frame agrees with the ray test in the normalised frame."""
    batches = RayBatches(sphere_views, RaySettings())
    views = [batches.view(i) for i in range(len(sphere_views))]
    assert sum(int((rays.far > rays.near).sum()) for rays in views) == len(batches)
    assert len(batches.view(0, stride=5)) == 10 * 8
    torch.testing.assert_close(batches.view(3, stride=2).directions[1], views[3].directions[2])


def test_the_objects_share_is_as_asked(sphere_views: ObjectViews) -> None:
    rays = draw(sphere_views, 1000, object_share=0.7)
    assert int((rays.fact == Fact.OBJECT).sum()) == 700
    batches = RayBatches(sphere_views, RaySettings())
    as_they_come = draw(sphere_views, 4000, object_share=None)
    share = (sphere_views.fact == Fact.OBJECT).sum() / len(batches)
    assert int((as_they_come.fact == Fact.OBJECT).sum()) == round(4000 * share)


def test_same_generator_same_rays(sphere_views: ObjectViews) -> None:
    one, two, other = (draw(sphere_views, 100, seed) for seed in (1, 1, 2))
    assert torch.equal(one.directions, two.directions)
    assert not torch.equal(one.directions, other.directions)


def test_an_in_painted_pixel_is_a_ray_beside_the_sensed_one(sphere_views: ObjectViews) -> None:
    """What hides the object still says that the space before it is free; behind it stands what was painted."""
    confidence = np.zeros(sphere_views.fact.shape, np.uint8)
    confidence[0][sphere_views.fact[0] == Fact.OBJECT] = 51
    fact = np.where(confidence > 0, Fact.OTHER, sphere_views.fact).astype(np.uint8)
    depth_mm = np.where(confidence > 0, np.uint16(1500), sphere_views.depth_mm)
    hidden = HiddenPixels(confidence, np.where(confidence > 0, sphere_views.depth_mm, 0).astype(np.uint16))
    views = changed(sphere_views, fact=fact, depth_mm=depth_mm, hidden=hidden)
    batches = RayBatches(views, RaySettings())
    assert len(batches) == len(RayBatches(changed(views, hidden=None), RaySettings())) + (confidence > 0).sum()
    rays = draw(views, 5000, object_share=1.0)
    painted = rays.fact == Fact.INPAINTED
    assert painted.float().mean().item() == pytest.approx(1 / len(sphere_views), rel=0.3)
    assert set(rays.confidence[painted].tolist()) == {np.float32(0.2)}
    assert set(rays.confidence[rays.fact == Fact.OBJECT].tolist()) == {1.0}
    ends = rays.origins[painted] + rays.directions[painted] * rays.depth[painted, None]
    plain = draw(sphere_views, 5000, object_share=1.0)
    radius = (plain.origins + plain.directions * plain.depth[:, None]).norm(dim=-1).mean()
    assert (ends.norm(dim=-1) - radius).abs().max() < 0.01
    others = draw(views, 5000, object_share=0.0)
    assert Fact.INPAINTED not in others.fact


def test_depths_beyond_int16_come_out_whole(sphere_views: ObjectViews) -> None:
    depth_mm = np.where(sphere_views.fact == Fact.OTHER, np.uint16(50_000), sphere_views.depth_mm)
    rays = draw(changed(sphere_views, depth_mm=depth_mm), object_share=0.0)
    length = rays.depth * sphere_views.scale_m
    assert (length >= 50.0 - 1e-3).all()
    assert (length < 80.0).all()


def test_an_object_nobody_shows_is_said_plainly(sphere_views: ObjectViews) -> None:
    nothing = changed(sphere_views, fact=np.full_like(sphere_views.fact, Fact.OTHER))
    with pytest.raises(UserError, match="no pixel of its views shows the object"):
        RayBatches(nothing, RaySettings())
