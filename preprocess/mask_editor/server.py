"""The mask editor's server: on this machine only, for whoever was given its address."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from preprocess.mask_editor.desk import BadMask, MaskDesk, StaleMask, encode_mask
from preprocess.mask_editor.guard import STATIC, Guard, Refused, Wanted
from scene.errors import UserError
from scene.runlog import log

HOST = "127.0.0.1"
_STATIC_FOLDER = Path(__file__).parent / "static"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_TEXT = "text/plain; charset=utf-8"


class MaskServer(ThreadingHTTPServer):
    """Serves one desk until ``shutdown``; ``url`` is the only address it answers at."""

    daemon_threads = True

    def __init__(self, lay_desk: Callable[[], MaskDesk], port: int = 0) -> None:
        """Take the port, then lay the desk, which may take long.

        Raises UserError where another program has the port (0 takes any that is free), and what ``lay_desk`` raises.
        """
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise UserError(f"--port {port}: cannot be used ({error}); give another, or none") from error
        try:
            self.desk = lay_desk()
        except BaseException:
            self.server_close()
            raise
        width, height = self.desk.size
        # What a browser makes of a mask has at most four bytes a pixel, and PNG adds little to what it cannot pack.
        self.guard = Guard(self.server_port, secrets.token_urlsafe(24), 5 * width * height + 4096)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}/{self.guard.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no fault of ours, and nobody is there to be told."""
        if isinstance(sys.exception(), ConnectionError):
            log.debug("%s went away", client_address)
        else:
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: MaskServer
    timeout = 30  # seconds that a client may stay silent
    server_version, sys_version = "Farside", ""

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        try:
            wanted = self.server.guard.admit(self.command, self.path, self.headers)
            if wanted.view is not None and wanted.view not in self.server.desk:
                raise Refused(HTTPStatus.NOT_FOUND, "there is no such view")
            if self.command == "GET":
                self._answer(HTTPStatus.OK, *self._content(wanted))
            else:
                self._answer(HTTPStatus.NO_CONTENT, tag=self._write(wanted))
        except Refused as refused:
            self._answer(refused.status, str(refused).encode(), _TEXT)
        except BadMask as bad:
            self._answer(HTTPStatus.BAD_REQUEST, str(bad).encode(), _TEXT)
        except StaleMask as stale:
            self._answer(HTTPStatus.PRECONDITION_FAILED, str(stale).encode(), _TEXT, stale.tag)
        except (ConnectionError, TimeoutError):  # before OSError: there is nobody to answer
            raise
        except (UserError, OSError) as error:  # the disk is full, or the folder went away
            log.error("%s", error)
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, str(error).encode(), _TEXT)

    def _content(self, wanted: Wanted) -> tuple[bytes, str, str | None]:
        """A file, its type and, of a mask that can be written, its tag."""
        desk = self.server.desk
        if wanted.view is None:
            if wanted.name == "about.json":
                return json.dumps(desk.about()).encode(), "application/json", None
            name, kind = STATIC[wanted.name]
            return (_STATIC_FOLDER / name).read_bytes(), kind, None
        if wanted.name == "drawn.png":
            drawn = desk.drawn(wanted.view)
            if drawn is None:
                raise Refused(HTTPStatus.NOT_FOUND, "no mask is saved for this view")
            return encode_mask(drawn.mask), "image/png", drawn.tag
        makers = {
            "color.jpg": desk.color,
            "small.jpg": desk.small,
            "seen.png": desk.seen,
            "proposed.png": desk.proposed,
        }
        return makers[wanted.name](wanted.view), "image/png" if wanted.name.endswith(".png") else "image/jpeg", None

    def _write(self, wanted: Wanted) -> str | None:
        """Do what is asked, and tell the tag of the mask that there is now."""
        assert wanted.view is not None
        replaces = self.server.guard.replaced(self.headers)
        if self.command == "DELETE":
            self.server.desk.remove(wanted.view, replaces)
            return None
        wanted_bytes = self.server.guard.body_bytes(self.headers)
        body = self.rfile.read(wanted_bytes)
        if len(body) < wanted_bytes:
            raise BadMask("the mask cannot be decoded; it may be cut short")
        return self.server.desk.save(wanted.view, body, replaces)

    def _answer(self, status: HTTPStatus, body: bytes = b"", kind: str = _TEXT, tag: str | None = None) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        if tag is not None:
            self.send_header("ETag", f'"{tag}"')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        log.debug(format, *arguments)
