"""Which pretrained networks are here.  Looks only at the disk: no network, no torch, no diffusers.

A network lies in a local folder or in the hub's cache (HF_HOME), in one of two layouts: transformers' (``config.json``
with weights, tokenizer and image processor beside it) or diffusers' (``model_index.json`` and a folder a component).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.pretrained.settings import Weights
from scene.errors import UserError
from scene.files import fingerprint

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "tokenizer.model")
_IMAGE_PROCESSORS = ("preprocessor_config.json", "processor_config.json")
NOT_LOADED = "safety_checker"  # see models.pretrained.inpainter
_LONGEST_HEADER = 100 << 20  # bytes, of a safetensors file


@dataclass(frozen=True)
class Presence:
    """Where a network lies, or why it is absent."""

    folder: Path | None
    reason: str = ""  # of absence, a clause


def presence(weights: Weights) -> Presence:
    """Whether a network lies here and is whole; an incomplete download counts as absent."""
    if not weights.id:
        return Presence(None, "no weights are named")
    folder = Path(weights.id).expanduser()
    if not folder.is_dir():
        if not _HUB_ID.fullmatch(weights.repository):
            return Presence(None, f"{weights.id} is neither a folder nor a hub id (owner/name)")
        return _in_cache(weights)
    fault = fault_of(folder)
    return Presence(None, f"{folder} is not whole ({fault})") if fault else Presence(folder)


def _in_cache(weights: Weights) -> Presence:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import IncompleteSnapshotError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(**hub_request(weights), local_files_only=True))
    except IncompleteSnapshotError as error:
        return Presence(None, f"the download of {weights.id} was not finished (of {Path(error.snapshot_path).name})")
    except LocalEntryNotFoundError:
        return Presence(None, f"{weights.id} was not downloaded")
    fault = fault_of(folder)
    return Presence(None, f"the download of {weights.id} was not finished ({fault})") if fault else Presence(folder)


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
        raise UserError(
            f"pretrained.{part}: {found.reason}; run python scripts/download_weights.py {part}, or name a local folder"
        )
    return found.folder


def weights_mark(weights: Weights) -> str:
    """A fingerprint of a network that is here: of the hub's commit, or of what lies in a local folder.

    Of large files there only size and time count.  Raises UserError where the network is absent.
    """
    folder = require(weights, "weights")
    if not Path(weights.id).expanduser().is_dir():
        return fingerprint([weights.repository, folder.name])
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    large = [[str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    return fingerprint([weights.axes, large], [path for path in files if path.suffix == ".json"])


def fault_of(folder: Path) -> str:
    """What keeps a folder from being a whole network, in a few words; nothing where it is one."""
    if (folder / "model_index.json").is_file():
        try:
            return next((fault for part in _components(folder) if (fault := _component_fault(part))), "")
        except ValueError:
            return "model_index.json cannot be read"
    if not (folder / "config.json").is_file():
        return "neither model_index.json nor config.json is there"
    if not any((folder / name).is_file() for name in _IMAGE_PROCESSORS):
        return f"{_IMAGE_PROCESSORS[0]} is missing"
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        return "the tokenizer's files are missing"
    return _weights_fault(folder)


def parameters_of(folder: Path) -> int:
    """How many numbers a whole network's weights are."""
    paths = [p for part in _components(folder) for p in part.glob("*.safetensors")]
    counts = 0
    for path in paths or folder.glob("*.safetensors"):
        for name, tensor in _header(path).items():
            if name != "__metadata__":
                begin, end = tensor["data_offsets"]
                counts += (end - begin) // max(1, int(re.sub(r"\D", "", tensor["dtype"].partition("_")[0]) or 8) // 8)
    return counts


def _components(folder: Path) -> Iterator[Path]:
    """The folders that a pipeline's index names.  Raises ValueError where it is not one."""
    path = folder / "model_index.json"
    if not path.is_file():
        return
    index = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(index, dict):
        raise ValueError("model_index.json must hold an object")
    for name, value in index.items():
        if isinstance(value, list) and len(value) == 2 and value[1] and name != NOT_LOADED:
            yield folder / name


def _component_fault(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder.name}/ is missing"
    if (folder / "config.json").is_file():
        fault = _weights_fault(folder)
    elif (folder / "tokenizer_config.json").is_file():
        fault = "" if any((folder / name).is_file() for name in _TOKENIZERS) else "the tokenizer's files are missing"
    else:
        fault = "" if any(path.is_file() for path in folder.glob("*.json")) else "its configuration is missing"
    return f"{folder.name}/: {fault}" if fault else ""


def _weights_fault(folder: Path) -> str:
    """What is wrong with the weights that lie in a folder; nothing where they are whole."""
    paths = sorted(folder.glob("*.safetensors"))
    for index in folder.glob("*.safetensors.index.json"):
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return f"{index.name} cannot be read"
        paths = sorted({*paths, *(folder / str(shard) for shard in shards)})
    if not paths:
        pickles = any(folder.glob("*.bin")) or any(folder.glob("*.ckpt"))
        return "its weights are pickles, which are not loaded" if pickles else "model.safetensors is missing"
    for path in paths:
        if not path.is_file():
            return f"{path.name} is missing"
        if not _is_whole(path):
            return f"{path.name} is cut off or no safetensors file"
    return ""


def _header(path: Path) -> dict[str, Any]:
    """Name -> dtype, shape and place of every tensor in a safetensors file.  Raises ValueError on any other file."""
    with open(path, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= _LONGEST_HEADER:
            raise ValueError("no safetensors file")
        header = json.loads(stream.read(length))
    if not isinstance(header, dict):
        raise ValueError("no safetensors file")
    return header | {"__metadata__": {"data_begin": 8 + length}}


def _is_whole(path: Path) -> bool:
    try:
        header = _header(path)
        begin = header.pop("__metadata__")["data_begin"]
        end = max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return False
    return path.stat().st_size == begin + end
