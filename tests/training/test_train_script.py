"""scripts/train_0005.sh: which commands it runs, for which objects, and what it says of those that fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Stands where exp_runner.py stands: writes down its words, and fails for object 3.
RECORDER = """
import sys
with open("commands.txt", "a") as stream:
    stream.write(" ".join(sys.argv[1:]) + "\\n")
sys.exit("_obj_3_" in " ".join(sys.argv))
"""


def train_script(house: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (house / "scripts").mkdir(exist_ok=True)
    shutil.copy(ROOT / "scripts" / "help.sh", house / "scripts")
    script = shutil.copy(ROOT / "scripts" / "train_0005.sh", house / "scripts")
    (house / "exp_runner.py").write_text(RECORDER)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "GPU": "1"}
    return subprocess.run(
        ["bash", str(script), *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_every_object_of_the_scene_goes_through_both_stages_and_the_mesh(tmp_path: Path) -> None:
    for name in ("scene0005_00_scannet_obj_3_inpainted", "scene0005_00_scannet_obj_8_inpainted", "scene0006_00_x"):
        (tmp_path / "dataset" / "indoor-paper" / name).mkdir(parents=True)
    done = train_script(tmp_path)
    assert done.returncode == 1
    assert "failed: scene0005_00_scannet_obj_3_inpainted" in done.stderr
    commands = (tmp_path / "commands.txt").read_text().splitlines()
    assert [("_obj_3_" in c, c.split()[1], "stage2" in c) for c in commands] == [
        (True, "train", False),
        (False, "train", False),
        (False, "train", True),
        (False, "validate_mesh", True),
    ]
    assert all("--gpu 1" in c for c in commands)
    assert all("--is_continue" in c for c in commands if "--mode train" in c)


def test_a_scene_without_folders_is_said_plainly(tmp_path: Path) -> None:
    done = train_script(tmp_path, "scene0011_00")
    assert done.returncode == 2
    assert "scene0011_00_scannet_obj_*: no such training folder" in done.stderr
