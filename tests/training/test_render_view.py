"""Rendered views of an analytic ball."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models.settings import RenderSettings
from scene.records import Fact, ObjectViews
from training.render_view import render_view


class Ball:
    """A ball of radius 0.6, coloured by its normal as the fixture is."""

    def sdf(self, x: Tensor) -> Tensor:
        return x.norm(dim=1) - 0.6

    def gradient(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.sdf(x), torch.nn.functional.normalize(x, dim=1), x[:, :0]

    def color(self, x: Tensor, normal: Tensor, direction: Tensor, feature: Tensor) -> Tensor:
        return (127 + 100 * normal) / 255

    def inv_s(self) -> Tensor:
        return torch.tensor(400.0)


def test_a_view_of_the_ball_looks_as_it_was_seen(sphere_views: ObjectViews) -> None:
    color, normal = render_view(Ball(), sphere_views, 3, RenderSettings())
    seen = sphere_views.fact[3] == Fact.OBJECT
    # Away from the silhouette, where pixels see ball and room at once.
    inner = seen & np.roll(seen, 2, 0) & np.roll(seen, -2, 0) & np.roll(seen, 2, 1) & np.roll(seen, -2, 1)
    assert inner.sum() > 100
    assert np.abs(color[inner].astype(int) - sphere_views.color[3][inner]).max() <= 12
    expected = 127.5 * (sphere_views.normal[3][inner].astype(np.float32) + 1.0)
    assert np.abs(normal[inner] - expected).max() <= 15
    assert np.abs(normal[~seen].astype(int) - 128).mean() < 5
    assert color[~seen].mean() < 5


def test_a_stride_gives_every_so_many_pixels(sphere_views: ObjectViews) -> None:
    whole, _ = render_view(Ball(), sphere_views, 0, RenderSettings())
    sparse, _ = render_view(Ball(), sphere_views, 0, RenderSettings(), stride=5)
    assert sparse.shape == (8, 10, 3)
    assert np.abs(sparse.astype(int) - whole[::5, ::5]).max() <= 1
