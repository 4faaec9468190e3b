"""From object folders to training folders: geometry against the true boxes, crops, normals, the command."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

import exp_preprocess
from preprocess.loaded_views import target_camera
from preprocess.object_mask_with_clip import extract
from preprocess.settings import ExtractSettings, PrepareSettings
from preprocess.training_folder import prepare
from scene.camera import Intrinsics, transform, unproject
from scene.errors import UserError
from scene.normalize import inverse
from scene.object_folder import read_training_folder
from scene.records import Fact, ObjectViews
from scene.scannet import open_scan
from tests.scene.tiny_scan import CAMERA, write_tiny_scan

SETTINGS = PrepareSettings(normal_radius_px=2)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scannet")
    write_tiny_scan(root / "scene0001_00_scannet", frames=6)
    settings = ExtractSettings(min_views=4, min_area_share=0.01)
    extract(open_scan(root / "scene0001_00_scannet"), root / "object_original_with_clip", settings)
    return root


def object_folder(root: Path, instance_id: int) -> Path:
    return root / "object_original_with_clip" / f"scene0001_00_scannet_obj_{instance_id}"


def object_points(views: ObjectViews) -> np.ndarray:
    """World points of all object pixels."""
    return np.concatenate(
        [
            unproject(depth * np.float32(1e-3), views.camera, pose)[fact == Fact.OBJECT]
            for depth, fact, pose in zip(views.depth_mm, views.fact, views.world_from_camera, strict=True)
        ]
    )


def distance_to_cabinet(points: np.ndarray) -> np.ndarray:
    offset = np.abs(points - [0, 0, 0.4]) - [0.5, 0.3, 0.4]
    outside = np.linalg.norm(np.maximum(offset, 0), axis=1)
    return outside + np.abs(np.minimum(offset.max(axis=1), 0))


@pytest.mark.parametrize("crop", ["none", "centre"])
def test_points_lie_on_the_object_and_in_the_sphere(root: Path, tmp_path: Path, crop: str) -> None:
    prepare(object_folder(root, 2), tmp_path / "t", dataclasses.replace(SETTINGS, crop=crop))
    views = read_training_folder(tmp_path / "t")
    if crop == "none":
        np.testing.assert_allclose(views.camera.matrix, CAMERA.matrix)
    assert (views.camera.width, views.camera.height) == ((160, 120) if crop == "none" else (640, 480))
    points = object_points(views)
    assert np.quantile(distance_to_cabinet(points), 0.98) < 0.004
    radius = np.linalg.norm(transform(inverse(views.world_from_normalized), points), axis=1)
    assert 0.6 < radius.max() <= 1.0
    assert views.scale_m == pytest.approx(1.1 * np.linalg.norm([1.0, 0.6, 0.8]) / 2, rel=0.05)
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.3, 0.3) for z in (0.0, 0.8)])
    assert (np.linalg.norm(transform(inverse(views.world_from_normalized), corners), axis=1) < 1).all()


def test_normals_are_those_of_the_box(root: Path, tmp_path: Path) -> None:
    prepare(object_folder(root, 2), tmp_path / "t", SETTINGS)
    views = read_training_folder(tmp_path / "t")
    assert views.normal is not None
    axes = []
    for normal, fact, pose in zip(views.normal, views.fact, views.world_from_camera, strict=True):
        known = (normal != 0).any(axis=-1)
        assert not known[fact != Fact.OBJECT].any()
        axes.append(normal[known].astype(np.float64) @ pose[:3, :3].T)
    world = np.concatenate(axes)
    assert (np.abs(world).max(axis=1) > 0.99).mean() > 0.8
    assert (world[:, 2] < -0.5).mean() < 0.01  # the underside is never seen
    assert (world[:, 2] > 0.99).mean() > 0.03  # the top is, at a grazing angle
    prepare(object_folder(root, 2), tmp_path / "without", dataclasses.replace(SETTINGS, normals="none"))
    assert read_training_folder(tmp_path / "without").normal is None
    assert not (tmp_path / "without" / "pred_normal").exists()


def test_a_folder_without_facts_gets_the_same_ones(root: Path, tmp_path: Path) -> None:
    prepare(object_folder(root, 3), tmp_path / "with", SETTINGS)
    facts = sorted((object_folder(root, 3) / "fact").iterdir())
    stored = [path.read_bytes() for path in facts]
    try:
        for path in facts:
            path.unlink()
        prepare(object_folder(root, 3), tmp_path / "without", SETTINGS)
    finally:
        for path, data in zip(facts, stored, strict=True):
            path.write_bytes(data)
    with_facts, without = read_training_folder(tmp_path / "with"), read_training_folder(tmp_path / "without")
    assert (with_facts.fact == without.fact).mean() > 0.99
    assert without.scale_m == pytest.approx(with_facts.scale_m, rel=0.02)


def test_o2_recons_crop() -> None:
    """24 of 1296 columns and 16 of 968 rows fall away on each side; 8 and 6 of 640 x 480."""
    published = Intrinsics(1296, 968, 1170.0, 1168.0, 647.0, 484.0)
    for camera, left, top, scale in (
        (published, 24, 16, 1.95),
        (published.resized(640, 478), 24 * 640 / 1296, 16 * 478 / 968, 1.95 * 640 / 1296),
        (Intrinsics(640, 480, 577.0, 578.0, 319.0, 240.0), 8, 6, 0.975),
    ):
        target = target_camera(camera, "centre")
        assert (target.width, target.height) == (640, 480)
        assert target.fx == pytest.approx(camera.fx / scale, rel=1e-3)
        assert target.cx == pytest.approx((camera.cx - left + 0.5) / scale - 0.5, abs=0.3)
        assert target.cy == pytest.approx((camera.cy - top + 0.5) / scale - 0.5, abs=0.6)
        assert target_camera(camera, "none") == camera


def test_unreadable_views_are_left_out(root: Path, tmp_path: Path) -> None:
    folder = object_folder(root, 3)
    path = folder / "origin_image" / "1.jpg"
    data = path.read_bytes()
    try:
        path.write_bytes(data[:100])
        prepare(folder, tmp_path / "t", SETTINGS)
    finally:
        path.write_bytes(data)
    assert len(read_training_folder(tmp_path / "t")) == len(list((folder / "mask").iterdir())) - 1


def test_an_object_without_depth_cannot_be_placed(root: Path, tmp_path: Path) -> None:
    write_tiny_scan(tmp_path / "s_scannet", frames=3)
    for i in range(3):
        instance = cv2.imread(str(tmp_path / "s_scannet" / "instance-filt" / f"{i}.png"), -1)
        depth = cv2.imread(str(tmp_path / "s_scannet" / "depth" / f"{i}.png"), -1)
        cv2.imwrite(str(tmp_path / "s_scannet" / "depth" / f"{i}.png"), np.where(instance == 3, 0, depth))
    (folder,) = extract(open_scan(tmp_path / "s_scannet"), tmp_path / "o", ExtractSettings(), [3])
    with pytest.raises(UserError, match="it cannot be placed"):
        prepare(folder, tmp_path / "t", SETTINGS)
    assert not (tmp_path / "t").exists()


def test_the_command(root: Path, tmp_path: Path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    (object_folder(root, 9)).mkdir()  # one that cannot be prepared
    words = f"exp_preprocess.py --data_type scannet-with-inpaint --scannet_root {root} --neus_root {tmp_path}"
    monkeypatch.setattr("sys.argv", words.split())
    assert exp_preprocess.main() == 1
    assert [Path(line).name for line in capsys.readouterr().out.split()] == [
        "scene0001_00_scannet_obj_2_inpainted",
        "scene0001_00_scannet_obj_3_inpainted",
    ]
    views = read_training_folder(tmp_path / "scene0001_00_scannet_obj_3_inpainted")
    assert (views.name, views.label, views.color.shape[1:]) == ("scene0001_00_scannet_obj_3", "box", (480, 640, 3))
    monkeypatch.setattr("sys.argv", ["exp_preprocess.py", "--scannet_root", str(tmp_path)])
    with pytest.raises(UserError, match="holds no object folder"):
        exp_preprocess.main()


def test_bench_room_from_scan_to_training_folders(shared_data: Path, tmp_path: Path) -> None:
    """One object of a rendered room: its points lie on its true mesh, and the whole truth fits into the sphere."""
    from scipy.spatial import cKDTree

    from scene.mesh import load_mesh, sample_surface

    scan = open_scan(shared_data / "bench" / "scannet" / "scene9102_00_scannet")
    scan = dataclasses.replace(
        scan,
        frame_ids=scan.frame_ids[::3],
        world_from_camera=scan.world_from_camera[::3],
        load_frame=lambda k, load=scan.load_frame: load(3 * k),
    )
    (folder,) = extract(scan, tmp_path, ExtractSettings(), [scan.instances[-1].instance_id])
    prepare(folder, tmp_path / "t", PrepareSettings())
    views = read_training_folder(tmp_path / "t")
    truth = load_mesh(
        shared_data / "bench" / "truth" / "scene9102_00" / f"obj_{scan.instances[-1].instance_id - 1}.ply"
    )
    surface, _ = sample_surface(truth, 50_000, seed=0)
    distance, _ = cKDTree(surface).query(object_points(views)[::50])
    assert np.mean(distance < 0.02) > 0.95
    normalized = transform(inverse(views.world_from_normalized), np.asarray(truth.vertices))
    assert np.linalg.norm(normalized, axis=1).max() < 1.0
