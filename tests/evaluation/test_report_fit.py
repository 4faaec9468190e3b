"""Views as the fit read them, and its losses, on a page."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.page.curves import read_curves
from evaluation.page.fit import fit_views
from scene.object_folder import read_training_folder, write_training_folder
from scene.records import Fact, HiddenPixels, ObjectViews
from scene.view_notes import ViewNotes
from tests.evaluation.ball_run import CAMERA, POSES, scan_of_ball, side_of, the_object, write_run

PAINT = (20, 220, 40)


def write_views(folder: Path, painted: bool = True, normals: bool = True) -> ObjectViews:
    """The ball's seven views, of which the right third was in-painted in the second and, more of it, in the sixth."""
    frames = [scan_of_ball().load_frame(k) for k in range(7)]
    ball = np.stack([frame.instance == 3 for frame in frames])
    color = np.stack([frame.color for frame in frames])
    confidence = np.zeros(ball.shape, np.uint8)
    if painted:
        confidence[1, :, 85:] = np.where(ball[1, :, 85:], 128, 0)
        confidence[5, :, 80:] = np.where(ball[5, :, 80:], 128, 0)
        confidence[3, 60, 70:80] = 128  # a few specks
    hidden = confidence > 0
    color[hidden] = PAINT
    fact = np.where(ball & ~hidden, Fact.OBJECT, Fact.UNKNOWN).astype(np.uint8)
    towards_camera = np.array([0.0, 0.0, -1.0], np.float16)
    depth_mm = np.stack([np.rint(frame.depth_m * 1000) for frame in frames]).astype(np.uint16)
    views = ObjectViews(
        name=folder.name,
        label="ball",
        camera=CAMERA,
        world_from_camera=POSES,
        world_from_normalized=np.diag([0.4, 0.4, 0.4, 1.0]),
        color=color,
        depth_mm=depth_mm,
        fact=fact,
        normal=np.where(ball[..., None], towards_camera, np.float16(0)) if normals else None,
        hidden=HiddenPixels(confidence, np.where(hidden, depth_mm, 0).astype(np.uint16)) if painted else None,
    )
    notes = ViewNotes("ball", frame_ids=[100 + k for k in range(7)], scores=[0.1, 0.2, 0.9, 0.3, 0.8, 0.4, 0.5])
    write_training_folder(folder, views, notes, np.zeros((10, 3)))
    return views


def picture(url: str) -> np.ndarray:
    data = np.frombuffer(base64.b64decode(url.partition("base64,")[2]), np.uint8)
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def near(image: np.ndarray, color: tuple[int, int, int], tolerance: int = 25) -> np.ndarray:
    return (np.abs(image.astype(int) - color) < tolerance).all(-1)


def test_the_most_painted_views_come_first_before_and_after_in_one_place(tmp_path: Path) -> None:
    write_views(tmp_path / "room_scannet_obj_3")
    shown = fit_views(tmp_path / "room_scannet_obj_3", scan_of_ball(), 3, 320)
    assert [view.caption.partition(",")[0] for view in shown] == ["frame 105", "frame 101"]  # the specks show nothing
    before, after, normals = (picture(url) for url in (shown[0].before, shown[0].after, shown[0].normals))
    assert before.shape == after.shape == normals.shape == (240, 320, 3)
    red, green = near(before, (200, 60, 60)), near(after, PAINT)
    assert not near(before, PAINT).any()
    assert red[green].mean() > 0.9  # what is painted now was the ball's in the scan
    kept = near(after, (200, 60, 60))
    assert np.argwhere(kept)[:, 1].max() < np.argwhere(green)[:, 1].max()
    outside = ~(near(before, PAINT, 90) | near(after, PAINT, 90))
    outline = near(before, (255, 170, 40), 90) | near(after, (255, 170, 40), 90)
    apart = np.abs(before.astype(int) - after).max(-1) > 40  # but for what JPEG makes of edges
    assert apart[green].mean() > 0.9
    assert (apart & outside & ~outline).mean() < 0.01  # all else is the same in both
    share = float(shown[0].caption.rpartition(" of it")[0].rpartition(" ")[2].rstrip("%")) / 100
    assert share == pytest.approx(green.sum() / (green.sum() + kept.sum()), abs=0.06)
    facing = near(normals, (128, 128, 255))  # towards the camera: blue, as in any normal map
    assert (facing == (green | kept)).mean() > 0.95
    assert near(normals[:5], tuple(after[0, 0]), 12).all()  # the same pale ground beside it


def test_normals_have_the_colours_of_their_axes(tmp_path: Path) -> None:
    """Red where they point right, green where up, blue towards the camera, as the page's hint says."""
    views = write_views(tmp_path / "views", painted=False)
    ball = views.normal.astype(np.float32).any(-1)
    for towards, color in (
        ((1.0, 0.0, 0.0), (255, 128, 128)),
        ((0.0, -1.0, 0.0), (128, 255, 128)),
        ((0.0, 0.0, -1.0), (128, 128, 255)),
    ):
        normal = np.where(ball[..., None], np.array(towards, np.float16), np.float16(0))
        folder = tmp_path / "-".join(map(str, color))
        notes = ViewNotes("ball", frame_ids=[100 + k for k in range(7)], scores=[0.1] * 7)
        write_training_folder(folder, dataclasses.replace(views, normal=normal), notes, np.zeros((10, 3)))
        (shown,) = fit_views(folder, scan_of_ball(), 1, 320)
        assert near(picture(shown.normals), color).mean() > 0.05, towards


def test_without_painting_the_best_views_show_their_normals(tmp_path: Path) -> None:
    write_views(tmp_path / "views", painted=False)
    shown = fit_views(tmp_path / "views", scan_of_ball(), 2, 320)
    assert [view.caption for view in shown] == ["frame 102", "frame 104"]  # those of the highest scores
    assert all(view.normals and not view.before and not view.after for view in shown)


def test_nothing_painted_and_no_normals_show_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_views(tmp_path / "views", painted=False, normals=False)
    assert fit_views(tmp_path / "views", scan_of_ball(), 3, 320) == []
    assert fit_views(tmp_path / "none", scan_of_ball(), 3, 320) == []
    assert caplog.text == ""


def test_views_that_cannot_be_read_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "views"
    write_views(folder)
    (folder / "image" / "0005.png").write_text("rubbish")
    (folder / "confidence" / "0002.png").write_text("rubbish")
    assert [view.caption.partition(",")[0] for view in fit_views(folder, scan_of_ball(), 3, 320)] == ["frame 101"]
    assert "the page goes without this view" in caplog.text
    assert "0002.png" in caplog.text
    (folder / "cameras_sphere.npz").unlink()
    assert fit_views(folder, scan_of_ball(), 3, 320) == []


def test_only_some_views_of_a_folder_are_read(tmp_path: Path) -> None:
    views = write_views(tmp_path / "views")
    some = read_training_folder(tmp_path / "views", only=[5, 2])
    np.testing.assert_array_equal(some.fact, views.fact[[2, 5]])
    np.testing.assert_allclose(some.world_from_camera, views.world_from_camera[[2, 5]], atol=1e-6)


def write_log(path: Path, lines: list[object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def test_a_short_log_is_shown_as_it_is_and_broken_lines_are_passed_over(tmp_path: Path) -> None:
    lines = [
        {"step": 1, "phase": "geometry", "sdf": 4.0},
        '{"step": 2, "phase": "geom',
        "[1, 2]",
        {"phase": "geometry", "sdf": 3.0},
        {"step": 3, "phase": "refinement", "sdf": 2.0, "color": float("nan"), "mask": "low", "on": True},
        {"step": 4, "phase": "refinement", "color": 0.5},
    ]
    curves = read_curves(write_log(tmp_path / "losses.jsonl", lines), 120)
    assert [(one.name, list(one.steps), list(one.values)) for one in curves] == [
        ("sdf", [1, 3], [4.0, 2.0]),
        ("color", [4], [0.5]),
    ]
    assert read_curves(tmp_path / "none.jsonl", 120) == []


def test_a_long_log_is_thinned_to_medians(tmp_path: Path) -> None:
    """A single wild step in every stretch does not show."""
    lines = [{"step": k, "phase": "p", "sdf": 1e9 if k % 50 == 7 else float(k)} for k in range(5000)]
    (curve,) = read_curves(write_log(tmp_path / "losses.jsonl", lines), 100)
    assert len(curve.steps) == len(curve.values) == 100
    np.testing.assert_allclose(curve.values, np.arange(100) * 50 + 25, atol=1)
    np.testing.assert_allclose(curve.steps, np.arange(100) * 50 + 24.5, atol=1)


def test_the_page_has_the_views_and_losses_of_its_run(tmp_path: Path) -> None:
    write_run(tmp_path)
    write_views(tmp_path / "work" / "training" / "room_scannet_obj_3")
    log = tmp_path / "work" / "fit" / "room_scannet_obj_3" / "logs" / "losses.jsonl"
    write_log(log, [{"step": 1, "phase": "p", "sdf": 1.0}])
    one = the_object(side_of(tmp_path, fit_views=1))
    assert len(one.fit_views) == 1
    assert [curve.name for curve in one.curves] == ["sdf"]
