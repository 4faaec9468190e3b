"""The demo scan on disk: whole, readable, true, and the same for the same seed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from scene.camera import unproject
from scene.depth_noise import DepthNoise, ScanNoise
from scene.errors import UserError
from scene.mesh import load_mesh, sample_surface
from scene.scannet import open_scan
from scene.synthetic import make_scan, scene_name

_ROOT = Path(__file__).parents[2]
_FRAMES, _SIZE = 8, (160, 120)
_BUILDING = {"floor", "wall", "ceiling", "door", "window", "picture"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one small scan."""
    out = tmp_path_factory.mktemp("demo")
    make_scan(out, seed=4, frames=_FRAMES, size=_SIZE)
    return out


@pytest.fixture(scope="module")
def scan_folder(made: Path) -> Path:
    return made / "scannet" / f"{scene_name(4)}_scannet"


def _bytes_below(folder: Path) -> dict[str, bytes]:
    """Of every file but the fingerprints, which hold what the making cost."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "fingerprint.json"]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_the_same_seed_writes_the_same_bytes(made: Path, tmp_path: Path) -> None:
    """Also in another process, whose hashes and object ids differ."""
    code = "from pathlib import Path; from scene.synthetic import make_scan; "
    code += f"make_scan(Path({str(tmp_path)!r}), seed=4, frames={_FRAMES}, size={_SIZE})"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=_ROOT, env=environment)
    first, again = _bytes_below(made), _bytes_below(tmp_path)
    assert first.keys() == again.keys()
    assert [name for name in first if first[name] != again[name]] == []


def test_a_scan_that_is_there_is_left_alone_and_a_lost_truth_is_made_again(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.*")}
    make_scan(tmp_path, seed=4, frames=_FRAMES, size=_SIZE)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.*")} == before
    truth = tmp_path / "truth" / scene_name(4)
    content = _bytes_below(truth)
    shutil.rmtree(truth)
    make_scan(tmp_path, seed=4, frames=_FRAMES, size=_SIZE)
    assert _bytes_below(truth) == content


def test_it_is_a_complete_scannet_export(made: Path, scan_folder: Path) -> None:
    scene = scene_name(4)
    numbers = [str(i) for i in range(_FRAMES)]
    for kind, suffix in (
        ("color", "jpg"),
        ("depth", "png"),
        ("instance-filt", "png"),
        ("label-filt", "png"),
        ("pose", "txt"),
    ):
        assert sorted(p.name for p in (scan_folder / kind).iterdir()) == sorted(f"{i}.{suffix}" for i in numbers)
    assert {p.name for p in (scan_folder / "intrinsic").iterdir()} == {
        f"{a}_{b}.txt" for a in ("intrinsic", "extrinsic") for b in ("color", "depth")
    }
    width, height = _SIZE
    for kind, dtype, channels in (
        ("color", np.uint8, (3,)),
        ("depth", np.uint16, ()),
        ("instance-filt", np.uint8, ()),
        ("label-filt", np.uint16, ()),
    ):
        image = cv2.imread(str(next((scan_folder / kind).iterdir())), cv2.IMREAD_UNCHANGED)
        assert image.dtype == dtype
        assert image.shape == (height, width, *channels)
    facts = dict(line.split(" = ") for line in (scan_folder / f"{scene}.txt").read_text().splitlines())
    assert (int(facts["colorWidth"]), int(facts["depthHeight"]), int(facts["numColorFrames"])) == (
        width,
        height,
        _FRAMES,
    )
    assert (made / "scannet" / "scannetv2-labels.combined.tsv").read_text().startswith("id\traw_category\t")


def test_mesh_segments_and_groups_agree(scan_folder: Path) -> None:
    scene = scene_name(4)
    mesh = trimesh.load_mesh(scan_folder / f"{scene}_vh_clean_2.ply", process=False)
    segment = np.array(json.loads((scan_folder / f"{scene}_vh_clean_2.0.010000.segs.json").read_text())["segIndices"])
    groups = json.loads((scan_folder / f"{scene}_vh_clean.aggregation.json").read_text())["segGroups"]
    assert len(segment) == len(mesh.vertices)
    assert [g["id"] for g in groups] == list(range(len(groups)))
    members = [s for g in groups for s in g["segments"]]
    assert len(members) == len(set(members))  # no segment belongs to two
    assert all(g["segments"] for g in groups)
    # The segments of an object's group lie on its true surface.
    last = groups[-1]
    truth = load_mesh(scan_folder.parents[1] / "truth" / scene / f"obj_{last['id']}.ply")
    points, _ = sample_surface(truth, 20000, 0)
    distance, _ = cKDTree(points).query(mesh.vertices[np.isin(segment, last["segments"])])
    assert distance.max() < 0.05


def test_truth_is_watertight_and_named_by_instance(made: Path, scan_folder: Path) -> None:
    scan = open_scan(scan_folder)
    objects = [i for i in scan.instances if i.label not in _BUILDING]
    assert len(objects) >= 6
    assert len({i.label for i in objects}) >= 5
    assert {"floor", "wall"} <= {i.label for i in scan.instances}
    assert all(i.nyu40_id > 0 for i in scan.instances)
    truth = {int(p.stem.removeprefix("obj_")) + 1: p for p in (made / "truth" / scene_name(4)).glob("obj_*.ply")}
    assert set(truth) >= {i.instance_id for i in objects}
    for path in truth.values():
        mesh = load_mesh(path)
        assert mesh.is_watertight
        assert 0.05 < mesh.extents.max() < 3.0


def test_one_pose_is_lost_and_up_is_up(scan_folder: Path) -> None:
    scan = open_scan(scan_folder)
    assert len(scan) == _FRAMES - 1
    np.testing.assert_allclose(scan.up, [0, 0, 1], atol=1e-6)
    lost_files = [p for p in (scan_folder / "pose").iterdir() if "inf" in p.read_text()]
    assert len(lost_files) == 1
    assert set(lost_files[0].read_text().split()) == {"-inf"}


def test_depth_lies_on_the_truth_and_colour_differs_by_thing(made: Path, scan_folder: Path) -> None:
    scan = open_scan(scan_folder)
    errors = []
    for instance in [i for i in scan.instances if i.label not in _BUILDING]:
        truth = load_mesh(made / "truth" / scene_name(4) / f"obj_{instance.instance_id - 1}.ply")
        tree = cKDTree(sample_surface(truth, 40000, 0)[0])
        for k in range(0, len(scan), 3):
            frame = scan.load_frame(k)
            assert frame is not None
            assert frame.instance is not None
            mask = (frame.instance == instance.instance_id) & (frame.depth_m > 0)
            points = unproject(frame.depth_m, frame.camera, frame.world_from_camera)[mask]
            if len(points):
                errors.append(tree.query(points)[0])
    distance = np.concatenate(errors)
    assert len(distance) > 2000
    assert np.median(distance) < 0.008  # noise, the pose's error, and 4 mm between samples
    assert (distance < 0.03).mean() > 0.9  # the rest are flying pixels and waves along edges


def test_without_noise_depth_is_exact(tmp_path: Path) -> None:
    perfect = DepthNoise(0.0, 0.0, 0.0, 0.0, edge_drop=0.0, edge_fly=0.0, grazing_cosine=0.0, farthest_m=20.0)
    folder = make_scan(tmp_path, 4, 4, size=(96, 72), noise=ScanNoise(perfect, 0.0, 0.0, lose_a_pose=False))
    scan = open_scan(folder)
    assert len(scan) == 4
    frame = scan.load_frame(1)
    assert frame is not None
    assert frame.instance is not None
    assert (frame.depth_m > 0).all()
    floor = next(i for i in scan.instances if i.label == "floor")
    points = unproject(frame.depth_m, frame.camera, frame.world_from_camera)[frame.instance == floor.instance_id]
    assert len(points) > 100
    assert np.abs(points[:, 2]).max() < 0.002


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="4 of 48x48"):
        make_scan(tmp_path, frames=2)
    with pytest.raises(UserError, match="not negative"):
        make_scan(tmp_path, seed=-1)
    with pytest.raises(UserError, match="no such folder of CAD"):
        make_scan(tmp_path, cad=tmp_path / "nowhere")


def test_seeds_name_scenes() -> None:
    assert scene_name(0) == "scene9200_00"
    assert scene_name(7) == "scene9207_00"
    assert scene_name(800) == scene_name(0)


def test_the_command_prints_what_was_seen(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scene.synthetic", "--out", str(tmp_path), "--seed", "4", "--frames", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=_ROOT)
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["id", "object", "frames", "surface", "seen"]
    assert len(lines) >= 1 + 6 + 2
    assert "of 4" in lines[1]
