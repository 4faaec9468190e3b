"""Where a field has nothing to show: rays are shortened to where light may stop in them, and dropped where it cannot.

Found anew from the field whenever it is asked for, so that a fit that goes on from a checkpoint finds the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from models.records import FieldFunctions

_STEEPEST = 1.5  # slope of the field that is allowed for, as in the search for the mesh
_DARK = 8.0  # a ray that stays this many 1 / inv_s outside loses less than exp(-8) of its light (NeuS, eq. 13)
_AT_ONCE = 16384  # points that the field is asked for together


@dataclass(frozen=True)
class Occupancy:
    """Cells of the cube [-1, 1]^3 about the unit sphere, indexed x, y, z."""

    stops: Bool[Tensor, "c c c"]  # light may stop in the cell, or half a step of ``shortened`` beside it
    holds: Bool[Tensor, "c c c"]  # some of the object may lie in the cell

    def box(self) -> tuple[Float[Tensor, " 3"], Float[Tensor, " 3"]]:
        """Lowest and highest corner of the cells that hold some of the object; of all where none does."""
        index = self.holds.nonzero() if self.holds.any() else torch.ones_like(self.holds).nonzero()
        cells = self.holds.shape[0]
        return 2.0 * index.amin(0) / cells - 1.0, 2.0 * (index.amax(0) + 1) / cells - 1.0

    def shortened(
        self,
        origins: Float[Tensor, "n 3"],
        directions: Float[Tensor, "n 3"],
        near: Float[Tensor, " n"],
        far: Float[Tensor, " n"],
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"], Bool[Tensor, " n"]]:
        """New near and far of rays through the unit sphere, and which of them may meet something at all."""
        cells = self.stops.shape[0]
        steps = 2 * cells  # half a cell each, or less: no chord is longer than 2
        step = (far - near) / steps
        t = near[:, None] + step[:, None] * (torch.arange(steps, device=near.device) + 0.5)
        points = origins[:, None] + directions[:, None] * t[..., None]
        x, y, z = ((points + 1.0) * (0.5 * cells)).long().clamp(0, cells - 1).unbind(-1)
        hit = self.stops[x, y, z]
        first = hit.int().argmax(-1)
        behind_last = steps - hit.flip(-1).int().argmax(-1)
        return near + first * step, near + behind_last * step, hit.any(-1) & (far > near)


@torch.no_grad()
def find_occupancy(field: FieldFunctions, device: torch.device, cells: int = 32) -> Occupancy:
    """Ask the field at the middle of every cell that the unit sphere touches.

    Conservative for fields of slope at most ``_STEEPEST``: what may stand within half a diagonal of a cell's middle
    counts, and so does all that is inside, for a soft surface lets light through to it.
    """
    middles = (torch.arange(cells, device=device) + 0.5) * (2.0 / cells) - 1.0
    x = torch.stack(torch.meshgrid(middles, middles, middles, indexing="ij"), dim=-1).reshape(-1, 3)
    half_diagonal, half_step = math.sqrt(3.0) / cells, 0.5 / cells
    touched = x.norm(dim=-1) <= 1.0 + half_diagonal
    sdf = torch.full((len(x),), math.inf, device=device)
    sdf[touched] = torch.cat([field.sdf(part) for part in x[touched].split(_AT_ONCE)])
    reach = _DARK / field.inv_s()
    shape = (cells, cells, cells)
    return Occupancy(
        stops=(sdf <= reach + _STEEPEST * (half_diagonal + half_step)).reshape(shape),
        holds=(sdf <= _STEEPEST * half_diagonal).reshape(shape),
    )
