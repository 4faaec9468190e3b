"""The browser tests' own guard: a page that asks for something or complains fails them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
# One test a page; its name says what the page does.
TESTS = """
import pytest
from pathlib import Path
from tests.browser.conftest import browser, open_page
pytestmark = pytest.mark.browser
PAGES = {
    "quiet": "<p>hello<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>",
    "asks": "<img src='http://127.0.0.1:9/x.png' onerror=''>",
    "reads_beside": "<script src='beside.js'></script>",
    "complains": "<script>console.error('no')</script>",
    "warns": "<script>console.warn('hm')</script>",
    "throws": "<script>setTimeout(() => { throw new Error('oh') })</script>",
    "rejects": "<script>Promise.reject(new Error('oh'))</script>",
}
@pytest.mark.parametrize("name", PAGES)
def test_page(open_page, tmp_path, name):
    (tmp_path / "beside.js").write_text("")
    (tmp_path / "page.html").write_text("<!doctype html><title>t</title>" + PAGES[name])
    open_page(tmp_path / "page.html").wait_for_timeout(150)
"""


def test_only_the_quiet_page_passes(tmp_path: Path) -> None:
    (tmp_path / "test_inner.py").write_text(TESTS)
    quiet = ["-q", "-p", "no:cacheprovider", "-W", "ignore", "-c", os.devnull]
    command = [sys.executable, "-m", "pytest", *quiet, str(tmp_path)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    refused = re.findall(r"^ERROR .*test_page\[(\w+)\]", told, re.MULTILINE)
    assert refused == ["asks", "reads_beside", "complains", "warns", "throws", "rejects"], told
    assert "7 passed, 6 errors" in told
