"""Views of a box on a floor whose poses are off: moved on to one another, and left alone where that is not believed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scene.records import HiddenPixels, ObjectViews
from tests.scene.tiny_scan import box
from tests.training.test_evidence import CENTRE_M, SIZE_M, views_of
from training.alignment import align
from training.evidence import INSIDE, OUTSIDE, gather
from training.settings import AlignmentSettings, EvidenceSettings

ROUND = [
    (0.3 + 1.9 * np.cos(a), -0.2 + 1.9 * np.sin(a), 0.8 + 0.4 * (k % 3)) for k, a in enumerate(np.arange(16) * 0.4)
]
LOW_M, HIGH_M = np.array([-0.2, -0.6, -0.2]), np.array([0.8, 0.2, 0.7])
SETTINGS = AlignmentSettings()


@pytest.fixture(scope="module")
def exact() -> ObjectViews:
    return views_of([box(CENTRE_M, SIZE_M)], ROUND)


def disturbed(views: ObjectViews, turn_deg: float, shift_m: float, only: int | None = None) -> ObjectViews:
    """Every view (or one) turned about its own centre and shifted, by normal errors of the given size."""
    random = np.random.default_rng(4)
    poses = views.world_from_camera.copy()
    for view in range(len(views)) if only is None else [only]:
        poses[view, :3, :3] = (
            Rotation.from_rotvec(random.normal(0, turn_deg, 3), degrees=True).as_matrix() @ (poses[view, :3, :3])
        )
        poses[view, :3, 3] += random.normal(0, shift_m, 3)
    return dataclasses.replace(views, world_from_camera=poses)


def errors_m(views: ObjectViews, exact: ObjectViews) -> np.ndarray:
    """How far each view puts the box's centre from where it is."""
    motion = views.world_from_camera @ np.linalg.inv(exact.world_from_camera)
    return np.linalg.norm(motion[:, :3, :3] @ CENTRE_M + motion[:, :3, 3] - CENTRE_M, axis=1)


def test_views_that_agree_stay_where_they_are(exact: ObjectViews) -> None:
    assert np.array_equal(align(exact, LOW_M, HIGH_M, SETTINGS).world_from_camera, exact.world_from_camera)


def test_one_view_that_is_off_finds_back(exact: ObjectViews) -> None:
    off = disturbed(exact, 0.4, 0.008, only=3)
    before, after = (errors_m(views, exact) for views in (off, align(off, LOW_M, HIGH_M, SETTINGS)))
    assert before[3] > 0.02
    assert after[3] < 0.35 * before[3]
    assert np.delete(after, 3).max() < 0.006  # it drew the others a little, as it draws the average


def test_noisy_poses_come_to_agree(exact: ObjectViews) -> None:
    noisy = disturbed(exact, 0.3, 0.005)
    aligned = align(noisy, LOW_M, HIGH_M, SETTINGS)
    assert errors_m(aligned, exact).mean() < 0.5 * errors_m(noisy, exact).mean()
    # What is left is mostly common to all: the place of the object, which no view can tell.
    spread = [
        np.std(views.world_from_camera[:, :3, 3] - exact.world_from_camera[:, :3, 3]) for views in (noisy, aligned)
    ]
    assert spread[1] < spread[0]


def test_evidence_is_sharper_for_it(exact: ObjectViews) -> None:
    """Where noisy views disagree, depth seen by one is seen through by another: less surface is left in doubt."""
    noisy = disturbed(exact, 0.3, 0.005)
    settings = EvidenceSettings(voxel_m=0.01, min_voxels_across=20)
    off_m = []
    for rounds in (0, 2):
        evidence = gather(noisy, dataclasses.replace(settings, alignment=AlignmentSettings(rounds=rounds)))
        inside, outside = evidence.side == INSIDE, evidence.side == OUTSIDE
        index = np.argwhere(inside | outside)
        depth_m = (np.array(SIZE_M) / 2 - np.abs(evidence.points(index) - CENTRE_M)).min(axis=1)
        above = evidence.points(index)[:, 2] > 0.03
        wrong = np.where(inside[tuple(index.T)], -depth_m, depth_m)  # inside beyond the box, or outside within it
        off_m.append(float(np.maximum(wrong, 0)[above].sum()))
    assert off_m[1] < 0.9 * off_m[0]


def test_a_view_that_would_have_to_move_far_stays(exact: ObjectViews) -> None:
    off = disturbed(exact, 0.4, 0.008, only=3)
    strict = dataclasses.replace(SETTINGS, most_shift_m=0.001)
    assert np.array_equal(align(off, LOW_M, HIGH_M, strict).world_from_camera[3], off.world_from_camera[3])


def test_in_painted_depth_moves_nothing(exact: ObjectViews) -> None:
    """It is weaker than what was sensed, and where it contradicts it must not turn the view."""
    confidence = np.zeros(exact.fact.shape, np.uint8)
    confidence[3, 20:100, 20:140] = 255
    hidden = HiddenPixels(confidence, exact.depth_mm + 20)
    aligned = align(dataclasses.replace(exact, hidden=hidden), LOW_M, HIGH_M, SETTINGS)
    assert aligned.hidden is hidden
    assert np.array_equal(aligned.world_from_camera, exact.world_from_camera)


def test_views_that_see_nothing_there_stay(exact: ObjectViews) -> None:
    off = disturbed(exact, 0.4, 0.008)
    nowhere = np.array([20.0, 20.0, 20.0])
    aligned = align(off, nowhere, nowhere + 1.0, SETTINGS)
    assert np.array_equal(aligned.world_from_camera, off.world_from_camera)


def test_no_rounds_takes_poses_as_they_are(exact: ObjectViews) -> None:
    off = disturbed(exact, 0.4, 0.008)
    coarse = EvidenceSettings(voxel_m=0.02, min_voxels_across=20, alignment=AlignmentSettings(rounds=0))
    aligned = gather(off, dataclasses.replace(coarse, alignment=SETTINGS))
    assert not np.array_equal(gather(off, coarse).sdf_m, aligned.sdf_m)
    with pytest.raises(ValueError, match="rounds"):
        AlignmentSettings(rounds=-1)
