"""Pages in a real browser.  Playwright is imported only when such a test runs, and that fails where it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from scene.errors import UserError
from scripts.browser import chromium
from tests.browser.mask_pages import Serve, serving
from tests.browser.page_watch import PageWatch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


class OpenPage(Protocol):
    """``open_page(path_or_url)``: a page in a window of so many pixels."""

    def __call__(self, page: Path | str, viewport: tuple[int, int] = ..., dark: bool = ...) -> Page: ...


# A module's, not the session's: while it runs, so does an event loop, which other tests must not find running.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    try:
        with chromium() as running:
            yield running
    except UserError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens pages, and fails the test at its end if one asked for anything but itself, complained or failed."""
    watches: list[PageWatch] = []

    def opened(page: Path | str, viewport: tuple[int, int] = (1280, 800), dark: bool = False) -> Page:
        url = page.resolve().as_uri() if isinstance(page, Path) else page
        context = browser.new_context(
            viewport={"width": viewport[0], "height": viewport[1]}, color_scheme="dark" if dark else "light"
        )
        watches.append(PageWatch(context, url))
        result = context.new_page()
        result.set_default_timeout(15_000)
        result.goto(url)
        return result

    yield opened
    for context in browser.contexts:
        context.close()
    assert [problem for watch in watches for problem in watch.problems] == []


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Mask editors, served while the test runs."""
    with serving(tmp_path) as served:
        yield served
