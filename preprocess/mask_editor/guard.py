"""Who may ask the mask editor's server for what: decided from a request's words alone.

Other people on the machine do not know the token.  Another site open in the same browser knows neither that nor our
origin; and a name it points at this machine (DNS rebinding) is no name of ours.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus

STATIC = {
    "": ("page.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "mask.js": ("mask.js", "text/javascript; charset=utf-8"),
    "board.js": ("board.js", "text/javascript; charset=utf-8"),
    "store.js": ("store.js", "text/javascript; charset=utf-8"),
    "konva.js": ("konva-10.9.1.min.js", "text/javascript; charset=utf-8"),
}
VIEW_IMAGES = ("color.jpg", "small.jpg", "seen.png", "proposed.png", "drawn.png")
_WRITING = {"PUT", "DELETE"}
_OF_VIEW = re.compile(r"view/(\d{1,9})/([a-z]+\.[a-z]+)", re.ASCII)


class Refused(Exception):
    """A request that is not answered; ``status`` is what it gets instead."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Wanted:
    """What a request is for: a file of the page, ``about.json``, or one image of a view."""

    name: str
    view: int | None = None


@dataclass(frozen=True)
class Guard:
    """Knows the server's port, its token and the most bytes that a body may have."""

    port: int
    token: str
    most_bytes: int

    def admit(self, method: str, target: str, headers: Message) -> Wanted:
        """What a request wants.  Raises Refused where it may not have it."""
        own = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        if headers.get("Host", "").lower() not in own:
            raise Refused(HTTPStatus.FORBIDDEN, "another host is meant")
        origin = headers.get("Origin")
        if (origin is not None or method in _WRITING) and origin not in [f"http://{host}" for host in own]:
            raise Refused(HTTPStatus.FORBIDDEN, "another site asks")
        prefix, found, name = target.removeprefix("/").partition("/")
        if not found or not hmac.compare_digest(prefix.encode(), self.token.encode()):
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such page")
        return _wanted(method, name)

    def body_bytes(self, headers: Message) -> int:
        """How many bytes of a body are to be read.  Raises Refused where that is not told, or is too many."""
        told = headers.get("Content-Length", "")
        if headers.get("Transfer-Encoding") is not None or not re.fullmatch(r"\d{1,12}", told, re.ASCII):
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "how long the mask is must be told")
        if int(told) > self.most_bytes:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "no mask of these views is as large as that")
        return int(told)

    def replaced(self, headers: Message) -> str | None:
        """The tag of the mask that a writer means to replace; None where it means that there is none.

        Raises Refused where it does not tell, or it would overwrite what it never saw.
        """
        tag = headers.get("If-Match")
        if tag is not None:
            return tag.strip('"')
        if headers.get("If-None-Match") == "*":
            return None
        raise Refused(HTTPStatus.PRECONDITION_REQUIRED, "which mask is to be replaced must be told")


def _wanted(method: str, name: str) -> Wanted:
    of_view = _OF_VIEW.fullmatch(name)
    if of_view is not None and of_view[2] in VIEW_IMAGES:
        if method in _WRITING and of_view[2] != "drawn.png":
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "only masks are drawn")
        return Wanted(of_view[2], int(of_view[1]))
    if name not in STATIC and name != "about.json":
        raise Refused(HTTPStatus.NOT_FOUND, "there is no such page")
    if method in _WRITING:
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "only masks are drawn")
    return Wanted(name)
