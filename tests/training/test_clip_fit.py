"""The clip loss in a fit: its gradient is right and points the right way, and a fit goes on from it bit for bit."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.empty_space import find_occupancy
from models.fields import ObjectField, build_field
from models.losses import loss_term
from models.pretrained.clip import load_clip
from models.pretrained.encoder import ImageTextEncoder
from models.pretrained.settings import Weights
from models.records import NovelView, Step
from models.settings import (
    CascadeSdfSettings,
    ColorSettings,
    FieldSettings,
    HashGridSettings,
    HashSdfSettings,
    RenderSettings,
)
from scene.errors import UserError
from scene.records import ObjectViews
from tests.planted_features import PlantedEncoder
from training.batches import Cameras
from training.checkpoint import checkpoint_paths
from training.novel_views import NovelViews, draw_place
from training.settings import FitSettings, LossSettings, PhaseSettings
from training.trainer import fit

CPU = torch.device("cpu")
UP = torch.tensor([0.0, 0.0, 1.0])
HASH = FieldSettings(
    hash=HashSdfSettings(grid=HashGridSettings(levels=3, log2_table=10, finest_resolution=32), hidden=16),
    color=ColorSettings(width=16),
)
CASCADE = FieldSettings(
    network="cascade", cascade=CascadeSdfSettings(coarse_width=32, fine_width=32), color=ColorSettings(width=16)
)
PHASE = PhaseSettings(
    batches="rays",
    steps=8,
    count=12,
    losses={"color": 1.0, "clip": LossSettings(1.0, start_step=1, options={"every": 2, "size": 8, "samples": 8})},
    learning_rate=1e-3,
)


def clip_loss(view: NovelView, field: ObjectField, **options: float) -> Tensor:
    step = Step(field, 0, torch.Generator(), novel=lambda size, samples: view)
    return loss_term.find({"clip": {"every": 1, **options}})["clip"](step)


@pytest.mark.parametrize("settings", [HASH, CASCADE], ids=["hash", "cascade"])
def test_a_planted_feature_pulls_the_render_towards_it(sphere_views: ObjectViews, settings: FieldSettings) -> None:
    """The reference is green all over, by a text: after some steps every view of the object is greener."""
    encoder = PlantedEncoder({"photo of a ball": (0.1, 1.0, 0.1)})
    novel = NovelViews(sphere_views, encoder, RenderSettings(), CPU)
    field = build_field(settings, seed=0)
    optimizer = torch.optim.Adam(field.parameters(), lr=5e-3)

    def cosine(steps: int, learn: bool) -> float:
        generator, total = torch.Generator().manual_seed(int(learn)), 0.0
        for _ in range(steps):
            view = novel.see(field, generator, 12, 12)
            total += float(view.color.detach() @ view.wanted.color_text) / steps
            if learn:
                optimizer.zero_grad()
                clip_loss(view, field, image=0.0, normals=0.0).backward()
                optimizer.step()
        return total

    before = cosine(6, learn=False)
    cosine(25, learn=True)
    assert before < 0.75
    assert cosine(6, learn=False) > before + 0.15


def test_the_shape_follows_too(sphere_views: ObjectViews) -> None:
    """Only the distance network may move, and the reference is the dark background: the ball shrinks."""

    class Darkness(PlantedEncoder):
        """An image's feature is how bright and how dark it is."""

        def encode(self, pixels: Tensor) -> Tensor:
            bright = pixels.mean((1, 2, 3))
            return torch.nn.functional.normalize(torch.stack([bright, 1.0 - bright, 0 * bright], dim=-1), dim=-1)

    encoder = Darkness({"photo": (0.0, 1.0, 0.0)})
    novel = NovelViews(sphere_views, encoder, RenderSettings(), CPU)
    field = build_field(HASH, seed=0)
    optimizer = torch.optim.Adam(field.sdf_network.parameters(), lr=2e-3)
    generator = torch.Generator().manual_seed(0)
    x = 0.5 * torch.nn.functional.normalize(torch.randn(200, 3, generator=generator), dim=-1)
    before = field.sdf(x).mean().item()
    for _ in range(10):
        optimizer.zero_grad()
        clip_loss(novel.see(field, generator, 12, 12), field, image=0.0, normals=0.0).backward()
        optimizer.step()
    assert field.sdf(x).mean().item() > before + 0.005


@pytest.mark.parametrize("settings", [HASH, CASCADE], ids=["hash", "cascade"])
def test_the_gradient_through_the_render_is_that_of_finite_differences(
    sphere_views: ObjectViews, settings: FieldSettings, clip_folder: Path
) -> None:
    """Colour and normal render, resampling and a (tiny) real network included; along random directions."""
    clip = load_clip(Weights(str(clip_folder)), "cpu")
    novel = NovelViews(sphere_views, clip, RenderSettings(perturb=False), CPU)
    field = build_field(settings, seed=1)
    occupancy = find_occupancy(field, CPU)
    place = draw_place(Cameras.of(sphere_views, CPU), UP, occupancy, torch.Generator().manual_seed(5))
    wanted = novel.see(field, torch.Generator().manual_seed(0), 8, 8).wanted

    def loss() -> Tensor:
        features = clip.images(torch.stack(novel.render(field, place, occupancy, None, 12, 24)))
        return clip_loss(NovelView(features[0], features[1], wanted), field)

    value = loss()
    value.backward()
    assert 0.0 < value.item() < 2.0
    generator = torch.Generator().manual_seed(2)
    for group in (field.sdf_network, field.color_network):
        parameters = [p for p in group.parameters() if p.grad is not None]
        gradient = torch.cat([p.grad.flatten() for p in parameters])
        # Half of it steepest, or the slope would drown in the curvature.
        random = torch.randn(len(gradient), generator=generator)
        direction = 5e-3 * (gradient / gradient.norm() + random / random.norm())
        start, ends = torch.nn.utils.parameters_to_vector(parameters).detach(), []
        for sign in (1.0, -1.0):
            torch.nn.utils.vector_to_parameters(start + sign * direction, parameters)
            ends.append(loss().item())
        torch.nn.utils.vector_to_parameters(start, parameters)
        assert float(gradient @ direction) == pytest.approx((ends[0] - ends[1]) / 2.0, rel=0.03)


def settings_of(field: FieldSettings, phase: PhaseSettings = PHASE) -> FitSettings:
    render = RenderSettings(samples=6, upsamples=4, upsample_steps=2)
    return FitSettings(field=field, render=render, phases={"phase0": phase}, checkpoint_every=3, log_every=2)


@pytest.mark.parametrize("real", [False, True], ids=["planted", "clip"])
def test_a_fit_with_the_clip_loss_goes_on_bit_for_bit(
    sphere_views: ObjectViews, tmp_path: Path, real: bool, clip_folder: Path
) -> None:
    def encoder() -> ImageTextEncoder:
        return load_clip(Weights(str(clip_folder)), "cpu") if real else PlantedEncoder({})

    settings = settings_of(CASCADE if real else HASH)
    whole = fit(sphere_views, settings, tmp_path / "whole", seed=3, clip=encoder())
    fit(sphere_views, settings, tmp_path / "broken", seed=3, clip=encoder())
    checkpoint_paths(tmp_path / "broken" / "checkpoints")[8].unlink()  # as if it had stopped after 6 steps
    broken = fit(sphere_views, settings, tmp_path / "broken", seed=3, clip=encoder())
    for (key, one), other in zip(whole.state_dict().items(), broken.state_dict().values(), strict=True):
        assert torch.equal(one, other), key
    logs = [(tmp_path / name / "logs" / "losses.jsonl").read_text() for name in ("whole", "broken")]
    assert logs[0] == logs[1]
    told = [json.loads(line)["clip"] for line in logs[0].splitlines()]
    assert len(told) == 4
    assert all(value > 0 for value in told), "the log's steps are among those at which it looks"


def test_a_clip_loss_without_a_network_is_refused_before_anything_is_done(
    sphere_views: ObjectViews, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"fit\.phases\.phase0\.losses\.clip: needs CLIP's weights"):
        fit(sphere_views, settings_of(HASH), tmp_path)
    assert list(tmp_path.iterdir()) == []
    unasked = dataclasses.replace(PHASE, losses={"color": 1.0}, steps=1)
    encoder = PlantedEncoder({})
    fit(sphere_views, settings_of(HASH, unasked), tmp_path, clip=encoder)
    assert encoder.encoded == [], "nobody asked for it"
