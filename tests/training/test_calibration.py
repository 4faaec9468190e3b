"""Tables from planted truth: the probability that made the labels must come back."""

from __future__ import annotations

import numpy as np
import pytest

from training.calibration import Reliability, rising_table

COUNT = 60_000


def planted(truth, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    sureness = rng.random(COUNT)
    return sureness, rng.random(COUNT) < truth(sureness)


@pytest.mark.parametrize(
    "truth", [lambda s: s, lambda s: s**2, lambda s: 0.3 + 0.6 * (s > 0.5), lambda s: 0.9 - 0.0 * s]
)
def test_a_known_probability_comes_back_on_other_draws(truth) -> None:
    table = rising_table(*planted(truth, 0))
    sureness, right = planted(truth, 1)
    confidence = table(sureness)
    assert np.mean(np.abs(confidence - truth(sureness))) < 0.02
    assert Reliability.of(confidence, right).error < 0.015
    assert len(table.sureness) <= 70
    assert (np.diff(table.probability) >= 0).all()


def test_what_falls_becomes_level() -> None:
    """Isotonic regression of a falling probability is its mean."""
    table = rising_table(*planted(lambda s: 0.8 - 0.5 * s, 2))
    assert np.ptp(table.probability) == 0
    assert table.probability[0] == pytest.approx(0.55, abs=0.01)


def test_the_table_is_the_least_squares_rising_one() -> None:
    """Four groups of known shares: the two that fall are pooled, by count."""
    sureness = np.repeat([0.1, 0.4, 0.6, 0.9], [1000, 3000, 1000, 1000])
    right = np.concatenate([np.arange(n) % 5 < 5 * s for n, s in ((1000, 0.2), (3000, 0.6), (1000, 0.4), (1000, 0.8))])
    table = rising_table(sureness, right)
    np.testing.assert_allclose(table(np.array([0.1, 0.4, 0.5, 0.6, 0.9])), [0.2, 0.55, 0.55, 0.55, 0.8], atol=0.01)


def test_overconfidence_is_found() -> None:
    _, right = planted(lambda s: 0.5 + 0.0 * s, 3)
    told = Reliability.of(np.full(COUNT, 0.95, np.float32), right)
    assert told.error == pytest.approx(0.45, abs=0.01)
    assert told.brier == pytest.approx(0.25 + 0.45**2, abs=0.01)
    assert told.brier_constant == pytest.approx(0.25, abs=0.001)
    assert [(one.low, one.high, one.count) for one in told.bins] == [(0.9, 1.0, COUNT)]


def test_bins_by_hand() -> None:
    told = Reliability.of(np.array([0.05, 0.15, 0.15, 1.0]), np.array([False, True, False, True]))
    assert [(one.count, round(one.confidence, 2), one.right) for one in told.bins] == [
        (1, 0.05, 0.0),
        (2, 0.15, 0.5),
        (1, 1.0, 1.0),
    ]
    assert told.error == pytest.approx((0.05 + 2 * 0.35) / 4)
    assert told.brier == pytest.approx((0.05**2 + 0.85**2 + 0.15**2) / 4)


def test_nothing_is_no_calibration() -> None:
    with pytest.raises(ValueError, match="no vertex"):
        rising_table(np.zeros(0), np.zeros(0, bool))
    with pytest.raises(ValueError, match="no vertex"):
        Reliability.of(np.zeros(0), np.zeros(0, bool))
