"""The whole command against a hub on this machine, and that what it puts is found by those who are to read it."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh

from evaluation import cal_metric
from preprocess.hidden import drawn_masks
from preprocess.object_mask_with_clip import extract, find_scans
from preprocess.settings import ExtractSettings, PrepareSettings
from preprocess.training_folder import prepare
from scene.files import read_json
from scene.images import write_image
from scene.object_folder import read_training_folder
from scene.object_source import open_object_source
from scene.scannet import open_scan
from tests.scene.tiny_scan import tiny_room, write_tiny_scan
from tests.tiny_hub import TinyHub, tiny_hub

ROOT = Path(__file__).resolve().parents[2]
NAME, SCENE, OBJECT, MASKS = "AlbertHuyb/O2-Recon", "scene0005_00", "scene0005_00_scannet_obj_2", "only-seg-0005-obj2"
MASK = "1_class_inpaint mask.png"
PIECE = 10 << 20  # in which the hub's library fetches


def download(hub: TinyHub, folder: Path, *parts: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command with a cache of its own, whose network is ``hub``; it puts the data into ``folder/root``."""
    own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "home"), "HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "scripts/download_data.py", *parts, "--root", str(folder / "root")]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | own | environment, capture_output=True, text=True, check=False
    )


def pack(archive: Path, folder: Path, top: str) -> None:
    """A folder as an archive, its files below ``top``."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, Path(top) / path.relative_to(folder))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one scene in all of its parts: in archives, in archives without a folder, and in the open."""
    made, hub = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("published")
    scan, room = made / f"{SCENE}_scannet", tiny_room()
    write_tiny_scan(scan)
    [source] = extract(open_scan(scan), made / "objects", ExtractSettings(), [2])
    prepare(source, made / "training", PrepareSettings())
    pack(hub / "example-input" / f"{OBJECT}_inpainted.zip", made / "training", f"{OBJECT}_inpainted")
    pack(hub / "scannet" / f"{SCENE}_scannet.zip", scan, "")
    shutil.copy(made / "scannetv2-labels.combined.tsv", hub / "scannet")
    shutil.copytree(source, hub / "scannet" / "object_original_with_clip" / OBJECT)
    for ours in ("views.json", "fact"):  # O2-Recon has no such
        path = hub / "scannet" / "object_original_with_clip" / OBJECT / ours
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (made / "masks" / MASKS).mkdir(parents=True)
    write_image(made / "masks" / MASKS / MASK, np.full((120, 160), 255, np.uint8))
    pack(hub / "annotated_masks.zip", made / "masks", "annotated_masks")
    (made / "truth" / SCENE / "gt").mkdir(parents=True)
    room.meshes[2].export(made / "truth" / SCENE / "gt" / "obj_1.ply")
    pack(hub / "groundtruth" / "scannet_gt.zip", made / "truth", "scannet_gt")
    cad = hub / "groundtruth" / "meshes-scan2cad-cleaned" / SCENE
    cad.mkdir(parents=True)
    trimesh.PointCloud(room.meshes[2].sample(50_000, seed=0)).export(cad / "scannet_1_pointcloud.ply")
    (made / "results" / "ours" / SCENE).mkdir(parents=True)
    moved = room.meshes[2].copy().apply_translation([0.01, 0.0, 0.0])
    moved.export(made / "results" / "ours" / SCENE / f"{OBJECT}_full_mesh.ply")
    (made / "results" / "filler").write_bytes(os.urandom(PIECE + 5000))  # of which archives can make no less
    pack(hub / "example-results.zip", made / "results", "example-results")
    (hub / "README.md").write_text("of no part")
    return hub


@pytest.fixture(scope="module")
def fetched(published: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Everything fetched by one command, with one break of the connection on the way; and what it said."""
    folder = tmp_path_factory.mktemp("fetched")
    with tiny_hub({NAME: published}) as hub:
        hub.breaks_off["example-results.zip"] = PIECE + 1000
        told = download(hub, folder, HF_TOKEN="hf_mine", HF_HUB_DISABLE_XET="1")
        assert told.returncode == 0, told.stderr
        assert [begin for begin, _ in hub.sent["example-results.zip"]] == [0, PIECE]
        assert "README.md" not in hub.sent
        assert "Bearer hf_mine" in hub.tokens
    return folder, told


Fetched = tuple[Path, subprocess.CompletedProcess[str]]


def test_everything_is_told(fetched: Fetched) -> None:
    folder, told = fetched
    below = [str(Path(line).relative_to(folder / "root")) for line in told.stdout.splitlines()]
    assert below == [
        f"dataset/indoor-paper/{OBJECT}_inpainted",
        f"scannet/object_original_with_clip/{OBJECT}",
        "scannet/scannetv2-labels.combined.tsv",
        f"scannet/{SCENE}_scannet",
        f"scannet/object_original_with_clip/{OBJECT}/{MASKS}",
        f"groundtruth/meshes-scan2cad-cleaned/{SCENE}",
        f"groundtruth/scannet_gt/{SCENE}",
        "exps-paper/indoor-paper/collected_meshes_per_scene/ours",
    ]
    assert "example-results: 0.010 GB to fetch" in told.stderr
    assert "example-results: 1 files have no place here and stay in the hub's cache: example-results/" in told.stderr


def test_scans_objects_and_training_folders_are_found(fetched: Fetched, caplog: pytest.LogCaptureFixture) -> None:
    root = fetched[0] / "root"
    caplog.set_level(logging.WARNING)
    [scan] = find_scans(root / "scannet", None)
    assert len(open_scan(scan).frame_ids) == 6
    assert [thing.label for thing in open_scan(scan).instances] == ["floor", "cabinet", "box"]
    source = root / "scannet" / "object_original_with_clip" / OBJECT
    masks = drawn_masks(source, open_object_source(source).camera)
    assert sorted(masks) == [1]
    [training] = (root / "dataset" / "indoor-paper").glob(f"{SCENE}_scannet_obj_*/")  # as train_0005.sh looks
    count = len(read_training_folder(training))
    assert caplog.messages == []
    prepare(source, root / "made" / OBJECT, PrepareSettings())
    assert len(read_training_folder(root / "made" / OBJECT)) == count


@pytest.mark.parametrize("truth", ["scannet_gt", "meshes-scan2cad-cleaned"])
def test_results_are_scored_against_the_truth(
    fetched: Fetched, truth: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fetched[0] / "root"
    meshes = root / "exps-paper" / "indoor-paper" / "collected_meshes_per_scene" / "ours"
    words = ["--meshes", str(meshes), "--truth", str(root / "groundtruth" / truth), "--samples", "20000"]
    monkeypatch.setattr("sys.argv", ["cal_metric.py", *words, "--out", str(tmp_path)])
    assert cal_metric.main() == 0
    [scene] = read_json(tmp_path / "scores.json")["scenes"]
    assert scene["objects"][0]["scores"]["f_0.02"] > 0.99  # of what is 1 cm off


def test_again_only_what_lacks_is_fetched_and_put(published: Path, fetched: Fetched, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(fetched[0], tmp_path / "copy", symlinks=True))
    archive = next((folder / "home").rglob(f"snapshots/*/scannet/{SCENE}_scannet.zip"))
    archive.resolve().unlink()
    shutil.rmtree(folder / "root" / "scannet" / f"{SCENE}_scannet")
    (folder / "root" / "dataset" / "indoor-paper" / f"{OBJECT}_inpainted" / "trans_n2w.txt").unlink()
    with tiny_hub({NAME: published}) as hub:
        told = download(hub, folder)
        assert list(hub.sent) == [f"scannet/{SCENE}_scannet.zip"]
        offline = download(hub, folder, "scannet", "annotated_masks.zip", HF_HUB_OFFLINE="1")
    assert told.returncode == 1
    assert "published files 1 lack or differ, such as trans_n2w.txt; move it away to have them" in told.stderr
    assert "scannet: 1 put below" in told.stderr
    assert len(list((folder / "root" / "scannet" / f"{SCENE}_scannet" / "color").iterdir())) == 6
    assert offline.returncode == 0, offline.stderr
    assert "scannet: 0 put below" in offline.stderr


def test_masks_on_views_picked_here_are_doubted(published: Path, fetched: Fetched, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(fetched[0], tmp_path / "copy", symlinks=True))
    source = folder / "root" / "scannet" / "object_original_with_clip" / OBJECT
    shutil.rmtree(source / MASKS)
    (source / "views.json").write_text("{}")
    with tiny_hub({NAME: published}) as hub:
        told = download(hub, folder, "annotated_masks")
    assert told.returncode == 0
    assert (source / MASKS / MASK).is_file()
    assert "1 folders of masks were drawn on the views that O2-Recon picked" in told.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("refused", "says"),
    [
        ((403, "GatedRepo"), f"datasets/{NAME} is gated: accept its terms at"),
        ((404, "RepoNotFound"), f"datasets/{NAME} was withdrawn"),
        ((503, ""), "the hub fails (503); run the same command again later"),
    ],
)
def test_a_hub_that_refuses(tmp_path: Path, refused: tuple[int, str], says: str) -> None:
    with tiny_hub({}, {NAME: refused}) as hub:
        told = download(hub, tmp_path, "groundtruth")
    assert told.returncode == 1
    assert says in told.stderr.splitlines()[-1]
    assert "Traceback" not in told.stderr


def test_what_is_not_as_it_was_is_told(tmp_path: Path) -> None:
    """No network; parts that are gone, hostile, or hold nothing known; and words that name no part."""
    (tmp_path / "hub" / "scannet").mkdir(parents=True)
    (tmp_path / "hub" / "scannet" / "all.tar.gz").write_bytes(b"tar")
    with zipfile.ZipFile(tmp_path / "hub" / "annotated_masks.zip", "w") as archive:
        archive.writestr(f"{MASKS}/../../../../evil", "evil")
    with tiny_hub({NAME: tmp_path / "hub"}) as hub:
        offline = download(hub, tmp_path, "scannet", HF_HUB_OFFLINE="1")
        assert hub.sent == {}
        told = download(hub, tmp_path, "scannet", "annotated_masks", "groundtruth")
    assert "HF_HUB_OFFLINE forbids the network; unset it, or fetch it where there is one" in offline.stderr
    assert told.returncode == 1
    assert "scannet: it holds no scans <scene>_scannet, and object folders, but scannet/all.tar.gz; put" in told.stderr
    assert "may lead anywhere; nothing of it was unpacked" in told.stderr
    assert f"groundtruth: datasets/{NAME} holds neither groundtruth/ nor groundtruth.zip" in told.stderr
    assert not (tmp_path / "root").exists()
    assert "Traceback" not in told.stderr
    wrong = download(hub, tmp_path, "weights")
    assert (wrong.returncode, "error: weights is no part; there are example-input, scannet" in wrong.stderr) == (
        2,
        True,
    )
