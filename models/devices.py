"""Which device is computed on."""

from __future__ import annotations

import torch

from scene.errors import UserError
from scene.runlog import log


def choose_device(wanted: str) -> str:
    """``auto`` is the first CUDA device, else the CPU.  Raises UserError for one that is not there."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(wanted)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"--device {wanted}: is not to be had here; use cpu, cuda or auto") from error
    return str(device)


def device_of_number(gpu: int) -> torch.device:
    """The CUDA device of that number; the CPU for -1, and where there is no CUDA.  Raises UserError for a number too
    high."""
    if gpu < 0 or not torch.cuda.is_available():
        if gpu >= 0:
            log.info("no CUDA device; working on the CPU")
        return torch.device("cpu")
    if gpu >= torch.cuda.device_count():
        raise UserError(f"--gpu {gpu}: this machine has {torch.cuda.device_count()}; count from 0, -1 is the CPU")
    return torch.device("cuda", gpu)
