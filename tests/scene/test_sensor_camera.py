"""O2-Recon's own training folders: cropped images over uncropped depth and normals."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from scene.camera import Intrinsics, unproject_where
from scene.normalize import around
from scene.object_folder import read_training_folder, write_training_folder
from scene.records import Fact, ObjectViews
from scene.view_notes import ViewNotes
from tests.scene.tiny_scan import TinyRoom, box, tiny_room, walk

WHOLE = {
    "1296x968": Intrinsics(1296, 968, 1170.2, 1168.4, 647.7, 483.8),
    "640x480": Intrinsics(640, 480, 577.9, 578.2, 319.6, 239.6),
}
CROPS = {"1296x968": (24, 16, 1248, 936), "640x480": (8, 6, 624, 468)}


def write_like_o2_recon(folder: Path, size: str, crop: bool) -> tuple[np.ndarray, np.ndarray]:
    """A folder whose masks are cropped and whose depth and normals are not; returns true depth and mask of the crop."""
    whole = WHOLE[size]
    camera = whole.cropped(*CROPS[size]).resized(640, 480) if crop else whole.resized(640, 480)
    sensor = whole.resized(640, 480)
    room = TinyRoom({**tiny_room().meshes, 4: box((0.2, 0.1, 0.95), (0.3, 0.2, 0.3))})
    poses = walk(2)
    cropped = [room.render(camera, pose) for pose in poses]
    raw = [room.render(sensor, pose)[0] for pose in poses]
    mask = np.stack([np.isin(instance, (2, 4)) for _, instance in cropped])
    depth_mm = np.rint(np.stack(raw) * 1000).astype(np.uint16)
    points = np.concatenate(
        [
            unproject_where(m, d * np.float32(1e-3), sensor, pose)
            for m, d, pose in zip(mask, depth_mm, poses, strict=True)
        ]
    )
    normal = np.zeros((2, 480, 640, 3), np.float16)
    normal[..., 2] = np.where(depth_mm > 1800, -1, 1)  # tells where a pixel came from
    views = ObjectViews(
        name="scene0001_00_scannet_obj_2",
        label="cabinet",
        camera=camera,
        world_from_camera=poses,
        world_from_normalized=around(points, 1.0),
        color=np.zeros((2, 480, 640, 3), np.uint8),
        depth_mm=depth_mm,
        fact=np.where(mask, Fact.OBJECT, Fact.OTHER).astype(np.uint8),
        normal=normal,
    )
    write_training_folder(folder, views, ViewNotes("cabinet", [0, 1]), points[::2])
    (folder / "views.json").unlink()
    for path in (folder / "fact").iterdir():
        path.unlink()
    return np.stack([depth for depth, _ in cropped]), mask


@pytest.mark.parametrize("size", ["1296x968", "640x480"])
def test_uncropped_depth_and_normals_are_brought_to_the_images(tmp_path: Path, size: str) -> None:
    truth, mask = write_like_o2_recon(tmp_path / "t", size, crop=True)
    views = read_training_folder(tmp_path / "t")
    error = np.abs(views.depth_mm / 1000 - truth)
    assert np.quantile(error[views.depth_mm > 0], 0.98) < 0.003
    assert ((views.fact == Fact.OBJECT) == mask).mean() > 0.999
    assert views.normal is not None
    assert ((views.normal[..., 2] < 0) == (truth > 1.8))[views.depth_mm > 0].mean() > 0.99


def test_depth_that_fits_is_left_alone(tmp_path: Path) -> None:
    write_like_o2_recon(tmp_path / "t", "640x480", crop=False)
    stored = cv2.imread(str(tmp_path / "t" / "depth" / "0001.png"), -1)
    np.testing.assert_array_equal(read_training_folder(tmp_path / "t").depth_mm[1], stored)


def test_without_a_cloud_depth_is_taken_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_like_o2_recon(tmp_path / "t", "640x480", crop=True)
    (tmp_path / "t" / "point_cloud_scan_norm.ply").unlink()
    stored = cv2.imread(str(tmp_path / "t" / "depth" / "0000.png"), -1)
    np.testing.assert_array_equal(read_training_folder(tmp_path / "t").depth_mm[0], stored)
    assert "point_cloud_scan_norm.ply" in caplog.text
