"""What the ScanNet reader refuses, each in one sentence that names the file."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from scene.errors import UserError
from scene.scannet import open_scan
from tests.scene.tiny_scan import CAMERA, write_tiny_scan


def spoil_intrinsics(folder: Path) -> None:
    for path in (folder / "intrinsic").glob("intrinsic_*"):
        path.unlink()


def spoil_metres(folder: Path) -> None:
    for path in (folder / "depth").glob("*.png"):
        cv2.imwrite(str(path), np.rint(cv2.imread(str(path), -1) / 1000).astype(np.uint16))


def spoil_eight_bit(folder: Path) -> None:
    for path in (folder / "depth").glob("*.png"):
        cv2.imwrite(str(path), np.full((120, 160), 2, np.uint8))


def spoil_counts(folder: Path) -> None:
    for i in range(6):
        (folder / "depth" / f"{i}.png").rename(folder / "depth" / f"{i + 50}.png")


def spoil_poses(folder: Path) -> None:
    for path in (folder / "pose").glob("*"):
        path.write_text("nan " * 4)


def spoil_instances(folder: Path) -> None:
    cv2.imwrite(str(folder / "instance-filt" / "0.png"), np.zeros((120, 160, 3), np.uint8))


def spoil_scale(folder: Path) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = CAMERA.resized(2592, 1936).matrix
    np.savetxt(folder / "intrinsic" / "intrinsic_color.txt", matrix)


def spoil_matrix(folder: Path) -> None:
    (folder / "intrinsic" / "intrinsic_depth.txt").write_text("577 0 320\n")


def spoil_frames(folder: Path) -> None:
    for path in (folder / "color").glob("*"):
        path.rename(path.with_name(f"frame-{path.name}"))


def spoil_all_depth(folder: Path) -> None:
    for path in (folder / "depth").glob("*.png"):
        cv2.imwrite(str(path), np.zeros((120, 160), np.uint16))


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (spoil_intrinsics, "intrinsic: no intrinsic_color.txt"),
        (spoil_metres, "depth: the median depth is 2 mm.*metres.*1000"),
        (spoil_eight_bit, r"depth/\d.png: is not a 16-bit depth image"),
        (spoil_counts, "6 colour and 6 depth images cannot be matched"),
        (spoil_poses, "pose: none of the 6 frames has a valid pose"),
        (spoil_instances, r"instance-filt/0.png: .*3 channels of uint8"),
        (spoil_scale, r"intrinsic_color.txt: .*does not fit images of 160x120"),
        (spoil_matrix, "intrinsic_depth.txt: is not a 3 x 3 or 4 x 4"),
        (spoil_frames, "color: holds no frames"),
        (spoil_all_depth, "depth: .*no depth at all"),
    ],
)
def test_what_leaves_the_scan_unusable_is_one_sentence(
    tmp_path: Path, spoil: Callable[[Path], None], named: str
) -> None:
    folder = tmp_path / "scene0001_00_scannet"
    write_tiny_scan(folder)
    spoil(folder)
    with pytest.raises(UserError, match=named) as error:
        open_scan(folder)
    assert "\n" not in str(error.value)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: there is no such scan folder"):
        open_scan(tmp_path / "nowhere")
