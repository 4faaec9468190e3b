"""Fetching weights: what is said where the hub refuses, and what is asked of a hub that answers."""

from __future__ import annotations

import errno
import logging
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants, errors

from models.pretrained.register import presence, read_register
from models.pretrained.settings import Weights
from scene.errors import UserError
from scripts import download_weights
from scripts.hub import explain

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TINY = Weights(id=f"owner/tiny-clip@{COMMIT}", licence="MIT", alternative="owner/another", files=("*.json", "!*.bin"))


def answer(status: int) -> Any:
    """What the hub's library keeps of an HTTP response."""
    return SimpleNamespace(status_code=status, headers={}, request=None)


@pytest.fixture(autouse=True)
def online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A network, as far as the settings go, and an empty cache."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    caplog.set_level(logging.INFO, "farside")


class Hub:
    """Stands in for ``snapshot_download``: refuses with an error, or copies a folder."""

    def __init__(self, source: Path | None = None, error: BaseException | None = None, size: int = 1000) -> None:
        self.source, self.error, self.size = source, error, size
        self.requests: list[dict[str, Any]] = []

    def __call__(self, local_files_only: bool = False, dry_run: bool = False, **request: Any) -> Any:
        if local_files_only:
            raise errors.LocalEntryNotFoundError("not in the cache")
        self.requests.append({"dry_run": dry_run, **request})
        if self.error is not None:
            raise self.error
        if dry_run:
            return [SimpleNamespace(file_size=self.size, will_download=True, commit_hash=COMMIT)]
        assert self.source is not None
        return str(shutil.copytree(self.source, request["local_dir"]))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(**given: Any) -> Hub:
        one = Hub(**given)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", one)
        return one

    return install


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


GATED = errors.GatedRepoError("gated", response=answer(403))
GONE = errors.RepositoryNotFoundError("404", response=answer(404))
FAILURES: list[tuple[BaseException, str]] = [
    (GATED, "is gated: accept its terms at https://huggingface.co/owner/tiny-clip and set HF_TOKEN"),
    (GONE, "was withdrawn (or is private, or misspelt); take another, such as"),
    (errors.DisabledRepoError("no", response=answer(403)), "was withdrawn"),
    (errors.RevisionNotFoundError("no", response=answer(404)), f"has no revision {COMMIT} any more"),
    (errors.HfHubHTTPError("no", response=answer(401)), "the hub refuses access (401); set HF_TOKEN"),
    (errors.HfHubHTTPError("no", response=answer(503)), "the hub fails (503); run the same command again later"),
    (errors.OfflineModeIsEnabled("no"), "HF_HUB_OFFLINE forbids the network"),
    (errors.HTTPError("[Errno -2] Name or service not known"), "the hub cannot be reached; run the same command again"),
    (errors.LocalEntryNotFoundError("nothing cached"), "the hub cannot be reached"),
    (caused(errors.DryRunError("cannot"), GATED), "is gated"),
    (caused(errors.LocalEntryNotFoundError("no"), GONE), "was withdrawn"),
    (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
    (PermissionError(errno.EACCES, "denied", "/cache"), "/cache: cannot be written; set HF_HOME"),
]


@pytest.mark.parametrize(("error", "says"), FAILURES, ids=[f"{type(e).__name__}-{says[:20]}" for e, says in FAILURES])
def test_a_refusal_is_one_sentence_with_the_remedy(
    hub: Any, error: BaseException, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    hub(error=error)
    assert not download_weights.fetch("clip", TINY)
    told = caplog.messages[-1]
    assert told.startswith("clip: ")
    assert says in told
    assert "\n" not in told


def test_withdrawn_and_gated_networks_name_the_alternative(hub: Any, caplog: pytest.LogCaptureFixture) -> None:
    for error in (GATED, GONE):
        hub(error=error)
        assert not download_weights.fetch("clip", TINY)
        assert '--set pretrained.clip.id="owner/another"' in caplog.messages[-1]


def test_that_the_network_is_forbidden_is_told_before_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE forbids" in explain(GONE, "a/b", "main", "", "")


def test_what_is_needed_is_fetched_once_after_its_size_was_said(
    hub: Any, clip_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = hub(source=clip_folder, size=1_500_000_000)
    assert download_weights.fetch("clip", TINY, tmp_path / "to")
    asked = {
        "repo_id": "owner/tiny-clip",
        "revision": COMMIT,
        "allow_patterns": ["*.json"],
        "ignore_patterns": ["*.bin"],
    }
    folder = tmp_path / "to" / f"owner--tiny-clip@{COMMIT}"
    assert one.requests == [{"dry_run": dry, **asked, "local_dir": folder} for dry in (True, False)]
    assert "clip: 1.5 GB of owner/tiny-clip (licence: MIT)" in caplog.messages
    assert "name it as pretrained.clip.id" in caplog.messages[-1]
    assert presence(Weights(id=str(folder))).folder == folder
    assert download_weights.fetch("clip", TINY, tmp_path / "to")
    assert "is here already" in caplog.messages[-1]
    assert len(one.requests) == 2


def test_the_commit_of_what_was_not_pinned_is_told(
    hub: Any, clip_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub(source=clip_folder)
    assert download_weights.fetch("clip", Weights(id="owner/tiny-clip"), tmp_path / "to")
    assert f"clip: to pin what came, write owner/tiny-clip@{COMMIT}" in caplog.messages


def test_what_came_and_is_no_network_is_a_failure(hub: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "pickles").mkdir()
    hub(source=tmp_path / "pickles")
    assert not download_weights.fetch("clip", TINY, tmp_path / "to")
    assert "was fetched, but" in caplog.messages[-1]


def test_a_full_disk_is_told_before_anything_is_fetched(
    hub: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = hub(size=10**18)
    assert not download_weights.fetch("clip", TINY, tmp_path / "to" / "deep")
    assert "1000000000.0 GB are to come and" in caplog.messages[-1]
    assert [request["dry_run"] for request in one.requests] == [True]


def test_the_command_fails_where_a_part_fails(
    hub: Any, clip_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = hub(error=GONE)
    here = ["--set", f"pretrained.clip.id={clip_folder}"]
    monkeypatch.setattr("sys.argv", ["download_weights.py", "clip", *here])
    assert download_weights.main() == 0
    assert one.requests == []
    monkeypatch.setattr("sys.argv", ["download_weights.py", *here])
    assert download_weights.main() == 1
    assert [request["repo_id"] for request in one.requests] == [
        read_register()[p].repository for p in ("inpainter", "normals")
    ]
    monkeypatch.setattr("sys.argv", ["download_weights.py", "depth"])
    with pytest.raises(UserError, match="depth is no part; there are clip, inpainter, normals"):
        download_weights.main()
