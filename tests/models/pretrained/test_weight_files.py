"""Which of a folder's weights count: those that the libraries load, once, and not those of another library."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from huggingface_hub.utils import filter_repo_objects
from safetensors.torch import load_file, save_file

from models.pretrained.clip import load_clip
from models.pretrained.layout import parameters_of
from models.pretrained.register import hub_request, presence, read_register
from models.pretrained.settings import Weights


@pytest.fixture
def clip(clip_folder: Path, tmp_path: Path) -> Path:
    """A CLIP beside whose weights others may be laid."""
    return Path(shutil.copytree(clip_folder, tmp_path / "clip"))


def test_parameters_are_counted(clip_folder: Path, inpainter_folder: Path) -> None:
    from diffusers import UNet2DConditionModel
    from transformers import CLIPModel

    clip = CLIPModel.from_pretrained(clip_folder)
    assert parameters_of(clip_folder) == sum(p.numel() for p in clip.parameters())
    unet = UNet2DConditionModel.from_pretrained(inpainter_folder / "unet")
    assert parameters_of(inpainter_folder) > sum(p.numel() for p in unet.parameters())


@pytest.mark.parametrize("other", ["diffusion_pytorch_model.fp16", "diffusion_pytorch_model.non_ema"])
def test_weights_that_lie_there_twice_count_once(inpainter_folder: Path, tmp_path: Path, other: str) -> None:
    painter = Path(shutil.copytree(inpainter_folder, tmp_path / "painter"))
    shutil.copy(painter / "unet" / "diffusion_pytorch_model.safetensors", painter / "unet" / f"{other}.safetensors")
    assert parameters_of(painter) == parameters_of(inpainter_folder)


def test_another_librarys_weights_are_not_counted_loaded_or_needed(clip: Path) -> None:
    before = parameters_of(clip)
    tensors = load_file(clip / "model.safetensors")
    save_file({f"visual.{name}": tensor for name, tensor in tensors.items()}, clip / "open_clip_model.safetensors")
    assert parameters_of(clip) == before
    (clip / "open_clip_model.safetensors").write_bytes(b"cut off")
    assert presence(Weights(id=str(clip))).folder == clip
    assert load_clip(Weights(id=str(clip)), "cpu").texts(["a"]).shape == (1, 16)
    (clip / "model.safetensors").unlink()
    assert "its weights (.safetensors) are missing" in presence(Weights(id=str(clip))).reason


def test_another_librarys_weights_are_not_fetched() -> None:
    request = hub_request(read_register()["clip"])
    files = ["config.json", "model.safetensors", "open_clip_config.json", "open_clip_model.safetensors"]
    fetched = filter_repo_objects(
        files, allow_patterns=request["allow_patterns"], ignore_patterns=request["ignore_patterns"]
    )
    assert list(fetched) == ["config.json", "model.safetensors"]
