"""What the libraries of the networks say to a user who only uses them: nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
START = """
import numpy as np
import torch
from models.pretrained.settings import Weights
from scene.runlog import set_up_logging
set_up_logging()  # as the commands do
"""
CLIP = """
from models.pretrained.clip import load_clip
clip = load_clip(Weights(id={!r}), "cpu")
clip.texts(["a chair " * 60])
clip.images(torch.zeros(1, 3, 40, 50, dtype=torch.uint8))
clip.images(torch.zeros(1, 3, 40, 50))
"""
INPAINTER = """
from models.pretrained.inpainter import load_inpainter
paint = load_inpainter(Weights(id={!r}), "cpu")
paint(np.zeros((32, 32, 3), np.uint8), np.eye(32, dtype=bool), "a chair, no background", "", 2, 1.0, 7.5, 0)
"""
NORMALS = """
from models.pretrained.normals import load_normals
load_normals(Weights(id={!r}, axes="opengl"), "cpu")(np.zeros((32, 32, 3), np.uint8), 0)
"""


def stderr_of(*program: str) -> str:
    """Of a fresh process."""
    environment = {key: os.environ[key] for key in os.environ if not key.startswith(("TRANSFORMERS_", "DIFFUSERS_"))}
    command = [sys.executable, "-c", "\n".join([START, *program])]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr


def test_networks_of_images_and_texts_are_loaded_and_used_in_silence(clip_folder: Path, siglip_folder: Path) -> None:
    assert stderr_of(*(CLIP.format(str(folder)) for folder in (clip_folder, siglip_folder))) == ""


def test_diffusion_models_are_loaded_and_used_in_silence(
    inpainter_folder: Path, marigold_folder: Path, clip_folder: Path, tmp_path: Path
) -> None:
    """The in-painter as the hub's lie there: with an image processor, by the name that wants torchvision."""
    folder = Path(shutil.copytree(inpainter_folder, tmp_path / "painter"))
    (folder / "feature_extractor").mkdir()
    shutil.copy(clip_folder / "preprocessor_config.json", folder / "feature_extractor")
    index = json.loads((folder / "model_index.json").read_text())
    index |= {
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    assert stderr_of(INPAINTER.format(str(folder)), NORMALS.format(str(marigold_folder))) == ""
