"""What the completion network is trained for, and how good it is on rooms it never saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from models.completion_net import DISTANCE_M, CompletionNet, half_precision
from training.shape_prior.kinds import kind_of
from training.shape_prior.look import CELL_M
from training.shape_prior.rooms import Sample

SCORES = ("hidden_recall", "hidden_precision", "hidden_f", "hidden_iou", "sureness")
_RIGHT = 0.02 / DISTANCE_M  # so near to the true surface the predicted one is right
_NEAR = 0.6  # of DISTANCE_M: cells so near to the surface
_NEAR_WEIGHT = 4.0  # count so much more,
_KNOWN_WEIGHT = 0.15  # and those of which something was sensed less: what was sensed is not the network's to say
_SIDE_M = 0.012  # the predicted distance at which the side is held to be sure, e : 1
_LEAST_CELLS = 20  # of surface, for an object to be scored


def completion_loss(
    prediction: Float[Tensor, "b x y z"],
    logit: Float[Tensor, "b x y z"],
    channels: Float[Tensor, "b c x y z"],
    target: Float[Tensor, "b x y z"],
    there: Bool[Tensor, "b x y z"],
) -> Float[Tensor, ""]:
    """Distance, side and sureness, mostly where nothing was sensed.

    ``prediction`` and ``target`` are distances in shares of ``DISTANCE_M``; cells count where ``there``.
    """
    known = _sensed(channels)
    weight = there * torch.where(known, _KNOWN_WEIGHT, 1.0) * torch.where(target.abs() < _NEAR, _NEAR_WEIGHT, 1.0)
    total = weight.sum().clamp(min=1.0)
    distance = ((prediction - target).abs() * weight).sum() / total
    side = functional.binary_cross_entropy_with_logits(
        prediction * (-DISTANCE_M / _SIDE_M), (target < 0).float(), weight, reduction="sum"
    )
    near = there & ~known & (prediction.detach().abs() < _RIGHT)
    right = (target.abs() < _RIGHT).float()
    sureness = functional.binary_cross_entropy_with_logits(logit, right, near.float(), reduction="sum")
    return distance + 0.5 * side / total + 0.1 * sureness / near.sum().clamp(min=1)


@torch.no_grad()
def held_out_scores(net: CompletionNet, samples: Sequence[Sample], device: torch.device) -> dict[str, float]:
    """Means over samples, on cells where nothing was sensed: of the surface (2 cm), the volume, and how sure it is.

    Objects without hidden surface, true or predicted, are left out; without any other all is 0.
    """
    rows = [row for sample in samples if (row := _scores(net, sample, device)) is not None]
    means = np.mean(rows, axis=0).tolist() if rows else [0.0] * len(SCORES)
    return {name: round(value, 4) for name, value in zip(SCORES, means, strict=True)}


def _scores(net: CompletionNet, sample: Sample, device: torch.device) -> tuple[float, ...] | None:
    channels = torch.from_numpy(sample.channels).to(device)[None].float() / 127
    target = torch.from_numpy(sample.target).to(device).float() / 127
    kind = torch.tensor([kind_of(sample.label)], device=device)
    with half_precision(device):
        prediction, logit = (result[0] for result in net(channels, kind))
    hidden = ~_sensed(channels)[0]
    close = 0.5 * CELL_M / DISTANCE_M
    true_surface, surface = hidden & (target.abs() < close), hidden & (prediction.abs() < close)
    if true_surface.sum() < _LEAST_CELLS or surface.sum() < _LEAST_CELLS:
        return None
    recall = float((prediction.abs() < _RIGHT)[true_surface].float().mean())
    precision = float((target.abs() < _RIGHT)[surface].float().mean())
    inside, true_inside = hidden & (prediction < 0), hidden & (target < 0)
    overlap = float((inside & true_inside).sum() / (inside | true_inside).sum().clamp(min=1))
    sure = float(torch.sigmoid(logit)[surface].mean())
    return recall, precision, 2 * recall * precision / max(recall + precision, 1e-9), overlap, sure


def _sensed(channels: Tensor) -> Tensor:
    """Cells near a sensed surface of the object, or seen to be free (channels of ``look``)."""
    return (channels[:, 1] > 0) | (channels[:, 2] > 0)
