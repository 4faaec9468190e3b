"""A Chromium without a window, for tests and pictures of pages.

    python -m scripts.browser      is there one, and does it start

It is $CHROMIUM, or one on PATH, or the one that Playwright fetched; WebGL is drawn in software, so no GPU is needed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scene.errors import UserError
from scene.runlog import log, run_cli

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REMEDY = "run: bash scripts/setup.sh --browser"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")


def find_chromium() -> str | None:
    """The Chromium to start; None means Playwright's own.  Raises UserError where $CHROMIUM names none."""
    named = os.environ.get("CHROMIUM")
    if named:
        if shutil.which(named) is None:
            raise UserError(f"CHROMIUM={named}: there is no such program; name another or unset CHROMIUM")
        return named
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a running browser; it ends with the block.  Raises UserError with the remedy where none can be started."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise UserError(f"playwright: is not installed; {REMEDY}") from error
    with sync_playwright() as playwright:
        program = find_chromium()
        if program is None and not Path(playwright.chromium.executable_path).exists():
            raise UserError(f"Chromium: was not found; {REMEDY}")
        # The kernel's sandbox refuses root, and pages opened here are the project's own.
        sandboxed = os.geteuid() != 0
        try:
            browser = playwright.chromium.launch(executable_path=program, args=_FLAGS, chromium_sandbox=sandboxed)
        except Error as error:
            first_line = error.message.splitlines()[0]
            raise UserError(f"{program or 'Chromium'}: could not be started ({first_line}); {REMEDY}") from error
        try:
            yield browser
        finally:
            browser.close()


def main() -> None:
    """Start a browser, and say which."""
    with chromium() as browser:
        log.info("Chromium %s starts", browser.version)


if __name__ == "__main__":
    run_cli(main)
