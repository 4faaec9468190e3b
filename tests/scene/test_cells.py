"""Cells, votes and groups against brute force."""

import numpy as np

from scene.cells import CellGrid, LabelVotes, contains, grown, main_cells

GRID = CellGrid(np.array([1.0, -2.0, 0.5]), 0.1)


def test_keys_name_cells() -> None:
    points = np.random.default_rng(0).normal(scale=5, size=(500, 3))
    keys = GRID.keys(points)
    assert np.abs(GRID.centers(keys) - points).max() <= 0.05 + 1e-9
    cells = np.floor((points - GRID.origin_m) / GRID.size_m).astype(int)
    assert len(np.unique(keys)) == len(np.unique(cells, axis=0))


def test_most_views_win_a_cell() -> None:
    votes = LabelVotes(GRID)
    here, there = np.array([[1.05, -1.95, 0.55]]), np.array([[-50.0, 3.0, 7.0]])
    votes.add_view(np.repeat(here, 9, axis=0), np.full(9, 7))  # many points of one view are one vote
    votes.add_view(here, np.array([4]))
    votes.add_view(np.concatenate([here, there]), np.array([4, 65535]))
    won = votes.won_cells()
    assert won[4][0].tolist() == GRID.keys(here).tolist()
    assert won[4][1].tolist() == [2]
    assert won[65535][0].tolist() == GRID.keys(there).tolist()
    assert len(won[7][0]) == 0


def test_votes_merge_without_change(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(1)
    views = [(random.uniform(0, 2, (300, 3)), random.integers(0, 3, 300)) for _ in range(6)]
    results = []
    for merge_at in (10**9, 1):
        monkeypatch.setattr("scene.cells._MERGE_AT", merge_at)
        votes = LabelVotes(GRID)
        for points, labels in views:
            votes.add_view(points, labels)
        results.append(votes.won_cells())
    for label in range(3):
        np.testing.assert_array_equal(results[0][label][0], results[1][label][0])
        np.testing.assert_array_equal(results[0][label][1], results[1][label][1])


def test_groups_keep_what_hangs_together_or_weighs_enough() -> None:
    def line(start: float, count: int) -> np.ndarray:
        return GRID.keys(np.array([[start + 0.1 * i + 0.05, 0.05, 0.05] for i in range(count)]))

    body, near, far_heavy, far_light = line(0, 20), line(2.1, 2), line(4, 5), line(8, 1)
    keys = np.sort(np.concatenate([body, near, far_heavy, far_light]))
    kept = main_cells(keys, np.ones(len(keys), int), reach=2, share=0.1)
    np.testing.assert_array_equal(kept, np.sort(np.concatenate([body, near, far_heavy])))
    assert len(main_cells(np.zeros(0, np.int64), np.zeros(0, int))) == 0


def test_growing_adds_the_26_neighbours() -> None:
    key = GRID.keys(np.array([[3.0, 3.0, 3.0]]))
    ring = grown(key)
    assert len(ring) == 27
    offsets = np.abs(GRID.centers(ring) - GRID.centers(key)).max(axis=1)
    np.testing.assert_allclose(np.sort(offsets), [0] + [0.1] * 26, atol=1e-9)
    assert contains(ring, np.array([key[0], key[0] + 1, key[0] + 5])).tolist() == [True, True, False]
    assert not contains(np.zeros(0, np.int64), key).any()
