"""Scoring and picking of views."""

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from preprocess.marks import marks_of
from preprocess.settings import ExtractSettings
from preprocess.views import (
    Sighting,
    ViewCrop,
    best_of_clusters,
    one_signed_quaternions,
    opened_area,
    select_views,
    sharpness_times_area,
)
from tests.scene.tiny_scan import walk

RANDOM = np.random.default_rng(0)


def score(color: np.ndarray, mask: np.ndarray) -> float:
    (only,) = sharpness_times_area([ViewCrop(color, np.s_[0:40, 0:50], mask, "chair")])
    return only


def test_sharper_and_larger_views_score_higher() -> None:
    color = RANDOM.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    mask = np.ones((40, 50), bool)
    sharp = score(color, mask)
    assert sharp > 5 * score(cv2.GaussianBlur(color, (0, 0), 2), mask)
    half = mask.copy()
    half[:, 25:] = False
    assert score(color, half) == pytest.approx(sharp / 2, rel=0.2)
    assert score(color, np.eye(40, 50, dtype=bool)) == 0.0


def test_what_lies_beside_the_object_does_not_count() -> None:
    color = np.full((40, 50, 3), 90, np.uint8)
    color[:, 30:] = RANDOM.integers(0, 256, (40, 20, 3))
    mask = np.zeros((40, 50), bool)
    mask[:, :28] = True
    assert score(color, mask) == 0.0


def test_specks_are_not_area() -> None:
    mask = np.zeros((20, 20), bool)
    mask[5:10, 5:10] = True
    mask[15, 15] = mask[2, 12] = True
    assert opened_area(mask) == 25


def test_quaternions_of_one_rotation_do_not_differ_in_sign() -> None:
    angles = np.linspace(150, 210, 13)[:, None]  # about the turn at which as_quat changes its sign
    quaternions = one_signed_quaternions(Rotation.from_euler("z", angles, degrees=True).as_matrix())
    assert np.linalg.norm(np.diff(quaternions, axis=0), axis=1).max() < 0.05


def test_the_best_of_every_cluster_is_picked() -> None:
    groups = np.repeat(np.arange(4), 5)
    poses = np.tile(np.eye(4), (20, 1, 1))
    poses[:, :3, 3] = groups[:, None] * [3.0, 0.0, 0.0] + RANDOM.normal(scale=0.01, size=(20, 3))
    scores = RANDOM.uniform(size=20)
    picked = best_of_clusters(poses, scores, 4, seed=0)
    assert [int(i) for i in picked] == [int(5 * g + scores[groups == g].argmax()) for g in range(4)]


def test_empty_clusters_are_made_up_for() -> None:
    poses = np.tile(np.eye(4), (10, 1, 1))  # all alike: k-means leaves clusters empty
    scores = np.arange(10.0)
    picked = best_of_clusters(poses, scores, 6, seed=0)
    assert len(set(picked.tolist())) == 6
    assert {6, 7, 8, 9} <= set(picked.tolist())


def sightings(areas: list[float], cells: list[list[int]] | None = None) -> list[Sighting]:
    seen = cells or [[1]] * len(areas)
    return [
        Sighting(i, area, score=float(i % 7), cells=np.array(own, np.int64))
        for i, (area, own) in enumerate(zip(areas, seen, strict=True))
    ]


def test_the_published_count() -> None:
    for total, expected in ((19, 19), (20, 20), (100, 20), (250, 25), (900, 40)):
        chosen = select_views(sightings([0.05] * total), walk(total), ExtractSettings())
        assert len(chosen) == len(set(chosen)) == expected
        assert chosen == sorted(chosen)


def test_small_objects_are_tried_with_all_that_shows_them() -> None:
    assert select_views(sightings([0.01] * 8 + [0.0001] * 5), walk(13), ExtractSettings()) == list(range(8))
    assert select_views([], np.zeros((0, 4, 4)), ExtractSettings()) == []


def test_marks_say_what_was_seen_and_what_is_wanted() -> None:
    small = [0.004] * 3 + [0.011] + [0.0001] * 5
    assert marks_of(sightings(small), round_about(9, 90.0), np.zeros(3), ExtractSettings()) == [
        "seen small: the best of its 4 views shows it on 1.1% of the image (2.0% is wanted)",
        "seen rarely: in 4 views (5 are wanted)",
        "seen from one side: from directions at most 33 degrees apart (45 are wanted)",
    ]


def test_what_just_falls_short_does_not_read_as_enough() -> None:
    settings = ExtractSettings(sure_area_share=0.032)
    small, one_sided = marks_of(sightings([0.03199] * 9), round_about(9, 44.7), np.zeros(3), settings)
    assert "3.1% of the image (3.2% is wanted)" in small
    assert "at most 44 degrees apart (45 are wanted)" in one_sided


def test_an_object_that_was_seen_well_has_no_mark() -> None:
    large_once = [0.05] + [0.01] * 7
    assert marks_of(sightings(large_once), round_about(8, 80.0), np.zeros(3), ExtractSettings()) == []
    assert marks_of(sightings(large_once), round_about(8, 10.0), None, ExtractSettings()) == []
    assert marks_of([], np.zeros((0, 4, 4)), None, ExtractSettings()) == []


def round_about(count: int, arc_deg: float) -> np.ndarray:
    """Poses of cameras on an arc about the origin."""
    angles = np.radians(np.linspace(0.0, arc_deg, count))
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3, 3] = 2.0 * np.stack([np.cos(angles), np.sin(angles), 0.0 * angles], axis=1)
    return poses


def test_a_view_that_alone_shows_a_part_is_added() -> None:
    areas = [0.05] * 60 + [0.002]
    cells = [[1, 2, 3, 4]] * 60 + [[8, 9]]
    chosen = select_views(sightings(areas, cells), walk(61), ExtractSettings())
    assert 60 in chosen
    assert len(chosen) == 21
    chosen = select_views(sightings(areas, cells), walk(61), ExtractSettings(min_gain=1.0))
    assert 60 not in chosen
    chosen = select_views(sightings(areas[40:], cells[40:]), walk(21), ExtractSettings())
    assert chosen == list(range(21))  # twenty good views, and the one that sees more


def test_the_same_seed_picks_the_same_views() -> None:
    picks = [select_views(sightings([0.05] * 80), walk(80), ExtractSettings(seed=s)) for s in (1, 1)]
    assert picks[0] == picks[1]
