"""The mask editor's desk: what it proposes, what it writes and how the in-painting reads that."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

import preprocess.mask_editor.desk as desk_module
from preprocess.hidden import drawn_masks, drawn_path, hidden_pixels
from preprocess.loaded_views import load_views
from preprocess.mask_editor.desk import BadMask, DrawnMask, MaskDesk, StaleMask, decode_mask, open_desk
from preprocess.mask_editor.run_folder import check_object_folder, mesh_of, next_command
from preprocess.settings import HiddenSettings, PrepareSettings
from scene.errors import UserError
from scene.files import fingerprint, write_json
from scene.images import encode_image
from tests.preprocess.boarded_box import BOX, boarded_box
from tests.preprocess.boarded_run import COUNT, FRAMES, HEIGHT, NAME, WIDTH, write_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path)


@pytest.fixture
def desk(folder: Path) -> MaskDesk:
    return open_desk(folder, mesh_of(folder))


def png(mask: np.ndarray) -> bytes:
    return encode_image(".png", mask.astype(np.uint8) * 255)


def pixels(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def read(desk: MaskDesk, number: int) -> DrawnMask:
    drawn = desk.drawn(number)
    assert drawn is not None
    return drawn


def tag(desk: MaskDesk, number: int) -> str:
    return read(desk, number).tag


def some_mask(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((HEIGHT, WIDTH)) < 0.3


def on_disk(desk: MaskDesk) -> dict[int, np.ndarray]:
    return drawn_masks(desk.object_folder, desk.loaded.source_camera)


def test_it_proposes_what_is_hidden_of_the_finished_mesh(desk: MaskDesk) -> None:
    known = boarded_box(COUNT)
    for view in range(COUNT):
        found = pixels(desk.proposed(view))
        np.testing.assert_array_equal(found > 0, hidden_pixels(desk.loaded.views, BOX, HiddenSettings())[view])
        both, either = ((found > 0) & known.hidden[view]).sum(), ((found > 0) | known.hidden[view]).sum()
        assert both / either > 0.8
        assert set(np.unique(found)) == {0, 255}
    assert desk.about()["has_proposal"]


def test_without_a_mesh_masks_begin_empty(tmp_path: Path) -> None:
    folder = write_run(tmp_path, mesh=False)
    assert mesh_of(folder) is None
    desk = open_desk(folder, None)
    assert not desk.about()["has_proposal"]
    assert not pixels(desk.proposed(0)).any()


def test_a_mesh_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.ply"):
        open_desk(folder, folder / "nowhere.ply")


def test_what_is_saved_is_what_the_painting_reads(desk: MaskDesk) -> None:
    desk.save(1, png(some_mask()), None)
    assert list(on_disk(desk)) == [1]
    np.testing.assert_array_equal(on_disk(desk)[1], some_mask())
    assert (desk.object_folder / "only-seg-0012-obj7" / "1_class_inpaint mask.png").is_file()
    assert [view["saved"] for view in desk.about()["views"]] == [False, True, False]
    np.testing.assert_array_equal(read(desk, 1).mask, some_mask())
    assert desk.touched == {1}


def test_nothing_else_of_the_folder_changes(desk: MaskDesk) -> None:
    before = fingerprint(0, [desk.object_folder])
    desk.save(0, png(some_mask()), None)
    assert fingerprint(0, [desk.object_folder]) != before
    desk.remove(0, tag(desk, 0))
    assert fingerprint(0, [desk.object_folder]) == before
    assert not any(desk.object_folder.glob("only-seg-*"))


def test_only_the_mask_that_was_read_is_replaced(desk: MaskDesk) -> None:
    first = desk.save(0, png(some_mask()), None)
    assert first == tag(desk, 0)
    second = desk.save(0, png(~some_mask()), first)
    for replaces in (None, first):
        with pytest.raises(StaleMask) as stale:
            desk.save(0, png(some_mask()), replaces)
        assert stale.value.tag == second
        with pytest.raises(StaleMask):
            desk.remove(0, replaces)
    np.testing.assert_array_equal(on_disk(desk)[0], ~some_mask())
    drawn_path(desk.object_folder, 0).unlink()  # by another program
    assert desk.drawn(0) is None
    with pytest.raises(StaleMask) as stale:
        desk.save(0, png(some_mask()), second)
    assert stale.value.tag is None


def test_masks_in_a_linked_folder_are_left_alone(desk: MaskDesk, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    mask = elsewhere / "0_class_inpaint mask.png"
    mask.write_bytes(png(some_mask()))
    before = fingerprint(0, [elsewhere])
    (desk.object_folder / "only-seg-0012-obj7").symlink_to(elsewhere)
    there = tag(desk, 0)
    with pytest.raises(UserError, match=r"only-seg-0012-obj7: is a link"):
        desk.save(0, png(~some_mask()), there)
    with pytest.raises(UserError, match=r"only-seg-0012-obj7: is a link"):
        desk.remove(0, there)
    with pytest.raises(UserError, match=r"only-seg-0012-obj7: is a link"):
        open_desk(desk.object_folder, None)
    assert fingerprint(0, [elsewhere]) == before
    assert desk.touched == set()


def test_a_folder_that_cannot_go_does_not_keep_the_mask(desk: MaskDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> None:
        raise PermissionError(path)

    desk.save(0, png(some_mask()), None)
    monkeypatch.setattr(Path, "rmdir", refused)
    desk.remove(0, tag(desk, 0))
    assert desk.drawn(0) is None
    assert not desk.about()["views"][0]["saved"]


def test_views_are_chosen_by_small_images(desk: MaskDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pixels(desk.small(0)).shape == (HEIGHT, WIDTH, 3)  # never enlarged
    monkeypatch.setattr(desk_module, "_SMALL_PX", WIDTH // 2)
    assert pixels(desk.small(0)).shape == (HEIGHT // 2, WIDTH // 2, 3)


def test_views_are_told_with_their_frames(desk: MaskDesk) -> None:
    assert [view["frame"] for view in desk.about()["views"]] == list(FRAMES)


def test_the_next_command_is_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end = "--set prepare.inpaint.painter=classical"
    assert next_command(folder) == f"python reconstruct.py SCAN --out DIR {end}"
    run = folder.parents[2]
    write_json(run / "run.json", {"scan": "my scans/scene0012_00"})
    assert next_command(folder) == f"python reconstruct.py 'my scans/scene0012_00' --out {run} {end}"
    monkeypatch.chdir(run.parent)
    assert next_command(folder) == f"python reconstruct.py 'my scans/scene0012_00' --out {run.name} {end}"
    for broken in ([], {}):
        write_json(run / "run.json", broken)
        assert next_command(folder) == f"python reconstruct.py SCAN --out DIR {end}"
    assert next_command(Path("/x")) == f"python reconstruct.py SCAN --out DIR {end}"


def test_a_folder_of_objects_names_them(folder: Path) -> None:
    check_object_folder(folder)
    for above in (folder.parent, folder.parent.parent, folder.parents[2]):
        with pytest.raises(UserError, match=rf"give one of: {re.escape(str(folder))}$"):
            check_object_folder(above)
    with pytest.raises(UserError, match=r"nowhere: there is no such folder; give one that reconstruct.py left"):
        check_object_folder(folder / "nowhere")


def test_an_empty_mask_is_a_mask(desk: MaskDesk) -> None:
    desk.save(2, png(np.zeros((HEIGHT, WIDTH), bool)), None)
    assert list(on_disk(desk)) == [2]
    assert not on_disk(desk)[2].any()
    desk.remove(2, tag(desk, 2))
    assert on_disk(desk) == {}
    assert desk.drawn(2) is None


def test_masks_of_another_size_are_the_start(folder: Path) -> None:
    drawn = folder / "only-seg-0012-obj7" / "00_class_inpaint mask.png"
    drawn.parent.mkdir()
    large = cv2.resize(some_mask().astype(np.uint8) * 255, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(drawn), large)
    desk = open_desk(folder, None)
    assert desk.about()["views"][0]["saved"]
    np.testing.assert_array_equal(read(desk, 0).mask, some_mask())
    desk.save(0, png(~some_mask()), tag(desk, 0))
    np.testing.assert_array_equal(on_disk(desk)[0], ~some_mask())
    desk.remove(0, tag(desk, 0))
    assert on_disk(desk) == {}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (NAME, "only-seg-0012-obj7"),
        ("scene0012_00_scannet_obj_7_inpainted", "only-seg-0012-obj7"),
        ("kitchen_scannet_obj_3", "only-seg-0000-obj3"),
        ("something", "only-seg-0000-obj0"),
    ],
)
def test_masks_are_written_where_they_are_read(tmp_path: Path, name: str, expected: str) -> None:
    folder = tmp_path / name
    path = drawn_path(folder, 4)
    assert path == folder / expected / "4_class_inpaint mask.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(png(some_mask()))
    camera = boarded_box(COUNT).views.camera
    np.testing.assert_array_equal(drawn_masks(folder, camera)[4], some_mask())
    assert drawn_path(folder, 5).parent == path.parent


def test_a_mask_in_the_folders_own_images_not_in_the_cropped_ones(folder: Path) -> None:
    """What is trained on may be a crop; masks are drawn over the images as they lie."""
    assert load_views(folder, PrepareSettings(normals="none", crop="centre")).views.camera.width == 640
    assert open_desk(folder, None).size == (WIDTH, HEIGHT)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


HEAD = b"\x89PNG\r\n\x1a\n"
BOMB = HEAD + chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)) + chunk(b"IEND", b"")
HOLLOW = HEAD + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)) + chunk(b"IEND", b"")
WHOLE = png(some_mask())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "must be a PNG"),
        (b"GIF89a", "must be a PNG"),
        (HEAD, "must be a PNG"),
        (encode_image(".jpg", some_mask().astype(np.uint8)), "must be a PNG"),
        (BOMB, "60000 x 60000"),
        (png(np.zeros((HEIGHT, WIDTH + 1), bool)), "161 x 120"),
        (HOLLOW, "cannot be decoded"),
        (WHOLE[: len(WHOLE) // 2], "cannot be decoded"),
        (WHOLE[:40] + b"\0" * (len(WHOLE) - 60) + WHOLE[-20:], "cannot be decoded"),
    ],
)
def test_what_is_no_mask_is_refused(desk: MaskDesk, data: bytes, reason: str) -> None:
    with pytest.raises(BadMask, match=reason):
        desk.save(0, data, None)
    assert on_disk(desk) == {}
    assert desk.touched == set()


def test_the_threshold_is_that_of_the_reader() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(decode_mask(encode_image(".png", grey), 16, 16), grey > 127)
    rgba = cv2.imencode(".png", np.dstack([grey, grey, grey, np.full_like(grey, 255)]))[1].tobytes()
    np.testing.assert_array_equal(decode_mask(rgba, 16, 16), grey > 127)
