"""Object folders before in-painting: round trip, and O2-Recon's own (large colour, depth from its own camera)."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from scene.camera import Intrinsics
from scene.errors import UserError
from scene.object_source import ObjectSourceWriter, encode_shared, open_object_source
from scene.records import Frame
from scene.view_notes import ViewNotes
from tests.scene.tiny_scan import CAMERA, paint, tiny_room, walk, write_tiny_scan


def frames(count: int) -> list[Frame]:
    result = []
    for i, pose in enumerate(walk(count)):
        depth, instance = tiny_room().render(CAMERA, pose)
        result.append(Frame(i, CAMERA, pose, paint(instance), depth, instance))
    return result


def write(folder: Path, count: int = 3) -> tuple[list[Frame], np.ndarray]:
    folder.mkdir()
    writer = ObjectSourceWriter(folder, CAMERA)
    facts = np.random.default_rng(0).integers(0, 5, (count, CAMERA.height, CAMERA.width)).astype(np.uint8)
    written = frames(count)
    for i in reversed(range(count)):  # the order does not matter
        assert written[i].instance is not None
        writer.write_view(i, written[i], written[i].instance == 2, facts[i], encode_shared(written[i]))
    writer.finish(ViewNotes("cabinet", [4, 7, 9], [0.1, 0.2, 0.3], np.array([0.0, 0.0, 1.0]), ["rarely seen"]))
    return written, facts


def test_round_trip(tmp_path: Path) -> None:
    folder = tmp_path / "scene0001_00_scannet_obj_2"
    written, facts = write(folder)
    source = open_object_source(folder)
    assert (source.name, source.camera, len(source)) == (folder.name, CAMERA, 3)
    np.testing.assert_allclose(source.world_from_camera, [f.world_from_camera for f in written], atol=1e-12)
    assert (source.notes.label, list(source.notes.frame_ids)) == ("cabinet", [4, 7, 9])
    assert (list(source.notes.scores), list(source.notes.marks)) == ([0.1, 0.2, 0.3], ["rarely seen"])
    for i, frame in enumerate(written):
        view = source.load_view(i)
        assert view is not None
        assert frame.instance is not None
        np.testing.assert_array_equal(view.depth_mm, np.rint(frame.depth_m * 1000))
        np.testing.assert_array_equal(view.mask, frame.instance == 2)
        np.testing.assert_array_equal(view.fact, facts[i])
        assert np.abs(view.color.astype(int) - frame.color).mean() < 8  # JPEG
        masked = cv2.imread(str(folder / "image" / f"{i}.jpg"))
        assert masked[frame.instance != 2].mean() < 6
        inst = cv2.imread(str(folder / "inst" / f"{i}.png"), -1)
        np.testing.assert_array_equal(inst, frame.instance)


def test_a_folder_by_o2_recon(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Colour larger than depth, each with its own intrinsics, no facts, no notes; one pose lost on the way."""
    folder = tmp_path / "scene0001_00_scannet_obj_2"
    large = Intrinsics(720, 540, 700.0, 690.0, 361.0, 268.0)
    write_tiny_scan(folder, frames=2, camera=large, depth_camera=CAMERA)
    (folder / "origin_image").mkdir()
    (folder / "mask").mkdir()
    for i in range(2):
        image = cv2.imread(str(folder / "color" / f"{i}.png"))
        cv2.imwrite(str(folder / "origin_image" / f"{i}.jpg"), image)
        instance = cv2.imread(str(folder / "instance-filt" / f"{i}.png"), -1)
        cv2.imwrite(str(folder / "mask" / f"{i}.png"), (instance == 2).astype(np.uint8) * 255)
    (folder / "pose" / "0.txt").write_text("inf inf")
    (folder / "semantic.txt").write_text("cabinet")
    source = open_object_source(folder)
    assert (len(source), source.camera.width, source.camera.height) == (1, 640, 480)
    assert (source.notes.label, list(source.notes.frame_ids), list(source.notes.scores)) == ("cabinet", [1], [])
    view = source.load_view(0)
    assert view is not None
    assert view.fact is None
    _, instance = tiny_room().render(source.camera, source.world_from_camera[0])
    assert (view.mask == (instance == 2)).mean() > 0.99
    assert "1 of 2 poses" in caplog.text


def test_unreadable_views_and_notes_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "o")
    (tmp_path / "o" / "mask" / "1.png").write_bytes(b"x")
    (tmp_path / "o" / "views.json").write_text("{")
    (tmp_path / "o" / "clip_scores.json").write_text("[1]")
    (tmp_path / "o" / "semantic.txt").write_bytes(b"\xff\xfe")
    source = open_object_source(tmp_path / "o")
    assert [source.load_view(i) is None for i in range(3)] == [False, True, False]
    assert (source.notes.label, list(source.notes.scores), source.notes.up) == ("object", [], None)
    for name in ("mask/1.png", "views.json", "clip_scores.json", "semantic.txt"):
        assert name in caplog.text


def test_what_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such object folder"):
        open_object_source(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no view"):
        open_object_source(tmp_path / "empty")
