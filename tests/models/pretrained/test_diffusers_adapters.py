"""The in-painter and the normal predictor, loaded offline from tiny random pipelines as a user's are."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from models.pretrained import loading
from models.pretrained.inpainter import Inpainter, load_inpainter
from models.pretrained.normals import NormalPredictor, load_normals
from models.pretrained.settings import Weights
from scene.errors import UserError

ASKED = {"prompt": "a chair", "negative_prompt": "", "steps": 3, "strength": 1.0, "guidance": 7.5, "seed": 5}


@pytest.fixture(scope="module")
def inpainter(inpainter_folder: Path) -> Inpainter:
    return load_inpainter(Weights(id=str(inpainter_folder)), "cpu")


@pytest.fixture(scope="module")
def predictor(marigold_folder: Path) -> NormalPredictor:
    return load_normals(Weights(id=str(marigold_folder), axes="opengl"), "cpu")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    mask = np.zeros((32, 32), dtype=bool)
    mask[8:24, 10:20] = True
    return mask


def test_the_in_painter_equals_a_direct_call_of_the_library(
    inpainter: Inpainter, inpainter_folder: Path, image: np.ndarray, mask: np.ndarray
) -> None:
    from diffusers import StableDiffusionInpaintPipeline

    pipeline = StableDiffusionInpaintPipeline.from_pretrained(inpainter_folder, safety_checker=None)
    theirs = pipeline(
        prompt="a chair",
        image=Image.fromarray(image),
        mask_image=Image.fromarray(mask),
        height=32,
        width=32,
        num_inference_steps=3,
        strength=1.0,
        guidance_scale=7.5,
        generator=torch.Generator().manual_seed(5),
    ).images[0]
    assert inpainter.size == 32
    np.testing.assert_array_equal(inpainter(image, mask, **ASKED), np.asarray(theirs))


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "a lamp"},
        {"negative_prompt": "a lamp"},
        {"seed": 6},
        {"strength": 0.5},
        {"guidance": 2.0},
        {"steps": 5},
    ],
)
def test_all_that_is_asked_reaches_the_network_and_the_seed_repeats(
    inpainter: Inpainter, image: np.ndarray, mask: np.ndarray, other: dict[str, object]
) -> None:
    first = inpainter(image, mask, **ASKED)
    torch.manual_seed(99)  # no hidden state decides
    np.testing.assert_array_equal(inpainter(image, mask, **ASKED), first)
    assert (inpainter(image, mask, **{**ASKED, **other}) != first).any()


def test_no_safety_checker_is_loaded(
    inpainter_folder: Path, tmp_path: Path, image: np.ndarray, mask: np.ndarray
) -> None:
    """One that the index names is neither needed on disk nor asked."""
    folder = Path(shutil.copytree(inpainter_folder, tmp_path / "checked"))
    index = json.loads((folder / "model_index.json").read_text())
    index |= {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"], "requires_safety_checker": True}
    (folder / "model_index.json").write_text(json.dumps(index))
    inpainter = load_inpainter(Weights(id=str(folder)), "cpu")
    assert inpainter._pipeline.safety_checker is None
    assert inpainter(image, mask, **ASKED).any()


def test_a_pipeline_that_was_not_made_for_it_paints_too(inpainter_folder: Path, tmp_path: Path) -> None:
    """diffusers makes an in-painter of any Stable Diffusion: what it is not to paint it puts back at each step."""
    from diffusers import StableDiffusionPipeline, UNet2DConditionModel

    unet = UNet2DConditionModel.from_config(
        UNet2DConditionModel.load_config(inpainter_folder / "unet") | {"in_channels": 4}
    )
    plain = StableDiffusionPipeline.from_pretrained(inpainter_folder, unet=unet, safety_checker=None)
    plain.save_pretrained(tmp_path / "plain")
    inpainter = load_inpainter(Weights(id=str(tmp_path / "plain")), "cpu")
    assert type(inpainter._pipeline).__name__ == "StableDiffusionInpaintPipeline"
    image, mask = np.full((32, 32, 3), 90, dtype=np.uint8), np.eye(32, dtype=bool)
    assert inpainter(image, mask, **ASKED).shape == (32, 32, 3)


def test_another_pipeline_is_given_only_what_it_takes(
    image: np.ndarray, mask: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    class Plain:
        unet = SimpleNamespace(config=SimpleNamespace(sample_size=None))
        default_sample_size, vae_scale_factor = 4, 8

        def __call__(self, prompt: str, image: Image.Image, mask_image: Image.Image, generator: torch.Generator):  # type: ignore[no-untyped-def]
            return SimpleNamespace(images=[np.asarray(image) / 255.0])

    with caplog.at_level(logging.WARNING, "farside"):
        inpainter = Inpainter(Plain())
    assert "Plain takes no negative prompt" in caplog.text
    assert inpainter.size == 32
    np.testing.assert_array_equal(inpainter(image, mask, **ASKED), image)
    Plain.default_sample_size = None  # type: ignore[assignment]
    with pytest.raises(UserError, match="does not tell the size"):
        Inpainter(Plain())


def test_numbers_that_overflow_are_refused(
    inpainter_folder: Path, image: np.ndarray, mask: np.ndarray, marigold_folder: Path
) -> None:
    inpainter = load_inpainter(Weights(id=str(inpainter_folder)), "cpu")
    predictor = load_normals(Weights(id=str(marigold_folder), axes="opengl"), "cpu")
    for pipeline in (inpainter._pipeline, predictor._pipeline):
        torch.nn.init.constant_(pipeline.vae.decoder.conv_out.bias, float("nan"))
    with pytest.raises(UserError, match="overflows at half precision"):
        inpainter(image, mask, **ASKED)
    with pytest.raises(UserError, match="overflows at half precision"):
        predictor(image, 0)


@pytest.mark.parametrize("size", [(32, 32), (48, 64), (21, 50)])
def test_normals_are_unit_vectors_of_the_images_size_and_repeat(
    predictor: NormalPredictor, size: tuple[int, int]
) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    normals = predictor(image, 3)
    assert normals.shape == image.shape
    assert normals.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1.0, atol=1e-5)
    torch.manual_seed(99)
    np.testing.assert_array_equal(predictor(image, 3), normals)
    assert (predictor(image, 4) != normals).any()
    assert predictor.axes == "opengl"


def test_normals_equal_a_direct_call_of_the_library(
    predictor: NormalPredictor, marigold_folder: Path, image: np.ndarray
) -> None:
    from diffusers import MarigoldNormalsPipeline

    pipeline = MarigoldNormalsPipeline.from_pretrained(marigold_folder)
    theirs = pipeline(Image.fromarray(image), ensemble_size=3, generator=torch.Generator().manual_seed(2)).prediction[0]
    np.testing.assert_allclose(predictor(image, 2), theirs, atol=1e-5)


def test_what_is_no_such_pipeline_is_refused(inpainter_folder: Path, marigold_folder: Path, clip_folder: Path) -> None:
    for folder in (marigold_folder, clip_folder):
        with pytest.raises(UserError, match=rf"{folder}: cannot be loaded as pretrained\.inpainter \("):
            load_inpainter(Weights(id=str(folder)), "cpu")
    with pytest.raises(UserError, match="StableDiffusionInpaintPipeline predicts no normals"):
        load_normals(Weights(id=str(inpainter_folder), axes="opengl"), "cpu")
    with pytest.raises(UserError, match=r"pretrained\.normals\.axes must be one of opencv.* not 'sideways'"):
        load_normals(Weights(id=str(marigold_folder), axes="sideways"), "cpu")


def test_weights_that_do_not_fit_their_configuration_are_refused(inpainter_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(inpainter_folder, tmp_path / "misfit"))
    path = folder / "unet" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"layers_per_block": 2}))
    with pytest.raises(UserError, match="cannot be loaded"):
        load_inpainter(Weights(id=str(folder)), "cpu")


def test_a_gpu_that_others_fill_is_told_from_broken_weights(inpainter_folder: Path) -> None:
    with (
        pytest.raises(UserError, match=r"pretrained\.inpainter: what else uses the GPU .* wait for it, or use the CPU"),
        loading.loading(inpainter_folder, "inpainter"),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


def test_half_precision_files_are_found_by_their_names(inpainter_folder: Path, tmp_path: Path) -> None:
    from diffusers import StableDiffusionInpaintPipeline

    pipeline = StableDiffusionInpaintPipeline.from_pretrained(inpainter_folder, safety_checker=None)
    pipeline.to(torch.float16).save_pretrained(tmp_path / "half", variant="fp16")
    loaded = load_inpainter(Weights(id=str(tmp_path / "half")), "cpu")._pipeline
    assert {loaded.unet.dtype, loaded.vae.dtype} == {torch.float32}  # what a CPU computes with


def test_a_small_gpu_gets_half_precision_and_sliced_attention(
    inpainter_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gpu = SimpleNamespace(name="a GPU", total_memory=12 * loading.parameters_of(inpainter_folder))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: gpu)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (0, gpu.total_memory))  # others use all of it
    with caplog.at_level(logging.INFO, "farside"):
        assert loading.has_room(inpainter_folder, "cuda")
        gpu.total_memory -= 1
        assert not loading.has_room(inpainter_folder, "cuda:0")
        assert loading.has_room(inpainter_folder, "cpu")
    told = [f"{inpainter_folder}: at {precision} precision on a GPU" for precision in ("full", "half")]
    assert [message.partition(" (")[0] for message in caplog.messages] == told
    monkeypatch.setattr(loading, "has_room", lambda folder, device: False)
    pipeline = load_inpainter(Weights(id=str(inpainter_folder)), "cpu")._pipeline
    assert {pipeline.unet.dtype, pipeline.vae.dtype, pipeline.text_encoder.dtype} == {torch.float16}
    assert any("Sliced" in type(processor).__name__ for processor in pipeline.unet.attn_processors.values())
