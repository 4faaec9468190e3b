"""CADs are matched to instances one to one, by overlap, and ties and refusals are told."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from evaluation.truth.matching import LEAST_OVERLAP, assign, overlap_of


def test_overlap_of_known_shares() -> None:
    """Half of the instance lies on the CAD and all of the CAD near the instance: 2 * 0.5 / 1.5."""
    rng = np.random.default_rng(0)
    cad = rng.random((3000, 3))
    far = rng.random((3000, 3)) + 5.0
    assert overlap_of(cad, cad, rng) == 1.0
    assert overlap_of(cad, np.concatenate([cad, far]), rng) == pytest.approx(2 / 3, abs=0.02)
    assert overlap_of(cad, far, rng) == 0.0


def test_the_sum_of_overlaps_is_largest_over_all_assignments() -> None:
    overlap = np.random.default_rng(0).uniform(LEAST_OVERLAP, 1.0, (4, 5))
    matches = assign(overlap, [11, 12, 13, 14, 15], [None] * 4)
    best = max(sum(overlap[row, column] for row, column in enumerate(p)) for p in permutations(range(5), 4))
    assert sum(match.overlap for match in matches) == pytest.approx(best)
    assert len({match.instance_id for match in matches}) == 4


def test_a_cad_and_an_instance_too_many_are_told() -> None:
    matches = assign(np.array([[0.9, 0.0], [0.6, 0.1]]), [3, 8], [None, None])
    assert matches[0].instance_id == 3
    assert matches[1].instance_id is None
    assert matches[1].note == "another CAD model stands for instance 3 (its own overlap is 0.60)"
    (alone,) = assign(np.array([[0.2, 0.1]]), [3, 8], [None])
    assert alone.note == "its largest overlap is 0.20, with instance 3; 0.25 is needed"
    (nowhere,) = assign(np.zeros((1, 0)), [], [None])
    assert nowhere.note == "no instance is near it"
    assert assign(np.zeros((0, 2)), [3, 8], []) == []


def test_ties_are_told() -> None:
    (match,) = assign(np.array([[0.60, 0.58, 0.3]]), [3, 8, 9], [None])
    assert match.instance_id == 3
    assert match.note == "overlaps instance 8 about as much"


def test_people_come_first_and_the_nearer_of_two_they_gave_one_instance() -> None:
    overlap = np.array([[0.9, 0.4], [0.8, 0.3]])
    matches = assign(overlap, [3, 8], [8, None])
    assert [(m.instance_id, m.matched_by) for m in matches] == [(8, "annotated id"), (3, "overlap")]
    first, second = assign(overlap, [3, 8], [8, 8])
    assert (first.instance_id, second.instance_id) == (8, None)
    assert second.note == "annotated as instance 8 like a CAD model that overlaps it more"


def test_people_are_believed_however_small_the_overlap() -> None:
    """Another instance that the CAD overlaps more never takes its place."""
    (match,) = assign(np.array([[0.2, 0.3]]), [5, 9], [5])
    assert (match.instance_id, match.overlap, match.matched_by) == (5, 0.2, "annotated id")
    assert match.note == "annotated as instance 5, which it overlaps by 0.20 only"
    rival, told = assign(np.array([[0.9, 0.0], [0.01, 0.8]]), [5, 9], [None, 5])
    assert (rival.instance_id, told.instance_id) == (None, 5)


def test_where_people_cannot_be_right_there_is_no_truth() -> None:
    """Told an instance that the CAD does not touch, or that the scan has not: no other instance takes its place."""
    far, missing = assign(np.array([[0.0, 0.9], [0.9, 0.0]]), [5, 9], [5, 7])
    assert (far.instance_id, far.note) == (None, "annotated as instance 5, which it is nowhere near")
    assert (missing.instance_id, missing.note) == (None, "annotated as instance 7, of which the scan has no points")
    other, _ = assign(np.array([[0.6, 0.0], [0.0, 0.9]]), [5, 9], [None, 5])
    assert other.instance_id == 5  # which people gave to a CAD elsewhere
