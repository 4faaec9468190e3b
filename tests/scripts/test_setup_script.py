"""scripts/setup.sh with a stand-in for Python: what it runs, when it skips, and what it says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Writes down its words; "makes" environments by copying itself; pip fails where a file called "offline" lies, and
# browsers start once the file "browser" is there, which Playwright makes unless offline.
STAND_IN = """#!/bin/sh
echo "$*" >> calls.txt
case "$*" in
  *ensurepip*) [ ! -e no-ensurepip ] ;;
  *"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *"-m pip"*) [ ! -e offline ] ;;
  *"-m playwright"*) [ ! -e offline ] && touch browser ;;
  *"-m scripts.browser"*) [ -e browser ] ;;
esac
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup.sh", tmp_path / "scripts")
    (tmp_path / "requirements.txt").write_text("numpy==1\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\npytest==1\n")
    (tmp_path / "requirements-browser.txt").write_text("-r requirements-dev.txt\nplaywright==1\n")
    python = tmp_path / "stand-in-python"
    python.write_text(STAND_IN)
    python.chmod(0o755)
    return tmp_path


def set_up(house: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path or os.environ["PATH"], "PYTHON": str(house / "stand-in-python")}
    command = ["/bin/bash", str(house / "scripts" / "setup.sh"), *arguments]
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)


def installed(house: Path) -> list[str]:
    """Which files pip was told to install, in order; the record is emptied."""
    calls = (house / "calls.txt").read_text().splitlines()
    (house / "calls.txt").write_text("")
    return [call.split()[-1] for call in calls if "-m pip" in call]


def test_it_installs_once_and_then_skips(house: Path) -> None:
    assert set_up(house).returncode == 0
    assert installed(house) == ["requirements.txt"]
    assert set_up(house).returncode == 0
    assert installed(house) == []
    assert set_up(house, "--dev").returncode == 0
    assert installed(house) == ["requirements-dev.txt"]
    assert set_up(house).returncode == 0
    assert installed(house) == []
    (house / "requirements.txt").write_text("numpy==2\n")
    assert set_up(house).returncode == 0
    assert installed(house) == ["requirements.txt"]


def test_half_an_installation_is_made_anew(house: Path) -> None:
    (house / "offline").touch()
    done = set_up(house)
    assert done.returncode == 2
    assert "error: the packages could not be installed" in done.stderr
    (house / "offline").unlink()
    (house / ".venv" / "half").touch()
    (house / "calls.txt").write_text("")
    assert set_up(house).returncode == 0
    assert "-m venv --clear .venv" in (house / "calls.txt").read_text()


def test_what_is_missing_is_told(house: Path) -> None:
    (house / "no-ensurepip").touch()
    done = set_up(house)
    assert done.returncode == 2
    assert "ensurepip is missing; on Debian: apt-get install python3.11-venv" in done.stderr
    (house / "stand-in-python").unlink()
    tools = house / "tools"
    tools.mkdir()
    for tool in ("dirname", "cmp", "rm"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    done = set_up(house, path=str(tools))
    assert done.returncode == 2
    assert "error: Python 3.11 or newer is needed and was not found" in done.stderr
    assert "setup.sh --gpu: there is no such option" in set_up(house, "--gpu").stderr


def user(house: Path, root: bool) -> str:
    """A PATH on which one is root or not, and where apt-get, if it is called, finds a browser."""
    tools = house / ("root" if root else "user")
    tools.mkdir()
    for name, does in (
        ("id", f"echo {0 if root else 1000}"),
        ("apt-get", 'echo "apt-get $*" >> calls.txt; touch browser'),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{does}\n")
        (tools / name).chmod(0o755)
    return f"{tools}:{os.environ['PATH']}"


def test_a_browser_is_fetched_where_none_starts(house: Path) -> None:
    done = set_up(house, "--browser", path=user(house, root=False))
    assert done.returncode == 0, done.stderr
    calls = (house / "calls.txt").read_text()
    assert "-m pip" in calls
    assert "requirements-browser.txt" in calls
    assert "-m playwright install chromium" in calls
    (house / "calls.txt").write_text("")
    assert set_up(house, "--browser").returncode == 0
    assert "install" not in (house / "calls.txt").read_text()
    assert set_up(house, "--dev").returncode == 0
    assert installed(house) == []


def test_a_browser_that_is_there_is_taken(house: Path) -> None:
    (house / "browser").touch()
    assert set_up(house, "--browser").returncode == 0
    assert "playwright install" not in (house / "calls.txt").read_text()


def test_root_gets_what_a_browser_needs_and_debians_where_playwrights_fails(house: Path) -> None:
    path = user(house, root=True)
    assert set_up(house, "--browser", path=path).returncode == 0
    assert "-m playwright install --with-deps chromium" in (house / "calls.txt").read_text()
    (house / "browser").unlink()
    (house / "offline").touch()
    assert set_up(house, "--browser", path=path).returncode == 0
    assert "apt-get install -y -qq chromium" in (house / "calls.txt").read_text()


def test_without_any_browser_the_remedy_is_told(house: Path) -> None:
    assert set_up(house, "--dev").returncode == 0
    assert set_up(house, "--browser").returncode == 0
    (house / "browser").unlink()
    (house / "offline").touch()
    done = set_up(house, "--browser", path=user(house, root=False))
    assert done.returncode == 2
    assert "error: no Chromium starts; see above" in done.stderr
    assert "apt-get install chromium" in done.stderr
