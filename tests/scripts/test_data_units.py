"""Published folders are put whole or not at all, and what is there already is left as it is."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from preprocess.hidden import drawn_masks
from scene.camera import Intrinsics
from scene.errors import UserError
from scripts.data_layout import PARTS
from scripts.data_units import contents_of, put_missing
from scripts.disk import check_space

MASKS = "only-seg-0005-obj2"


def publish(path: Path, members: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def put(snapshot: Path, name: str, root: Path) -> tuple[list[str], list[str], list[str]]:
    """Names of the units put, and of those that were there, and the obstacles."""
    with contents_of(snapshot, name, PARTS[name]) as contents:
        now, before, obstacles = put_missing(root, contents)
    return [unit.path.name for unit in now], [unit.path.name for unit in before], obstacles


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Two scans, one in an archive without a folder of its name and one in the open."""
    folder = tmp_path / "snapshot"
    publish(folder / "scannet" / "scene0005_00_scannet.zip", {"color/0.jpg": b"color", "depth/0.png": b"depth"})
    (folder / "scannet" / "scene0008_00_scannet" / "pose").mkdir(parents=True)
    (folder / "scannet" / "scene0008_00_scannet" / "pose" / "0.txt").write_text("pose")
    (folder / "scannet" / "scannetv2-labels.combined.tsv").write_text("id")
    (folder / "scannet" / "notes.txt").write_text("notes")
    return folder


def test_what_lacks_is_put_and_the_rest_left(snapshot: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    both = ["scene0005_00_scannet", "scene0008_00_scannet"]
    everything = sorted([*both, "scannetv2-labels.combined.tsv"])
    (root / "scannet" / "scene0008_00_scannet").mkdir(parents=True)  # empty: nothing is there yet
    now, before, obstacles = put(snapshot, "scannet", root)
    assert (sorted(now), before, obstacles) == (everything, [], [])
    assert (root / "scannet" / "scene0005_00_scannet" / "depth" / "0.png").read_bytes() == b"depth"
    assert (root / "scannet" / "scannetv2-labels.combined.tsv").read_text() == "id"
    marked = root / "scannet" / "scene0008_00_scannet" / "of my own"
    marked.touch()
    (root / "scannet" / "scene0005_00_scannet" / "color" / "0.jpg").unlink()
    now, before, obstacles = put(snapshot, "scannet", root)
    assert (now, sorted(before)) == ([], sorted(set(everything) - {"scene0005_00_scannet"}))
    assert len(obstacles) == 1
    assert "is there already and was left as it is, but of its 2 published files 1 lack or differ" in obstacles[0]
    assert "color/0.jpg; move it away" in obstacles[0]
    assert marked.exists()


def test_a_stop_in_the_middle_leaves_no_half_folder(
    snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, name = tmp_path / "root", "scene0005_00_scannet"
    read = zipfile.ZipExtFile.read

    def stop(member: zipfile.ZipExtFile, size: int = -1) -> bytes:
        if member.name == "depth/0.png":
            raise KeyboardInterrupt
        return read(member, size)

    with monkeypatch.context() as patched:
        patched.setattr(zipfile.ZipExtFile, "read", stop)
        with pytest.raises(KeyboardInterrupt):
            put(snapshot, "scannet", root)
    assert not (root / "scannet" / name).exists()
    assert [path.name for path in (root / "scannet").iterdir() if name in path.name] == []
    now, _, obstacles = put(snapshot, "scannet", root)
    assert name in now
    assert obstacles == []


def test_a_damaged_archive_puts_nothing(snapshot: Path, tmp_path: Path) -> None:
    archive = snapshot / "scannet" / "scene0005_00_scannet.zip"
    archive.write_bytes(archive.read_bytes().replace(b"depth", b"dept!", 1).replace(b"color", b"colo!", 1))
    with pytest.raises(UserError, match="is no whole zip archive"):
        put(snapshot, "scannet", tmp_path / "root")
    assert not (tmp_path / "root" / "scannet" / "scene0005_00_scannet").exists()
    publish(snapshot / "scannet" / "scene0009_00_scannet.zip", {"../../evil": b""})
    with pytest.raises(UserError, match="may lead anywhere"):
        put(snapshot, "scannet", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_strays_and_doubles_are_told(snapshot: Path) -> None:
    publish(snapshot / "scannet" / "again.zip", {"scene0005_00/color/0.jpg": b"other", "__MACOSX/._0.jpg": b""})
    with contents_of(snapshot, "scannet", PARTS["scannet"]) as contents:
        assert sorted(map(str, contents.strays)) == ["scannet/notes.txt", "scannet/scene0005_00_scannet/color/0.jpg"]


def test_masks_go_into_object_folders_that_have_their_views(tmp_path: Path, mask: bytes) -> None:
    names = [f"{MASKS}/{view}_class_inpaint mask.png" for view in (0, 1)]
    publish(tmp_path / "snapshot" / "annotated_masks.zip", dict.fromkeys(names, mask) | {f"{MASKS}/7_image.jpg": b""})
    folder = tmp_path / "root" / "scannet" / "object_original_with_clip" / "scene0005_00_scannet_obj_2"

    now, _, obstacles = put(tmp_path / "snapshot", "annotated_masks", tmp_path / "root")
    assert now == []
    assert obstacles == [f"{folder}: has no views yet; run preprocess/object_mask_with_clip.py, and then this again"]
    assert not folder.exists()

    (folder / "origin_image").mkdir(parents=True)
    (folder / "origin_image" / "0.jpg").touch()
    now, _, obstacles = put(tmp_path / "snapshot", "annotated_masks", tmp_path / "root")
    assert now == []
    assert "its masks are of views that the object folder has not (1)" in obstacles[0]

    (folder / "origin_image" / "1.jpg").touch()
    assert put(tmp_path / "snapshot", "annotated_masks", tmp_path / "root") == ([MASKS], [], [])
    masks = drawn_masks(folder, Intrinsics(8, 6, 5.0, 5.0, 3.5, 2.5))
    assert sorted(masks) == [0, 1]
    assert masks[1].all()
    assert put(tmp_path / "snapshot", "annotated_masks", tmp_path / "root") == ([], [MASKS], [])


@pytest.fixture
def mask() -> bytes:
    import cv2
    import numpy as np

    return cv2.imencode(".png", np.full((6, 8), 255, np.uint8))[1].tobytes()


def test_space_is_asked_for_before_anything_is_written(
    snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("Usage", (), {"free": 15}))
    with pytest.raises(UserError, match=r"are to come and 0\.0 GB are free; free some space, or name a folder"):
        put(snapshot, "scannet", tmp_path / "root")  # 16 bytes
    assert not (tmp_path / "root").exists()
    check_space([(tmp_path / "a", 10), (tmp_path / "b" / "c", 5)], "")
    with pytest.raises(UserError, match=r"a: 0\.0 GB are to come"):  # on one disk: together
        check_space([(tmp_path / "a", 10), (tmp_path / "b" / "c", 6)], "")
