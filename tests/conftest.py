"""Fixtures that every room's tests share."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real and rendered scans that lie beside the project; tests that read them skip where they are absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the scans in {SHARED_DATA}, which is not there")
    return SHARED_DATA
