"""Whether a folder is a whole network, told without loading it.

Networks lie in one of two layouts: transformers' (``config.json`` beside weights, tokenizer and image processor) or
diffusers' (``model_index.json`` and a folder a component).  Weights are safetensors files, which tell their length.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

INDEX = "model_index.json"  # of a diffusers pipeline
CHECKER = "safety_checker"  # a component that is never loaded (models.pretrained.inpainter says why)
_TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "tokenizer.model")
_IMAGE_PROCESSORS = ("preprocessor_config.json", "processor_config.json")
_NO_TOKENIZER = "the tokenizer's files are missing"
_FOREIGN = "open_clip"  # begins the names of another library's files, which the laion networks have beside these
_LONGEST_HEADER = 100 << 20  # bytes, of a safetensors file


def fault_of(folder: Path) -> str:
    """What keeps a folder from being a whole network, in a few words; nothing where it is one."""
    if (folder / INDEX).is_file():
        try:
            return next((fault for part in _components(folder) if (fault := _component_fault(part))), "")
        except (OSError, ValueError):
            return f"{INDEX} cannot be read"
    if not (folder / "config.json").is_file():
        return f"neither {INDEX} nor config.json is there"
    if not _has_any(folder, _IMAGE_PROCESSORS):
        return f"{_IMAGE_PROCESSORS[0]} is missing"
    return _weights_fault(folder) if _has_any(folder, _TOKENIZERS) else _NO_TOKENIZER


def parameters_of(folder: Path) -> int:
    """How many numbers the weights of a whole network are; those that lie there at two precisions count once."""
    places = list(_components(folder)) if (folder / INDEX).is_file() else [folder]
    return sum(math.prod(tensor["shape"]) for place in places for tensor in _tensors(place).values())


def _tensors(place: Path) -> dict[str, Any]:
    """Dtype, shape and place of every tensor in a folder by name."""
    return {name: tensor for path in _weight_files(place) for name, tensor in _header(path)[1].items()}


def _weight_files(place: Path) -> list[Path]:
    return sorted(path for path in place.glob("*.safetensors") if not path.name.startswith(_FOREIGN))


def _components(folder: Path) -> Iterator[Path]:
    """The folders that a pipeline's index names.  Raises ValueError where it is no such index."""
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    if not isinstance(index, dict):
        raise ValueError(f"{INDEX} must hold an object")
    for name, value in index.items():
        if isinstance(value, list) and len(value) == 2 and value[1] and name != CHECKER:
            yield folder / name


def _component_fault(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder.name}/ is missing"
    if (folder / "config.json").is_file():
        fault = _weights_fault(folder)
    elif (folder / "tokenizer_config.json").is_file():
        fault = "" if _has_any(folder, _TOKENIZERS) else _NO_TOKENIZER
    else:
        fault = "" if any(path.is_file() for path in folder.glob("*.json")) else "its configuration is missing"
    return f"{folder.name}/: {fault}" if fault else ""


def _has_any(folder: Path, names: tuple[str, ...]) -> bool:
    return any((folder / name).is_file() for name in names)


def _weights_fault(folder: Path) -> str:
    """What is wrong with the weights that lie in a folder; nothing where they are whole."""
    paths = _weight_files(folder)
    for index in folder.glob("*.safetensors.index.json"):
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return f"{index.name} cannot be read"
        paths = sorted({*paths, *(folder / str(shard) for shard in shards)})
    if not paths:
        pickles = any(folder.glob("*.bin")) or any(folder.glob("*.ckpt"))
        return "its weights are pickles, which are not loaded" if pickles else "its weights (.safetensors) are missing"
    for path in paths:
        if not path.is_file():
            return f"{path.name} is missing"
        if not _is_whole(path):
            return f"{path.name} is cut off or no safetensors file"
    return ""


def _header(path: Path) -> tuple[int, dict[str, Any]]:
    """Of a safetensors file: the byte at which its numbers begin, and dtype, shape and place of every tensor by name.

    Raises ValueError on any other file.
    """
    with open(path, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= _LONGEST_HEADER:
            raise ValueError("no safetensors file")
        header = json.loads(stream.read(length))
    if not isinstance(header, dict):
        raise ValueError("no safetensors file")
    return 8 + length, {name: tensor for name, tensor in header.items() if name != "__metadata__"}


def _is_whole(path: Path) -> bool:
    try:
        begin, tensors = _header(path)
        end = max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
        return path.stat().st_size == begin + end
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return False
