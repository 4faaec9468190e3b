"""A phase that does not move the distance network leaves the surface where the phases before it put it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.settings import FieldSettings, HashGridSettings, HashSdfSettings, RenderSettings
from scene.config import load
from scene.records import ObjectViews
from settings import Settings
from training.batches import RayBatches
from training.settings import FitSettings, PhaseSettings
from training.trainer import Trainer

ROOT = Path(__file__).resolve().parents[2]
FIELD = FieldSettings(hash=HashSdfSettings(grid=HashGridSettings(levels=3, log2_table=10, finest_resolution=32)))


def colored(views: ObjectViews, folder: Path, held: float | None) -> tuple[Trainer, dict[str, torch.Tensor]]:
    """A few steps on colour and depth; the trainer and its parameters before them."""
    phase = PhaseSettings(
        batches="rays",
        steps=4,
        count=16,
        losses={"color": 1.0, "truncated_sdf": 1.0, "eikonal": 0.1},
        learning_rate=1e-2,
        table_learning_rate=held,
        sdf_learning_rate=held,
    )
    settings = FitSettings(field=FIELD, render=RenderSettings(samples=6, upsamples=0), phases={"colour": phase})
    trainer = Trainer(views, settings, folder, "cpu", seed=0)
    before = {key: value.clone() for key, value in trainer.field.state_dict().items()}
    trainer.run({"rays": lambda: RayBatches(views, settings.rays)})
    return trainer, before


def test_a_rate_of_nought_holds_the_surface_bit_for_bit(sphere_views: ObjectViews, tmp_path: Path) -> None:
    trainer, before = colored(sphere_views, tmp_path, held=0.0)
    moved = {key for key, value in trainer.field.state_dict().items() if not torch.equal(value, before[key])}
    assert not {key for key in moved if key.startswith("sdf_network")}
    assert any(key.startswith("color_network") for key in moved)


def test_without_it_the_surface_moves(sphere_views: ObjectViews, tmp_path: Path) -> None:
    trainer, before = colored(sphere_views, tmp_path, held=None)
    moved = {key for key, value in trainer.field.state_dict().items() if not torch.equal(value, before[key])}
    assert any(key.startswith("sdf_network.grid") for key in moved)
    assert any(key.startswith("sdf_network.hidden") for key in moved)


def test_a_negative_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        PhaseSettings("rays", steps=1, count=1, losses={"color": 1.0}, learning_rate=1e-3, sdf_learning_rate=-1.0)


def test_the_default_fits_geometry_to_averaged_depth_alone() -> None:
    """Single views disagree by a centimetre or two: on a real scan they took thin parts away again."""
    phases = load(ROOT / "confs" / "fast.conf", Settings).fit.phases.values()
    assert {phase.batches for phase in phases} == {"points", "rays"}
    assert all(phase.rate_of("grid") == phase.rate_of("sdf") == 0 for phase in phases if phase.batches == "rays")
