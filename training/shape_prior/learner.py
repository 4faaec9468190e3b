"""The completion network while it learns: one step at a time, to be put down and taken up again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.completion_net import CompletionNet, CompletionNetSettings, half_precision, load_completion_net
from scene.errors import UserError
from scene.files import atomic_file, fingerprint
from training.checkpoint import (
    Checkpoint,
    newest_checkpoint,
    optimizer_tensors,
    refuse_other_run,
    remove_superseded,
    restore_optimizer,
    write_checkpoint,
)
from training.shape_prior.generate import HELD_OUT, ROOMS_OF_A_SEED
from training.shape_prior.kinds import KINDS
from training.shape_prior.look import CHANNELS
from training.shape_prior.objective import completion_loss
from training.shape_prior.pool import Batch

_MOST_NORM = 1.0  # of the gradient


@dataclass(frozen=True)
class TrainSettings:
    """How the network is trained."""

    steps: int = 40_000  # in all
    minutes: float | None = None  # a run stops after so many, and its rate falls to its end over them
    seed: int = 0  # of network, batches and rooms
    learning_rate: float = 1e-3  # AdamW's, at its highest
    warm_up_steps: int = 500  # until then
    weight_decay: float = 1e-4
    averaging: float = 0.999  # of the weights that are kept
    only_kinds: bool = False  # learn what kinds of things change and nothing else: what has no kind stays as it is
    cells: int = 1_200_000  # in a batch, about
    most_samples: int = 20_000  # held at once, about 5 MB each
    held_out_rooms: int = 10  # that only score
    score_every: int = 2000  # steps between scores and checkpoints

    def __post_init__(self) -> None:
        if min(self.steps, self.most_samples, self.held_out_rooms, self.score_every, self.cells) < 1:
            raise ValueError("steps, samples, held-out rooms and cells must be at least 1")
        if not 0 <= self.seed < HELD_OUT // ROOMS_OF_A_SEED:
            raise ValueError(
                f"the seed must lie from 0 to {HELD_OUT // ROOMS_OF_A_SEED - 1}: others' rooms are held out"
            )
        if self.learning_rate <= 0 or (self.minutes is not None and self.minutes <= 0):
            raise ValueError("learning rate and minutes must be positive")

    def rate(self, step: int, share: float) -> float:
        """Even rise, then half a cosine over the ``share`` of the training that is done, down to a hundredth."""
        if step < self.warm_up_steps:
            return self.learning_rate * (step + 1) / self.warm_up_steps
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * share))))


class Learner:
    """Network, running average of its weights (which is what is kept), optimiser, and what they have seen so far."""

    def __init__(self, settings: TrainSettings, device: torch.device) -> None:
        self._settings, self.device = settings, device
        size = CompletionNetSettings(CHANNELS, KINDS)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self._net = _on_device(CompletionNet(size), device)
        self.average = _on_device(CompletionNet(size), device)
        self.average.load_state_dict(self._net.state_dict())
        learned = self._net.kind.parameters() if settings.only_kinds else self._net.parameters()
        self._net.requires_grad_(not settings.only_kinds).kind.requires_grad_(True)
        self._optimizer = torch.optim.AdamW(learned, settings.learning_rate, weight_decay=settings.weight_decay)
        self.step, self.rooms, self.seconds = 0, 0, 0.0
        self._began_with: str | None = None

    def learn(self, batch: Batch, share: float) -> Tensor:
        """One step on a batch of ``Pool``, ``share`` of the training being done; returns the loss."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.rate(self.step, share)
        channels = (batch.channels.float() / 127).contiguous(memory_format=torch.channels_last_3d)
        target = batch.target.float() / 127
        with half_precision(self.device):
            prediction, logit = self._net(channels, batch.kind)
        loss = completion_loss(prediction, logit, channels, target, batch.there)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._net.parameters(), _MOST_NORM)
        self._optimizer.step()
        self.step += 1
        keep = min(self._settings.averaging, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            for kept, new in zip(self.average.parameters(), self._net.parameters(), strict=True):
                kept.lerp_(new, 1.0 - keep)
        return loss.detach()

    def begin_with(self, weights: Path) -> None:
        """Start from weights that another training left.  Raises UserError when they are not of this network."""
        given = load_completion_net(weights)
        self._began_with = fingerprint(0, [weights])
        if given.settings != self._net.settings:
            raise UserError(f"{weights}: is a network of another size; train from scratch (leave out --begin-with)")
        for net in (self._net, self.average):
            net.load_state_dict(given.state_dict())

    def save(self, folder: Path) -> None:
        """Write all that is needed to go on, and drop what was written two times before."""
        tensors = {f"net/{name}": value for name, value in self._net.state_dict().items()}
        tensors |= {f"average/{name}": value for name, value in self.average.state_dict().items()}
        tensors |= optimizer_tensors(self._optimizer)
        tensors["progress"] = torch.tensor([self.rooms, self.seconds], dtype=torch.float64)
        write_checkpoint(folder, Checkpoint("completion", self.step, self.step, self._identity(), tensors))
        remove_superseded(folder, self.step, ())

    def resume(self, folder: Path) -> None:
        """Go on from the folder's newest checkpoint, if any.  Raises UserError when other settings made it."""
        found = newest_checkpoint(folder)
        if found is None:
            return
        refuse_other_run(found.run, self._identity(), folder)
        for prefix, net in (("net/", self._net), ("average/", self.average)):
            net.load_state_dict({k.removeprefix(prefix): v for k, v in found.tensors.items() if k.startswith(prefix)})
        restore_optimizer(self._optimizer, found.tensors)
        self.step, self.seconds = found.total_step, float(found.tensors["progress"][1])
        self.rooms = int(found.tensors["progress"][0])

    def write_weights(self, path: Path) -> None:
        """The averaged weights, in half precision."""
        half = {name: value.half().contiguous().cpu() for name, value in self.average.state_dict().items()}
        with atomic_file(path) as temporary:
            save_file(half, temporary)

    def _identity(self) -> dict[str, Any]:
        """What a run that goes on must share with the one before; how long it lasts and what it holds may differ."""
        settings = asdict(self._settings)
        for name in ("steps", "minutes", "most_samples", "held_out_rooms", "score_every"):
            del settings[name]
        network = json.loads(json.dumps(asdict(self._net.settings)))  # tuples become lists, as in the file
        return {"network": network, "training": settings, "began_with": self._began_with}


def _on_device(net: CompletionNet, device: torch.device) -> CompletionNet:
    return net.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
