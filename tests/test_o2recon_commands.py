"""O2-Recon's command line, word for word, on a scan that lies as its data do, with tiny networks, to the mesh."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scene.mesh import load_mesh
from tests.scene.tiny_scan import write_tiny_scan

ROOT = Path(__file__).resolve().parents[1]
NAME = "scene0005_00_scannet_obj_2_inpainted"
# The published stages, cut to some steps of few rays; the CLIP loss comes in at once.
SHORT = """include "{root}/confs/published.conf"
pretrained {{ clip.id = "{clip}", inpainter.id = "{inpainter}", normals.id = "{normals}" }}
prepare.inpaint.steps = 2
fit.render {{ samples = 8, upsamples = 8 }}
fit.phases.stage1 {{ steps = 6, count = 32, warm_up_steps = 2, losses.clip {{ start_step = 0, options.size = 8 }} }}
"""
# As in confs/scannet-inpainted-default-stage2.conf.
LONGER = """fit.phases.stage2 = ${{fit.phases.stage1}} {{
  steps = 3, schedule_offset = 6, keep_optimizer = true, fine_enabled = true, view_directions = true
}}
"""


@pytest.fixture(scope="module")
def work(
    tmp_path_factory: pytest.TempPathFactory, clip_folder: Path, inpainter_folder: Path, marigold_folder: Path
) -> Path:
    """A working directory with a scan called as O2-Recon's, and configurations that name tiny networks."""
    folder = tmp_path_factory.mktemp("o2recon")
    write_tiny_scan(folder / "scannet" / "scene0005_00_scannet", frames=6)
    named = {"clip": clip_folder, "inpainter": inpainter_folder, "normals": marigold_folder}
    for stage, text in ((1, SHORT), (2, SHORT + LONGER)):
        (folder / f"stage{stage}.conf").write_text(text.format(root=ROOT, **named))
    return folder


def command(work: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HF_HOME": str(work / "hub"),
        "HF_HUB_OFFLINE": "1",
        "DATASET_ROOT": str(work / "dataset" / "indoor-paper"),
        "EXP_ROOT": str(work / "exps"),
        "STAGE1": str(work / "stage1.conf"),
        "STAGE2": str(work / "stage2.conf"),
        "MC_RESO": "48",
        "GPU": "-1",
    }
    done = subprocess.run(words, cwd=work, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def test_from_the_scan_to_the_mesh(work: Path) -> None:
    python = sys.executable
    extract = ("preprocess/object_mask_with_clip.py", "--scannet_root", "./scannet", "--objects", "2")
    command(work, python, str(ROOT / extract[0]), *extract[1:])
    prepared = command(
        work,
        *(python, str(ROOT / "exp_preprocess.py"), "--data_type", "scannet-with-inpaint"),
        *("--scannet_root", "./scannet", "--neus_root", "./dataset/indoor-paper", "--conf", "stage2.conf"),
    )
    folder = work / "dataset" / "indoor-paper" / NAME
    assert prepared.stdout.split() == [f"dataset/indoor-paper/{NAME}"]
    assert "hidden pixels filled" in prepared.stderr
    assert (folder / "confidence").is_dir()
    assert (folder / "pred_normal").is_dir()
    command(work, "bash", str(ROOT / "scripts" / "train_0005.sh"))
    mesh = work / "exps" / NAME / f"exp_{NAME}" / "meshes" / f"00000009_reso48_{NAME}_world.ply"
    assert load_mesh(mesh).is_watertight
    losses = (work / "exps" / NAME / f"exp_{NAME}" / "logs" / "losses.jsonl").read_text()
    assert '"clip"' in losses
