"""What a page may not do unnoticed: ask for something elsewhere, complain, or fail."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

# The software renderer's remark that reading a picture back takes time: of the driver, not of the page.
_DRIVER = "GL Driver Message (OpenGL, Performance"


class PageWatch:
    """Collects in ``problems`` what the pages of a browser's context did that they should not have."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.problems: list[str] = []
        self._own = urlsplit(url)
        context.on("request", self._requested)
        context.on("console", self._said)
        context.on("weberror", self._threw)

    def _requested(self, request: Request) -> None:
        asked = urlsplit(request.url)
        inside = asked.scheme in ("data", "blob", "about")
        if self._own.scheme == "file":
            inside |= asked.scheme == "file" and asked.path == self._own.path
        else:
            inside |= (asked.scheme, asked.netloc) == (self._own.scheme, self._own.netloc)
        if not inside:
            self.problems.append(f"it asks for {request.url[:200]}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert") and _DRIVER not in message.text:
            self.problems.append(f"console {message.type}: {message.text}")

    def _threw(self, error: WebError) -> None:
        self.problems.append(f"uncaught: {error.error}")
