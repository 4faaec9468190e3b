"""Training folders: what is written comes back, and O2-Recon's own folders are read unchanged."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from scene.camera import Intrinsics, project, transform
from scene.errors import UserError
from scene.normalize import inverse, similarity
from scene.object_folder import facts_from_mask, read_training_folder, write_training_folder
from scene.records import Fact, HiddenPixels, ObjectViews
from scene.view_notes import ViewNotes, read_notes
from tests.scene.tiny_scan import walk

CAMERA = Intrinsics(40, 30, 35.0, 34.5, 19.2, 15.1)
RANDOM = np.random.default_rng(0)


def some_views(count: int = 3, inpainted: bool = False) -> ObjectViews:
    shape = (count, 30, 40)
    normal = RANDOM.normal(size=(*shape, 3))
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    normal[:, :5] = 0
    fact = RANDOM.integers(0, 4, shape).astype(np.uint8)
    color = RANDOM.integers(1, 256, (*shape, 3)).astype(np.uint8)
    filled = np.zeros(shape, bool)
    if inpainted:
        filled = (fact == Fact.OTHER) & (RANDOM.random(shape) < 0.5)
    confidence = np.where(filled, RANDOM.integers(1, 256, shape), 0).astype(np.uint8)
    hidden_mm = np.where(filled, RANDOM.integers(0, 5000, shape), 0).astype(np.uint16)
    return ObjectViews(
        name="scene0001_00_scannet_obj_2",
        label="office chair",
        camera=CAMERA,
        world_from_camera=walk(count),
        world_from_normalized=similarity(np.array([0.1, -0.2, 0.4]), 0.73),
        color=np.where((np.isin(fact, (1, 3)) | filled)[..., None], color, 0).astype(np.uint8),
        depth_mm=RANDOM.integers(0, 5000, shape).astype(np.uint16),
        fact=fact,
        normal=normal.astype(np.float16),
        scores=[0.1, 0.5, 2.0][:count],
        up=np.array([0.0, 0.0, 1.0]),
        hidden=HiddenPixels(confidence, hidden_mm) if inpainted else None,
    )


def write(folder: Path, views: ObjectViews) -> ObjectViews:
    notes = ViewNotes(views.label, range(10, 10 + len(views)), views.scores, views.up, ["small"])
    write_training_folder(folder, views, notes, RANDOM.normal(size=(20, 3)).astype(np.float32))
    return views


@pytest.mark.parametrize("inpainted", [False, True])
def test_round_trip(tmp_path: Path, inpainted: bool) -> None:
    folder = tmp_path / "scene0001_00_scannet_obj_2_inpainted"
    views = write(folder, some_views(inpainted=inpainted))
    back = read_training_folder(folder)
    assert (back.name, back.label, list(back.scores)) == (views.name, views.label, list(views.scores))
    for name in ("color", "depth_mm", "fact"):
        np.testing.assert_array_equal(getattr(back, name), getattr(views, name))
    assert (back.hidden is not None) == inpainted
    if back.hidden is not None and views.hidden is not None:
        np.testing.assert_array_equal(back.hidden.confidence, views.hidden.confidence)
        np.testing.assert_array_equal(back.hidden.depth_mm, views.hidden.depth_mm)
    np.testing.assert_allclose(back.world_from_camera, views.world_from_camera, atol=1e-12)
    np.testing.assert_allclose(back.world_from_normalized, views.world_from_normalized, atol=1e-15)
    np.testing.assert_allclose(back.camera.matrix, CAMERA.matrix, atol=1e-10)
    assert (back.camera.width, back.camera.height) == (40, 30)
    assert back.normal is not None
    assert views.normal is not None
    np.testing.assert_allclose(back.normal, views.normal, atol=2e-3)
    assert (back.normal[:, :5] == 0).all()
    assert back.up is not None
    np.testing.assert_array_equal(back.up, [0, 0, 1])
    notes = read_notes(folder, [0, 1, 2])
    assert (list(notes.frame_ids), list(notes.marks)) == ([10, 11, 12], ["small"])


def test_an_in_painted_object_looks_to_o2_recon_as_if_nothing_stood_before_it(tmp_path: Path) -> None:
    views = write(tmp_path / "t", some_views(inpainted=True))
    assert views.hidden is not None
    filled = views.hidden.confidence[0] > 0
    mask, depth_mm = (cv2.imread(str(tmp_path / "t" / name / "0000.png"), -1) for name in ("mask", "depth"))
    np.testing.assert_array_equal(mask == 255, np.isin(views.fact[0], (Fact.OBJECT, Fact.OBJECT_NO_DEPTH)) | filled)
    np.testing.assert_array_equal(depth_mm, np.where(filled, views.hidden.depth_mm[0], views.depth_mm[0]))


@pytest.mark.parametrize("lost", ["confidence", "sensed_depth"])
def test_painted_depth_is_never_taken_for_sensed(tmp_path: Path, caplog: pytest.LogCaptureFixture, lost: str) -> None:
    """A view that lacks what tells them apart is left out, by name."""
    views = write(tmp_path / "t", some_views(inpainted=True))
    (tmp_path / "t" / lost / "0001.png").unlink()
    back = read_training_folder(tmp_path / "t")
    assert back.hidden is not None
    np.testing.assert_array_equal(back.depth_mm, views.depth_mm[[0, 2]])
    assert "confidence or sensed_depth missing or unreadable: 1" in caplog.text


def test_files_are_what_o2_recon_reads(tmp_path: Path) -> None:
    views = write(tmp_path / "t", some_views())
    cameras = np.load(tmp_path / "t" / "cameras_sphere.npz")
    points = RANDOM.normal(scale=0.1, size=(30, 3))  # in the world
    normalized = transform(inverse(views.world_from_normalized), points)
    homogeneous = np.concatenate([normalized, np.ones((30, 1))], axis=1)
    for i in range(3):
        np.testing.assert_array_equal(cameras[f"scale_mat_{i}"], np.eye(4))
        uvw = homogeneous @ cameras[f"world_mat_{i}"][:3].T
        expected, _ = project(points, CAMERA, views.world_from_camera[i])
        np.testing.assert_allclose(uvw[:, :2] / uvw[:, 2:], expected, atol=1e-9)
        # O2-Recon flips stored normals after turning them to the world, and tells background by a sum below -2.99.
        stored = np.load(tmp_path / "t" / "pred_normal" / f"{i:04d}.npz")["arr_0"].astype(np.float64)
        assert (stored[:5] == -1).all()
        assert views.normal is not None
        np.testing.assert_array_equal(-stored[5:], views.normal[i, 5:])
    depth = cv2.imread(str(tmp_path / "t" / "scale_depth" / "0001.png"), -1)
    np.testing.assert_array_equal(depth, (views.depth_mm[1] / 0.73).astype(np.uint16))
    np.testing.assert_allclose(np.loadtxt(tmp_path / "t" / "trans_n2w.txt"), views.world_from_normalized)
    np.testing.assert_allclose(np.loadtxt(tmp_path / "t" / "pose" / "0002.txt"), views.world_from_camera[2])
    assert (tmp_path / "t" / "semantic.txt").read_text().strip() == "office chair"


def test_a_folder_by_o2_recon_is_accepted(tmp_path: Path) -> None:
    """No facts, no notes, rounded matrices, scores keyed by older numbers, a blurred mask of three channels."""
    views = write(tmp_path / "t", some_views())
    for name in ("fact", "pose", "pred_normal"):
        for path in (tmp_path / "t" / name).iterdir():
            path.unlink()
    (tmp_path / "t" / "views.json").unlink()
    (tmp_path / "t" / "clip_scores.json").write_text('{"17": 0.3, "4": 0.2, "30": 0.9}')
    np.savetxt(tmp_path / "t" / "trans_n2w.txt", views.world_from_normalized, fmt="%.04f")
    mask = np.zeros((30, 40, 3), np.uint8)
    mask[5:20, 5:20] = 255
    mask[5, 5:20] = 90
    cv2.imwrite(str(tmp_path / "t" / "mask" / "0000.png"), mask)
    back = read_training_folder(tmp_path / "t")
    np.testing.assert_array_equal(back.fact[0], facts_from_mask(mask[..., 0], views.depth_mm[0].astype(np.uint16)))
    np.testing.assert_allclose(back.world_from_camera, views.world_from_camera, atol=3e-4)
    assert (list(back.scores), back.normal, back.up) == ([0.3, 0.2, 0.9], None, None)


def test_facts_of_a_mask() -> None:
    mask = np.array([[255, 255, 0, 0, 128, 128]], np.uint8)
    depth = np.array([[900, 0, 900, 0, 900, 0]], np.uint16)
    expected = [[Fact.OBJECT, Fact.OBJECT_NO_DEPTH, Fact.OTHER, Fact.UNKNOWN, Fact.UNKNOWN, Fact.UNKNOWN]]
    np.testing.assert_array_equal(facts_from_mask(mask, depth), expected)


def test_unreadable_and_missing_views_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    views = write(tmp_path / "t", some_views())
    (tmp_path / "t" / "depth" / "0000.png").write_bytes(b"")
    back = read_training_folder(tmp_path / "t")
    np.testing.assert_array_equal(back.fact, views.fact[1:])
    np.testing.assert_allclose(back.world_from_camera, views.world_from_camera[1:], atol=1e-12)
    assert list(back.scores) == list(views.scores)[1:]
    (tmp_path / "t" / "mask" / "0001.png").unlink()
    np.testing.assert_array_equal(read_training_folder(tmp_path / "t").fact, views.fact[2:])
    assert "depth/0000.png" in caplog.text
    assert "missing or unreadable: 0, 1" in caplog.text


def spoil_similarity(folder: Path) -> None:
    np.savetxt(folder / "trans_n2w.txt", np.diag([1.0, 2.0, 1.0, 1.0]))


def spoil_cameras(folder: Path) -> None:
    (folder / "cameras_sphere.npz").write_bytes(b"PK")


def spoil_singular_camera(folder: Path) -> None:
    with np.load(folder / "cameras_sphere.npz") as archive:
        matrices = dict(archive)
    matrices["world_mat_2"] = np.zeros((4, 4))
    np.savez(folder / "cameras_sphere.npz", allow_pickle=False, **matrices)


def spoil_one_camera(folder: Path) -> None:
    with np.load(folder / "cameras_sphere.npz") as archive:
        matrices = dict(archive)
    matrices["world_mat_1"] = np.diag([2.0, 1.0, 1.0, 1.0]) @ matrices["world_mat_1"]
    np.savez(folder / "cameras_sphere.npz", allow_pickle=False, **matrices)


def spoil_sizes(folder: Path) -> None:
    for path in (folder / "depth").iterdir():
        cv2.imwrite(str(path), np.zeros((60, 80), np.uint16))


def spoil_images(folder: Path) -> None:
    for path in (folder / "image").iterdir():
        path.write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (spoil_similarity, r"trans_n2w\.txt: is not a scale and a shift"),
        (spoil_cameras, r"cameras_sphere\.npz: has no readable camera"),
        (spoil_singular_camera, r"cameras_sphere\.npz: world_mat_2 is not a pinhole camera"),
        (spoil_one_camera, r"cameras_sphere\.npz: the views have different intrinsics"),
        (spoil_sizes, "depth: view 0 is not 40x30"),
        (spoil_images, "holds no readable view"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(tmp_path: Path, spoil, named: str) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path / "t", some_views())
    spoil(tmp_path / "t")
    with pytest.raises(UserError, match=named):
        read_training_folder(tmp_path / "t")


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"exp_preprocess\.py first"):
        read_training_folder(tmp_path / "none")


def test_writing_fails_whole(tmp_path: Path) -> None:
    views = some_views()
    notes = ViewNotes(views.label, [0, 1, 2], [float("nan")] * 3)  # JSON has no NaN, so the last step fails
    with pytest.raises(ValueError, match="JSON"):
        write_training_folder(tmp_path / "t", views, notes, np.zeros((1, 3), np.float32))
    assert list(tmp_path.iterdir()) == []
