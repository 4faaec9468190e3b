"""A mask editor's server that runs, and requests to it as its page would make them.

Import it as ``from tests.preprocess.mask_client import ...``.
"""

from __future__ import annotations

import http.client
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import numpy as np

from preprocess.mask_editor.desk import open_desk
from preprocess.mask_editor.server import MaskServer
from scene.images import encode_image
from tests.preprocess.boarded_run import HEIGHT, WIDTH, write_run

MASK = np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.3
PNG = encode_image(".png", MASK.astype(np.uint8) * 255)


@contextmanager
def running(out: Path) -> Iterator[MaskServer]:
    """Serves an object without a mesh."""
    folder = write_run(out)
    with MaskServer(lambda: open_desk(folder, None)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(
    server: MaskServer,
    method: str,
    name: str,
    body: bytes | None = None,
    prefix: str | None = None,
    **headers: str | None,
) -> tuple[int, bytes]:
    """A request as the page would make it, less what ``headers`` changes (None: leaves out)."""
    own = f"127.0.0.1:{server.server_port}"
    sent = {"Host": own, "Origin": f"http://{own}" if method != "GET" else None}
    if method != "GET" and "If_Match" not in headers:
        sent["If-None-Match"] = "*"
    if body is not None:
        sent["Content-Length"] = str(len(body))
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    target = f"/{server.guard.token}/{name}" if prefix is None else f"{prefix}{name}"
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for key, value in sent.items():
        if value is not None:
            connection.putheader(key, value)
    connection.endheaders(body)
    response = connection.getresponse()
    answer = response.status, response.read()
    if response.status < 500:
        assert response.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in response.headers
    connection.close()
    return answer


def tag(server: MaskServer, name: str) -> str:
    """What tells the mask on disk from any other."""
    url = f"{server.url}{name}"
    with urllib.request.urlopen(url) as answer:
        return str(answer.headers["ETag"])


def raw(server: MaskServer, head: str, body: bytes = b"") -> int:
    """The status of the answer to these very bytes, after which nothing more is sent."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=5) as connection:
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        return int(connection.makefile("rb").readline().split()[1])
