"""The register of the pretrained networks, and which of them are here.

Looks only at the disk: a local folder, or the hub's cache (HF_HOME).  No network, no torch, no diffusers.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.pretrained.layout import fault_of
from models.pretrained.settings import PretrainedSettings, Weights
from scene.config import load
from scene.errors import UserError
from scene.files import fingerprint

REGISTER = Path(__file__).resolve().parents[2] / "confs" / "pretrained.conf"
# owner/name as the hub's library takes it.
_HUB_ID = re.compile(r"(?!.*(?:--|\.\.|\.git$))\b[\w.-]{1,96}\b/\b[\w.-]{1,96}\b", re.ASCII)


@dataclass(frozen=True)
class Presence:
    """Where a network lies, or why it is absent."""

    folder: Path | None
    reason: str = ""  # of absence, a clause


def read_register(conf: Path = REGISTER, overrides: Sequence[str] = ()) -> dict[str, Weights]:
    """The networks of a configuration by part.

    What it does not say of a network of its own (licence, size, alternative) is empty, and not that of the register's.
    Raises UserError where the file cannot be read.
    """
    ours = _by_part(load(REGISTER, PretrainedSettings, section="pretrained"))
    theirs = _by_part(load(conf, PretrainedSettings, overrides, section="pretrained"))
    return {
        part: weights if weights.id == ours[part].id else _own(weights, ours[part]) for part, weights in theirs.items()
    }


def _by_part(settings: PretrainedSettings) -> dict[str, Weights]:
    return {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}


def _own(weights: Weights, registered: Weights) -> Weights:
    return replace(
        weights,
        licence="" if weights.licence == registered.licence else weights.licence,
        size_gb=0.0 if weights.size_gb == registered.size_gb else weights.size_gb,
        alternative="" if weights.alternative == registered.alternative else weights.alternative,
    )


def is_on_hub(weights: Weights) -> bool:
    """Whether an id means a network of the hub, and not a local folder."""
    return _HUB_ID.fullmatch(weights.repository) is not None and not Path(weights.id).expanduser().is_dir()


def presence(weights: Weights) -> Presence:
    """Whether a network lies here and is whole; an incomplete download counts as absent."""
    if not weights.id:
        return Presence(None, "no weights are named")
    if is_on_hub(weights):
        return _in_cache(weights)
    folder = Path(weights.id).expanduser()
    if not folder.is_dir():
        return Presence(None, f"{weights.id} is neither a folder nor a hub id (owner/name)")
    fault = fault_of(folder)
    return Presence(None, f"{folder} is not whole ({fault})") if fault else Presence(folder)


def _in_cache(weights: Weights) -> Presence:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import IncompleteSnapshotError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(**hub_request(weights), local_files_only=True))
    except IncompleteSnapshotError:
        return Presence(None, f"the download of {weights.repository} was not finished")
    except LocalEntryNotFoundError:
        return Presence(None, f"{weights.repository} was not downloaded")
    fault = fault_of(folder)
    return Presence(None, f"the download of {weights.repository} is not whole ({fault})") if fault else Presence(folder)


def hub_request(weights: Weights) -> dict[str, Any]:
    """What ``huggingface_hub.snapshot_download`` is asked for."""
    wanted = [pattern for pattern in weights.files if not pattern.startswith("!")]
    left = [pattern[1:] for pattern in weights.files if pattern.startswith("!")]
    return {
        "repo_id": weights.repository,
        "revision": weights.revision,
        "allow_patterns": wanted or None,
        "ignore_patterns": left or None,
    }


def require(weights: Weights, part: str) -> Path:
    """The folder of a network that is to be loaded.  Raises UserError where it is absent."""
    found = presence(weights)
    if found.folder is None:
        raise UserError(f"pretrained.{part}: {found.reason}; {remedy(weights, part)}")
    return found.folder


def remedy(weights: Weights, part: str) -> str:
    """How to have a network that is absent."""
    if is_on_hub(weights):
        registered = read_register()[part].id
        other = "" if weights.id == registered else f" --set pretrained.{part}.id={weights.id}"
        return f"run python scripts/download_weights.py {part}{other}, or name a local folder as pretrained.{part}.id"
    return f"name a whole one, or one of the hub, as pretrained.{part}.id"


def weights_mark(weights: Weights) -> str:
    """A fingerprint of a network: the hub's commit, or what lies in a local folder; empty where it is absent.

    Of a folder's large files only size and time count.
    """
    folder = presence(weights).folder
    if folder is None:
        return ""
    if is_on_hub(weights):
        return fingerprint([weights.repository, folder.name, weights.axes])
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    facts = [[str(path.relative_to(folder)), path.stat().st_size] for path in files]
    times = [path.stat().st_mtime_ns for path in files if path.suffix == ".safetensors"]
    return fingerprint([weights.axes, facts, times], [path for path in files if path.suffix == ".json"])
