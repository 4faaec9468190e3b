"""Normals of an object's views from each source: converted, refused or replaced by depth's, and said so."""

from __future__ import annotations

import dataclasses
import logging
import typing
from pathlib import Path

import numpy as np
import pytest
import trimesh

from preprocess.normal_sources import normals_of_views, stored_normals
from preprocess.settings import PrepareSettings
from scene.camera import Intrinsics
from scene.errors import UserError
from scene.normal_conventions import AXES, CONVENTIONS, encode
from scene.normal_files import write_normals
from scene.raycast import RayCaster
from scene.records import Fact, ObjectViews
from tests.scene.tiny_scan import box
from tests.training.exact_views import views_of

BOX = box((0.3, -0.2, 0.25), (0.5, 0.4, 0.5))
ROOM = trimesh.util.concatenate([BOX, box((0, 0, -0.05), (6, 6, 0.1))])
EYES = [(0.3 + 1.6 * np.cos(a), -0.2 + 1.6 * np.sin(a), 1.1) for a in (-2.2, -1.6, -0.9)]
FOLDER = PrepareSettings(normals="folder")
PREDICTED = PrepareSettings(normals="predicted")


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "farside")


@pytest.fixture(scope="module")
def views() -> ObjectViews:
    views = views_of([BOX], EYES)
    color = np.stack([np.full((120, 160, 3), i, np.uint8) for i in range(len(views))])  # tells the view's number
    return dataclasses.replace(views, color=color)


def truth(views: ObjectViews, camera: Intrinsics | None = None, noise_deg: float = 12.0) -> np.ndarray:
    """The room's normals (n, h, w, 3) as a predictor guesses them, 0 beyond its end."""
    caster, rng = RayCaster(ROOM), np.random.default_rng(0)
    normals = []
    for pose in views.world_from_camera:
        _, face = caster.render(camera or views.camera, pose)
        exact = ROOM.face_normals[face] @ pose[:3, :3]
        guess = exact + np.radians(noise_deg) * rng.normal(size=exact.shape) / np.sqrt(2)
        guess /= np.linalg.norm(guess, axis=-1, keepdims=True)
        normals.append(np.where(face[..., None] >= 0, guess, 0))
    return np.stack(normals).astype(np.float32)


def off_deg(views: ObjectViews, normal: np.ndarray) -> float:
    """Median angle to the truth of the object's pixels that have a normal."""
    exact, known = truth(views, noise_deg=0.0), (normal != 0).any(-1)
    cosine = (normal.astype(np.float32) * exact).sum(-1)[known]
    return float(np.degrees(np.median(np.arccos(np.clip(cosine, -1, 1)))))


class Guesser:
    """A predictor of known answers in any axes: the image's colour says which view it is."""

    def __init__(self, normals: np.ndarray, really: str, axes: str = "opengl") -> None:
        self.axes = axes
        self.seeds: list[int] = []
        self._stored = encode(normals, really)

    def __call__(self, image: np.ndarray, seed: int) -> np.ndarray:
        self.seeds.append(seed)
        return self._stored[image[0, 0, 0]]


def test_depth(views: ObjectViews) -> None:
    found = normals_of_views(views, views.color, PrepareSettings())
    assert found.predict is None
    assert found.normal.dtype == np.float16
    np.testing.assert_array_equal((found.normal != 0).any(-1), views.fact == Fact.OBJECT)
    assert off_deg(views, found.normal) < 2.0


@pytest.mark.parametrize("really", AXES)
def test_a_predictor_is_believed_or_turned(views: ObjectViews, really: str, caplog: pytest.LogCaptureFixture) -> None:
    guesser = Guesser(truth(views), really)
    found = normals_of_views(views, views.color, dataclasses.replace(PREDICTED, normal_seed=7), guesser)
    known = (found.normal != 0).any(-1)
    assert not known[views.fact != Fact.OBJECT].any()
    assert known[views.fact == Fact.OBJECT].mean() > 0.95
    assert 5.0 < off_deg(views, found.normal) < 15.0
    assert set(guesser.seeds) == {7}
    (line,) = caplog.messages
    if really == "opengl":
        assert "agree with depth's in the stated axes (opengl" in line
    else:
        assert f"in these: {really} (" in line
        assert "stated axes (opengl: " in line
    assert found.predict is not None  # for images that an in-painter changed, by the same axes
    again = found.predict(views.color[1], 1)
    shows = (views.fact[1] == Fact.OBJECT) & known[1]
    np.testing.assert_array_equal(again[shows], found.normal[1][shows])


def test_garbage_is_refused_and_depth_taken(views: ObjectViews, caplog: pytest.LogCaptureFixture) -> None:
    random = np.random.default_rng(0).normal(size=(*views.fact.shape, 3))
    random = (random / np.linalg.norm(random, axis=-1, keepdims=True)).astype(np.float32)
    found = normals_of_views(views, views.color, PREDICTED, Guesser(random, "opengl"))
    np.testing.assert_array_equal(found.normal, normals_of_views(views, views.color, PrepareSettings()).normal)
    assert found.predict is None
    (line,) = caplog.messages
    assert "refused" in line
    assert "depth's are used" in line


def test_random_weights_are_refused_and_the_run_goes_on(
    views: ObjectViews, marigold_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from models.pretrained.normals import load_normals
    from models.pretrained.settings import Weights

    predictor = load_normals(Weights(id=str(marigold_folder), axes="opengl"), "cpu")
    caplog.clear()
    found = normals_of_views(views, views.color, PREDICTED, predictor)
    assert [message for message in caplog.messages if "predicted normals are refused" in message]
    assert off_deg(views, found.normal) < 2.0


def written(folder: Path, views: ObjectViews, axes: str, suffix: str, camera: Intrinsics, numbers: list[int]) -> Path:
    """An object folder with normals over images of ``camera``."""
    (folder / "pred_normal").mkdir(parents=True)
    for i, normal in enumerate(truth(views, camera)):
        path = folder / "pred_normal" / f"{numbers[i]:04d}{suffix}"
        write_normals(path, normal, axes, views.world_from_camera[i], png_bits=8)
    return folder


@pytest.mark.parametrize("suffix", [".npz", ".png"])
@pytest.mark.parametrize("axes", CONVENTIONS)
def test_folders_of_every_convention(
    views: ObjectViews, tmp_path: Path, axes: str, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    numbers = [0, 4, 11]
    folder = written(tmp_path, views, axes, suffix, views.camera, numbers)
    stored = stored_normals(folder, numbers, views.world_from_camera, views.camera, views.camera, axes)
    found = normals_of_views(views, views.color, dataclasses.replace(FOLDER, normal_axes=axes), stored=stored)
    assert found.predict is None
    assert off_deg(views, found.normal) < 15.0
    (line,) = caplog.messages
    assert f"stated axes ({axes}" in line


def test_a_folder_in_other_axes_than_stated_is_turned(
    views: ObjectViews, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = written(tmp_path, views, "opengl", ".npz", views.camera, [0, 1, 2])
    stored = stored_normals(folder, [0, 1, 2], views.world_from_camera, views.camera, views.camera, "opencv_away")
    found = normals_of_views(views, views.color, FOLDER, stored=stored)
    assert off_deg(views, found.normal) < 15.0
    assert "in these: opengl" in caplog.text


@pytest.mark.parametrize(("scale", "most_wrong"), [(0.5, 0.025), (1.0, 0.005), (2.0, 0.005)])
def test_a_folder_over_larger_images_of_another_size(
    views: ObjectViews, tmp_path: Path, scale: float, most_wrong: float
) -> None:
    """The views are a crop of the folder's images, and its normals have a size of their own."""
    source = dataclasses.replace(views.camera.cropped(-20, -10, 200, 150))
    file_camera = source.resized(int(200 * scale), int(150 * scale))
    folder = written(tmp_path, views, "opencv_away", ".npz", file_camera, [0, 1, 2])
    stored = stored_normals(folder, [0, 1, 2], views.world_from_camera, source, views.camera, "opencv_away")
    found = normals_of_views(views, views.color, FOLDER, stored=stored)
    exact = truth(views, noise_deg=0.0)
    known = (found.normal != 0).any(-1)
    wrong = known & ((found.normal.astype(np.float32) * exact).sum(-1) < np.cos(np.radians(60)))
    assert wrong.sum() < most_wrong * known.sum()  # at the box's edges; a shift by a pixel makes 0.01 more
    assert known[views.fact == Fact.OBJECT].mean() > 0.95


def test_broken_files_are_named_and_their_views_taken_from_depth(
    views: ObjectViews, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = written(tmp_path, views, "opencv_away", ".npz", views.camera, [0, 1, 2])
    broken = folder / "pred_normal" / "0001.npz"
    broken.write_bytes(broken.read_bytes()[:200])
    cropped = folder / "pred_normal" / "0002.npz"
    write_normals(cropped, truth(views)[2][:, :120], "opencv_away")  # the middle of the images, perhaps
    stored = stored_normals(folder, [0, 1, 2], views.world_from_camera, views.camera, views.camera, "opencv_away")
    found = normals_of_views(views, views.color, FOLDER, stored=stored)
    depth = normals_of_views(views, views.color, PrepareSettings()).normal
    np.testing.assert_array_equal(found.normal[1:], depth[1:])
    assert (found.normal[0] != depth[0]).any()
    assert f"{broken}: cannot be read" in caplog.text
    assert f"{cropped}: is 120x120, which is another shape than the images have (160x120)" in caplog.text
    assert "views 1, 2 are taken from depth" in caplog.text


def test_a_folder_without_normals_is_an_error(views: ObjectViews, tmp_path: Path) -> None:
    (tmp_path / "pred_normal").mkdir()
    (tmp_path / "pred_normal" / "0099.npz").touch()  # of no view
    with pytest.raises(UserError, match="pred_normal: holds no normals"):
        stored_normals(tmp_path, [0, 1], views.world_from_camera[:2], views.camera, views.camera, "opencv")


def test_settings_know_the_conventions() -> None:
    hint = typing.get_type_hints(PrepareSettings)["normal_axes"]
    assert typing.get_args(hint) == CONVENTIONS
