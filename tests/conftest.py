"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest

# No test asks the network for anything; read by huggingface_hub when it is first imported.
os.environ["HF_HUB_OFFLINE"] = "1"

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real and rendered scans that lie beside the project; tests that read them skip where they are absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the scans in {SHARED_DATA}, which is not there")
    return SHARED_DATA


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random CLIP on disk."""
    from tests.tiny_networks import tiny_clip

    return tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def siglip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random SigLIP on disk."""
    from tests.tiny_networks import tiny_siglip

    return tiny_siglip(tmp_path_factory.mktemp("siglip"))


@pytest.fixture(scope="session")
def inpainter_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random in-painting pipeline on disk; it paints squares of 32 pixels."""
    from tests.tiny_networks import tiny_inpainter

    return tiny_inpainter(tmp_path_factory.mktemp("inpainter"))


@pytest.fixture(scope="session")
def marigold_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random pipeline that predicts normals, on disk."""
    from tests.tiny_networks import tiny_marigold

    return tiny_marigold(tmp_path_factory.mktemp("marigold"))
