"""Objects found from geometry alone: whole scans of boxes whose truth is known, and what a user does wrong."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh

from preprocess.segment_scan import segment
from preprocess.segment_settings import SegmentSettings
from scene.errors import UserError
from scene.images import read_labels
from scene.records import Frame, Scan
from scene.scannet import open_scan
from scene.scannet_writer import ScannetWriter
from tests.preprocess.analytic_room import CAMERA, box, chair, scan_of, table, walk, walls_and_floor

LAID_TABLE = [table(0, 0.2), box((-0.4, 0.1, 0.72), (-0.1, 0.35, 1.0)), box((0.15, 0.0, 0.72), (0.4, 0.3, 0.95))]


def best_ious(scan: Scan, out: Path, truth: int) -> tuple[list[float], float]:
    """Over all frames, the best IoU of any found mask with each true one, and the share of the room's pixels found."""
    overlap = np.zeros((truth + 1, 256))
    for k in range(len(scan)):
        frame, found = scan.load_frame(k), read_labels(out / "instance-filt" / f"{scan.frame_ids[k]}.png")
        assert frame is not None
        assert frame.instance is not None
        np.add.at(overlap, (frame.instance.ravel(), found.ravel()), 1)
    union = overlap.sum(axis=1)[1:, None] + overlap.sum(axis=0)[None, 1:] - overlap[1:, 1:]
    return (overlap[1:, 1:] / union).max(axis=1).tolist(), float(overlap[0, 1:].sum() / overlap[0].sum())


def write_scan(scan: Scan, folder: Path) -> None:
    """The scan as a ScanNet export without masks."""
    writer = ScannetWriter(folder, "scene0000_00", CAMERA, ["table", "box", "box"])
    writer.intrinsics()
    for k in range(len(scan)):
        frame = scan.load_frame(k)
        assert frame is not None
        assert frame.instance is not None
        depth_mm = np.rint(frame.depth_m * 1000).astype(np.uint16)
        writer.frame(k, frame.color, depth_mm, frame.world_from_camera, frame.instance.astype(np.int64))
    shutil.rmtree(folder / "instance-filt")
    shutil.rmtree(folder / "label-filt")


@pytest.fixture(scope="module")
def laid_table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scan, Path, Path]:
    """The true scan, its export on disk, and the instances found in the export."""
    scan = scan_of(walls_and_floor(), LAID_TABLE, walk(24))
    folder = tmp_path_factory.mktemp("laid") / "scene0000_00_scannet"
    write_scan(scan, folder)
    out = folder.parent / "instances"
    segment(open_scan(folder), out, SegmentSettings())
    return scan, folder, out


def test_a_table_and_the_boxes_on_it_are_three_objects(laid_table: tuple[Scan, Path, Path]) -> None:
    scan, _, out = laid_table
    entries = json.loads((out / "instances.json").read_text())
    assert len(entries) == 3
    assert {e["label"] for e in entries} == {"object"}
    assert all(e["frames"] == len(scan) for e in entries)
    ious, room_found = best_ious(scan, out, 3)
    assert min(ious) > 0.9
    assert room_found < 0.005


def test_what_is_written_is_what_the_reader_takes_for_the_scans_own_masks(laid_table: tuple[Scan, Path, Path]) -> None:
    _, folder, out = laid_table
    annotated = open_scan(folder, out)
    assert [i.instance_id for i in annotated.instances] == [1, 2, 3]
    assert annotated.up is not None
    assert annotated.up[2] > 0.999
    frame = annotated.load_frame(5)
    assert frame is not None
    np.testing.assert_array_equal(frame.instance, read_labels(out / "instance-filt" / "5.png"))
    for name in ("fused.ply", "objects.ply"):
        assert len(trimesh.load_mesh(out / name).faces) > 10_000


def test_the_same_scan_gives_the_same_bytes(laid_table: tuple[Scan, Path, Path], tmp_path: Path) -> None:
    _, folder, out = laid_table
    segment(open_scan(folder), tmp_path / "again", SegmentSettings())
    files = sorted(p.relative_to(out) for p in out.rglob("*") if p.is_file())
    assert {f.name for f in files} >= {"instances.json", "room.json", "fused.ply", "objects.ply", "0.png", "23.png"}
    for file in files:
        assert (out / file).read_bytes() == (tmp_path / "again" / file).read_bytes(), file


def test_chairs_side_by_side_and_at_a_table_stay_apart_in_a_world_that_lies_on_its_side(tmp_path: Path) -> None:
    things = [table(0, 0), chair(0.05, -0.62), chair(-0.25, 0.75, -1), chair(0.25, 0.78, -1)]
    y_up = trimesh.transformations.rotation_matrix(-np.pi / 2, [1, 0, 0])
    scan = scan_of(walls_and_floor(), things, walk(32), turn=y_up)
    assert len(segment(scan, tmp_path / "out", SegmentSettings())) == 4
    ious, room_found = best_ious(scan, tmp_path / "out", 4)
    assert min(ious) > 0.85
    assert room_found < 0.005


def test_an_unreadable_frame_is_passed_over(tmp_path: Path) -> None:
    scan = scan_of(walls_and_floor(sides=2), LAID_TABLE[:1], walk(10))
    whole = scan.load_frame

    asked: list[int] = []

    def load(k: int) -> Frame | None:
        asked.append(k)
        return None if k == 3 else whole(k)

    assert segment(dataclasses.replace(scan, load_frame=load), tmp_path / "out", SegmentSettings())
    assert asked.count(3) == 1
    assert asked.count(4) > 1
    assert sorted(int(p.stem) for p in (tmp_path / "out" / "instance-filt").iterdir()) == [0, 1, 2, *range(4, 10)]


def test_a_room_with_nothing_in_it_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing but floor, walls and ceiling"):
        segment(scan_of(walls_and_floor(), [], walk(6)), tmp_path / "out", SegmentSettings())
    assert not (tmp_path / "out").exists()


def test_a_scan_without_depth_is_told_what_to_check(tmp_path: Path) -> None:
    scan = scan_of(walls_and_floor(), [], walk(4))
    whole = scan.load_frame

    def load(k: int) -> Frame | None:
        frame = whole(k)
        assert frame is not None
        return dataclasses.replace(frame, depth_m=np.zeros_like(frame.depth_m))

    with pytest.raises(UserError, match=r"no frame has depth.*unit"):
        segment(dataclasses.replace(scan, load_frame=load), tmp_path / "out", SegmentSettings())


def test_a_rendered_room_with_noise(shared_data: Path, tmp_path: Path) -> None:
    whole = open_scan(shared_data / "bench" / "scannet" / "scene9102_00_scannet")
    scan = dataclasses.replace(  # every other frame, for the test's time
        whole,
        frame_ids=whole.frame_ids[::2],
        world_from_camera=whole.world_from_camera[::2],
        load_frame=lambda k: whole.load_frame(2 * k),
    )
    segment(scan, tmp_path / "out", SegmentSettings())
    furniture = [i.instance_id for i in scan.instances if i.label not in ("wall", "floor", "ceiling")]
    ious, _ = best_ious(scan, tmp_path / "out", max(i.instance_id for i in scan.instances))
    assert sum(ious[i - 1] > 0.8 for i in furniture) >= 5  # of six; the lamp's pole is thinner than a voxel
