"""Measures against known values, brute force and analytic shapes."""

import numpy as np
import pytest
import trimesh

from evaluation.metrics import compare, nearest
from evaluation.sampling import Surface, surface_of

THRESHOLDS = (0.01, 0.02, 0.05, 0.10)
CORNERS = np.array([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])


def test_cube_corners_against_the_same_ten_percent_larger():
    scores = compare(Surface(CORNERS * 1.1), Surface(CORNERS), (0.01, 0.11, 0.15, 0.18))
    one_way_m = 0.1 * (0 + 3 + 3 * np.sqrt(2) + np.sqrt(3)) / 8
    assert one_way_m == pytest.approx(0.22436734 / 2, abs=1e-7)  # as published, in single precision
    assert scores["accuracy_m"] == pytest.approx(one_way_m, abs=1e-12)
    assert scores["completion_m"] == pytest.approx(one_way_m, abs=1e-12)
    assert scores["chamfer_m"] == pytest.approx(one_way_m, abs=1e-12)
    assert scores["hausdorff_m"] == pytest.approx(np.sqrt(3) / 10)
    assert [scores[f"f_{t}"] for t in (0.01, 0.11, 0.15, 0.18)] == [0.125, 0.5, 0.875, 1.0]
    assert "normal_consistency" not in scores


def test_nearest_is_what_brute_force_finds():
    generator = np.random.default_rng(0)
    source, target = generator.random((300, 3)), generator.random((200, 3))
    every = np.linalg.norm(source[:, None] - target[None], axis=2)
    distance, index = nearest(source, target)
    np.testing.assert_allclose(distance, every.min(1), atol=1e-12)
    np.testing.assert_array_equal(index, every.argmin(1))


def test_concentric_spheres_are_their_radii_apart():
    small, large = (trimesh.creation.icosphere(5, radius) for radius in (0.50, 0.53))
    scores = compare(surface_of(small, 100_000, 0), surface_of(large, 100_000, 1), THRESHOLDS)
    assert scores["accuracy_m"] == pytest.approx(0.03, abs=4e-4)
    assert scores["chamfer_m"] == pytest.approx(0.03, abs=4e-4)
    assert (scores["f_0.02"], scores["f_0.05"]) == (0.0, 1.0)
    assert scores["normal_consistency"] > 0.995


def test_every_region_is_measured_as_brute_force_does():
    generator = np.random.default_rng(1)
    predicted, truth = generator.random((400, 3)) * 0.3, generator.random((300, 3)) * 0.3
    hidden = truth[:, 0] > 0.15
    scores = compare(Surface(predicted), Surface(truth), THRESHOLDS, {"seen": ~hidden, "hidden": hidden})
    every = np.linalg.norm(predicted[:, None] - truth[None], axis=2)
    belongs_to_hidden = hidden[every.argmin(1)]
    recall = (every.min(0)[hidden] < 0.05).mean()
    precision = (every.min(1)[belongs_to_hidden] < 0.05).mean()
    assert scores["share_hidden"] == pytest.approx(hidden.mean())
    assert scores["recall_hidden_0.05"] == pytest.approx(recall)
    assert scores["precision_hidden_0.05"] == pytest.approx(precision)
    assert scores["f_hidden_0.05"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert scores["completion_hidden_m"] == pytest.approx(every.min(0)[hidden].mean())
    assert scores["accuracy_seen_m"] == pytest.approx(every.min(1)[~belongs_to_hidden].mean())


def test_half_a_box_is_precise_but_recalls_half():
    box = trimesh.creation.box((1.0, 1.0, 1.0))
    top = box.submesh([np.flatnonzero(box.face_normals[:, 2] > 0.5)], append=True)
    truth = surface_of(box, 120_000, 0)
    lower = truth.points[:, 2] < 0.49
    scores = compare(surface_of(top, 40_000, 1), truth, THRESHOLDS, {"hidden": lower, "none": np.zeros(120_000, bool)})
    assert scores["precision_0.02"] == 1.0
    assert scores["recall_0.02"] == pytest.approx((1 + 4 * 0.02) / 6, abs=2e-3)  # the top, and 2 cm down the sides
    assert scores["f_hidden_0.01"] < 0.02
    assert scores["share_none"] == 0.0
    assert "recall_none_0.02" not in scores


def test_a_region_that_nothing_predicts_has_no_accuracy_and_no_f():
    truth = np.array([[0.0, 0, 0], [5.0, 0, 0]])
    scores = compare(Surface(np.zeros((1, 3))), Surface(truth), THRESHOLDS, {"hidden": np.array([False, True])})
    assert scores["completion_hidden_m"] == 5.0
    assert scores["f_hidden_0.1"] == 0.0
    assert "accuracy_hidden_m" not in scores
    assert "chamfer_hidden_m" not in scores


def test_samples_are_uniform_by_area_and_repeat():
    mesh = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0.5]], [[0, 1, 2], [0, 1, 3]])
    surface = surface_of(mesh, 60_000, 3)
    np.testing.assert_array_equal(surface.points, surface_of(mesh, 60_000, 3).points)
    assert (surface.points != surface_of(mesh, 60_000, 4).points).any()
    flat = surface.points[surface.points[:, 2] == 0]
    assert len(flat) / 60_000 == pytest.approx(2 / 3, abs=1e-3)
    np.testing.assert_allclose(flat.mean(0), [1 / 3, 1 / 3, 0], atol=3e-3)  # a triangle's mean is its centroid ...
    np.testing.assert_allclose((flat[:, :2] ** 2).mean(0), 1 / 6, atol=3e-3)  # ... and its second moment 1/6
    assert (flat[:, :2].sum(1) <= 1 + 1e-12).all()
    assert flat.min() >= -1e-12


def test_equal_surfaces_are_the_sampling_floor_apart():
    sphere = trimesh.creation.icosphere(4, 0.4)
    first, second = surface_of(sphere, 50_000, 0), surface_of(sphere, 50_000, 1)
    scores = compare(first, second, THRESHOLDS)
    assert scores["f_0.02"] == 1.0
    assert 0.9 < scores["chamfer_m"] / first.floor_m < 1.0, "drawn evenly they are nearer than independent ones"


def test_the_chamfer_repeats_between_seeds():
    box = trimesh.creation.box((1.2, 0.6, 0.7))
    other = trimesh.creation.box((1.24, 0.62, 0.7))
    chamfers_m = [
        compare(surface_of(other, 200_000, 2 * seed), surface_of(box, 200_000, 2 * seed + 1), THRESHOLDS)["chamfer_m"]
        for seed in range(3)
    ]
    assert np.ptp(chamfers_m) < 5e-5


def test_relative_measures_are_the_same_as_shares_of_the_diameter():
    scores = compare(Surface(CORNERS * 1.1), Surface(CORNERS), (0.01, 0.02), diameter_m=10.0)
    other = compare(Surface(CORNERS * 1.1), Surface(CORNERS), (0.1, 0.2))
    assert scores["diameter_m"] == 10.0
    assert scores["chamfer_relative"] == pytest.approx(other["chamfer_m"] / 10.0)
    for kind in ("precision", "recall", "f"):
        assert scores[f"{kind}_rel_0.01"] == other[f"{kind}_0.1"] == 0.125
        assert scores[f"{kind}_rel_0.02"] == other[f"{kind}_0.2"] == 1.0
    assert "f_rel_0.01" not in other


def test_relative_measures_do_not_change_with_size():
    box, other = trimesh.creation.box((0.6, 0.3, 0.35)), trimesh.creation.box((0.62, 0.31, 0.35))
    results = []
    for factor in (1.0, 7.0):
        surfaces = [surface_of(m.copy().apply_scale(factor), 20_000, seed) for seed, m in enumerate((other, box))]
        low = surfaces[1].points[:, 2] < 0
        size_m = factor * float(np.linalg.norm(box.extents))
        results.append(compare(*surfaces, THRESHOLDS, {"hidden": low}, size_m))
    keys = [key for key in results[0] if "rel" in key]
    assert len(keys) == 2 * (1 + 3 * 2)  # whole and hidden: chamfer, and three shares at two thresholds
    assert [results[0][key] for key in keys] == pytest.approx([results[1][key] for key in keys], abs=1e-9)
    assert results[0]["f_0.02"] != results[1]["f_0.02"]
