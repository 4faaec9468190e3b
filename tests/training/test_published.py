"""The published configurations, and the command that runs them, on a tiny object."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from scene.config import load
from scene.errors import UserError
from scene.mesh import load_mesh
from scene.object_folder import write_training_folder
from scene.records import ObjectViews
from scene.view_notes import ViewNotes
from settings import Settings
from training.schedule import learning_rate_factor
from training.settings import FitSettings, LossSettings
from training.trainer import fit

ROOT = Path(__file__).resolve().parents[2]
STAGE1, STAGE2 = (ROOT / "confs" / f"scannet-inpainted-default-stage{k}.conf" for k in (1, 2))
NAME = "scene0000_00_scannet_obj_1"
# The published networks, losses and schedule; fewer steps, rays and samples.
SMALLER = [
    "fit.phases.stage1.steps=50",
    "fit.phases.stage1.count=64",
    "fit.phases.stage1.warm_up_steps=10",
    "fit.render.samples=16",
    "fit.render.upsamples=16",
]
STAGE2_SMALLER = [*SMALLER, "fit.phases.stage2.steps=50", "fit.phases.stage2.schedule_offset=50"]


def test_the_files_say_what_was_published() -> None:
    stage1, stage2 = load(STAGE1, Settings).fit, load(STAGE2, Settings).fit
    assert list(stage1.phases) == ["stage1"]
    assert list(stage2.phases) == ["stage1", "stage2"]
    assert stage2.phases["stage1"] == stage1.phases["stage1"]
    coarse, fine = stage2.phases.values()
    assert (coarse.steps, coarse.steps + fine.steps) == (20_010, 50_010)
    assert (coarse.fine_enabled, coarse.view_directions) == (False, False)
    assert (fine.fine_enabled, fine.view_directions) == (True, True)
    assert coarse.losses == fine.losses
    weights = {name: coarse.loss(name).weight for name in coarse.losses}
    ones = dict.fromkeys(("color", "normal", "depth", "truncated_sdf", "free_space"), 1.0)
    assert weights == {**ones, "mask": 5.0, "eikonal": 0.1}
    assert coarse.loss("normal") == LossSettings(1.0, warm_up_steps=20_000)
    assert coarse.learning_rate == 2e-4
    assert learning_rate_factor(coarse, 20_009) == pytest.approx(0.05)
    assert learning_rate_factor(fine, 29_999) == pytest.approx(0.05)
    assert coarse.count == 512
    assert (stage1.render.samples, stage1.render.upsamples, stage1.render.upsample_steps) == (64, 64, 4)


def test_what_a_configuration_gets_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"losses\.normal\.weigth; did you mean .*weight"):
        load(STAGE1, Settings, ["fit.phases.stage1.losses.normal.weigth=3"])
    with pytest.raises(UserError, match=r"losses\.normal"):
        load(STAGE1, Settings, ["fit.phases.stage1.losses.normal=much"])
    whole = load(
        STAGE1, Settings, ["fit.phases.stage1.losses.point_eikonal={weight=0.1,options{count=7,distance=0.5}}"]
    )
    options = whole.fit.phases["stage1"].loss("point_eikonal").options
    assert options == {"count": 7, "distance": 0.5}
    assert isinstance(options["count"], int)


def losses_of(folder: Path, settings: FitSettings, phase: str) -> list[float]:
    """The weighted sum (at the last step's weights) of every logged step of a phase."""
    lines = [json.loads(line) for line in (folder / "logs" / "losses.jsonl").read_text().splitlines()]
    weights = {name: settings.phases[phase].loss(name).weight for name in settings.phases[phase].losses}
    return [sum(weights[k] * line[k] for k in weights) for line in lines if line["phase"] == phase]


def test_both_stages_train_and_their_losses_fall(sphere_views: ObjectViews, tmp_path: Path) -> None:
    settings = load(STAGE2, Settings, [*STAGE2_SMALLER, "fit.log_every=1"]).fit
    fit(sphere_views, settings, tmp_path)
    for phase in ("stage1", "stage2"):
        losses = losses_of(tmp_path, settings, phase)
        assert len(losses) == 50
        assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])


@pytest.fixture(scope="module")
def dataset(sphere_views: ObjectViews, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dataset")
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.3)
    points_m = ball.vertices + sphere_views.world_from_normalized[:3, 3]
    notes = ViewNotes("ball", list(range(len(sphere_views))), list(sphere_views.scores), sphere_views.up)
    write_training_folder(root / NAME, sphere_views, notes, points_m.astype(np.float32))
    return root


def exp_runner(dataset: Path, experiments: Path, *arguments: str, name: str = NAME) -> subprocess.CompletedProcess[str]:
    where = ["--scene_name", name, "--dataset_root", str(dataset), "--exp_root", str(experiments), "--gpu", "-1"]
    command = [sys.executable, str(ROOT / "exp_runner.py"), *where, *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def settings_flags(overrides: list[str]) -> list[str]:
    return [flag for text in overrides for flag in ("--set", text)]


def test_exp_runner_from_folder_to_mesh(dataset: Path, tmp_path: Path) -> None:
    """Stage 1, stage 2 going on from it, the mesh, an image: each by its own command."""
    one = ["--conf", str(STAGE1), *settings_flags(SMALLER)]
    two = ["--conf", str(STAGE2), *settings_flags(STAGE2_SMALLER)]
    folder = tmp_path / NAME / f"exp_{NAME}"
    for arguments in (["--mode", "train", *one], ["--mode", "train", *two, "--is_continue"]):
        done = exp_runner(dataset, tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert names == ["ckpt_0000050.safetensors", "ckpt_0000100.safetensors"]
    first_stage = folder / "checkpoints" / names[0]
    assert first_stage.stat().st_mtime_ns < (folder / "recording" / "run.json").stat().st_mtime_ns
    assert json.loads((folder / "recording" / "run.json").read_text())["settings"]["fit"]["render"]["samples"] == 16

    meshed = exp_runner(dataset, tmp_path, "--mode", "validate_mesh", "--mc_reso", "48", *two)
    assert meshed.returncode == 0, meshed.stderr
    path = Path(meshed.stdout.strip())
    assert path == folder / "meshes" / f"00000100_reso48_{NAME}_world.ply"
    mesh = load_mesh(path)
    assert mesh.is_watertight
    # A ball of radius 0.3 m at the fixture's place, 100 steps from a ball of 0.25 m.
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.4)
    np.testing.assert_allclose(mesh.centroid, [1.0, -2.0, 0.7], atol=0.05)
    assert path.with_suffix(".glb").is_file()

    pictured = exp_runner(dataset, tmp_path, "--mode", "validate_image", "--view", "2", "--stride", "3", *two)
    assert pictured.returncode == 0, pictured.stderr
    images = [Path(line) for line in pictured.stdout.split()]
    assert [p.name for p in images] == ["00000100_0002_color.png", "00000100_0002_normal.png"]
    assert all(p.is_file() for p in images)

    refused = exp_runner(dataset, tmp_path, "--mode", "train", *two, "--is_continue", "--set", "fit.render.samples=8")
    assert refused.returncode == 2
    assert "fit.render.samples = 16, this run has 8" in refused.stderr


def test_exp_runner_says_what_is_wrong(dataset: Path, tmp_path: Path) -> None:
    for arguments, name, message in (
        (["--conf", "nowhere.conf"], NAME, "nowhere.conf: there is no such configuration"),
        ([], "scene9999_00_scannet_obj_7", "there is no such training folder"),
        (["--mode", "validate_mesh"], NAME, "train the object first"),
        (["--mode", "validate_image", "--view", "8"], NAME, "has views 0 to 7"),
        ([], "../elsewhere", "give the folder's name alone"),
    ):
        done = exp_runner(dataset, tmp_path, *arguments, name=name)
        assert done.returncode == 2, done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
