"""Images survive the way to disk and back; what cannot be read is named."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from scene.errors import UserError
from scene.images import (
    UnreadableImage,
    read_color,
    read_depth_mm,
    read_labels,
    resize_color,
    resize_labels,
    write_image,
)

RANDOM = np.random.default_rng(0)


def test_lossless_round_trips(tmp_path: Path) -> None:
    color = RANDOM.integers(0, 256, (9, 12, 3), dtype=np.uint8)
    depth = RANDOM.integers(0, 65535, (9, 12), dtype=np.uint16)
    for name, image, read in (
        ("color", color, read_color),
        ("depth", depth, read_depth_mm),
        ("labels8", color[..., 0], read_labels),
        ("labels16", depth, read_labels),
    ):
        write_image(tmp_path / f"{name}.png", image)
        back = read(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(back, image)
        assert back.dtype == image.dtype


def test_saturated_depth_is_no_depth(tmp_path: Path) -> None:
    write_image(tmp_path / "d.png", np.array([[65535, 65534]], np.uint16))
    np.testing.assert_array_equal(read_depth_mm(tmp_path / "d.png"), [[0, 65534]])


def test_exif_rotation_is_ignored(tmp_path: Path) -> None:
    encoded = cv2.imencode(".jpg", np.zeros((8, 16, 3), np.uint8))[1].tobytes()
    exif = (
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # orientation 6: turn by 90 degrees
    )
    marker = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (tmp_path / "r.jpg").write_bytes(encoded[:2] + marker + encoded[2:])
    assert cv2.imread(str(tmp_path / "r.jpg")).shape == (16, 8, 3)
    assert read_color(tmp_path / "r.jpg").shape == (8, 16, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("kept", [0, 0.5, 0.98])
def test_cut_files_are_named(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"cut{suffix}"
    data = cv2.imencode(suffix, RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8))[1].tobytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(UnreadableImage, match="cut"):
        read_color(path)


def test_wrong_types_are_named(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    write_image(path, np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(UnreadableImage, match=r"image\.png: is not a 16-bit depth image.*3 channels of uint8"):
        read_depth_mm(path)
    with pytest.raises(UserError, match=r"image\.png: an instance image must have one channel"):
        read_labels(path)
    with pytest.raises(UnreadableImage, match=r"absent\.png: no such file"):
        read_color(tmp_path / "absent.png")


def test_resizing_keeps_pixel_edges() -> None:
    labels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    np.testing.assert_array_equal(resize_labels(labels, 12, 9), np.kron(labels, np.ones((3, 3), np.uint16)))
    np.testing.assert_array_equal(resize_labels(np.kron(labels, np.ones((3, 3), np.uint16)), 4, 3), labels)
    color = np.repeat(np.kron(labels, np.ones((2, 2))).astype(np.uint8)[..., None], 3, 2)
    np.testing.assert_array_equal(resize_color(color, 4, 3)[..., 0], labels)


def test_unwritable_target_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_image(tmp_path / "file" / "x.png", np.zeros((2, 2), np.uint8))
