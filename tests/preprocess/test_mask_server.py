"""The mask editor's server against those who should not reach it: wrong token, host, origin, body, view and path."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest

from preprocess.edit_masks import farewell
from preprocess.hidden import drawn_masks, drawn_path
from preprocess.mask_editor.desk import open_desk
from preprocess.mask_editor.guard import STATIC
from preprocess.mask_editor.server import MaskServer
from scene.errors import UserError
from scene.files import fingerprint
from scene.images import encode_image
from tests.preprocess.boarded_run import COUNT, HEIGHT, WIDTH, write_run

ROOT = Path(__file__).resolve().parents[2]
MASK = np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.3
PNG = encode_image(".png", MASK.astype(np.uint8) * 255)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MaskServer]:
    folder = write_run(tmp_path_factory.mktemp("run"))
    with MaskServer(lambda: open_desk(folder, None)) as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
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


@pytest.fixture
def untouched(server: MaskServer) -> Iterator[None]:
    """Nothing on disk changes while the test runs."""
    before = fingerprint(0, [server.desk.object_folder.parents[2]])
    yield
    assert fingerprint(0, [server.desk.object_folder.parents[2]]) == before


def test_a_mask_goes_there_and_back(server: MaskServer) -> None:
    name = "view/1/drawn.png"
    assert ask(server, "GET", name)[0] == 404
    assert ask(server, "PUT", name, PNG) == (204, b"")
    assert ask(server, "GET", name) == (200, PNG)
    camera = server.desk.loaded.source_camera
    np.testing.assert_array_equal(drawn_masks(server.desk.object_folder, camera)[1], MASK)
    assert ask(server, "DELETE", name, If_Match=tag(server, name)) == (204, b"")
    assert ask(server, "GET", name)[0] == 404


def tag(server: MaskServer, name: str) -> str:
    """What tells the mask on disk from any other."""
    url = f"{server.url}{name}"
    with urllib.request.urlopen(url) as answer:
        return str(answer.headers["ETag"])


def test_a_mask_that_another_changed_is_not_overwritten(server: MaskServer) -> None:
    name = "view/1/drawn.png"
    other = encode_image(".png", (~MASK).astype(np.uint8) * 255)
    assert ask(server, "PUT", name, PNG)[0] == 204
    first = tag(server, name)
    status, reason = ask(server, "PUT", name, other)  # which knows of none
    assert status == 412
    assert b"changed elsewhere" in reason
    assert ask(server, "DELETE", name)[0] == 412
    assert ask(server, "PUT", name, other, If_Match=first)[0] == 204
    for method in ("PUT", "DELETE"):
        assert ask(server, method, name, PNG, If_Match=first)[0] == 412
        assert ask(server, method, name, PNG, If_None_Match=None)[0] == 428
    assert ask(server, "GET", name) == (200, other)
    path = drawn_path(server.desk.object_folder, 1)
    path.write_bytes(PNG)  # another program, or a second editor
    assert ask(server, "GET", name) == (200, PNG)
    assert tag(server, name) == first
    assert ask(server, "DELETE", name, If_Match=first)[0] == 204
    assert ask(server, "PUT", name, PNG, If_Match=first)[0] == 412
    assert not path.exists()


def test_clients_that_go_away_leave_no_traceback(
    server: MaskServer, untouched: None, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = Event()
    end = MaskServer.shutdown_request
    monkeypatch.setattr(server, "shutdown_request", lambda request: (end(server, request), ended.set()), raising=True)
    own = f"127.0.0.1:{server.server_port}"
    head = f"/{server.guard.token}/view/0/drawn.png HTTP/1.0\r\nHost: {own}\r\nOrigin: http://{own}\r\n"
    heads = ["GET /", f"PUT {head}If-None-Match: *\r\nContent-Length: {len(PNG)}\r\n\r\n"]
    for sent in heads:
        ended.clear()
        connection = socket.create_connection(("127.0.0.1", server.server_port), timeout=5)
        connection.sendall(sent.encode())
        time.sleep(0.1)  # until it is being read
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by a reset
        connection.close()
        assert ended.wait(5)
    assert "Traceback" not in capfd.readouterr().err


def test_the_page_and_the_images_are_there(server: MaskServer, untouched: None) -> None:
    for name in [
        *STATIC,
        "about.json",
        "view/0/color.jpg",
        "view/0/small.jpg",
        "view/2/seen.png",
        "view/2/proposed.png",
    ]:
        status, body = ask(server, "GET", name)
        assert status == 200
        assert body
    page = ask(server, "GET", "")[1].decode()
    assert set(re.findall(r'(?:src|href)="([^"d][^"]*)"', page)) == {"page.css", "konva.js", "page.js"}


def test_the_library_is_the_one_that_it_says_and_may_be_passed_on() -> None:
    static = ROOT / "preprocess" / "mask_editor" / "static"
    (library,) = static.glob("konva-*.min.js")
    version = library.name.removeprefix("konva-").removesuffix(".min.js")
    assert f"Konva JavaScript Framework v{version}\n" in library.read_text(encoding="utf-8")
    assert STATIC["konva.js"][0] == library.name
    assert "MIT License" in (static / "konva.LICENSE").read_text(encoding="utf-8")


def test_it_listens_on_this_machine_only(server: MaskServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.url.startswith("http://127.0.0.1:")
    assert len(server.guard.token) >= 32


def test_a_port_that_is_taken_is_told_before_anything_is_computed(server: MaskServer) -> None:
    for port in (server.server_port, 70000):
        with pytest.raises(UserError, match=f"--port {port}"):
            MaskServer(lambda: pytest.fail("the views were read"), port)


def test_a_port_is_given_back_where_the_views_cannot_be_read(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for _ in range(2):
        with pytest.raises(UserError, match="no such object folder"):
            MaskServer(lambda: open_desk(tmp_path / "nowhere", None), port)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", None])
def test_another_host_is_refused(server: MaskServer, untouched: None, method: str, host: str | None) -> None:
    """A site's name that was pointed at this machine reaches the server, but not its pages."""
    told = None if host is None else host.format(port=server.server_port)
    assert ask(server, method, "view/0/drawn.png", PNG, Host=told)[0] == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1", None]
)
def test_another_site_cannot_write(server: MaskServer, untouched: None, method: str, origin: str | None) -> None:
    told = None if origin is None else origin.format(port=server.server_port)
    assert ask(server, method, "view/0/drawn.png", PNG, Origin=told)[0] == 403
    assert ask(server, "GET", "about.json", Origin=told)[0] == (200 if told is None else 403)


@pytest.mark.parametrize("prefix", ["/", "//", "/x/", "/{token}", "/{token}x/", "/{short}/", "/{upper}/", "/é/"])
def test_without_the_token_there_is_nothing(server: MaskServer, untouched: None, prefix: str) -> None:
    token = server.guard.token
    prefix = prefix.format(token=token, short=token[:-1], upper=token.swapcase())
    for method, name in [("GET", "about.json"), ("GET", "page.js"), ("PUT", "view/0/drawn.png")]:
        if prefix.isascii():
            assert ask(server, method, name, PNG if method == "PUT" else None, prefix=prefix)[0] == 404
    if not prefix.isascii():
        assert raw(server, f"GET {prefix}about.json HTTP/1.0\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n") == 404


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/passwd",
        "..%2f..%2fdesk.py",
        "../desk.py",
        "static/page.js",
        "konva.LICENSE",
        "view/0/../../about.json",
        "view/0/drawn.png/",
        "view/0/drawn.png?x",
        "view/0/depth.png",
        "view/-1/drawn.png",
        f"view/{COUNT}/drawn.png",
        "view/1_0/drawn.png",
        "view/0x1/drawn.png",
        "view/²/drawn.png",
        "view/9999999999999999999999/drawn.png",
        "view/%30/drawn.png",
        "view/../drawn.png",
        "view//drawn.png",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_the_listed_views_are_there(server: MaskServer, untouched: None, method: str, name: str) -> None:
    if name.isascii():
        assert ask(server, method, name, PNG if method == "PUT" else None)[0] == 404
    else:
        own = f"127.0.0.1:{server.server_port}"
        lines = [f"{method} /{server.guard.token}/{name} HTTP/1.0", f"Host: {own}", f"Origin: http://{own}", "", ""]
        assert raw(server, "\r\n".join(lines)) == 404


@pytest.mark.parametrize("name", ["view/0/color.jpg", "view/0/proposed.png", "page.js", "", "about.json"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_only_masks_are_written(server: MaskServer, untouched: None, method: str, name: str) -> None:
    assert ask(server, method, name, PNG)[0] == 405


def test_bodies_are_measured_before_they_are_read(server: MaskServer, untouched: None) -> None:
    name = "view/0/drawn.png"
    for length in (str(10**9), "9" * 12, str(server.guard.most_bytes + 1)):
        assert ask(server, "PUT", name, Content_Length=length)[0] == 413
    for length in (None, "", "-1", "1e3", "+5", "9" * 13, "²"):
        assert ask(server, "PUT", name, Content_Length=length and length.encode().decode("latin-1"))[0] == 411
    assert ask(server, "PUT", name, Content_Length="5", Transfer_Encoding="chunked")[0] == 411
    assert server.guard.most_bytes < 10 * WIDTH * HEIGHT


@pytest.mark.parametrize("body", [b"", b"garbage", PNG[:-30], encode_image(".png", np.zeros((5, 5), np.uint8))])
def test_what_is_no_mask_is_not_kept(server: MaskServer, untouched: None, body: bytes) -> None:
    status, reason = ask(server, "PUT", "view/0/drawn.png", body)
    assert status == 400
    assert b"mask" in reason


def test_a_body_cut_short_is_no_mask(server: MaskServer, untouched: None) -> None:
    own = f"127.0.0.1:{server.server_port}"
    head = f"PUT /{server.guard.token}/view/0/drawn.png HTTP/1.0\r\nHost: {own}\r\nOrigin: http://{own}\r\n"
    head += "If-None-Match: *\r\n"
    assert raw(server, f"{head}Content-Length: {len(PNG)}\r\n\r\n", PNG[:100]) == 400


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "PATCH", "HEAD"])
def test_other_methods_are_unknown(server: MaskServer, untouched: None, method: str) -> None:
    assert ask(server, method, "view/0/drawn.png", PNG)[0] == 501


def raw(server: MaskServer, head: str, body: bytes = b"") -> int:
    """The status of the answer to these very bytes, after which nothing more is sent."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=5) as connection:
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        return int(connection.makefile("rb").readline().split()[1])


def test_ctrl_c_ends_it_with_what_was_done(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    command = [sys.executable, "-m", "preprocess.edit_masks", str(folder), "--no-open"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        origin = url[: url.index("/", len("http://"))]
        put = urllib.request.Request(
            url + "view/2/drawn.png", PNG, {"Origin": origin, "If-None-Match": "*"}, method="PUT"
        )
        with urllib.request.urlopen(put) as answer:
            assert answer.status == 204
        os.kill(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "masks of view 2 were changed; go on with the same command" in told
    assert "python reconstruct.py SCAN --out DIR --set prepare.inpaint.painter=classical" in told
    assert "Traceback" not in told
    assert (folder / "only-seg-0012-obj7" / "2_class_inpaint mask.png").is_file()


def test_nothing_changed_is_told_too() -> None:
    assert farewell(Path("x"), []) == "x: no mask was changed"
    assert "views 1, 4" in farewell(Path("x"), [1, 4])
