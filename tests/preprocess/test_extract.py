"""From a scan to object folders: facts against ray-cast truth, leaks and strays, and what is refused."""

import dataclasses
import errno
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from preprocess.object_mask_with_clip import choose_objects, extract, is_background
from preprocess.settings import ExtractSettings
from preprocess.sightings import look_at_all
from preprocess.views import ViewCrop, sharpness_times_area
from scene.errors import UserError
from scene.object_source import open_object_source
from scene.records import Fact, Frame, Instance, Scan
from scene.scannet import open_scan
from tests.scene.tiny_scan import box, tiny_room, write_tiny_scan

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ExtractSettings(min_views=4, min_area_share=0.01)


@pytest.fixture(scope="module")
def scan_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scannet") / "scene0001_00_scannet"
    write_tiny_scan(folder, frames=8)
    return folder


def test_folders_hold_what_the_views_say(scan_folder: Path, tmp_path: Path) -> None:
    scan = open_scan(scan_folder)
    folders = extract(scan, tmp_path, SETTINGS)
    assert [folder.name for folder in folders] == ["scene0001_00_scannet_obj_2", "scene0001_00_scannet_obj_3"]
    for folder, instance_id, label in zip(folders, (2, 3), ("cabinet", "box"), strict=True):
        source = open_object_source(folder)
        assert source.notes.label == label
        assert 4 <= len(source) <= 8
        assert source.notes.up is not None
        assert len(source.notes.scores) == len(source.notes.frame_ids) == len(source)
        for i in range(len(source)):
            view = source.load_view(i)
            assert view is not None
            assert view.fact is not None
            _, truth = tiny_room().render(source.camera, source.world_from_camera[i])
            np.testing.assert_allclose(source.world_from_camera[i], scan.world_from_camera[source.notes.frame_ids[i]])
            np.testing.assert_array_equal(view.mask, truth == instance_id)
            says_object, says_other = view.fact == Fact.OBJECT, view.fact == Fact.OTHER
            assert not (says_object & (truth != instance_id)).any()
            assert not (says_other & (truth == instance_id)).any()
            assert says_object.sum() > 0.75 * (truth == instance_id).sum()
            assert says_other.sum() > 0.9 * ((truth != instance_id) & (truth > 0)).sum()


def test_the_same_scan_gives_the_same_bytes(scan_folder: Path, tmp_path: Path) -> None:
    scan = open_scan(scan_folder)
    for name in ("a", "b"):
        extract(scan, tmp_path / name, SETTINGS, [3])
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert len(files) > 20
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def altered(scan: Scan, change: Callable[[Frame], Frame]) -> Scan:
    def load(k: int) -> Frame | None:
        frame = scan.load_frame(k)
        return None if frame is None else change(frame)

    return dataclasses.replace(scan, load_frame=load)


def test_leaking_masks_and_flying_pixels_do_not_become_the_object(scan_folder: Path) -> None:
    """In a third of the frames the cabinet's mask is painted on to the floor, and depth noise hangs in the air."""
    random = np.random.default_rng(0)

    def spoil(frame: Frame) -> Frame:
        assert frame.instance is not None
        instance, depth = frame.instance.copy(), frame.depth_m.copy()
        if frame.frame_id % 3 == 0:
            instance[100:118, 5:60] = 2
        flying = random.uniform(size=depth.shape) < 0.01
        depth[flying] = random.uniform(0.5, 6.0, flying.sum())
        return dataclasses.replace(frame, instance=instance, depth_m=depth)

    scan = altered(open_scan(scan_folder), spoil)
    seen = look_at_all(scan, [Instance(2, "cabinet")], ExtractSettings(), sharpness_times_area)
    centers = seen.grid.centers(seen.cells[2])
    low, high = np.array([-0.5, -0.3, 0.0]), np.array([0.5, 0.3, 0.8])
    assert (centers > low - 0.16).all()  # a cell of 5 cm, its neighbour, and what floor it touches
    assert (centers < high + 0.16).all()


def test_an_object_in_two_parts_stays_whole(tmp_path: Path) -> None:
    """An arm before it splits what the cameras see of a board in two; both parts are the board."""
    room = tiny_room()
    meshes = {1: room.meshes[1], 2: box((0, 0, 0.5), (1.6, 0.1, 0.3)), 3: box((0, -0.35, 0.5), (0.5, 0.2, 1.0))}
    write_tiny_scan(tmp_path / "s", frames=4, room=dataclasses.replace(room, meshes=meshes))
    scan = open_scan(tmp_path / "s")
    cells = look_at_all(scan, [Instance(2, "cabinet")], ExtractSettings(), sharpness_times_area)
    centers = cells.grid.centers(cells.cells[2])
    assert centers[:, 0].min() < -0.7
    assert centers[:, 0].max() > 0.7


def test_a_scorer_is_a_plain_function(scan_folder: Path, tmp_path: Path) -> None:
    def prefers_red(crops: Sequence[ViewCrop]) -> list[float]:
        assert all(crop.label == "box" for crop in crops)
        assert all(crop.color.shape[:2] == crop.mask.shape for crop in crops)
        return [float(crop.color[crop.mask][:, 0].mean()) for crop in crops]

    (folder,) = extract(open_scan(scan_folder), tmp_path, SETTINGS, [3], scorer=prefers_red)
    assert all(180 < score < 255 for score in open_object_source(folder).notes.scores)


def test_background_is_left_out_by_class_or_name() -> None:
    settings = ExtractSettings()
    assert is_background(Instance(1, "office chair", 22), settings)
    assert is_background(Instance(1, " Wall ", 0), settings)
    assert is_background(Instance(1, "unknown", 0), settings)
    assert not is_background(Instance(1, "object", 0), settings)  # a mask without any name is still a thing
    assert not is_background(Instance(1, "wall lamp", 35), settings)


def test_wrong_ids_and_missing_masks_are_told(scan_folder: Path, tmp_path: Path) -> None:
    scan = open_scan(scan_folder)
    with pytest.raises(UserError, match=r"there is no object 7, 9; --objects can be: 2 cabinet, 3 box"):
        extract(scan, tmp_path, SETTINGS, [2, 7, 9])
    assert [t.instance_id for t in choose_objects(scan, SETTINGS, [3, 1, 3])] == [1, 3]
    with pytest.raises(UserError, match="has no instance images; find its objects"):
        extract(dataclasses.replace(scan, instances=()), tmp_path, SETTINGS)
    with pytest.raises(UserError, match="every instance is background"):
        choose_objects(dataclasses.replace(scan, instances=[Instance(1, "floor", 2)]), SETTINGS, None)


def test_badly_seen_objects_are_tried_and_marked_unseen_ones_named(
    scan_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scan = open_scan(scan_folder)
    scan = dataclasses.replace(scan, instances=[*scan.instances, Instance(40, "ghost")])
    folders = extract(scan, tmp_path, ExtractSettings(sure_views=9))
    assert len(folders) == 2
    assert list(open_object_source(folders[0]).notes.marks) == ["seen rarely: in 8 views (9 are wanted)"]
    assert "object 3 (box) may come out badly: seen rarely: in 8 views" in caplog.text
    assert "object 40 (ghost) left out" in caplog.text


def test_frames_that_cannot_be_read_do_not_stop_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "scene0001_00_scannet"
    write_tiny_scan(folder, frames=5)
    (folder / "depth" / "2.png").write_bytes(b"")
    (path,) = extract(open_scan(folder), tmp_path / "out", SETTINGS, [2])
    assert list(open_object_source(path).notes.frame_ids) == [0, 1, 3, 4]
    assert "depth/2.png" in caplog.text


def test_a_full_disk_and_an_unwritable_target_leave_nothing_behind(
    scan_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = open_scan(scan_folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        extract(scan, tmp_path / "file", SETTINGS, [2])

    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    (tmp_path / "out").mkdir()
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="the disk is full"):
        extract(scan, tmp_path / "out", SETTINGS, [2])
    assert list((tmp_path / "out").iterdir()) == []


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command(scan_folder: Path) -> None:
    script = "preprocess/object_mask_with_clip.py"
    done = run(script, "--scannet_root", str(scan_folder.parent), "--objects", "3")
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)
    folder = scan_folder.parent / "object_original_with_clip" / "scene0001_00_scannet_obj_3"
    assert done.stdout.split() == [str(folder)]
    assert cv2.imread(str(folder / "image" / "0.jpg")) is not None
    wrong = run(script, "--scannet_root", str(scan_folder.parent), "--scene_name", "scene0001_00", "--objects", "99")
    assert wrong.returncode == 2
    assert wrong.stderr.strip().splitlines()[-1].startswith("error: scene0001_00: there is no object 99")
    assert "Traceback" not in wrong.stderr
