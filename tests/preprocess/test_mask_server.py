"""The mask editor's server against those who should not reach it: wrong token, host, origin, body, view and path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from preprocess.hidden import drawn_masks
from preprocess.mask_editor.guard import STATIC
from preprocess.mask_editor.server import MaskServer
from scene.files import fingerprint
from scene.images import encode_image
from tests.preprocess.boarded_run import COUNT, HEIGHT, WIDTH
from tests.preprocess.mask_client import MASK, PNG, ask, raw, running, tag

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MaskServer]:
    with running(tmp_path_factory.mktemp("run")) as started:
        yield started


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
