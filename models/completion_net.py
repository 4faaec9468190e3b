"""The network that supposes the surface nobody saw: a small 3D U-Net over a coarse grid of what was seen.

A U-Net (Ronneberger et al. 2015; Cicek et al. 2016) of residual blocks whose branches start at zero (Bachlechner et
al., "ReZero is all you need", 2021), so that it needs no normalisation: a cell's result depends on what lies within
reach, not on how much empty space the grid holds.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from scene.errors import UserError

WEIGHTS = Path(__file__).parent / "weights" / "completion.safetensors"
DISTANCE_M = 0.08  # the largest distance told


@dataclass(frozen=True)
class CompletionNetSettings:
    """Its size."""

    channels: int  # of the input
    kinds: int = 1  # of things, of which the input may be one; kind 0 is the unknown
    widths: tuple[int, ...] = (16, 32, 72, 104)  # features at each scale, finest first
    # Residual blocks at each scale, going down (not at the finest) and up (two at most).
    blocks: tuple[int, ...] = (1, 2, 3, 3)

    def __post_init__(self) -> None:
        if self.channels < 1 or len(self.widths) != len(self.blocks) or min(*self.widths, *self.blocks) < 1:
            raise ValueError("a completion network needs channels >= 1, and as many widths as blocks, all >= 1")
        if self.kinds < 1:
            raise ValueError("a completion network needs kinds >= 1: the unknown is one")


class CompletionNet(nn.Module):
    """Input channels on a grid to signed distance and its sureness on the same grid."""

    def __init__(self, settings: CompletionNetSettings) -> None:
        super().__init__()
        self.settings = settings
        widths, blocks = settings.widths, settings.blocks
        self.stem = nn.Conv3d(settings.channels, widths[0], 3, padding=1)
        scales = list(itertools.pairwise(widths))
        self.down = nn.ModuleList(nn.Conv3d(fine, coarse, 2, stride=2) for fine, coarse in scales)
        self.up = nn.ModuleList(nn.ConvTranspose3d(coarse, fine, 2, stride=2) for fine, coarse in scales)
        self.coarser = nn.ModuleList(_blocks(width, count) for width, count in zip(widths[1:], blocks[1:], strict=True))
        finer = zip(widths[:-1], blocks[:-1], strict=True)
        self.finer = nn.ModuleList(_blocks(width, min(count, 2)) for width, count in finer)
        self.head = nn.Conv3d(widths[0], 2, 3, padding=1)
        # What a thing is shifts the features of every scale; at first not at all, and the unknown (0) never.
        self.kind = nn.ModuleList(nn.Embedding(settings.kinds, width, padding_idx=0) for width in widths)
        for weight in self.kind.parameters():
            nn.init.zeros_(weight)

    @property
    def multiple(self) -> int:
        """Grid sides are padded to multiples of this."""
        return int(2 ** len(self.down))

    def forward(
        self, channels: Float[Tensor, "b c x y z"], kind: Int[Tensor, " b"]
    ) -> tuple[Float[Tensor, "b x y z"], Float[Tensor, "b x y z"]]:
        """Signed distance as a share of ``DISTANCE_M``, in (-1, 1), positive outside; and the logit of its being right.

        "Right" is: the true surface lies within 2 cm, asked where the predicted one runs.
        """
        x, y, z = channels.shape[2:]
        padding = [(-n) % self.multiple for n in (z, y, x)]
        features = self.stem(functional.pad(channels, [0, padding[0], 0, padding[1], 0, padding[2]]))
        shifts = [scale(kind)[:, :, None, None, None].to(features.dtype) for scale in self.kind]
        features = features + shifts[0]
        passed = []
        for down, blocks, shift in zip(self.down, self.coarser, shifts[1:], strict=True):
            passed.append(features)
            features = blocks(down(features) + shift)
        for scale in reversed(range(len(self.up))):
            features = self.finer[scale](self.up[scale](features) + passed[scale])
        result = self.head(features)[:, :, :x, :y, :z].float()
        return torch.tanh(result[:, 0]), result[:, 1]


def load_completion_net(weights: Path = WEIGHTS) -> CompletionNet:
    """The trained network; its size is in the JSON beside the weights.  Raises UserError when a file is not usable."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        about = json.loads(weights.with_suffix(".json").read_text())
        size = about["network"]
        sides = tuple(size["widths"]), tuple(size["blocks"])
        net = CompletionNet(CompletionNetSettings(size["channels"], size["kinds"], *sides))
        net.load_state_dict(load_file(weights))
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        unfit = isinstance(error, KeyError | TypeError | RuntimeError)  # these say much, and nothing to a user
        reason = "the weights are not of the size in the JSON beside them" if unfit else error
        raise UserError(
            f"{weights}: cannot be read ({reason}); get the file again, or switch the learned prior off with "
            "--set fit.priors.learned.enabled=false"
        ) from error
    return net.float().eval()


def fast_dtype(device: torch.device) -> torch.dtype:
    """What the network computes in: bfloat16 where the device is faster at it, as GPUs and AMX units are."""
    amx = device.type == "cpu" and torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if device.type == "cuda" or amx else torch.float32


def half_precision(device: torch.device) -> torch.autocast:
    """In its context the network computes in ``fast_dtype``."""
    return torch.autocast(device.type, torch.bfloat16, enabled=fast_dtype(device) is torch.bfloat16)


class _Block(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(width, width, 3, padding=1)
        self.second = nn.Conv3d(width, width, 3, padding=1)
        self.share = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.share * self.second(functional.relu(self.first(functional.relu(features))))


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_Block(width) for _ in range(count)))
