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
    # The libraries raise whatever a broken or foreign file makes them stumble on, so nothing narrower would hold.
    except Exception as error:
        says = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise UserError(
            f"{folder}: cannot be loaded as pretrained.{part} ({says}); name another network, or fetch it anew"
        ) from error
    finally:
        logging.set_verbosity(before)


def has_room(folder: Path, device: str) -> bool:
    """Whether the device's free memory takes a network at full precision; what a CPU has is taken to do."""
    if torch.device(device).type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(torch.device(device))
    return free >= _ROOM * 4 * parameters_of(folder)


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
