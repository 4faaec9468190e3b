"""The whole command against a hub on this machine, as a user runs it: nothing of the hub's library is replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_hub import COMMIT, TinyHub, tiny_hub

ROOT = Path(__file__).resolve().parents[2]


def run(command: list[str], hub: TinyHub, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of the project with a cache of its own, whose network is ``hub``."""
    own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1", **environment}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=os.environ | own, capture_output=True, text=True, check=False
    )


def download(hub: TinyHub, home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    chosen = ["--set", "pretrained.clip.id=owner/tiny-clip"]
    return run(["scripts/download_weights.py", *arguments, *chosen], hub, home, **environment)


@pytest.fixture
def repository(clip_folder: Path, tmp_path: Path) -> Path:
    """A CLIP as the hub holds one: with pickles and other frameworks' weights beside it."""
    folder = Path(shutil.copytree(clip_folder, tmp_path / "repository"))
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}")
    return folder


def test_weights_come_and_are_found(repository: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with tiny_hub({"owner/tiny-clip": repository}) as hub:
        told = download(hub, home, "clip", HF_TOKEN="hf_mine")
        assert told.returncode == 0, told.stderr
        assert f"clip: to pin what came, write owner/tiny-clip@{COMMIT}" in told.stderr
        assert "Bearer hf_mine" in hub.tokens
        assert not {"pytorch_model.bin", "onnx/config.json"} & set(hub.sent)
        sent = dict(hub.sent)
        again = download(hub, home, "clip")
        assert again.returncode == 0
        assert "clip: is here already" in again.stderr
        assert hub.sent == sent
        table = run(["-m", "models.pretrained", "--set", f"pretrained.clip.id=owner/tiny-clip@{COMMIT}"], hub, home)
    snapshot = home / "hub" / "models--owner--tiny-clip" / "snapshots" / COMMIT
    assert f"present    {snapshot}" in table.stdout
    assert (snapshot / "model.safetensors").read_bytes() == (repository / "model.safetensors").read_bytes()


def test_what_was_broken_off_goes_on(repository: Path, tmp_path: Path) -> None:
    """Within a file where the connection breaks (in the library's pieces of 10 MiB), else with the files that lack."""
    piece, content = 10 << 20, os.urandom(1 << 20) * 12
    (repository / "filler.txt").write_bytes(content)
    with tiny_hub({"owner/tiny-clip": repository}) as hub:
        hub.breaks_off["filler.txt"] = piece + 1000
        assert download(hub, tmp_path / "home", "clip", HF_HUB_DISABLE_XET="1").returncode == 0
        assert [begin for begin, _ in hub.sent["filler.txt"]] == [0, piece]
        link = next((tmp_path / "home").rglob("snapshots/*/model.safetensors"))
        assert link.with_name("filler.txt").read_bytes() == content
        link.resolve().unlink()
        link.unlink()
        hub.sent.clear()
        assert download(hub, tmp_path / "home", "clip").returncode == 0
        assert list(hub.sent) == ["model.safetensors"]


@pytest.mark.parametrize(
    ("refused", "says"),
    [
        ((403, "GatedRepo"), "is gated: accept its terms at"),
        ((401, "RepoNotFound"), "was withdrawn"),
        ((404, "RepoNotFound"), "was withdrawn"),
    ],
)
def test_a_hub_that_refuses(tmp_path: Path, refused: tuple[int, str], says: str) -> None:
    with tiny_hub({}, {"owner/tiny-clip": refused}) as hub:
        told = download(hub, tmp_path / "home", "clip")
    assert told.returncode == 1
    assert says in told.stderr.splitlines()[-1]
    assert "Traceback" not in told.stderr


def test_a_network_that_is_gone(repository: Path, tmp_path: Path) -> None:
    with tiny_hub({"owner/tiny-clip": repository}) as hub:
        told = download(hub, tmp_path / "home", "clip", HF_HUB_OFFLINE="1")
        commit = ["--set", f"pretrained.clip.id=owner/tiny-clip@{'f' * 40}"]
        gone = run(["scripts/download_weights.py", "clip", *commit], hub, tmp_path / "home")
    assert "HF_HUB_OFFLINE forbids the network" in told.stderr
    assert hub.sent == {}
    assert f"owner/tiny-clip has no revision {'f' * 40} any more" in gone.stderr
