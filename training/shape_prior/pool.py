"""Training samples in memory, and batches of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int, Int8
from torch import Tensor

from training.shape_prior.kinds import KINDS, NAMELESS, kind_of
from training.shape_prior.rooms import Sample

_MOST_IN_BATCH = 24
_SIDE = 8  # batches' sides are multiples of this, the network's own, so that few sizes occur
_UNLABELLED, _WRONG = 0.3, 0.03  # shares of samples without their kind, or with any other
_FAR = 127  # the target where there is no cell: outside, at the largest distance


@dataclass(frozen=True)
class Batch:
    """Samples side by side on one grid."""

    channels: Int8[Tensor, "b c x y z"]  # in 127ths
    kind: Int[Tensor, " b"]
    target: Int8[Tensor, "b x y z"]  # in 127ths of DISTANCE_M
    there: Bool[Tensor, "b x y z"]  # where the samples have cells at all


class Pool:
    """At most ``most`` samples, the newest, on the training device, as bytes."""

    def __init__(self, device: torch.device, most: int) -> None:
        self._device, self._most = device, most
        self._samples: list[tuple[Tensor, Tensor, int]] = []
        self._order: list[int] = []  # by size
        self._replaced = 0

    def __len__(self) -> int:
        return len(self._samples)

    def add(self, sample: Sample) -> None:
        """Take a sample in; where the pool is full, the oldest gives way."""
        channels, target = (torch.from_numpy(a).to(self._device) for a in (sample.channels, sample.target))
        held = channels, target, kind_of(sample.label)
        if len(self._samples) < self._most:
            self._samples.append(held)
        else:
            self._samples[self._replaced % self._most] = held
            self._replaced += 1
        self._order = []

    def batch(self, cells: int, rng: np.random.Generator) -> Batch:
        """Samples of about one size, mirrored and turned; the kinds of some are kept back, or wrong, as in scans.

        As many samples as hold about ``cells`` cells, one at least.
        """
        if not self._order:
            self._order = sorted(range(len(self)), key=lambda i: self._samples[i][1].numel())
        at = int(rng.integers(len(self)))
        size = self._samples[self._order[at]][1].numel()
        count = max(1, min(_MOST_IN_BATCH, round(cells / size), len(self)))
        first = max(0, min(at - int(rng.integers(count)), len(self) - count))
        chosen = [self._samples[i] for i in self._order[first : first + count]]
        kinds = torch.tensor([_as_labelled(kind, rng) for _, _, kind in chosen], device=self._device)
        return self._stacked([_turned(channels, target, rng) for channels, target, _ in chosen], kinds)

    def _stacked(self, chosen: list[tuple[Tensor, Tensor]], kinds: Tensor) -> Batch:
        count = len(chosen)
        shape = [max(-(-target.shape[axis] // _SIDE) * _SIDE for _, target in chosen) for axis in range(3)]
        channels = torch.zeros((count, chosen[0][0].shape[0], *shape), dtype=torch.int8, device=self._device)
        target = torch.full((count, *shape), _FAR, dtype=torch.int8, device=self._device)
        there = torch.zeros((count, *shape), dtype=torch.bool, device=self._device)
        for i, (own_channels, own_target) in enumerate(chosen):
            x, y, z = own_target.shape
            channels[i, :, :x, :y, :z] = own_channels
            target[i, :x, :y, :z] = own_target
            there[i, :x, :y, :z] = True
        return Batch(channels, kinds, target, there)


def _as_labelled(kind: int, rng: np.random.Generator) -> int:
    """The kind that a scan would give."""
    draw = rng.random()
    return NAMELESS if draw < _UNLABELLED else int(rng.integers(KINDS)) if draw < _UNLABELLED + _WRONG else kind


def _turned(channels: Tensor, target: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """One of the eight ways in which the grid's x and y axes can be named and directed."""
    for axis in (0, 1):
        if rng.random() < 0.5:
            channels, target = channels.flip(axis + 1), target.flip(axis)
    if rng.random() < 0.5:
        channels, target = channels.transpose(1, 2), target.transpose(0, 1)
    return channels, target
