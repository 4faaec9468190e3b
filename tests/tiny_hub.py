"""A Hugging Face hub on this machine: as much of its protocol as ``huggingface_hub`` needs to fetch a repository.

It serves folders, each at one commit, and keeps what it was asked for.  A file may be cut off on the way, once.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_API = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)/(revision|tree)/([^/?]+)")
_FILE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


class TinyHub(ThreadingHTTPServer):
    """Serves ``repositories`` (owner/name -> folder); those in ``refused`` answer with a status and an error code."""

    daemon_threads = True

    def __init__(self, repositories: Mapping[str, Path], refused: Mapping[str, tuple[int, str]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories, self.refused = repositories, refused
        self.sent: dict[str, list[tuple[int, int]]] = {}  # of each file the ranges of bytes that were sent
        self.tokens: set[str | None] = set()  # that came with the questions
        self.breaks_off: dict[str, int] = {}  # file -> bytes after which its next transfer ends

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: TinyHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """The tests' output stays clean."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        self.server.tokens.add(self.headers.get("Authorization"))
        path = unquote(urlsplit(self.path).path)
        api, file = _API.fullmatch(path), _FILE.fullmatch(path)
        name = api[2] if api else file[2] if file else ""
        if name in self.server.refused or name not in self.server.repositories:
            status, code = self.server.refused.get(name, (404, "RepoNotFound"))
            self._send(status, b"{}", with_body, {"X-Error-Code": code})
            return
        folder = self.server.repositories[name]
        if api and api[4] not in ("main", COMMIT):
            self._send(404, b"{}", with_body, {"X-Error-Code": "RevisionNotFound"})
        elif api:
            answer = {"id": name, "sha": COMMIT} if api[3] == "revision" else _tree(folder)
            self._send(200, json.dumps(answer).encode(), with_body, {"Content-Type": "application/json"})
        elif file is not None:
            self._send_file(folder / file[4], file[4], with_body)

    def _send(self, status: int, body: bytes, with_body: bool, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _send_file(self, path: Path, name: str, with_body: bool) -> None:
        if not path.is_file():
            self._send(404, b"", with_body, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
            return
        content = path.read_bytes()
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{_digest(content)}"', "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        begin = int(asked[1]) if asked else 0
        end = min(int(asked[2]) + 1 if asked and asked[2] else len(content), len(content))
        if asked:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(content)}"
        body = content[begin:end]
        if with_body:
            stop = self.server.breaks_off.pop(name, None)
            self.server.sent.setdefault(name, []).append((begin, end if stop is None else begin + stop))
            if stop is not None:
                self._send(206 if asked else 200, body, False, headers)
                self.wfile.write(body[:stop])
                self.close_connection = True
                return
        self._send(206 if asked else 200, body, with_body, headers)


def _digest(content: bytes) -> str:
    """As the hub does for large files, so that the library may check what came."""
    return hashlib.sha256(content).hexdigest()


def _tree(folder: Path) -> list[dict[str, object]]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        {
            "type": "file",
            "path": str(path.relative_to(folder)),
            "size": path.stat().st_size,
            "oid": hashlib.sha1(path.read_bytes()).hexdigest(),
            "lfs": {"oid": _digest(path.read_bytes()), "size": path.stat().st_size, "pointerSize": 130},
        }
        for path in paths
    ]


@contextmanager
def tiny_hub(
    repositories: Mapping[str, Path], refused: Mapping[str, tuple[int, str]] | None = None
) -> Iterator[TinyHub]:
    """A hub that runs while the block does; HF_ENDPOINT is to be its ``url``."""
    hub = TinyHub(repositories, refused or {})
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()
