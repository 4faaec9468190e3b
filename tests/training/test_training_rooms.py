"""Objects of generated rooms: the same for the same seed, and true where they were sensed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from models.completion_net import DISTANCE_M
from training.shape_prior.generate import HELD_OUT
from training.shape_prior.look import CHANNELS
from training.shape_prior.rooms import Sample, room_samples


def first(seed: int, count: int) -> list[Sample]:
    return list(itertools.islice(room_samples(seed), count))


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return first(5, 3)


def test_the_same_seed_gives_the_same_samples(samples: list[Sample]) -> None:
    for one, again in zip(samples[:1], first(5, 1), strict=True):
        np.testing.assert_array_equal(one.channels, again.channels)
        np.testing.assert_array_equal(one.target, again.target)
        assert one.label == again.label


def test_a_held_out_seed_gives_another_room(samples: list[Sample]) -> None:
    other = first(HELD_OUT + 2, 1)[0]
    assert not any(np.array_equal(other.target, sample.target) for sample in samples)


def test_samples_are_grids_of_both_sides(samples: list[Sample]) -> None:
    for sample in samples:
        assert sample.channels.shape == (CHANNELS, *sample.target.shape)
        assert sample.channels.dtype == sample.target.dtype == np.int8
        assert (sample.target < 0).sum() > 20
        assert (sample.target > 0).sum() > 1000
        assert sample.channels.min() >= -127


def test_the_true_surface_runs_where_one_was_sensed(samples: list[Sample]) -> None:
    """Where no view contradicts, that is: masks bleed and poses err, and both are in the samples."""
    errors_m = []
    for sample in samples:
        distance, seen, _, other, free = sample.channels[:5]
        sheet = (seen > 0) & (np.abs(distance) < 0.3 * 127) & (other == 0) & (free == 0)
        assert sheet.sum() > 300
        errors_m.append(np.abs(sample.target[sheet] * (DISTANCE_M / 127)))
        assert np.median(errors_m[-1]) < 0.015, sample.label
    assert np.concatenate(errors_m).mean() < 0.015


def test_what_was_seen_to_be_free_is_outside(samples: list[Sample]) -> None:
    for sample in samples:
        free = (sample.channels[2] > 0) & (sample.channels[1] == 0)
        assert (sample.target[free] > 0).mean() > 0.995, sample.label
        assert (sample.target[sample.channels[2] <= 0] < 0).mean() > (sample.target[free] < 0).mean()
