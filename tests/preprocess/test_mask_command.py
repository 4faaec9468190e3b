"""The mask editor beside other programs: another that writes masks or has the port, clients that leave, Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from preprocess.edit_masks import farewell
from preprocess.hidden import drawn_path
from preprocess.mask_editor.desk import open_desk
from preprocess.mask_editor.server import MaskServer
from scene.errors import UserError
from scene.images import encode_image
from tests.preprocess.boarded_run import write_run
from tests.preprocess.mask_client import MASK, PNG, ask, running, tag

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MaskServer]:
    with running(tmp_path_factory.mktemp("run")) as started:
        yield started


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
    server: MaskServer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
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
