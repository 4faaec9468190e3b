"""Positions to features: sines and cosines, or a trained hash grid with interchangeable backends."""

from __future__ import annotations

import torch
from torch import Tensor

from models.encodings.hash_grid import GridBackend, HashGrid, hash_encode_torch, hash_pull_back_torch
from models.settings import HashGridSettings
from scene.errors import UserError


def build_hash_grid(settings: HashGridSettings, backend: str | None = None) -> HashGrid:
    """A hash grid computed by ``backend`` (the settings' own when None).

    "torch" runs anywhere and is the reference; "numba" is compiled for the CPU in float32; "auto" takes, at each call,
    the fastest that fits the table's device and type.  All hold the same parameters and give the same numbers.
    Raises UserError for a name that is not known.
    """
    name = backend or settings.backend
    choosers = {"auto": _auto, "torch": _torch, "numba": _numba}
    if name not in choosers:
        raise UserError(f"hash grid backend {name!r} is not known; choose one of {', '.join(choosers)}")
    return HashGrid(settings, choosers[name])


def _torch(table: Tensor) -> GridBackend:
    return GridBackend(hash_encode_torch, hash_pull_back_torch)


def _numba(table: Tensor) -> GridBackend:
    from models.encodings.hash_grid_numba import hash_encode_numba, hash_pull_back_numba

    return GridBackend(hash_encode_numba, hash_pull_back_numba)


def _auto(table: Tensor) -> GridBackend:
    return _numba(table) if table.device.type == "cpu" and table.dtype == torch.float32 else _torch(table)
