"""The fit: phases one after another, each drawing batches and stepping along the sum of its losses.

Everything random comes from one generator, whose state every checkpoint holds: 2N steps give the same bits as N steps,
an interruption and N more (on a CPU; a GPU's scattered sums have no fixed order).
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.fields import ObjectField, build_field
from models.losses import loss_term
from models.pretrained.encoder import ImageTextEncoder
from models.records import PointBatch, RayBatch, Step
from models.renderer import render
from scene.errors import UserError
from scene.records import ObjectViews
from scene.runlog import log, progress
from training.batches import BatchSource, RayBatches
from training.checkpoint import (
    Checkpoint,
    newest_checkpoint,
    optimizer_tensors,
    refusal,
    refuse_other_run,
    remove_superseded,
    restore_optimizer,
    run_identity,
    views_digest,
    without_losses,
    write_checkpoint,
)
from training.loss_log import LossLog
from training.novel_views import NovelViews, wanted_novel_views
from training.points import PointBatches
from training.schedule import learning_rate_factor, level_progress, loss_weight
from training.settings import FitSettings, LossSettings, PhaseSettings

Sources = Mapping[str, Callable[[], BatchSource]]  # by PhaseSettings.batches
Terms = Sequence[tuple[str, LossSettings, Callable[[Step], Tensor]]]


def fit(
    views: ObjectViews,
    settings: FitSettings,
    folder: Path,
    device: torch.device | str = "cpu",
    seed: int = 0,
    resume: bool = True,
    sources: Sources | None = None,
    clip: ImageTextEncoder | None = None,
) -> ObjectField:
    """Run all phases of ``settings`` on one object and return its field.

    Writes ``folder/checkpoints``, ``folder/logs``, and beside them what evidence it used (``training.grounds``).  With
    ``resume`` it goes on from the newest whole checkpoint; without, the last phase begins anew, and the phases before
    it only where no checkpoint holds their end.
    ``sources`` take the place of the batches made from the views; ``clip`` is what the loss of that name sees with.
    Raises UserError on checkpoints of other settings, losses that do not exist or lack their network, and a loss that
    is not finite.
    """
    trainer = Trainer(views, settings, folder, device, seed)
    trainer.novel_views = wanted_novel_views(views, settings, clip, trainer.device)
    trainer.restore(resume)
    trainer.run(sources or default_sources(views, settings, trainer.device, seed, folder))
    return trainer.field


def fitted(
    views: ObjectViews, settings: FitSettings, folder: Path, device: torch.device | str = "cpu", seed: int = 0
) -> tuple[ObjectField, int]:
    """The field of the folder's newest checkpoint, and the steps it took.  Raises UserError where there is none."""
    trainer = Trainer(views, settings, folder, device, seed)
    trainer.restore(resume=True, to_fit=False)
    if trainer.total_step == 0:
        raise UserError(f"{folder / 'checkpoints'}: holds no checkpoint to go on from; train the object first")
    return trainer.field, trainer.total_step


def default_sources(
    views: ObjectViews, settings: FitSettings, device: torch.device, seed: int, folder: Path
) -> Sources:
    """Batches made from the object's views, each kind when a phase first asks for it."""
    return {
        "points": lambda: PointBatches.of(views, settings, device, seed, folder),
        "rays": lambda: RayBatches(views, settings.rays, device),
    }


class Trainer:
    """A fit in progress: field, optimiser, generator, and how far they have come."""

    def __init__(
        self, views: ObjectViews, settings: FitSettings, folder: Path, device: torch.device | str, seed: int
    ) -> None:
        if not settings.phases:
            raise UserError("the configuration has no fit.phases; start from one in confs/, such as confs/fast.conf")
        self.settings = settings
        self.device = torch.device(device)
        self.field = build_field(settings.field, seed).to(self.device)
        self.total_step = 0
        self.novel_views: NovelViews | None = None  # for the losses that look at some
        self._generator = torch.Generator(self.device).manual_seed(seed)
        # An entry of a hash table is met rarely and by small gradients; the usual epsilon would hold it back.
        groups = [
            {**group, "eps": 1e-15 if group["name"] == "grid" else 1e-8} for group in self.field.parameter_groups()
        ]
        self._optimizer = torch.optim.Adam(groups, lr=0.0, fused=True)
        self._checkpoints = folder / "checkpoints"
        self._log_path = folder / "logs" / "losses.jsonl"
        self._name = views.name
        self._seed = seed
        self._views = views_digest(views)

    def restore(self, resume: bool, to_fit: bool = True) -> None:
        """Take up the newest checkpoint: of any phase, or without ``resume`` of those before the last.

        Raises UserError where it is of another run; what losses it had matters only ``to_fit`` on.
        """
        names = list(self.settings.phases)
        checkpoint = newest_checkpoint(self._checkpoints, names if resume else names[:-1])
        if checkpoint is None:
            other = newest_checkpoint(self._checkpoints) if resume else None
            if other is not None:
                raise refusal(self._checkpoints, "the phase", other.phase, " or ".join(names))
            return
        there, here = checkpoint.run, self._identity(checkpoint.phase)
        if not to_fit:
            there, here = without_losses(there), without_losses(here)
        refuse_other_run(there, here, self._checkpoints)
        state = checkpoint.tensors
        try:
            self.field.load_state_dict({key[6:]: value for key, value in state.items() if key.startswith("field/")})
            restore_optimizer(self._optimizer, state)
            self._generator.set_state(state["generator"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise UserError(
                f"{self._checkpoints}: written by another version of this program ({str(error).splitlines()[0]}); "
                "delete these checkpoints to start anew"
            ) from error
        self._enter(self.settings.phases[checkpoint.phase])
        self.total_step = checkpoint.total_step

    def run(self, sources: Sources) -> None:
        """Run what is left of the phases."""
        made: dict[str, BatchSource] = {}
        end = 0
        for name, phase in self.settings.phases.items():
            end += phase.steps
            if self.total_step >= end:
                continue
            if phase.batches not in sources:
                raise UserError(f"fit.phases.{name}: nothing here draws {phase.batches}; set batches to another kind")
            if phase.batches not in made:
                made[phase.batches] = sources[phase.batches]()
            self._run_phase(name, made[phase.batches], first=self.total_step - (end - phase.steps))

    def _run_phase(self, name: str, source: BatchSource, first: int) -> None:
        """Steps ``first`` (0: the phase begins) to the last of one phase."""
        phase = self.settings.phases[name]
        if first == 0 and not phase.keep_optimizer:
            self._optimizer.state.clear()
        self._enter(phase)
        options = {loss: phase.loss(loss).options for loss in phase.losses}
        terms = [(loss, phase.loss(loss), term) for loss, term in loss_term.find(options).items()]
        begun, loss_log = time.monotonic(), LossLog(self._log_path, self.total_step)
        for step in progress(range(first, phase.steps), f"{self._name} {name}"):
            values = self._step(phase, terms, source, step)
            self.total_step += 1
            last = step + 1 == phase.steps
            saved = last or (step + 1) % self.settings.checkpoint_every == 0
            if last or self.total_step % self.settings.log_every == 0:
                loss_log.write(name, self.total_step, self._finite(name, values))
            if saved:
                self._save(name, step + 1)
            if saved and not last:
                left_s = (time.monotonic() - begun) / (step + 1 - first) * (phase.steps - step - 1)
                log.info("%s: %s, step %d of %d, %.0f s left", self._name, name, step + 1, phase.steps, left_s)

    def _enter(self, phase: PhaseSettings) -> None:
        """Set what a phase switches on or off in the field; what it does not move needs no gradients."""
        self.field.set_stage(fine_enabled=phase.fine_enabled, view_directions=phase.view_directions)
        for group in self._optimizer.param_groups:
            for parameter in group["params"]:
                parameter.requires_grad_(phase.rate_of(group["name"]) > 0)

    def _step(self, phase: PhaseSettings, terms: Terms, source: BatchSource, step: int) -> dict[str, Tensor]:
        """One iteration; returns the terms' unweighted values."""
        scheduled = step + phase.schedule_offset
        if step <= phase.open_levels_steps:
            self.field.set_progress(level_progress(phase, step))
        factor = learning_rate_factor(phase, step)
        for group in self._optimizer.param_groups:
            group["lr"] = factor * phase.rate_of(group["name"])
        record = self._evaluate(phase, source.draw(phase.count, self._generator), scheduled)
        values, total = {}, torch.zeros((), device=self.device)
        for name, loss, term in terms:
            weight = loss_weight(loss, scheduled)
            if weight > 0.0:
                values[name] = term(record)
                total = total + weight * values[name]
        self._optimizer.zero_grad(set_to_none=True)
        if total.requires_grad:
            total.backward()
            self._optimizer.step()
        return values

    def _evaluate(self, phase: PhaseSettings, batch: RayBatch | PointBatch, scheduled: int) -> Step:
        """What the field says of the batch, as the losses look at it."""
        step = Step(self.field, scheduled, self._generator)
        if self.novel_views is not None:
            step = replace(step, novel=partial(self.novel_views.see, self.field, self._generator))
        if isinstance(batch, RayBatch):
            cos_anneal = min(1.0, scheduled / phase.cos_anneal_steps) if phase.cos_anneal_steps else 1.0
            rendered = render(self.field, batch, self.settings.render, self._generator, cos_anneal)
            return replace(step, rays=batch, rendered=rendered)
        return replace(step, points=batch, point_sdf=self.field.sdf(batch.x))

    def _identity(self, phase: str) -> dict[str, Any]:
        """What a checkpoint taken in ``phase`` must have been made from to be continued here."""
        return run_identity(self.settings, phase, self._seed, self._views)

    def _finite(self, phase: str, values: Mapping[str, Tensor]) -> dict[str, float]:
        """The values as numbers.  Raises UserError when one is not finite."""
        numbers = {name: value.item() for name, value in values.items()}
        for name, number in numbers.items():
            if not math.isfinite(number):
                raise UserError(
                    f"{self._name}: {name} is {number} at step {self.total_step}, in phase {phase}; "
                    f"lower fit.phases.{phase}.learning_rate"
                )
        return numbers

    def _save(self, phase: str, phase_step: int) -> None:
        """Write the checkpoint of this moment.  Raises UserError when the field holds numbers that are none."""
        state = self.field.state_dict()
        self._finite(phase, {key: value.abs().max() for key, value in state.items()})
        tensors = {f"field/{key}": value for key, value in state.items()}
        tensors.update(optimizer_tensors(self._optimizer), generator=self._generator.get_state())
        run = self._identity(phase)
        write_checkpoint(self._checkpoints, Checkpoint(phase, phase_step, self.total_step, run, tensors))
        ends = list(itertools.accumulate(p.steps for p in self.settings.phases.values()))
        remove_superseded(self._checkpoints, self.total_step, ends)
