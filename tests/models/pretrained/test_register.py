"""What counts as a network that is here: whole folders and caches, and why others do not; nothing heavy is imported."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants

from models.pretrained.register import (
    Presence,
    hub_request,
    is_on_hub,
    presence,
    read_register,
    require,
    weights_mark,
)
from models.pretrained.settings import PretrainedSettings, Weights
from scene.config import load
from scene.errors import UserError
from scene.normal_conventions import AXES

ROOT = Path(__file__).resolve().parents[3]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def clip(clip_folder: Path, tmp_path: Path) -> Path:
    """A CLIP that may be broken."""
    return Path(shutil.copytree(clip_folder, tmp_path / "a clip"))


@pytest.fixture
def painter(inpainter_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(inpainter_folder, tmp_path / "painter"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def into_cache(folder: Path, cache: Path, repository: str = "owner/tiny-clip", commit: str = COMMIT) -> Path:
    """Lay a network into a hub cache as the hub's library does: contents by name in blobs, and links to them."""
    home = cache / f"models--{repository.replace('/', '--')}"
    snapshot = home / "snapshots" / commit
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        link = snapshot / path.relative_to(folder)
        blob = home / "blobs" / f"{len(list(home.glob('blobs/*'))):040x}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        link.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, blob)
        link.symlink_to(os.path.relpath(blob, link.parent))
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(commit)
    return snapshot


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def test_a_whole_folder_is_present(clip: Path, painter: Path) -> None:
    assert presence(Weights(id=str(clip))) == Presence(clip)
    assert presence(Weights(id=str(painter), files=("*.safetensors",))) == Presence(painter)
    assert require(Weights(id=str(clip)), "clip") == clip


BREAKS: list[tuple[Callable[[Path], object], str]] = [
    (lambda f: cut(f / "model.safetensors"), "model.safetensors is cut off"),
    (lambda f: (f / "model.safetensors").write_bytes(b"version https://git-lfs"), "cut off or no safetensors file"),
    (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "pickles, which are not loaded"),
    (lambda f: (f / "model.safetensors").unlink(), "its weights (.safetensors) are missing"),
    (lambda f: (f / "config.json").unlink(), "neither model_index.json nor config.json is there"),
    (lambda f: (f / "tokenizer.json").unlink(), "the tokenizer's files are missing"),
    (lambda f: (f / "preprocessor_config.json").unlink(), "preprocessor_config.json is missing"),
    (
        lambda f: (f / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-1-of-2.safetensors"}}'),
        "model-1-of-2.safetensors is missing",
    ),
    (lambda f: (f / "model.safetensors.index.json").write_text("[]"), "model.safetensors.index.json cannot be read"),
]


@pytest.mark.parametrize(("spoil", "says"), BREAKS, ids=[says for _, says in BREAKS])
def test_what_is_not_whole_is_absent_with_the_reason(clip: Path, spoil: Callable[[Path], object], says: str) -> None:
    spoil(clip)
    found = presence(Weights(id=str(clip)))
    assert found.folder is None
    assert f"{clip} is not whole" in found.reason
    assert says in found.reason


PIPELINE_BREAKS: list[tuple[Callable[[Path], object], str]] = [
    (lambda f: shutil.rmtree(f / "vae"), "vae/ is missing"),
    (
        lambda f: cut(f / "unet" / "diffusion_pytorch_model.safetensors"),
        "unet/: diffusion_pytorch_model.safetensors is cut",
    ),
    (lambda f: (f / "tokenizer" / "tokenizer.json").unlink(), "tokenizer/: the tokenizer's files are missing"),
    (lambda f: (f / "scheduler" / "scheduler_config.json").unlink(), "scheduler/: its configuration is missing"),
    (lambda f: (f / "model_index.json").write_text("[1]"), "model_index.json cannot be read"),
]


@pytest.mark.parametrize(("spoil", "says"), PIPELINE_BREAKS, ids=[says for _, says in PIPELINE_BREAKS])
def test_a_pipeline_lacks_no_component(painter: Path, spoil: Callable[[Path], object], says: str) -> None:
    spoil(painter)
    assert says in presence(Weights(id=str(painter))).reason


def test_a_safety_checker_is_not_needed(painter: Path) -> None:
    path = painter / "model_index.json"
    index = json.loads(path.read_text()) | {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"]}
    path.write_text(json.dumps(index))
    assert presence(Weights(id=str(painter))).folder == painter


def test_ids_that_lead_nowhere(cache: Path, tmp_path: Path) -> None:
    assert presence(Weights()).reason == "no weights are named"
    assert "neither a folder nor a hub id" in presence(Weights(id=str(tmp_path / "none"))).reason
    assert presence(Weights(id="owner/tiny-clip@abc")).reason == "owner/tiny-clip was not downloaded"
    with pytest.raises(UserError, match=r"pretrained\.clip: .*was not downloaded; run python scripts/download_weights"):
        require(Weights(id="owner/tiny-clip"), "clip")
    with pytest.raises(UserError, match=r"pretrained\.clip: .*; name a whole one"):
        require(Weights(id="./none"), "clip")


@pytest.mark.parametrize(
    "name",
    ["a/b", "./none", "../none", "a--b/c", "a/b..c", "a/b.git", "a/" + "b" * 95, "a/b/c", "ä/b", "a/-b", "A.b-c/d_e"],
)
def test_hub_ids_are_those_that_the_hubs_library_takes(name: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
        theirs = True
    except HFValidationError:
        theirs = False
    assert is_on_hub(Weights(id=name)) is theirs
    assert is_on_hub(Weights(id=f"{name}@{COMMIT}")) is theirs


def test_the_hubs_cache_is_read_by_commit_and_by_branch(cache: Path, clip: Path) -> None:
    snapshot = into_cache(clip, cache)
    assert presence(Weights(id="owner/tiny-clip")) == Presence(snapshot)
    assert presence(Weights(id=f"owner/tiny-clip@{COMMIT}", files=("*.json", "!*.bin"))) == Presence(snapshot)
    assert presence(Weights(id=f"owner/tiny-clip@{COMMIT[::-1]}")).folder is None


def test_a_download_that_was_broken_off_is_absent(cache: Path, clip: Path) -> None:
    snapshot = into_cache(clip, cache)
    (snapshot / "model.safetensors").resolve().unlink()  # the link leads nowhere, as where a blob was cleaned away
    assert "is not whole" in presence(Weights(id="owner/tiny-clip")).reason
    (snapshot / "model.safetensors").unlink()  # as the library leaves it: the link comes last
    assert "its weights (.safetensors) are missing" in presence(Weights(id="owner/tiny-clip")).reason


def test_the_mark_tells_networks_apart(cache: Path, clip: Path) -> None:
    snapshot = into_cache(clip, cache)
    by_folder, by_hub = Weights(id=str(clip)), Weights(id="owner/tiny-clip")
    marks = [weights_mark(by_folder), weights_mark(by_hub)]
    assert weights_mark(Weights(id=f"owner/tiny-clip@{COMMIT}")) == marks[1]
    snapshot.rename(snapshot.with_name(COMMIT[::-1]))
    (snapshot.parents[1] / "refs" / "main").write_text(COMMIT[::-1])
    assert weights_mark(by_hub) not in marks
    assert weights_mark(by_folder) == marks[0]
    os.utime(clip / "model.safetensors", (1, 1))
    assert weights_mark(by_folder) != marks[0]
    assert weights_mark(Weights(id="owner/none")) == ""


def test_patterns_become_the_hubs_requests() -> None:
    weights = Weights(id=f"a/b@{COMMIT}", files=("*.json", "!*.fp16.*"))
    assert hub_request(weights) == {
        "repo_id": "a/b",
        "revision": COMMIT,
        "allow_patterns": ["*.json"],
        "ignore_patterns": ["*.fp16.*"],
    }
    assert hub_request(Weights(id="a/b"))["revision"] == "main"
    assert hub_request(Weights(id="a/b"))["allow_patterns"] is None


def test_the_register_is_complete() -> None:
    register = read_register()
    assert list(register) == ["clip", "inpainter", "normals"]
    for weights in register.values():
        assert len(weights.revision) == 40
        assert set(weights.revision) <= set("0123456789abcdef")
        assert all([weights.licence, weights.size_gb, weights.purpose, weights.stand_in, weights.alternative])
        assert not any(pattern.endswith(("*", ".bin")) for pattern in weights.files if not pattern.startswith("!"))
    assert register["normals"].axes in AXES


def test_what_is_known_of_the_registers_network_is_not_said_of_another(clip: Path) -> None:
    own = read_register(overrides=[f"pretrained.clip.id={clip}"])
    assert own["clip"].id == str(clip)
    assert (own["clip"].licence, own["clip"].size_gb, own["clip"].alternative) == ("", 0.0, "")
    assert own["clip"].revision == "main"
    assert own["clip"].stand_in == read_register()["clip"].stand_in
    assert own["normals"] == read_register()["normals"]
    assert (
        read_register(overrides=["pretrained.clip.id=a/b@c", "pretrained.clip.licence=mine"])["clip"].licence == "mine"
    )


def test_other_sections_are_not_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "mine.conf"
    path.write_text('nonsense = 1\npretrained.clip.id = "a/b"')
    assert load(path, PretrainedSettings, section="pretrained").clip.id == "a/b"
    path.write_text("pretrained.clip.ids = x")
    with pytest.raises(UserError, match=r"unknown setting pretrained\.clip\.ids"):
        load(path, PretrainedSettings, section="pretrained")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_table_says_what_is_here_and_what_stands_in(clip: Path, marigold_folder: Path, tmp_path: Path) -> None:
    """As a user sees it, with a cache of their own; the network is not asked although nothing forbids it."""
    commit = read_register()["clip"].revision
    snapshot = into_cache(clip, tmp_path / "home" / "hub", "openai/clip-vit-base-patch32", commit)
    told = run(
        *("-m", "models.pretrained", "--set", f"pretrained.normals.id={marigold_folder}"),
        **{"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"},
    )
    assert told.returncode == 0, told.stderr
    lines = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert f"present {snapshot}" in lines
    assert f"present {marigold_folder}" in lines
    assert "absent sd2-community/stable-diffusion-2-inpainting was not downloaded" in lines
    assert f"stands in {read_register()['inpainter'].stand_in}" in lines
    assert f"revision {commit}" in lines
    assert "licence not known here" in lines


@pytest.mark.parametrize(
    "module", ["models.pretrained.settings", "models.pretrained.__main__", "scripts.download_weights", "reconstruct"]
)
def test_nothing_heavy_is_imported(module: str) -> None:
    """Nor is the hub's library, before something is looked up in its cache."""
    heavy = ("torch", "transformers", "diffusers", "huggingface_hub")
    told = run("-c", f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])")
    assert told.stdout.strip() == "[]", told.stderr


def test_looking_a_network_up_imports_no_networks(clip_folder: Path) -> None:
    code = f"""
import sys
from models.pretrained.__main__ import table
from models.pretrained.settings import Weights
print(table({{"clip": Weights(id={str(clip_folder)!r}), "normals": Weights(id="owner/none")}}))
print([name for name in ("torch", "transformers", "diffusers") if name in sys.modules])
"""
    told = run("-c", code)
    assert told.stdout.strip().endswith("[]"), told.stderr
