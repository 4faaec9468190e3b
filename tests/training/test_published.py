"""The published configurations, and the command that runs them, on a tiny object."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from models.fields import ObjectField, build_field
from models.losses import loss_term
from models.records import Step
from models.renderer import render
from parts import without_parts
from scene.config import load
from scene.errors import UserError
from scene.images import read_color
from scene.mesh import load_mesh
from scene.object_folder import write_training_folder
from scene.records import ObjectViews
from scene.view_notes import ViewNotes
from settings import Settings
from training.batches import RayBatches
from training.schedule import learning_rate_factor
from training.settings import FitSettings, LossSettings
from training.trainer import fit

ROOT = Path(__file__).resolve().parents[2]
STAGE1, STAGE2 = (ROOT / "confs" / f"scannet-inpainted-default-stage{k}.conf" for k in (1, 2))
NAME = "scene0000_00_scannet_obj_1"
# The published networks and losses; fewer rays and samples, and a learning rate that stays at its highest, as it nearly
# does over the first steps of the published stages.
SMALLER = ("count=48", "warm_up_steps=5", "final_factor=1.0")


def smaller(steps: int, stages: int) -> list[str]:
    """Overrides for ``steps`` steps in each of 1 or 2 stages."""
    names = ["stage1", "stage2"][:stages]
    phases = [f"fit.phases.{name}.{text}" for name in names for text in (*SMALLER, f"steps={steps}")]
    return [*phases, "fit.render.samples=12", "fit.render.upsamples=12"]


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
    assert weights == {**ones, "mask": 5.0, "eikonal": 0.1, "clip": 0.1}
    assert coarse.loss("clip").start_step == 10_000
    assert coarse.loss("clip").options == {"every": 5, "size": 30, "samples": 32}
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


def loss_on_fixed_rays(views: ObjectViews, settings: FitSettings, field: ObjectField) -> float:
    """The weighted sum of a phase's losses on the same 512 rays and samples every time."""
    phase = list(settings.phases.values())[-1]
    rays = RayBatches(views, settings.rays).draw(512, torch.Generator().manual_seed(1))
    rendered = render(field, rays, settings.render)
    step = Step(field, 0, torch.Generator(), rays=rays, rendered=rendered)
    terms = loss_term.find({name: phase.loss(name).options for name in phase.losses})
    return sum(phase.loss(name).weight * term(step).item() for name, term in terms.items())


def test_both_stages_train_and_their_losses_fall(sphere_views: ObjectViews, tmp_path: Path) -> None:
    stage1, stage2 = (without_parts(load(conf, Settings, smaller(50, k))).fit for k, conf in ((1, STAGE1), (2, STAGE2)))
    untrained = loss_on_fixed_rays(sphere_views, stage1, build_field(stage1.field, seed=0))
    coarse = loss_on_fixed_rays(sphere_views, stage1, fit(sphere_views, stage1, tmp_path))
    fine = loss_on_fixed_rays(sphere_views, stage2, fit(sphere_views, stage2, tmp_path))
    assert coarse < 0.6 * untrained
    assert fine < 0.9 * coarse


@pytest.fixture(scope="module")
def dataset(sphere_views: ObjectViews, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dataset")
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.3)
    points_m = ball.vertices + sphere_views.world_from_normalized[:3, 3]
    notes = ViewNotes("ball", list(range(len(sphere_views))), list(sphere_views.scores), sphere_views.up)
    write_training_folder(root / NAME, sphere_views, notes, points_m.astype(np.float32))
    return root


@pytest.fixture
def exp_runner(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[Path]]:
    """Run the command in this process; the paths it prints."""
    from exp_runner import main

    def run(*arguments: str, name: str = NAME) -> list[Path]:
        where = ["--dataset_root", str(dataset), "--exp_root", str(tmp_path), "--gpu", "-1", "--scene_name", name]
        monkeypatch.setattr(sys, "argv", ["exp_runner.py", *where, *arguments])
        main()
        return [Path(line) for line in capsys.readouterr().out.splitlines()]

    return run


def flags(conf: Path, overrides: list[str]) -> list[str]:
    return ["--conf", str(conf), *(flag for text in overrides for flag in ("--set", text))]


def test_exp_runner_from_folder_to_mesh(exp_runner: Callable[..., list[Path]], tmp_path: Path) -> None:
    """Stage 1, stage 2 going on from it, the mesh, an image: each by its own command."""
    one, two = flags(STAGE1, smaller(10, 1)), flags(STAGE2, smaller(10, 2))
    folder = tmp_path / NAME / f"exp_{NAME}"
    exp_runner("--mode", "train", *one)
    (first_end,) = (folder / "checkpoints").iterdir()
    written = first_end.stat().st_mtime_ns
    assert exp_runner("--mode", "train", *two, "--is_continue") == [folder / "checkpoints"]
    assert sorted(p.name for p in (folder / "checkpoints").iterdir()) == [
        "ckpt_0000010.safetensors",
        "ckpt_0000020.safetensors",
    ]
    assert first_end.stat().st_mtime_ns == written
    assert json.loads((folder / "recording" / "run.json").read_text())["settings"]["fit"]["render"]["samples"] == 12

    (path,) = exp_runner("--mode", "validate_mesh", "--mc_reso", "48", *two)
    assert path == folder / "meshes" / f"00000020_reso48_{NAME}_world.ply"
    mesh = load_mesh(path)
    assert mesh.is_watertight
    # Few steps away from the ball of 0.25 m that it begins as, at the fixture's place.
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.27**3, rel=0.4)
    np.testing.assert_allclose(mesh.centroid, [1.0, -2.0, 0.7], atol=0.05)
    assert path.with_suffix(".glb").is_file()

    images = exp_runner("--mode", "validate_image", "--view", "2", "--stride", "3", *two)
    assert [p.name for p in images] == ["00000020_0002_color.png", "00000020_0002_normal.png"]
    assert all(read_color(p).shape == (12, 16, 3) for p in images)

    with pytest.raises(UserError, match=r"fit\.render\.samples = 12, this run has 8"):
        exp_runner("--mode", "train", *two, "--is_continue", "--set", "fit.render.samples=8")


def test_exp_runner_has_the_clip_loss_where_its_weights_are(
    exp_runner: Callable[..., list[Path]],
    tmp_path: Path,
    clip_folder: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = tmp_path / NAME / f"exp_{NAME}" / "logs" / "losses.jsonl"
    clip = "fit.phases.stage1.losses.clip"
    few = [*smaller(5, 1), f"{clip}.start_step=0", f"{clip}.options.size=8", "fit.log_every=5"]
    exp_runner("--mode", "train", *flags(STAGE1, [*few, f'pretrained.clip.id="{clip_folder}"']))
    assert 0 < json.loads(log.read_text())["clip"] < 2
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "empty"))
    exp_runner("--mode", "train", *flags(STAGE1, few))
    assert "clip" not in json.loads(log.read_text())
    assert "clip:" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "name", "message"),
    [
        ([], "scene9999_00_scannet_obj_7", "there is no such training folder"),
        (["--mode", "validate_mesh"], NAME, "train the object first"),
        (["--mode", "validate_image", "--view", "8"], NAME, "has views 0 to 7"),
        ([], "../elsewhere", "give the folder's name alone"),
    ],
)
def test_exp_runner_says_what_is_wrong(
    exp_runner: Callable[..., list[Path]], arguments: list[str], name: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        exp_runner(*arguments, name=name)


def test_a_wrong_command_ends_in_one_sentence() -> None:
    command = [sys.executable, str(ROOT / "exp_runner.py"), "--scene_name", NAME, "--conf", "nowhere.conf"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: nowhere.conf: there is no such configuration file; see confs/ for those that exist\n"
