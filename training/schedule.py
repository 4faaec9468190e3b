"""How learning rates, loss weights and hash levels change over a phase.

All steps are counted from 0 within the phase, plus the phase's ``schedule_offset``.
"""

from __future__ import annotations

import math

from training.settings import LossSettings, PhaseSettings


def learning_rate_factor(phase: PhaseSettings, step: int) -> float:
    """The share of the learning rate at ``step``: a linear warm-up from 0, then a half cosine to ``final_factor``.

    As NeuS (Wang et al. 2021) has it; the last step of the phase is where the cosine ends.
    """
    position = step + phase.schedule_offset
    if position < phase.warm_up_steps:
        return (position + 1) / phase.warm_up_steps
    falling = phase.schedule_offset + phase.steps - 1 - phase.warm_up_steps
    fallen = min((position - phase.warm_up_steps) / falling, 1.0) if falling > 0 else 1.0
    return phase.final_factor + (1.0 - phase.final_factor) * 0.5 * (1.0 + math.cos(math.pi * fallen))


def loss_weight(loss: LossSettings, step: int) -> float:
    """The term's weight at ``step`` (schedule offset included); 0 means that it need not be computed."""
    since_start = step - loss.start_step
    if since_start < 0:
        return 0.0
    if since_start < loss.warm_up_steps:
        return loss.weight * (since_start + 1) / loss.warm_up_steps
    return loss.weight


def level_progress(phase: PhaseSettings, step: int) -> float:
    """How far the hash levels are open at ``step``, for ``ObjectField.set_progress``."""
    if step >= phase.open_levels_steps:
        return 1.0
    return step / phase.open_levels_steps
