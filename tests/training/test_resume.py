"""Going on bit for bit, from rays and from points; what a damaged or foreign checkpoint does."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from models.fields import ObjectField
from models.records import PointBatch, PointKind
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
from training.batches import RayBatches
from training.checkpoint import checkpoint_paths, read_checkpoint, write_checkpoint
from training.settings import FitSettings, LossSettings, PhaseSettings, RaySettings
from training.trainer import fit, fitted

HASH = FieldSettings(
    hash=HashSdfSettings(grid=HashGridSettings(levels=3, log2_table=10, finest_resolution=32), hidden=16),
    color=ColorSettings(width=16),
)
CASCADE = FieldSettings(
    network="cascade", cascade=CascadeSdfSettings(coarse_width=32, fine_width=32), color=ColorSettings(width=16)
)
RAYS = PhaseSettings(
    batches="rays",
    steps=8,
    count=12,
    losses={"color": 1.0, "mask": LossSettings(5.0, start_step=1, warm_up_steps=3), "eikonal": 0.1},
    learning_rate=1e-3,
    warm_up_steps=2,
    final_factor=0.1,
)
POINTS = PhaseSettings(
    batches="points",
    steps=8,
    count=64,
    losses={"point_sdf": 1.0, "point_eikonal": LossSettings(0.1, options={"count": 32})},
    learning_rate=5e-3,
    table_learning_rate=1e-2,
    open_levels_steps=6,
)


class BallPoints:
    """Signed distances to a ball of radius 0.6."""

    def draw(self, count: int, generator: torch.Generator) -> PointBatch:
        x = torch.rand(count, 3, generator=generator) * 2.0 - 1.0
        kind = torch.full((count,), int(PointKind.SURFACE))
        return PointBatch(x, x.norm(dim=1) - 0.6, torch.ones(count), kind)


def settings_of(field: FieldSettings, *phases: PhaseSettings, every: int = 4) -> FitSettings:
    render = RenderSettings(samples=6, upsamples=4, upsample_steps=2)
    named = {f"phase{k}": phase for k, phase in enumerate(phases)}
    return FitSettings(field=field, render=render, phases=named, checkpoint_every=every, log_every=2)


def run(views: ObjectViews, settings: FitSettings, folder: Path, seed: int = 3, resume: bool = True) -> ObjectField:
    sources = {"points": BallPoints, "rays": lambda: RayBatches(views, settings.rays)}
    return fit(views, settings, folder, seed=seed, resume=resume, sources=sources)


def assert_same_bits(one: ObjectField, other: ObjectField) -> None:
    first, second = one.state_dict(), other.state_dict()
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert torch.equal(value, second[key]), key


@pytest.mark.parametrize("field", [HASH, CASCADE], ids=["hash", "cascade"])
@pytest.mark.parametrize("phase", [RAYS, POINTS], ids=["rays", "points"])
def test_2n_steps_equal_n_an_interruption_and_n(
    sphere_views: ObjectViews, tmp_path: Path, field: FieldSettings, phase: PhaseSettings
) -> None:
    settings = settings_of(field, phase)
    whole = run(sphere_views, settings, tmp_path / "whole")
    run(sphere_views, settings, tmp_path / "broken")
    # As if it had stopped after the first 4 steps.
    folder = tmp_path / "broken" / "checkpoints"
    assert list(checkpoint_paths(folder)) == [8, 4]
    checkpoint_paths(folder)[8].unlink()
    broken = run(sphere_views, settings, tmp_path / "broken")
    assert_same_bits(whole, broken)
    last, again = (read_checkpoint(checkpoint_paths(tmp_path / n / "checkpoints")[8]) for n in ("whole", "broken"))
    assert last.tensors.keys() == again.tensors.keys()
    assert all(torch.equal(value, again.tensors[key]) for key, value in last.tensors.items())
    log = (tmp_path / "broken" / "logs" / "losses.jsonl").read_text().splitlines()
    assert len(log) == 4
    assert (tmp_path / "whole" / "logs" / "losses.jsonl").read_text().splitlines() == log


def test_interruption_between_steps_goes_on_from_the_last_checkpoint(sphere_views: ObjectViews, tmp_path: Path) -> None:
    class Failing(BallPoints):
        drawn = 0

        def draw(self, count: int, generator: torch.Generator) -> PointBatch:
            self.drawn += 1
            if self.drawn == 7:
                raise KeyboardInterrupt
            return super().draw(count, generator)

    settings = settings_of(HASH, POINTS)
    with pytest.raises(KeyboardInterrupt):
        fit(sphere_views, settings, tmp_path / "broken", seed=3, sources={"points": Failing})
    assert list(checkpoint_paths(tmp_path / "broken" / "checkpoints")) == [4]
    assert_same_bits(run(sphere_views, settings, tmp_path / "whole"), run(sphere_views, settings, tmp_path / "broken"))


def test_same_seed_same_bits_other_seed_others(sphere_views: ObjectViews, tmp_path: Path) -> None:
    settings = settings_of(HASH, POINTS)
    one, two, other = (
        run(sphere_views, settings, tmp_path / name, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert_same_bits(one, two)
    assert not torch.equal(one.sdf_network.hidden.weight, other.sdf_network.hidden.weight)


def test_a_second_stage_goes_on_from_the_first(sphere_views: ObjectViews, tmp_path: Path) -> None:
    """Two phases at once, and the second added to a finished first: the same bits; the first one's end is kept."""
    second = dataclasses.replace(RAYS, learning_rate=5e-4, keep_optimizer=True, schedule_offset=8)
    first_only, both = settings_of(CASCADE, RAYS, every=3), settings_of(CASCADE, RAYS, second, every=3)
    at_once = run(sphere_views, both, tmp_path / "at_once")
    run(sphere_views, first_only, tmp_path / "staged")
    staged = run(sphere_views, both, tmp_path / "staged", resume=False)
    assert_same_bits(at_once, staged)
    folder = tmp_path / "staged" / "checkpoints"
    assert list(checkpoint_paths(folder)) == [16, 14, 8]
    # The first stage's settings still find their own end, and leave the second's checkpoints alone.
    _, steps = fitted(sphere_views, first_only, tmp_path / "staged", seed=3)
    assert steps == 8
    run(sphere_views, first_only, tmp_path / "staged")
    assert list(checkpoint_paths(folder)) == [16, 14, 8]


def test_without_resume_the_last_phase_begins_anew(sphere_views: ObjectViews, tmp_path: Path) -> None:
    settings = settings_of(HASH, POINTS)
    run(sphere_views, settings, tmp_path)
    checkpoint = checkpoint_paths(tmp_path / "checkpoints")[8]
    before = checkpoint.stat().st_mtime_ns
    run(sphere_views, settings, tmp_path)
    assert checkpoint.stat().st_mtime_ns == before
    run(sphere_views, settings, tmp_path, resume=False)
    assert checkpoint.stat().st_mtime_ns > before


WIDER = dataclasses.replace(HASH, hash=dataclasses.replace(HASH.hash, hidden=8))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("fit.field.hash.hidden = 16, this run has 8", {"field": WIDER}),
        ("fit.phases.phase0.learning_rate", {"phases": {"phase0": dataclasses.replace(POINTS, learning_rate=1e-4)}}),
        ("fit.rays.object_share = 0.5, this run has 0.25", {"rays": RaySettings(object_share=0.25)}),
        ("the phase = phase0, this run has geometry", {"phases": {"geometry": POINTS}}),
    ],
)
def test_other_settings_are_refused_by_name(
    sphere_views: ObjectViews, tmp_path: Path, name: str, change: dict[str, Any]
) -> None:
    settings = settings_of(HASH, POINTS)
    run(sphere_views, settings, tmp_path)
    with pytest.raises(UserError, match=name):
        run(sphere_views, dataclasses.replace(settings, **change), tmp_path)


def test_other_seeds_and_other_views_are_refused(
    sphere_views: ObjectViews, box_views: ObjectViews, tmp_path: Path
) -> None:
    settings = settings_of(HASH, POINTS)
    run(sphere_views, settings, tmp_path)
    with pytest.raises(UserError, match="seed = 3, this run has 4"):
        run(sphere_views, settings, tmp_path, seed=4)
    with pytest.raises(UserError, match="views"):
        run(box_views, settings, tmp_path)


def test_how_often_it_saves_and_logs_may_change(sphere_views: ObjectViews, tmp_path: Path) -> None:
    settings = settings_of(HASH, POINTS)
    run(sphere_views, settings, tmp_path)
    run(sphere_views, dataclasses.replace(settings, checkpoint_every=5, log_every=7), tmp_path)


@pytest.mark.parametrize("kept_bytes", [0, 7, 1000, -1])
def test_a_damaged_checkpoint_is_named_and_the_one_before_taken(
    sphere_views: ObjectViews, tmp_path: Path, kept_bytes: int, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_of(HASH, POINTS)
    whole = run(sphere_views, settings, tmp_path)
    newest = checkpoint_paths(tmp_path / "checkpoints")[8]
    newest.write_bytes(newest.read_bytes()[:kept_bytes])
    with pytest.raises(UserError, match="not a whole checkpoint"):
        read_checkpoint(newest)
    with caplog.at_level(logging.WARNING):
        again = run(sphere_views, settings, tmp_path)
    assert newest.name in caplog.text
    assert_same_bits(whole, again)
    assert read_checkpoint(newest).phase_step == 8


def test_a_checkpoint_of_another_version_is_refused(sphere_views: ObjectViews, tmp_path: Path) -> None:
    settings = settings_of(HASH, POINTS)
    run(sphere_views, settings, tmp_path)
    folder = tmp_path / "checkpoints"
    newest = read_checkpoint(checkpoint_paths(folder)[8])
    tensors = {key.replace("hidden", "first"): value for key, value in newest.tensors.items()}
    write_checkpoint(folder, dataclasses.replace(newest, tensors=tensors))
    with pytest.raises(UserError, match="written by another version"):
        run(sphere_views, settings, tmp_path)


def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "ckpt_0000001.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(UserError, match="not a whole checkpoint"):
        read_checkpoint(path)
    with pytest.raises(UserError, match="ckpt_0000002"):
        read_checkpoint(tmp_path / "ckpt_0000002.safetensors")


def test_a_fit_that_diverges_says_so_and_keeps_no_checkpoint(sphere_views: ObjectViews, tmp_path: Path) -> None:
    class Endless(BallPoints):
        def draw(self, count: int, generator: torch.Generator) -> PointBatch:
            return dataclasses.replace(super().draw(count, generator), sdf=torch.full((count,), torch.nan))

    with pytest.raises(UserError, match=r"point_sdf is nan at step 2.*fit\.phases\.phase0\.learning_rate"):
        fit(sphere_views, settings_of(HASH, POINTS), tmp_path, sources={"points": Endless})
    assert not checkpoint_paths(tmp_path / "checkpoints")


def test_no_phases_and_no_checkpoint_are_said_plainly(sphere_views: ObjectViews, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no fit\.phases"):
        run(sphere_views, FitSettings(), tmp_path)
    with pytest.raises(UserError, match="train the object first"):
        fitted(sphere_views, settings_of(HASH, POINTS), tmp_path)


def test_a_fitted_field_is_read_without_the_losses_that_it_was_fitted_with(
    sphere_views: ObjectViews, tmp_path: Path
) -> None:
    """Weights that one of them needs may be gone since; the fit itself goes on with the same losses only."""
    whole = run(sphere_views, settings_of(HASH, RAYS), tmp_path)
    fewer = settings_of(HASH, dataclasses.replace(RAYS, losses={"color": 1.0}))
    field, steps = fitted(sphere_views, fewer, tmp_path, seed=3)
    assert steps == RAYS.steps
    x = torch.zeros(1, 3)
    assert torch.equal(field.sdf(x), whole.sdf(x))
    with pytest.raises(UserError, match="losses"):
        run(sphere_views, fewer, tmp_path)
    with pytest.raises(UserError, match="learning_rate"):
        fitted(sphere_views, settings_of(HASH, dataclasses.replace(RAYS, learning_rate=2e-3)), tmp_path, seed=3)
