"""CLIP and SigLIP through the adapter equal direct calls of the library, and the gradient reaches the pixels."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from models.pretrained import resample
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


def test_another_kind_of_network_is_refused(inpainter_folder: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be loaded as pretrained\.clip"):
        load_clip(Weights(id=str(inpainter_folder)), "cpu")
    with pytest.raises(UserError, match=r"pretrained\.clip: .*was not downloaded; run python scripts/download_weights"):
        load_clip(Weights(id="nobody/no-such-clip"), "cpu")


def test_a_network_without_two_towers_is_refused(clip_folder: Path, tmp_path: Path) -> None:
    from transformers import ViTConfig, ViTModel

    folder = Path(shutil.copytree(clip_folder, tmp_path / "vit"))
    ViTModel(
        ViTConfig(hidden_size=24, num_hidden_layers=1, num_attention_heads=4, intermediate_size=37)
    ).save_pretrained(folder)
    with pytest.raises(UserError, match="ViTModel has no towers for images and texts"):
        load_clip(Weights(id=str(folder)), "cpu")


def test_weights_that_lack_something_are_refused_and_not_drawn_at_random(clip_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(clip_folder, tmp_path / "lacking"))
    tensors = load_file(folder / "model.safetensors")
    del tensors["visual_projection.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"the weights lack visual_projection\.weight"):
        load_clip(Weights(id=str(folder)), "cpu")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"do_resize": False}, "which is not known here"),
        ({"resample": 0}, "by filter 0, which is not known here"),
        ({"crop_size": {"height": 40, "width": 40}}, "cuts out more than it resizes to"),
        ({"rescale_factor": 1.0}, "scales or pads in a way that is not known"),
    ],
)
def test_preprocessing_that_is_not_known_is_refused(
    clip_folder: Path, tmp_path: Path, change: dict[str, object], says: str
) -> None:
    folder = Path(shutil.copytree(clip_folder, tmp_path / "strange"))
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=says):
        load_clip(Weights(id=str(folder)), "cpu")


def test_half_precision_where_a_gpu_is_small(clip_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_clip(Weights(id=str(clip_folder)), "cpu")
    monkeypatch.setattr("models.pretrained.clip.has_room", lambda folder, device: False)
    half = load_clip(Weights(id=str(clip_folder)), "cpu")
    assert {parameter.dtype for parameter in half._model.parameters()} == {torch.float16}
    image = as_tensor(noise(40, 40)).float() / 255
    torch.testing.assert_close(half.images(image), whole.images(image), atol=5e-3, rtol=0)
    torch.testing.assert_close(half.texts(TEXTS), whole.texts(TEXTS), atol=5e-3, rtol=0)


def test_other_filters_are_pillows_too() -> None:
    image = (0.4 + 0.2 * np.random.default_rng(3).random((57, 31))).astype(np.float32)
    for code in (Image.Resampling.LANCZOS, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC):
        for height, width in ((20, 40), (57, 13), (90, 31)):
            theirs = np.asarray(Image.fromarray(image).resize((width, height), code))
            ours = resample.resize(torch.from_numpy(image)[None, None], height, width, int(code))[0, 0]
            np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-6)
