"""The ScanNet reader against ray-cast truth, and every kind of flaw it must name and work on with."""

import json
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from scene.camera import Intrinsics, unproject
from scene.errors import UserError
from scene.records import Scan
from scene.scannet import open_scan
from tests.scene.tiny_scan import CAMERA, TinyRoom, tiny_room, write_tiny_scan


@pytest.fixture
def scan_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "scene0001_00_scannet"
    write_tiny_scan(folder)
    return folder


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def distance_to_room(scan: Scan, index: int, room: TinyRoom) -> np.ndarray:
    """How far every sensed point of a frame lies from what its ray meets in the room, in metres of depth."""
    frame = scan.load_frame(index)
    assert frame is not None
    truth, _ = room.render(frame.camera, frame.world_from_camera)
    both = (truth > 0) & (frame.depth_m > 0)
    assert both.sum() > 0.5 * (truth > 0).sum()
    return np.abs(truth - frame.depth_m)[both]


def test_reads_what_was_written(scan_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    scan = open_scan(scan_folder)
    assert (scan.name, len(scan), list(scan.frame_ids), scan.camera) == ("scene0001_00", 6, list(range(6)), CAMERA)
    assert [(t.instance_id, t.label, t.nyu40_id) for t in scan.instances] == [
        (1, "floor", 2),
        (2, "cabinet", 3),
        (3, "box", 29),
    ]
    assert scan.up is not None
    np.testing.assert_array_equal(scan.up, [0, 0, 1])
    frame = scan.load_frame(3)
    assert frame is not None
    assert frame.instance is not None
    truth, instance = tiny_room().render(CAMERA, frame.world_from_camera)
    np.testing.assert_allclose(frame.depth_m, truth, atol=0.0011)
    np.testing.assert_array_equal(frame.instance, instance)
    written = cv2.imread(str(scan_folder / "color" / "3.png"))
    np.testing.assert_array_equal(frame.color, written[..., ::-1])
    assert warnings_of(caplog) == []


def test_unannotated_scan_has_no_instances_and_no_up(tmp_path: Path) -> None:
    write_tiny_scan(tmp_path / "office", annotated=False)
    scan = open_scan(tmp_path / "office")
    assert (scan.name, scan.instances, scan.up) == ("office", [], None)
    frame = scan.load_frame(0)
    assert frame is not None
    assert frame.instance is None


def test_large_colour_comes_out_at_working_size_with_its_depth(tmp_path: Path) -> None:
    large = Intrinsics(720, 540, 700.0, 690.0, 361.0, 268.0)
    write_tiny_scan(tmp_path / "s", frames=2, camera=large, depth_camera=CAMERA.resized(320, 240))
    scan = open_scan(tmp_path / "s")
    assert (scan.camera.width, scan.camera.height) == (640, 480)
    frame = scan.load_frame(1)
    assert frame is not None
    assert frame.instance is not None
    assert frame.color.shape == (480, 640, 3)
    _, instance = tiny_room().render(scan.camera, frame.world_from_camera)
    assert (instance == frame.instance).mean() > 0.99
    error = distance_to_room(scan, 1, tiny_room())
    assert np.quantile(error, 0.9) < 0.002  # the rest lies at depth edges, at half the resolution


@pytest.mark.parametrize("shift", [0.0, 0.06])
def test_depth_camera_of_its_own(tmp_path: Path, shift: float) -> None:
    other = Intrinsics(200, 140, 170.0, 171.0, 95.0, 75.0)
    color_from_depth = np.eye(4)
    color_from_depth[:3, 3] = [shift, -shift / 2, 0]
    if shift:
        color_from_depth[:3, :3], _ = cv2.Rodrigues(np.array([0.02, -0.03, 0.01]))
    poses = write_tiny_scan(tmp_path / "s", depth_camera=other, color_from_depth=color_from_depth)
    scan = open_scan(tmp_path / "s")
    np.testing.assert_allclose(scan.world_from_camera, poses, atol=1e-5)
    for index in (0, 5):
        error = distance_to_room(scan, index, tiny_room())
        assert np.median(error) < 0.001
        assert np.quantile(error, 0.9) < 0.01  # the rest lies at depth edges


def test_lookup_is_exact_on_a_slanted_plane(tmp_path: Path) -> None:
    """Linear in 1/Z reproduces planes; the nearest pixel would be off by up to half a pixel of slope."""
    write_tiny_scan(tmp_path / "s", depth_camera=CAMERA.resized(200, 150))
    frame = open_scan(tmp_path / "s").load_frame(2)
    assert frame is not None
    assert frame.instance is not None
    floor = cv2.erode((frame.instance == 1).astype(np.uint8), np.ones((7, 7))) > 0
    heights = unproject(frame.depth_m, frame.camera, frame.world_from_camera)[floor & (frame.depth_m > 0)][:, 2]
    assert np.abs(heights).max() < 0.002


def test_lost_poses_are_dropped_with_one_warning(scan_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (scan_folder / "pose" / "1.txt").write_text("-inf -inf -inf -inf\n" * 4)
    np.savetxt(scan_folder / "pose" / "2.txt", np.diag([2.0, 1.0, 1.0, 1.0]))
    np.savetxt(scan_folder / "pose" / "3.txt", np.full((4, 4), np.nan))
    (scan_folder / "pose" / "4.txt").unlink()
    scan = open_scan(scan_folder)
    assert list(scan.frame_ids) == [0, 5]
    (warning,) = warnings_of(caplog)
    assert "4 of 6 poses" in warning
    assert warning.endswith("1, 2, 3, 4")


def test_unreadable_images_are_named_and_the_work_goes_on(scan_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    color = scan_folder / "color" / "0.png"
    color.write_bytes(color.read_bytes()[:-40])
    (scan_folder / "depth" / "1.png").write_bytes(b"")
    (scan_folder / "instance-filt" / "2.png").write_bytes(b"not an image IEND")
    cv2.imwrite(str(scan_folder / "depth" / "3.png"), np.full((60, 80), 1000, np.uint16))
    cv2.imwrite(str(scan_folder / "depth" / "4.png"), np.full((120, 160), 10, np.uint8))
    scan = open_scan(scan_folder)
    for _ in range(2):  # told once
        assert [scan.load_frame(k) is None for k in range(6)] == [True] * 5 + [False]
    for file, warning in zip(
        ("color/0.png", "depth/1.png", "instance-filt/2.png", "depth/3.png", "depth/4.png"),
        warnings_of(caplog),
        strict=True,
    ):
        assert file in warning


def test_truncated_jpeg_is_not_taken_for_a_picture(scan_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for path in (scan_folder / "color").glob("*.png"):
        cv2.imwrite(str(path.with_suffix(".jpg")), cv2.imread(str(path)))
        path.unlink()
    path = scan_folder / "color" / "2.jpg"
    path.write_bytes(path.read_bytes()[:-30])
    scan = open_scan(scan_folder)
    assert [scan.load_frame(k) is None for k in range(6)] == [False, False, True, False, False, False]
    assert "2.jpg" in warnings_of(caplog)[0]


def test_missing_frames_are_named(scan_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (scan_folder / "color" / "1.png").unlink()
    (scan_folder / "depth" / "3.png").unlink()
    (scan_folder / "instance-filt" / "4.png").unlink()
    assert list(open_scan(scan_folder).frame_ids) == [0, 2, 5]
    first, second = warnings_of(caplog)
    assert first.endswith("1, 3")
    assert second.endswith("4")
    assert "instance" in second


@pytest.mark.parametrize("broken", ["{", '{"segGroups": 3}', '{"segGroups": [{"id": 0}]}', None])
def test_names_come_from_labels_when_the_json_is_broken_or_missing(
    scan_folder: Path, caplog: pytest.LogCaptureFixture, broken: str | None
) -> None:
    path = scan_folder / "scene0001_00_vh_clean.aggregation.json"
    path.unlink() if broken is None else path.write_text(broken)
    scan = open_scan(scan_folder)
    assert [(t.label, t.nyu40_id) for t in scan.instances] == [("floor", 2), ("cabinet", 3), ("box", 29)]
    assert any("aggregation.json" in warning for warning in warnings_of(caplog))


@pytest.mark.parametrize("table", [None, "id\tname\n1\twall\n", "id\traw_category\tnyu40id\nx\twall\t1\n"])
def test_masks_suffice(scan_folder: Path, caplog: pytest.LogCaptureFixture, table: str | None) -> None:
    tsv = scan_folder.parent / "scannetv2-labels.combined.tsv"
    tsv.unlink() if table is None else tsv.write_text(table)
    assert {t.nyu40_id for t in open_scan(scan_folder).instances} == {0}
    (scan_folder / "scene0001_00_vh_clean.aggregation.json").unlink()
    assert {t.label for t in open_scan(scan_folder).instances} == {"object"}
    assert any("labels.combined.tsv" in warning for warning in warnings_of(caplog))


def test_ids_that_differ_between_masks_and_json(scan_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = scan_folder / "scene0001_00_vh_clean.aggregation.json"
    path.write_text(json.dumps({"segGroups": [{"label": "floor"}]}))
    assert [t.label for t in open_scan(scan_folder).instances] == ["floor", "cabinet", "box"]
    assert "[2, 3]" in warnings_of(caplog)[0]


def test_instances_from_a_segmentation_take_the_place_of_the_scans_own(scan_folder: Path, tmp_path: Path) -> None:
    found = tmp_path / "found"
    (found / "instance-filt").mkdir(parents=True)
    for i in range(6):
        own = cv2.imread(str(scan_folder / "instance-filt" / f"{i}.png"), -1)
        cv2.imwrite(str(found / "instance-filt" / f"{i}.png"), np.where(own == 2, 300, 0).astype(np.uint16))
    (found / "instances.json").write_text(json.dumps([{"instance_id": 300, "label": "object", "nyu40_id": 0}]))
    scan = open_scan(scan_folder, found)
    assert [t.instance_id for t in scan.instances] == [300]
    frame = scan.load_frame(0)
    assert frame is not None
    assert frame.instance is not None
    assert set(np.unique(frame.instance)) == {0, 300}
    (found / "instances.json").write_text("[{}]")
    with pytest.raises(UserError, match="is not a list of instances"):
        open_scan(scan_folder, found)


def test_one_camera_stands_in_for_the_other(scan_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (scan_folder / "intrinsic" / "intrinsic_color.txt").unlink()
    assert open_scan(scan_folder).camera == CAMERA
    assert "intrinsic_color.txt" in warnings_of(caplog)[0]


def test_intrinsics_of_the_full_size_colour_are_scaled(scan_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """O2-Recon's 640 x 480 scans keep the intrinsics of ScanNet's 1296 x 968 colour."""
    matrix = np.eye(4)
    matrix[:3, :3] = CAMERA.resized(1296, 968).matrix
    np.savetxt(scan_folder / "intrinsic" / "intrinsic_color.txt", matrix)
    np.testing.assert_allclose(open_scan(scan_folder).camera.matrix, CAMERA.matrix, atol=1e-6)
    assert "belongs to images of 1296x968" in warnings_of(caplog)[0]


def test_fields_of_view_that_hardly_belong_together_are_doubted(
    scan_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = CAMERA.resized(80, 60).matrix
    np.savetxt(scan_folder / "intrinsic" / "intrinsic_color.txt", matrix)
    open_scan(scan_folder)
    assert "colour sees 2.0 times the angle" in warnings_of(caplog)[0]


def test_bench_scan(shared_data: Path, caplog: pytest.LogCaptureFixture) -> None:
    scan = open_scan(shared_data / "bench" / "scannet" / "scene9101_00_scannet")
    assert (scan.name, len(scan), (scan.camera.width, scan.camera.height)) == ("scene9101_00", 49, (640, 480))
    assert "1 of 50 poses missing or invalid, frames left out: 17" in warnings_of(caplog)[0]
    labels = {t.instance_id: (t.label, t.nyu40_id) for t in scan.instances}
    assert (labels[1], labels[5], labels[8]) == (("floor", 2), ("desk", 14), ("trash can", 39))
    frame = scan.load_frame(48)
    assert frame is not None
    assert frame.frame_id == 49
