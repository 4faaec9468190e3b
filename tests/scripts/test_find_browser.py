"""Which browser is taken, and what is said where there is none, without starting any."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scene.errors import UserError
from scripts.browser import chromium, find_chromium


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\nexit 1\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_the_named_one_then_path_then_playwrights(empty_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_chromium() is None
    chrome = program(empty_path, "google-chrome")
    assert find_chromium() == str(chrome)
    on_path = program(empty_path, "chromium")
    assert find_chromium() == str(on_path)
    mine = program(empty_path, "mine")
    monkeypatch.setenv("CHROMIUM", str(mine))
    assert find_chromium() == str(mine)
    monkeypatch.setenv("CHROMIUM", "")
    assert find_chromium() == str(on_path)


def test_a_name_of_nothing_is_refused(empty_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", str(empty_path / "nowhere"))
    with pytest.raises(UserError, match="nowhere: there is no such program"):
        find_chromium()


def test_without_playwright_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with (
        pytest.raises(UserError, match=r"playwright: is not installed; run: bash scripts/setup\.sh --browser"),
        chromium(),
    ):
        pass
