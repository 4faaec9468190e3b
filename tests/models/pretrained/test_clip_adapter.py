"""CLIP and SigLIP through the adapter equal direct calls of the library, and the gradient reaches the pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.pretrained.clip import Clip, load_clip
from models.pretrained.settings import Weights
from scene.errors import UserError

TEXTS = ["a chair", "a tall lamp, no background"]
SIZES = [(60, 90), (90, 60), (32, 32), (20, 27), (200, 33)]  # rows, columns: shrunk, kept, enlarged


@pytest.fixture(scope="module", params=["clip_folder", "siglip_folder"])
def folder(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


@pytest.fixture(scope="module")
def clip(folder: Path) -> Clip:
    return load_clip(Weights(id=str(folder)), "cpu")


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """8-bit noise, the hardest image to resample."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def as_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None]


def library(folder: Path):  # type: ignore[no-untyped-def]
    """The network, image processor and tokenizer as transformers gives them."""
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    return AutoModel.from_pretrained(folder).eval(), processor, AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_eight_bit_images_are_preprocessed_as_by_the_models_own_processor(
    clip: Clip, folder: Path, height: int, width: int
) -> None:
    image = noise(height, width)
    _, processor, _ = library(folder)
    theirs = processor(images=Image.fromarray(image), return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(clip.preprocess(as_tensor(image)), theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_floats_are_preprocessed_alike_but_for_the_rounding(clip: Clip, folder: Path, height: int, width: int) -> None:
    """Pillow rounds twice, after each axis, and the second weighs what the first left: 1.25 of 255 at the most."""
    image = noise(height, width) // 2 + 64  # so that nothing overshoots, which Pillow would clip in between
    _, processor, _ = library(folder)
    theirs = processor(images=Image.fromarray(image), return_tensors="pt")["pixel_values"]
    ours = clip.preprocess(as_tensor(image).float() / 255)
    difference = (ours - theirs) * torch.tensor(processor.image_std)[:, None, None] * 255
    assert difference.abs().max() < 1.25
    assert difference.mean().abs() < 0.05


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_floats_are_resampled_as_pillow_resamples_floats(clip: Clip, folder: Path, height: int, width: int) -> None:
    """Pillow neither rounds nor clips images of floats; these stay well inside [0, 1]."""
    _, processor, _ = library(folder)
    image = (0.35 + 0.3 * np.random.default_rng(1).random((height, width, 3))).astype(np.float32)
    size = processor.size
    short = size["shortest_edge"]
    rows, columns = (
        (size["height"], size["width"])
        if not short
        else (short * height // min(height, width), short * width // min(height, width))
    )
    bands = [
        np.asarray(Image.fromarray(image[..., c]).resize((columns, rows), Image.Resampling.BICUBIC)) for c in range(3)
    ]
    theirs = np.stack(bands)
    top, left = (rows - 32) // 2, (columns - 32) // 2
    mean, std = np.array(processor.image_mean), np.array(processor.image_std)
    theirs = (theirs[:, top : top + 32, left : left + 32] - mean[:, None, None]) / std[:, None, None]
    ours = clip.preprocess(torch.from_numpy(image).permute(2, 0, 1)[None])[0].numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_features_equal_a_direct_call_of_the_library(clip: Clip, folder: Path) -> None:
    """``image_embeds`` and ``text_embeds`` are the library's own features, projected where the network projects."""
    model, processor, tokenizer = library(folder)
    image = noise(40, 50)
    padding = "max_length" if model.config.model_type == "siglip" else True
    tokens = tokenizer(TEXTS, padding=padding, max_length=clip._longest_text, truncation=True, return_tensors="pt")
    with torch.no_grad():
        theirs = model(**processor(images=Image.fromarray(image), return_tensors="pt"), **tokens)
    images, texts = (torch.nn.functional.normalize(x, dim=-1) for x in (theirs.image_embeds, theirs.text_embeds))
    torch.testing.assert_close(clip.images(as_tensor(image)), images, atol=1e-5, rtol=0)
    torch.testing.assert_close(clip.texts(TEXTS), texts, atol=1e-5, rtol=0)
    assert not torch.allclose(texts[0], texts[1], atol=1e-3)


def test_many_and_long_texts_are_taken(clip: Clip) -> None:
    texts = [f"a thing of kind {i} " + "and so on " * 40 for i in range(70)]
    features = clip.texts(texts)
    torch.testing.assert_close(features[69:], clip.texts(texts[69:]), atol=1e-5, rtol=0)
    torch.testing.assert_close(features.norm(dim=-1), torch.ones(70))


def test_the_gradient_reaches_the_image_and_matches_finite_differences(clip: Clip) -> None:
    generator = torch.Generator().manual_seed(0)
    image = (0.3 + 0.4 * torch.rand(1, 3, 40, 50, generator=generator)).double().requires_grad_()
    clip._model.double()
    try:
        towards = torch.randn(clip.images(image.detach()).shape[1], generator=generator)
        (clip.images(image) @ towards).sum().backward()
        direction = torch.randn(image.shape, generator=generator, dtype=torch.float64)
        step = 1e-3  # features come as float32
        with torch.no_grad():
            ends = [(clip.images(image + s * step * direction).double() @ towards.double()).sum() for s in (1, -1)]
    finally:
        clip._model.float()
    assert image.grad is not None
    slope = (image.grad * direction).sum()
    assert slope.abs() > 1e-4
    torch.testing.assert_close(slope, (ends[0] - ends[1]) / (2 * step), rtol=2e-3, atol=1e-5)
    assert all(parameter.grad is None for parameter in clip._model.parameters())


def test_another_kind_of_network_is_refused(inpainter_folder: Path, clip_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be loaded as pretrained\.clip"):
        load_clip(Weights(id=str(inpainter_folder)), "cpu")
    with pytest.raises(UserError, match=r"pretrained\.clip: .*was not downloaded; run python scripts/download_weights"):
        load_clip(Weights(id="nobody/no-such-clip"), "cpu")
