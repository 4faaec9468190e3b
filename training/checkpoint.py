"""Everything a fit needs to go on bit for bit: tensors and a JSON header in safetensors, nothing that runs on loading.

A checkpoint is continued only by the run it came from: the same views, seed, field and rendering, and the same phases
up to where it was taken.  Later phases may differ, so that a second stage goes on from the first one's last checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from safetensors.torch import save
from torch import Tensor

from scene.config import to_dict
from scene.errors import UserError
from scene.files import atomic_file
from scene.records import ObjectViews
from scene.runlog import log
from training.settings import FitSettings

_HEADER = "farside_checkpoint"
_FORMAT = 1
_NAME = re.compile(r"ckpt_(\d{7,})\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """A moment of a fit, between two steps."""

    phase: str  # the phase it belongs to
    phase_step: int  # steps of that phase already taken
    total_step: int  # steps of all phases already taken
    run: dict[str, Any]  # what the state depends on (``run_identity``), as plain JSON values
    tensors: dict[str, Tensor]  # on the CPU; keys <owner>/<name>


def path_of(folder: Path, total_step: int) -> Path:
    return folder / f"ckpt_{total_step:07d}.safetensors"


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write the checkpoint into ``folder`` under its step; a reader sees it whole or not at all."""
    header = {
        "format": _FORMAT,
        "phase": checkpoint.phase,
        "phase_step": checkpoint.phase_step,
        "total_step": checkpoint.total_step,
        "run": checkpoint.run,
    }
    path = path_of(folder, checkpoint.total_step)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    with atomic_file(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={_HEADER: json.dumps(header)}))
    return path


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.  Raises UserError when the file is absent, cut short or not a checkpoint."""
    try:
        with safetensors.safe_open(path, framework="pt") as opened:
            header = json.loads((opened.metadata() or {})[_HEADER])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (not a mapping)
        if header["format"] != _FORMAT:
            raise UserError(f"{path}: a checkpoint of format {header['format']}, not {_FORMAT}; start the fit anew")
        return Checkpoint(header["phase"], header["phase_step"], header["total_step"], header["run"], tensors)
    except (OSError, safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"{path}: not a whole checkpoint ({error}); an earlier one is taken where there is one"
        ) from error


def checkpoint_paths(folder: Path) -> dict[int, Path]:
    """The folder's checkpoints by their total step, newest first."""
    found = {int(match[1]): path for path in folder.glob("*") if (match := _NAME.fullmatch(path.name))}
    return dict(sorted(found.items(), reverse=True))


def newest_checkpoint(folder: Path, phases: Collection[str] | None = None) -> Checkpoint | None:
    """The newest whole checkpoint (taken in one of ``phases``); damaged ones are named in a warning and passed over."""
    for path in checkpoint_paths(folder).values():
        try:
            checkpoint = read_checkpoint(path)
        except UserError as error:
            log.warning("%s", error)
            continue
        if phases is None or checkpoint.phase in phases:
            return checkpoint
    return None


def remove_superseded(folder: Path, total_step: int, phase_ends: Collection[int]) -> None:
    """Once the checkpoint of ``total_step`` is written: keep it, the one before, and the phases' last ones.

    Those of later steps are of a run that this one has left.
    """
    before = [step for step in checkpoint_paths(folder) if step < total_step]
    keep = {total_step, *before[:1], *(step for step in phase_ends if step < total_step)}
    for step, path in checkpoint_paths(folder).items():
        if step not in keep:
            path.unlink(missing_ok=True)


def refuse_other_run(found: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    """Raise UserError naming the first thing in which the checkpoint's run differs from this one."""
    difference = _first_difference(found, wanted)
    if difference is not None:
        raise refusal(folder, *difference)


def refusal(folder: Path, name: str, there: Any, here: Any) -> UserError:
    """The error that says in what the folder's checkpoints differ from this run."""
    return UserError(
        f"{folder}: its checkpoints were made with {name} = {there}, this run has {here}; "
        "take the same settings or another folder, or delete these checkpoints"
    )


def _first_difference(found: Any, wanted: Any, prefix: str = "") -> tuple[str, Any, Any] | None:
    """The dotted name and both values of the first leaf in which two nested dictionaries differ."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in [*wanted, *(k for k in found if k not in wanted)]:
            name = f"{prefix}.{key}" if prefix else str(key)
            difference = _first_difference(found.get(key, "nothing"), wanted.get(key, "nothing"), name)
            if difference is not None:
                return difference
        return None
    return None if found == wanted else (prefix, found, wanted)


def run_identity(settings: FitSettings, phase: str, seed: int, views: str) -> dict[str, Any]:
    """What the state in ``phase`` depends on, as plain JSON values: views (``views_digest``), seed, settings.

    The settings' phases to come are left out, and how often the run is logged and saved.
    """
    fit = to_dict(settings)
    names = list(settings.phases)
    passed = names[: names.index(phase) + 1]
    fit["phases"] = {name: fit["phases"][name] for name in passed}
    fit["phase_order"] = passed
    del fit["checkpoint_every"], fit["log_every"]
    # Through JSON, so that tuples compare equal to the lists they become in the header.
    identity: dict[str, Any] = json.loads(json.dumps({"views": views, "seed": seed, "fit": fit}))
    return identity


def without_losses(identity: dict[str, Any]) -> dict[str, Any]:
    """What a field's meaning depends on, once it is fitted: weights for one of its losses may have come or gone."""
    fit = identity.get("fit", {})
    phases = {
        name: {key: value for key, value in phase.items() if key != "losses"}
        for name, phase in fit.get("phases", {}).items()
    }
    return {**identity, "fit": {**fit, "phases": phases}}


def views_digest(views: ObjectViews) -> str:
    """A hex digest of everything that the fit may read of the views."""
    digest = hashlib.sha256(repr((views.camera, tuple(views.scores))).encode())
    arrays = (views.world_from_camera, views.world_from_normalized, views.up)
    images = (views.color, views.depth_mm, views.fact, views.normal)
    hidden = (None, None) if views.hidden is None else (views.hidden.confidence, views.hidden.depth_mm)
    for array in (*arrays, *images, *hidden):
        if array is not None:
            digest.update(f"{array.shape}{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's per-parameter state, keyed by the parameter's index and the state's name."""
    state = optimizer.state_dict()["state"]
    return {f"optimizer/{index}/{name}": value for index, values in state.items() for name, value in values.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what ``optimizer_tensors`` took; the groups and their settings stay as they are."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        owner, _, rest = key.partition("/")
        if owner == "optimizer":
            index, _, name = rest.partition("/")
            state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
