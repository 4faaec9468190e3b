"""The whole way with every pretrained part, on tiny random networks, and the same way without any weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scene.mesh import load_mesh
from tests.scene.tiny_scan import write_tiny_scan
from tests.test_pipeline import QUICK

ROOT = Path(__file__).resolve().parents[1]
ALL_PARTS = [
    "extract.scorer=clip",
    "extract.name_by_clip=true",
    "prepare.normals=predicted",
    "prepare.inpaint.painter=diffusion",
    "prepare.inpaint.steps=2",
    "fit.phases.refinement.losses.clip={weight=0.1,options{every=1,size=8,samples=8}}",
]


def reconstruct(scan: Path, out: Path, hub: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "reconstruct.py"), str(scan), "--out", str(out), "--objects", "2"]
    for setting in (*QUICK, *ALL_PARTS, *more):
        command += ["--set", setting]
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2", "HF_HOME": str(hub), "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny room in which one box stands partly before the other."""
    folder = tmp_path_factory.mktemp("learned_way") / "scene0001_00_scannet"
    write_tiny_scan(folder, frames=8)
    return folder


def parts_of(out: Path) -> dict[str, bool]:
    return {one["part"]: one["used"] for one in json.loads((out / "run.json").read_text())["parts"]}


def test_every_part_is_used_where_its_weights_are(
    scan: Path, tmp_path: Path, clip_folder: Path, inpainter_folder: Path, marigold_folder: Path
) -> None:
    folders = {"clip": clip_folder, "inpainter": inpainter_folder, "normals": marigold_folder}
    out = tmp_path / "out"
    run = reconstruct(scan, out, tmp_path, *(f"pretrained.{part}.id={folder}" for part, folder in folders.items()))
    assert run.returncode == 0, run.stderr
    assert "download_weights" not in run.stderr
    assert "hidden pixels filled" in run.stderr
    assert "predicted normals are refused" in run.stderr, "random normals agree with no depth"
    assert parts_of(out) == {"clip": True, "inpainter": True, "normals": True}
    assert load_mesh(out / "meshes" / "scene0001_00_obj_2.ply").is_watertight
    scores = json.loads((out / "work" / "objects" / "scene0001_00_scannet_obj_2" / "clip_scores.json").read_text())
    assert all(-1 <= score <= 1 for score in scores.values()), "cosines, not sharpness"
    losses = (out / "work" / "fit" / "scene0001_00_scannet_obj_2" / "logs" / "losses.jsonl").read_text().splitlines()
    assert any("clip" in line for line in losses)
    page = (out / "report" / "index.html").read_text()
    assert all(str(folder) in page for folder in folders.values())


def test_without_weights_the_same_command_works_and_says_what_stands_in(scan: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = reconstruct(scan, out, tmp_path / "empty")
    assert run.returncode == 0, run.stderr
    lines = [line for line in run.stderr.splitlines() if "download_weights.py" in line]
    assert len(lines) == 3
    assert parts_of(out) == {"clip": False, "inpainter": False, "normals": False}
    page = (out / "report" / "index.html").read_text()
    for one in json.loads((out / "run.json").read_text())["parts"]:
        assert one["says"].split(":")[0] in page
    assert load_mesh(out / "meshes" / "scene0001_00_obj_2.ply").is_watertight
