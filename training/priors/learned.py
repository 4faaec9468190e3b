"""A network that learned from generated rooms how the surface goes on where nobody saw it."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage

from models.completion_net import DISTANCE_M, CompletionNet, fast_dtype, half_precision, load_completion_net
from scene.errors import UserError
from scene.runlog import log
from training.evidence import INSIDE, OUTSIDE, UNKNOWN, Evidence
from training.priors import prior, suppose
from training.shape_prior.kinds import kind_of
from training.shape_prior.look import CELL_M, CoarseLook, look

_MOST_CONFIDENCE = 0.9  # a supposition is never as good as what was sensed


@prior("learned")
def learned(evidence: Evidence, *, looks: int = 2, outward_m: float = 0.005) -> Evidence:
    """Assume that objects are like the furniture of the generated rooms, wherever nothing was sensed.

    The network's signed distance decides unknown voxels; how sure it is becomes their confidence.  Both are the mean
    of ``looks`` (at most 4) at the object and its mirror images.  Where it is in doubt whether a thin part is here or a
    little aside, it averages the part away: its surface is moved by ``outward_m``, which keeps more of what is there
    than it adds of what is not.
    """
    if not 1 <= looks <= 4:
        raise UserError(f"prior learned: looks is {looks}; it can be 1 to 4")
    if not -0.02 <= outward_m <= 0.02:
        raise UserError(f"prior learned: outward_m is {outward_m}; it can be -0.02 to 0.02")
    if evidence.views is None:
        raise UserError("the learned prior looks at an object's views; these were not given with the evidence")
    try:
        seen = look(evidence.views)
    except UserError as error:
        log.warning("the learned prior says nothing: %s", error)
        return evidence
    distance_m, sure = predict(seen, kind_of(evidence.views.label), looks)
    distance_m = distance_m - np.float32(outward_m)
    turn, shift = _cells_from_voxels(evidence, seen)
    shape = evidence.side.shape
    # Beyond what the network looked at, everything is outside.
    sdf_m = ndimage.affine_transform(distance_m, turn, shift, shape, order=1, mode="constant", cval=DISTANCE_M)
    confidence = ndimage.affine_transform(sure, turn, shift, shape, order=1, mode="nearest")
    side = np.where(sdf_m < 0, INSIDE, OUTSIDE).astype(np.int8)
    return suppose(evidence, evidence.side == UNKNOWN, side, confidence, sdf_m)


def predict(
    seen: CoarseLook, kind: int, looks: int = 1
) -> tuple[Float[np.ndarray, "x y z"], Float[np.ndarray, "x y z"]]:
    """Signed distance in metres, and the probability that the surface lies within 2 cm of where it is said to be."""
    cpu = torch.device("cpu")
    # With a cell's channels side by side in memory the convolutions take 0.6 of the time.
    layers = torch.from_numpy(seen.channels)[None].to(fast_dtype(cpu))
    channels = layers.contiguous(memory_format=torch.channels_last_3d)
    distances, sure = [], []
    with torch.inference_mode(), half_precision(cpu):
        for flipped in ((), (0,), (1,), (0, 1))[:looks]:
            distance, logit = _network()(channels.flip([axis + 2 for axis in flipped]), torch.tensor([kind]))
            back = [axis + 1 for axis in flipped]
            distances.append(distance.flip(back)[0])
            sure.append(torch.sigmoid(logit).flip(back)[0])
    return (
        DISTANCE_M * torch.stack(distances).mean(dim=0).numpy(),
        _MOST_CONFIDENCE * torch.stack(sure).mean(dim=0).numpy(),
    )


@cache
def _network() -> CompletionNet:
    return load_completion_net().to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]


def _cells_from_voxels(
    evidence: Evidence, seen: CoarseLook
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, " 3"]]:
    """Matrix and shift from a voxel's index to fractional cell indices of the look."""
    turn = seen.grid_from_world[:3, :3] * evidence.voxel_m / CELL_M
    return turn, seen.cells_of(evidence.origin_m[None])[0]
