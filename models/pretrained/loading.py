"""What all adapters do on the way from a folder to a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from models.pretrained.register import parameters_of
from scene.errors import UserError

_ROOM = 3  # times a network's weights: the memory that it works in at full precision, activations and all


@contextmanager
def loading(folder: Path, part: str) -> Iterator[None]:
    """Load quietly; whatever the library raises on ``folder`` becomes one sentence."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        yield
    except UserError:
        raise
    # The libraries raise whatever a broken or foreign file makes them stumble on, so nothing narrower would hold.
    except Exception as error:
        says = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise UserError(
            f"{folder}: cannot be loaded as pretrained.{part} ({says}); name another network, or fetch it anew"
        ) from error


def has_room(folder: Path, device: str) -> bool:
    """Whether the device's free memory takes a network at full precision; what a CPU has is taken to do."""
    if torch.device(device).type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(torch.device(device))
    return free >= _ROOM * 4 * parameters_of(folder)
