"""Writing whole or not at all: what killed processes leave is swept, and what a stage cost stays known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scene.files import atomic_file, atomic_folder, folders_in, is_current, stage_cost, stage_folder, write_text

ROOT = Path(__file__).resolve().parents[2]
# Begins a file and a folder and is killed in the middle.
KILLED = """
import os, sys
from pathlib import Path
from scene.files import atomic_file, atomic_folder
here = Path(sys.argv[1])
with atomic_file(here / "mesh.ply") as file, atomic_folder(here / "views") as folder:
    file.write_text("half")
    (folder / "0.png").write_text("half")
    os.kill(os.getpid(), 9)
"""


def leave_temporaries(folder: Path) -> set[str]:
    """What a killed process leaves in ``folder``."""
    subprocess.run([sys.executable, "-c", KILLED, str(folder)], cwd=ROOT, check=False)
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("target", ["file", "folder"])
def test_temporaries_of_killed_processes_are_swept_and_nothing_else(tmp_path: Path, target: str) -> None:
    left = leave_temporaries(tmp_path)
    assert len(left) == 2
    (file,) = (name for name in left if name.endswith(".ply"))
    machine, process_id = file.split(".")[2].split("-")
    elsewhere = "0badcafe" if machine != "0badcafe" else "0badcaff"
    others = {
        file.replace(machine, elsewhere),  # another machine's, on a shared disk
        file.replace(f"-{process_id}.", "-1."),  # of a process that runs
        ".mesh.12345678.ply",
        ".git",
        "mesh.ply.bak",
    }
    for name in others:
        (tmp_path / name).write_text("someone's")
    if target == "file":
        write_text(tmp_path / "mesh.ply", "whole")
    else:
        stage_folder(tmp_path / "views", "mark", lambda folder: write_text(folder / "0.png", "whole"))
    assert {path.name for path in tmp_path.iterdir()} == others | {"mesh.ply" if target == "file" else "views"}


def test_ones_own_temporaries_stay_while_others_are_written(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a.txt") as first, atomic_folder(tmp_path / "b") as second:
        write_text(tmp_path / "c.txt", "c")
        first.write_text("a")
        (second / "0.txt").write_text("b")
        assert folders_in(tmp_path) == [], "a folder that is being written is not there yet"
    assert (tmp_path / "a.txt").read_text() == "a"
    assert folders_in(tmp_path) == [tmp_path / "b"]


def test_a_stages_folder_tells_what_it_cost(tmp_path: Path) -> None:
    made = stage_folder(tmp_path / "stage", "mark", lambda folder: write_text(folder / "0.txt", "0"))
    cost = stage_cost(tmp_path / "stage")
    assert made
    assert cost is not None
    assert 0 <= cost["seconds"] < 60
    assert cost["peak_memory_mb"] > 1
    assert is_current(tmp_path / "stage", "mark")
    write_text(tmp_path / "old" / "fingerprint.json", '{"fingerprint": "mark"}')
    assert stage_cost(tmp_path / "old") is None
    assert stage_cost(tmp_path / "none") is None
