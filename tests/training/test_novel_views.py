"""Novel views: where their cameras stand, what is rendered there, what it is compared with, and what it costs."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from models.empty_space import Occupancy, find_occupancy
from models.losses import loss_term
from models.records import Step
from models.settings import RenderSettings
from scene.errors import UserError
from scene.records import Fact, HiddenPixels, ObjectViews
from tests.planted_features import PlantedEncoder
from training.batches import Cameras
from training.novel_views import NovelViews, Place, draw_place, reference_images

CPU = torch.device("cpu")
RENDER = RenderSettings(perturb=False)


class Ball:
    """A ball coloured by its normal; counts the points that are held for their gradients."""

    def __init__(self, radius: float = 0.4, inv_s: float = 300.0) -> None:
        self.radius, self.sharpness = torch.tensor(radius), torch.tensor(inv_s)
        self.held: list[int] = []

    def sdf(self, x: Tensor) -> Tensor:
        return x.norm(dim=-1) - self.radius

    def gradient(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.held.append(len(x))
        return self.sdf(x), torch.nn.functional.normalize(x, dim=-1), x[:, :0]

    def color(self, x: Tensor, normal: Tensor, direction: Tensor, feature: Tensor) -> Tensor:
        return 0.5 + 0.4 * normal

    def inv_s(self) -> Tensor:
        return self.sharpness


def everywhere(cells: int = 8) -> Occupancy:
    """Nothing is known to be empty, and the object's box is the whole cube."""
    full = torch.ones(cells, cells, cells, dtype=torch.bool)
    return Occupancy(full, full)


def novel_views(
    views: ObjectViews, encoder: PlantedEncoder | None = None, render: RenderSettings = RENDER
) -> NovelViews:
    return NovelViews(views, encoder or PlantedEncoder({}), render, CPU)


def places(cameras: Cameras, occupancy: Occupancy, count: int) -> list[Place]:
    generator = torch.Generator().manual_seed(0)
    up = torch.tensor([0.0, 0.0, 1.0])
    return [draw_place(cameras, up, occupancy, generator) for _ in range(count)]


def test_cameras_look_upright_at_the_box_from_between_its_radius_and_the_farthest_camera(
    sphere_views: ObjectViews,
) -> None:
    occupancy = find_occupancy(Ball(), CPU)
    low, high = occupancy.box()
    centre, radius = 0.5 * (low + high), 0.5 * (high - low).norm().item()
    cameras = Cameras.of(sphere_views, CPU)
    farthest = (cameras.centre - centre).norm(dim=-1).max().item()
    distances = []
    for place in places(cameras, occupancy, 300):
        away = place.eye - centre
        distances.append(away.norm().item())
        torch.testing.assert_close(place.rotation.T @ place.rotation, torch.eye(3), atol=1e-5, rtol=0)
        assert torch.linalg.det(place.rotation) > 0
        torch.testing.assert_close(place.rotation[:, 2], -away / away.norm(), atol=1e-5, rtol=0)
        assert abs(place.rotation[2, 0]) < 1e-5, "level"
        assert place.rotation[2, 1] < 0, "down is down"
    assert radius <= min(distances) < radius + 0.1
    assert 0.9 * farthest - 0.1 < max(distances) <= 0.9 * farthest + 1e-5
    assert np.mean(distances) == pytest.approx(0.5 * (radius + 0.9 * farthest), rel=0.05)


def test_they_are_turned_from_a_training_view_by_half_a_radian(sphere_views: ObjectViews) -> None:
    cameras = Cameras.of(sphere_views, CPU)
    one = Cameras(cameras.rotation[:1], cameras.centre[:1], cameras.scale_m)
    start = one.centre[0]
    eyes = torch.stack([place.eye for place in places(one, everywhere(), 600)])

    def yaw_and_pitch(x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.atan2(x[..., 1], x[..., 0]), torch.asin(x[..., 2] / x.norm(dim=-1))

    (yaw, pitch), (yaw_0, pitch_0) = yaw_and_pitch(eyes), yaw_and_pitch(start)
    yaw = (yaw - yaw_0 + math.pi) % (2 * math.pi) - math.pi
    assert yaw.mean().item() == pytest.approx(0.0, abs=0.07)
    assert yaw.std().item() == pytest.approx(0.5, rel=0.1)
    assert (pitch - pitch_0).median().item() == pytest.approx(0.0, abs=0.07)
    assert (pitch - pitch_0).std().item() == pytest.approx(0.5, rel=0.1)
    assert pitch.abs().max() <= math.radians(85.0) + 1e-4


def test_a_box_that_holds_the_cameras_is_looked_at_from_its_rim(sphere_views: ObjectViews) -> None:
    cameras = Cameras.of(sphere_views, CPU)
    near = Cameras(cameras.rotation, 0.3 * cameras.centre, cameras.scale_m)
    for one in places(near, everywhere(), 20):
        assert one.eye.norm().item() == pytest.approx(math.sqrt(3.0), rel=1e-5)


@pytest.mark.parametrize("inv_s", [25.0, 300.0])
def test_skipping_empty_space_changes_no_pixel(sphere_views: ObjectViews, inv_s: float) -> None:
    ball, novel = Ball(0.4, inv_s), novel_views(sphere_views)
    found = find_occupancy(ball, CPU)
    for place in places(Cameras.of(sphere_views, CPU), found, 3):
        skipped = novel.render(ball, place, found, None, size=24, samples=400)
        whole = novel.render(ball, place, everywhere(), None, size=24, samples=1600)
        for one, other in zip(skipped, whole, strict=True):
            assert (one - other).abs().max() < 0.02
            assert (one - other).abs().mean() < 0.001


def test_a_render_shows_the_ball_where_it_is(sphere_views: ObjectViews) -> None:
    """From 2 away along x: a disc of the known radius in the middle, whose nearest point looks at the camera."""
    rotation = torch.tensor([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    place = Place(rotation, torch.tensor([2.0, 0.0, 0.0]))
    ball, novel = Ball(0.4, 2000.0), novel_views(sphere_views)
    color, normal = novel.render(ball, place, find_occupancy(ball, CPU), None, size=41, samples=400)
    camera = sphere_views.camera
    pixel = camera.height / 41 / camera.fy
    radius_px = math.tan(math.asin(0.4 / 2.0)) / pixel
    assert (color.sum(0) > 0.7).sum().item() == pytest.approx(math.pi * radius_px**2, rel=0.05)
    torch.testing.assert_close(color[:, 20, 20], torch.tensor([0.9, 0.5, 0.5]), atol=0.01, rtol=0)
    torch.testing.assert_close(normal[:, 20, 20], torch.tensor([0.5, 0.5, 0.0]), atol=0.01, rtol=0)
    right_rim = normal[:, 20, 20 + int(0.8 * radius_px)]
    assert right_rim[0] > 0.8, "what is on the right faces right"
    assert (color[:, 0, 0] == 0).all()
    assert (normal[:, 0, 0] == 0.5).all()


def test_points_held_at_once_are_bounded_and_fewer_where_space_is_empty(sphere_views: ObjectViews) -> None:
    ball, novel, generator = Ball(0.3, 2000.0), novel_views(sphere_views), torch.Generator().manual_seed(0)
    for _ in range(8):
        novel.see(ball, generator, 20, 16)
    assert len(ball.held) == 8
    assert max(ball.held) <= 20 * 20 * 16
    place = Place(torch.eye(3), torch.tensor([0.0, 0.0, -2.5]))
    novel.render(ball, place, find_occupancy(ball, CPU), None, 20, 16)
    assert 0.04 * 20 * 20 * 16 < ball.held[-1] < 0.4 * 20 * 20 * 16, "the ball covers 7 % of the image"


def test_what_is_compared_with_is_seen_once(sphere_views: ObjectViews) -> None:
    encoder = PlantedEncoder({"normal map of a ball": (0, 0, 1), "photo of a ball": (0, 1, 0)})
    novel, generator = novel_views(sphere_views, encoder), torch.Generator().manual_seed(0)
    views = [novel.see(Ball(), generator, 8, 8) for _ in range(4)]
    assert encoder.read == [["a photo of a ball", "a normal map of a ball"]]
    assert sorted(encoder.encoded) == [1, 1, 2, 2, 2, 2], "the reference's two images once, then a pair a view"
    assert all(view.wanted is views[0].wanted for view in views)
    assert views[0].wanted.color_text.tolist() == [0, 1, 0]
    assert views[0].wanted.normal_text.tolist() == [0, 0, 1]
    assert not torch.equal(views[0].color, views[1].color)


def test_the_best_scored_view_is_the_reference_and_only_the_object_of_it(sphere_views: ObjectViews) -> None:
    color, normal = reference_images(sphere_views, background=0.0)
    best = len(sphere_views) - 1  # the fixture's scores rise
    seen = sphere_views.fact[best] == Fact.OBJECT
    assert color.shape[0] == max(np.ptp(np.flatnonzero(seen.any(axis))) + 1 for axis in (0, 1))
    assert color.sum() == sphere_views.color[best][seen].sum()
    assert normal is not None
    grey = (normal == 128).all(-1)
    assert (~grey).sum() == pytest.approx(seen.sum(), abs=3)
    middle = normal[len(normal) // 2, len(normal) // 2].astype(int)
    assert np.abs(middle - (128, 128, 0)).max() < 15, "towards the camera, as in the renders"

    unseen = np.array(sphere_views.fact)
    unseen[best] = Fact.OTHER
    color, _ = reference_images(dataclasses.replace(sphere_views, fact=unseen), 0.0)
    assert color.sum() == sphere_views.color[best - 1][sphere_views.fact[best - 1] == Fact.OBJECT].sum()
    confidence = np.zeros_like(sphere_views.fact)
    confidence[best, 10:20, 10:30] = 200
    hidden = HiddenPixels(confidence, np.zeros(confidence.shape, np.uint16))
    color, normal = reference_images(dataclasses.replace(sphere_views, fact=unseen, hidden=hidden, normal=None), 0.0)
    assert color.shape == (20, 20, 3)
    assert normal is None
    with pytest.raises(UserError, match="no pixel of its views shows the object"):
        reference_images(dataclasses.replace(sphere_views, fact=np.full_like(unseen, Fact.OTHER)), 0.0)


def test_nothing_to_see_gives_no_gradient_and_no_error(sphere_views: ObjectViews) -> None:
    view = novel_views(sphere_views).see(Ball(radius=-3.0), torch.Generator().manual_seed(0), 8, 8)
    value = loss_term.find({"clip": {}})["clip"](Step(Ball(), 4, torch.Generator(), novel=lambda size, samples: view))
    assert torch.isfinite(value)
    assert not value.requires_grad
