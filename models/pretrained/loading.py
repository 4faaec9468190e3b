"""What all adapters do on the way from a folder to a network."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from models.pretrained.layout import parameters_of
from scene.errors import UserError
from scene.runlog import log

_ROOM = 3  # times a network's weights: the memory that it works in at full precision, activations and all


@contextmanager
def loading(folder: Path, part: str) -> Iterator[None]:
    """Load quietly; whatever the library raises on ``folder`` becomes one sentence."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # how the weights' own configuration is written
            yield
    except (UserError, MemoryError):
        raise
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"pretrained.{part}: what else uses the GPU leaves too little of its memory; wait for it, or use the CPU"
        ) from error
    # The libraries raise whatever a broken or foreign file makes them stumble on, so nothing narrower would hold.
    except Exception as error:
        says = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise UserError(
            f"{folder}: cannot be loaded as pretrained.{part} ({says}); name another network, or fetch it anew"
        ) from error
    finally:
        logging.set_verbosity(before)


def has_room(folder: Path, device: str) -> bool:
    """Whether a device takes a network at full precision; what a CPU has is taken to do.

    All of a GPU's memory counts, and not what is free: the same machine is to give the same bits, whatever else uses
    it.  What is chosen for a GPU is logged.
    """
    if torch.device(device).type != "cuda":
        return True
    gpu = torch.cuda.get_device_properties(torch.device(device))
    needs = _ROOM * 4 * parameters_of(folder)
    roomy: bool = gpu.total_memory >= needs
    precision = "full" if roomy else "half"
    has_gb, needs_gb = gpu.total_memory / 1e9, needs / 1e9
    log.info("%s: at %s precision on %s (%.1f GB; full takes %.1f)", folder, precision, gpu.name, has_gb, needs_gb)
    return roomy


def load_pipeline(folder: Path, part: str, kind: str, device: str, **more: Any) -> Any:
    """The pipeline that ``diffusers.<kind>`` makes of a folder: at half precision where a GPU is too small, silent.

    ``more`` goes to its ``from_pretrained``.  Raises UserError where it makes none.
    """
    roomy = has_room(folder, device)
    with loading(folder, part):
        import diffusers
        from diffusers.utils.logging import disable_progress_bar

        disable_progress_bar()
        pipeline = getattr(diffusers, kind).from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            variant=_variant_of(folder),
            torch_dtype=torch.float32 if roomy else torch.float16,
            **more,
        )
        pipeline.to(device)
    pipeline.set_progress_bar_config(disable=True)
    if not roomy:
        pipeline.enable_attention_slicing()
    return pipeline


def _variant_of(folder: Path) -> str | None:
    """What diffusers calls weights that lie in a folder at half precision only; None for the usual names."""
    names = [path.name for path in folder.glob("*/*.safetensors")]
    return "fp16" if names and all(".fp16." in name for name in names) else None
