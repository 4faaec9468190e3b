"""The depth camera's faults, each against what it claims."""

import numpy as np
import pytest

from scene.depth_noise import (
    DepthNoise,
    add_noise,
    depth_edges,
    drop_at_edges,
    drop_grazing,
    fly_at_edges,
    lost,
    sense,
    shaken,
    to_millimetres,
    wave_edges,
)

_NOISE = DepthNoise()


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def _step(near: float = 1.0, far: float = 2.0) -> np.ndarray:
    """Near on the left half, far on the right."""
    depth = np.full((120, 160), far, dtype=np.float32)
    depth[:, :80] = near
    return depth


@pytest.mark.parametrize("distance", [0.5, 1.0, 2.0, 4.0])
def test_noise_grows_as_stated(distance: float) -> None:
    depth = np.full((240, 320), distance, dtype=np.float32)
    expected = _NOISE.noise_at_near_m + _NOISE.noise_growth * (distance - 0.4) ** 2
    assert np.std(add_noise(depth, _rng(), _NOISE) - depth) == pytest.approx(expected, rel=0.05)


def test_neighbours_share_noise_and_holes_stay_holes() -> None:
    depth = np.full((240, 320), 2.0, dtype=np.float32)
    depth[:20] = 0.0
    noisy = add_noise(depth, _rng(), _NOISE)
    assert (noisy[:20] == 0).all()
    error = (noisy - depth)[20:]
    assert 0.3 < np.corrcoef(error[:, :-1].ravel(), error[:, 1:].ravel())[0, 1] < 0.7
    assert abs(np.corrcoef(error[:, :-12].ravel(), error[:, 12:].ravel())[0, 1]) < 0.05


def test_edges_are_found_at_steps_and_not_on_slopes() -> None:
    edges = depth_edges(_step())
    assert edges[:, 79:81].all()
    assert not edges[:, :78].any()
    assert not edges[:, 82:].any()
    slope = np.tile(np.linspace(1.0, 4.0, 60, dtype=np.float32), (40, 1))  # 5 cm a pixel
    assert not depth_edges(slope)[1:-1, 1:-1].any()


def test_flying_pixels_float_between_both_surfaces_at_edges_only() -> None:
    depth, edges = _step(), depth_edges(_step())
    flown = fly_at_edges(depth, edges, _rng(), _NOISE)
    changed = flown != depth
    assert not changed[~edges].any()
    assert changed[edges].mean() == pytest.approx(_NOISE.edge_fly, abs=0.08)
    assert ((flown >= 1.0) & (flown <= 2.0)).all()
    assert ((flown > 1.1) & (flown < 1.9)).sum() > 20


def test_depth_goes_missing_at_edges() -> None:
    depth, edges = _step(), depth_edges(_step())
    shares = [(drop_at_edges(depth, edges, np.random.default_rng(k), _NOISE) == 0)[:, 78:82].mean() for k in range(20)]
    assert np.mean(shares) == pytest.approx(_NOISE.edge_drop, abs=0.06)
    dropped = drop_at_edges(depth, edges, _rng(), _NOISE) == 0
    assert not dropped[:, :77].any()
    assert not dropped[:, 83:].any()


def test_depth_goes_missing_at_grazing_angles() -> None:
    depth = np.ones((200, 200), dtype=np.float32)
    limit = _NOISE.grazing_cosine
    shares = []
    for cosine in (1.0, limit * 1.01, limit * 0.7, limit * 0.5, limit * 0.3):
        facing = np.full(depth.shape, cosine, dtype=np.float32)
        shares.append(float((drop_grazing(depth, facing, _rng(), _NOISE) == 0).mean()))
    assert shares[0] == shares[1] == 0.0
    assert 0.1 < shares[2] < shares[3] < 0.95
    assert shares[4] > 0.9


def test_edges_come_out_ragged_but_in_place() -> None:
    waved = wave_edges(_step(), _rng(), _NOISE)
    border = (waved == 1.0).sum(axis=1)
    assert border.std() > 0.2
    assert border.mean() == pytest.approx(80, abs=0.5)
    assert set(np.unique(waved)) == {1.0, 2.0}


def test_whole_millimetres_and_nothing_far() -> None:
    depth = np.array([[0.0, 1.2344, 5.9999, 6.1]], dtype=np.float32)
    assert to_millimetres(depth, 6.0).tolist() == [[0, 1234, 6000, 0]]


def test_a_whole_image_is_mostly_right() -> None:
    depth = _step(1.5, 3.0)
    facing = np.ones_like(depth)
    sensed = sense(depth, facing, _rng(), _NOISE)
    assert sensed.dtype == np.uint16
    missing = float((sensed == 0).mean())
    assert 0.0 < missing < 0.05
    error = np.abs(sensed[sensed > 0] / 1000.0 - depth[sensed > 0])
    assert np.median(error) < 0.005
    assert (sense(depth, facing, _rng(), _NOISE) == sensed).all()


def test_poses_err_as_stated_and_stay_rigid() -> None:
    poses = np.tile(np.eye(4), (400, 1, 1))
    reported = shaken(poses, _rng(), degrees=0.5, metres=0.01)
    assert np.std(reported[:, :3, 3]) == pytest.approx(0.01, rel=0.1)
    rotations = reported[:, :3, :3]
    np.testing.assert_allclose(rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (400, 1, 1)), atol=1e-9)
    angles = np.degrees(np.arccos(np.clip((np.trace(rotations, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert np.sqrt((angles**2).mean()) == pytest.approx(0.5 * np.sqrt(3), rel=0.1)
    assert (poses == np.eye(4)).all()


def test_a_lost_pose_is_minus_infinity() -> None:
    poses = np.tile(np.eye(4), (5, 1, 1))
    reported = lost(poses, 3)
    assert np.isneginf(reported[3]).all()
    assert np.isfinite(reported[[0, 1, 2, 4]]).all()
    assert np.isfinite(poses).all()
