"""Schedules against the published numbers and by hand."""

from __future__ import annotations

from typing import Any

import pytest

from training.schedule import learning_rate_factor, level_progress, loss_weight
from training.settings import LossSettings, PhaseSettings


def phase(**changes: Any) -> PhaseSettings:
    values: dict[str, Any] = dict(batches="rays", steps=100, count=1, losses={"color": 1.0}, learning_rate=1e-3)
    return PhaseSettings(**{**values, **changes})


def test_warm_up_rises_evenly_and_cosine_ends_at_the_final_factor() -> None:
    published = phase(steps=50_010, warm_up_steps=5_000, final_factor=0.05)
    assert learning_rate_factor(published, 0) == pytest.approx(1 / 5000)
    assert learning_rate_factor(published, 2499) == pytest.approx(0.5)
    assert learning_rate_factor(published, 5000) == pytest.approx(1.0)
    middle = 5000 + (50_009 - 5000) // 2
    assert learning_rate_factor(published, middle) == pytest.approx(0.525, abs=1e-4)
    assert learning_rate_factor(published, 50_009) == pytest.approx(0.05)


def test_two_stages_with_an_offset_follow_one_schedule() -> None:
    whole = phase(steps=50_010, warm_up_steps=5_000, final_factor=0.05)
    second = phase(steps=30_000, warm_up_steps=5_000, final_factor=0.05, schedule_offset=20_010)
    for step in (0, 1, 777, 29_999):
        assert learning_rate_factor(second, step) == pytest.approx(learning_rate_factor(whole, 20_010 + step))


def test_a_constant_rate_stays_and_a_single_step_is_allowed() -> None:
    assert {learning_rate_factor(phase(), step) for step in range(100)} == {1.0}
    assert learning_rate_factor(phase(steps=1, final_factor=0.1), 0) == pytest.approx(0.1)


def test_loss_weights_start_and_rise() -> None:
    normal = LossSettings(2.0, start_step=10, warm_up_steps=4)
    assert [loss_weight(normal, step) for step in (9, 10, 11, 12, 13, 14)] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]
    assert loss_weight(LossSettings(3.0), 0) == 3.0


def test_levels_open_evenly() -> None:
    opening = phase(open_levels_steps=50)
    assert [level_progress(opening, step) for step in (0, 25, 50, 99)] == [0.0, 0.5, 1.0, 1.0]
    assert level_progress(phase(), 0) == 1.0


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"count": 0}, {"learning_rate": 0.0}, {"final_factor": 1.5}, {"losses": {}}]
)
def test_senseless_phases_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a phase needs"):
        phase(**wrong)
