"""What somebody put into an object folder outlives its being made anew, or is refused by name; never lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from preprocess.hand_made import hand_made, keep_hand_made
from preprocess.object_mask_with_clip import extract
from preprocess.settings import ExtractSettings
from scene.errors import UserError
from scene.images import write_image
from scene.scannet import open_scan
from tests.scene.tiny_scan import write_tiny_scan

NAME, OTHER = "scene0001_00_scannet_obj_2", "scene0001_00_scannet_obj_3"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An extracted object with one mask drawn by hand."""
    write_tiny_scan(tmp_path / "scene0001_00_scannet", frames=6)
    objects = tmp_path / "objects"
    extract(open_scan(tmp_path / "scene0001_00_scannet"), objects, ExtractSettings(), [2])
    drawn = objects / NAME / "only-seg-0001-obj2"
    drawn.mkdir()
    write_image(drawn / "0_class_inpaint mask.png", np.full((8, 8), 255, np.uint8))
    return tmp_path


def again(root: Path, settings: ExtractSettings) -> None:
    extract(open_scan(root / "scene0001_00_scannet"), root / "objects", settings, [2])


def test_a_drawn_mask_outlives_another_extraction_of_the_same_views(root: Path) -> None:
    before = hand_made(root / "objects" / NAME)
    again(root, ExtractSettings(sure_views=4))
    assert hand_made(root / "objects" / NAME) == before
    assert (before[0] / "0_class_inpaint mask.png").stat().st_size > 0


def test_other_views_are_refused_and_nothing_is_lost(root: Path) -> None:
    with pytest.raises(UserError, match="only-seg-0001-obj2: goes by views that would be made anew"):
        again(root, ExtractSettings(min_views=1, max_views=2, min_gain=1.0))
    assert len(hand_made(root / "objects" / NAME)) == 1
    assert len(list((root / "objects" / NAME / "pose").glob("*.txt"))) == 6


def test_an_object_that_would_go_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="move it away, or give the same settings and --objects"):
        keep_hand_made({root / "objects" / NAME: tmp_path / "nowhere"})
    (tmp_path / "plain").mkdir()
    keep_hand_made({tmp_path / "plain": tmp_path / "nowhere"})  # nothing was put there


def test_all_that_does_not_fit_is_named_at_once_and_nothing_is_copied(root: Path, tmp_path: Path) -> None:
    objects = root / "objects"
    scan = open_scan(root / "scene0001_00_scannet")
    extract(scan, objects, ExtractSettings(), [3])
    (objects / OTHER / "pred_normal").mkdir()
    (objects / OTHER / "only-seg-0001-obj3").mkdir()
    extract(scan, tmp_path / "same", ExtractSettings(), [2])
    with pytest.raises(
        UserError, match=r"obj_3/only-seg-0001-obj3, .*obj_3/pred_normal: go by views .* move them away"
    ):
        keep_hand_made({objects / NAME: tmp_path / "same" / NAME, objects / OTHER: tmp_path / "nowhere"})
    assert hand_made(tmp_path / "same" / NAME) == []
    with pytest.raises(UserError, match=rf"{NAME}.*, .*{OTHER}"):  # of all objects
        extract(scan, objects, ExtractSettings(min_views=1, max_views=2, min_gain=1.0), [2, 3])
    assert len(hand_made(objects / NAME)) == 1
    assert len(hand_made(objects / OTHER)) == 2
