"""Tiny random networks of the kinds that the adapters load, saved as their libraries save the real ones.

``tests/conftest.py`` makes each once a session: ``clip_folder``, ``siglip_folder``, ``inpainter_folder``,
``marigold_folder``.
"""

from __future__ import annotations

from pathlib import Path

import torch

LATENT = 16  # side of the tiny in-painter's latent image
SCALE = 2  # pixels a latent pixel: the in-painter's square is 32 pixels
CLIP_SIZE = 32  # pixels of the square that CLIP and SigLIP see
_TEXT_WIDTH = 32


def _tokenizer(longest: int):  # type: ignore[no-untyped-def]
    """CLIP's tokenizer over single letters."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=longest)


def _text_settings(tokenizer) -> dict[str, int]:  # type: ignore[no-untyped-def]
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": _TEXT_WIDTH,
        "intermediate_size": 37,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": tokenizer.model_max_length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _vision_settings() -> dict[str, int]:
    return {
        "hidden_size": 24,
        "intermediate_size": 37,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": CLIP_SIZE,
        "patch_size": 8,
    }


def tiny_clip(folder: Path) -> Path:
    """A CLIP of 16 features, as openai/clip-vit-base-patch32 lies on disk."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    torch.manual_seed(0)
    tokenizer = _tokenizer(77)
    config = CLIPConfig(
        text_config=_text_settings(tokenizer) | {"projection_dim": 16},
        vision_config=_vision_settings() | {"projection_dim": 16},
        projection_dim=16,
    )
    CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessorPil(
        size={"shortest_edge": CLIP_SIZE}, crop_size={"height": CLIP_SIZE, "width": CLIP_SIZE}
    ).save_pretrained(folder)
    return folder


def tiny_siglip(folder: Path) -> Path:
    """A SigLIP: squeezes images into a square, has no projections, and another tokenizer than its library's default."""
    from transformers import PreTrainedTokenizerFast, SiglipConfig, SiglipImageProcessorPil, SiglipModel

    torch.manual_seed(1)
    letters = _tokenizer(24)
    letters.save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        model_max_length=24,
        pad_token=letters.pad_token,
        eos_token=letters.eos_token,
        bos_token=letters.bos_token,
    )
    config = SiglipConfig(
        text_config=_text_settings(letters) | {"projection_size": 24}, vision_config=_vision_settings()
    )
    SiglipModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": CLIP_SIZE, "width": CLIP_SIZE}).save_pretrained(folder)
    return folder


def _text_encoder(longest: int = 77):  # type: ignore[no-untyped-def]
    from transformers import CLIPTextConfig, CLIPTextModel

    tokenizer = _tokenizer(longest)
    return tokenizer, CLIPTextModel(CLIPTextConfig(**_text_settings(tokenizer)))


def _unet(in_channels: int):  # type: ignore[no-untyped-def]
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=LATENT,
        in_channels=in_channels,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=_TEXT_WIDTH,
        attention_head_dim=2,
    )


def _vae():  # type: ignore[no-untyped-def]
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8),
        norm_num_groups=4,
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
        latent_channels=4,
        sample_size=LATENT * SCALE,
    )


def tiny_inpainter(folder: Path) -> Path:
    """A Stable Diffusion in-painter (9 input channels) of 32 x 32 pixels."""
    from diffusers import DDIMScheduler, StableDiffusionInpaintPipeline

    torch.manual_seed(2)
    tokenizer, text_encoder = _text_encoder()
    StableDiffusionInpaintPipeline(
        vae=_vae(),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=_unet(9),
        scheduler=DDIMScheduler(
            beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def tiny_marigold(folder: Path) -> Path:
    """A Marigold that predicts normals at 32 pixels in 2 steps."""
    from diffusers import DDIMScheduler, MarigoldNormalsPipeline

    torch.manual_seed(3)
    tokenizer, text_encoder = _text_encoder()
    MarigoldNormalsPipeline(
        vae=_vae(),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=_unet(8),
        scheduler=DDIMScheduler(prediction_type="v_prediction", clip_sample=False, set_alpha_to_one=False),
        prediction_type="normals",
        use_full_z_range=True,
        default_denoising_steps=2,
        default_processing_resolution=32,
    ).save_pretrained(folder)
    return folder
