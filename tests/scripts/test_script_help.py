"""--help of the shell commands: what they do, and nothing done."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def run(house: Path, name: str, option: str) -> subprocess.CompletedProcess[str]:
    """A script in a project without anything else: what it tried to do would fail."""
    (house / "scripts").mkdir()
    for script in (name, "help.sh"):
        shutil.copy(SCRIPTS / script, house / "scripts")
    command = ["bash", str(house / "scripts" / name), option]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["demo.sh", "train_0005.sh", "test.sh"])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_told_and_nothing_is_done(tmp_path: Path, name: str, option: str) -> None:
    told = run(tmp_path, name, option)
    assert (told.returncode, told.stderr) == (0, "")
    assert f"bash scripts/{name} [" in told.stdout
    assert not any(line.startswith(("#", "set ")) for line in told.stdout.splitlines())
    assert [path.name for path in tmp_path.iterdir()] == ["scripts"]


@pytest.mark.parametrize("name", ["demo.sh", "train_0005.sh"])
def test_an_unknown_option_is_no_name_of_a_folder(tmp_path: Path, name: str) -> None:
    told = run(tmp_path, name, "--seed")
    assert told.returncode == 2
    assert f"error: {name} --seed: there is no such option" in told.stderr
