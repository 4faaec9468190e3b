"""Normal maps: every convention there and back, by arithmetic and through files."""

import zipfile
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scene.images import UnreadableImage
from scene.normal_conventions import (
    AXES,
    CONVENTIONS,
    all_axes,
    decode,
    encode,
    from_image,
    name_of_axes,
    to_image,
)
from scene.normal_files import read_normals, resize_normals, write_normals
from tests.scene.tiny_scan import walk

POSE = walk(5)[3]
VECTORS = arrays(np.float32, (2, 3, 3), elements=st.floats(-1, 1, width=32))


def units(vectors: np.ndarray) -> np.ndarray:
    """The vectors at unit length; short ones are unknown."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0.2)


def degrees(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(-1)))


def some_normals() -> np.ndarray:
    normal = units(np.random.default_rng(0).normal(size=(12, 16, 3)).astype(np.float32))
    normal[2:4, 5:9] = 0
    return normal


@given(vectors=VECTORS)
@pytest.mark.parametrize("axes", CONVENTIONS)
def test_every_convention_there_and_back(axes: str, vectors: np.ndarray) -> None:
    normal = units(vectors)
    np.testing.assert_allclose(decode(encode(normal, axes, POSE), axes, POSE), normal, atol=1e-6)


@given(vectors=VECTORS)
@settings(max_examples=30)
@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize(("bits", "most_deg"), [(8, 0.5), (16, 0.002)])
def test_images_lose_less_than_their_grain(
    axes: str, bits: Literal[8, 16], most_deg: float, vectors: np.ndarray
) -> None:
    normal = units(vectors)
    known = (normal != 0).any(-1)
    back = decode(from_image(to_image(encode(normal, axes), bits)), axes)
    np.testing.assert_array_equal((back != 0).any(-1), known)
    assert (degrees(back, normal)[known] < most_deg).all()


def test_conventions_mean_what_they_say() -> None:
    wall, floor, right = [0.0, 0.0, -1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]  # facing the camera, up, to the right
    normal = np.array([wall, floor, right], np.float32)
    np.testing.assert_array_equal(encode(normal, "opencv"), normal)
    np.testing.assert_array_equal(encode(normal, "opencv_away"), -normal)
    np.testing.assert_array_equal(encode(normal, "opengl"), [[0, 0, 1], [0, 1, 0], [1, 0, 0]])
    np.testing.assert_array_equal(encode(normal, "directx"), [[0, 0, 1], [0, -1, 0], [1, 0, 0]])
    np.testing.assert_allclose(encode(normal, "world", POSE), normal @ POSE[:3, :3].T, atol=1e-6)
    blue = to_image(encode(normal[None, :1], "opengl"), 8)  # the colour of flat normal maps
    np.testing.assert_array_equal(blue, [[[128, 128, 255]]])
    with pytest.raises(ValueError, match="pose"):
        decode(normal, "world")


def test_what_is_no_normal_is_unknown() -> None:
    nothing = np.array([[-1, -1, -1], [0, 0, 0], [0.01, 0, 0.02], [np.nan, 0, 1], [np.inf, -np.inf, 0]], np.float32)
    assert not decode(nothing, "opengl").any()
    assert not decode(from_image(np.array([[[0, 0, 0], [128, 128, 128]]], np.uint8)), "opencv").any()
    np.testing.assert_array_equal(encode(np.zeros((2, 3), np.float32), "opengl"), -np.ones((2, 3)))
    np.testing.assert_allclose(decode(np.array([[0, 0, 0.4]], np.float32), "opengl"), [[0, 0, -1]])  # too short


def test_all_axes_are_the_48_signed_permutations() -> None:
    every = all_axes()
    assert len({matrix.tobytes() for matrix in every}) == len(every) == 48
    for matrix in every:
        np.testing.assert_array_equal(matrix @ matrix.T, np.eye(3))
    assert [name_of_axes(matrix) for matrix in every[: len(AXES)]] == list(AXES)
    words = {name_of_axes(matrix) for matrix in every}
    assert len(words) == 48
    assert "x down, y right, z towards the viewer" in words


@pytest.mark.parametrize("axes", CONVENTIONS)
@pytest.mark.parametrize(
    ("suffix", "bits", "most_deg"), [(".npz", 16, 0.1), (".png", 8, 0.5), (".png", 16, 0.1)], ids=str
)
def test_files_there_and_back(tmp_path: Path, axes: str, suffix: str, bits: Literal[8, 16], most_deg: float) -> None:
    normal, path = some_normals(), tmp_path / f"0000{suffix}"
    write_normals(path, normal, axes, POSE, bits)
    back = read_normals(path, axes, POSE)
    known = (normal != 0).any(-1)
    np.testing.assert_array_equal((back != 0).any(-1), known)
    assert degrees(back, normal)[known].max() < most_deg


def test_an_image_is_red_green_blue_with_or_without_alpha(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((2, 2, 4), (128, 255, 128, 255), np.uint8))  # OpenCV writes BGR
    np.testing.assert_allclose(read_normals(tmp_path / "a.png", "opengl")[0, 0], [0, -1, 0], atol=0.01)


def test_what_holds_no_normals_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "flat.npz", np.zeros((4, 4)))
    np.savez(tmp_path / "other.npz", normal=np.zeros((4, 4, 3)))
    np.savez(tmp_path / "words.npz", np.array([["a"]]))
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 torn")
    with zipfile.ZipFile(tmp_path / "empty.npz", "w"):
        pass
    cv2.imwrite(str(tmp_path / "grey.png"), np.zeros((4, 4), np.uint8))
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(UnreadableImage, match=path.name):
            read_normals(path, "opencv")


def test_resized_normals_are_unit_and_stay_where_they_were() -> None:
    normal = np.zeros((40, 60, 3), np.float16)
    normal[:, :30] = [0, 0, -1]
    normal[:, 30:] = [0.6, 0, -0.8]
    normal[:10] = 0
    for width, height in ((30, 20), (90, 60), (60, 40)):
        resized = resize_normals(normal, width, height).astype(np.float32)
        known = (resized != 0).any(-1)
        assert abs(known.mean() - 0.75) < 0.02
        np.testing.assert_allclose(np.linalg.norm(resized[known], axis=-1), 1, atol=2e-3)
        np.testing.assert_allclose(resized[-1, 0], [0, 0, -1], atol=1e-3)
        np.testing.assert_allclose(resized[-1, -1], [0.6, 0, -0.8], atol=1e-3)
    against = np.zeros((2, 2, 3), np.float32)
    against[:, 0], against[:, 1] = [1, 0, 0], [-1, 0, 0]
    assert not resize_normals(against, 1, 1).any()
