"""The learned prior: it speaks only of what nobody sensed, decides all of it, and is right more often than others."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import trimesh

from models.completion_net import DISTANCE_M, load_completion_net
from scene.distance_grid import signed_distances
from scene.errors import UserError
from scene.furniture import FAMILIES
from tests.training.exact_views import views_of
from training.evidence import INSIDE, UNKNOWN, Evidence, gather
from training.priors import apply_priors, prior
from training.priors.learned import learned, predict
from training.priors.parsimony import parsimony
from training.settings import EvidenceSettings, PriorSettings
from training.shape_prior.kinds import NAMELESS
from training.shape_prior.look import look

COARSE = EvidenceSettings(voxel_m=0.02, min_voxels_across=20)
UNSEEN_SEED = 2_000_001
EYES = [(dx, -2.2, z) for dx in (-1.4, 0.0, 1.4) for z in (1.0, 1.6)]


def evidence_of(family: str) -> tuple[Evidence, np.ndarray]:
    """A piece no room of the training holds, seen from the front; and its true distance in metres."""
    mesh = FAMILIES[family](np.random.default_rng(UNSEEN_SEED)).mesh.copy()
    mesh.apply_transform(trimesh.transformations.rotation_matrix(0.4, [0, 0, 1]))
    evidence = gather(views_of([mesh], EYES, (0.0, 0.0, 0.4)), COARSE)
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    return evidence, signed_distances(vertices, faces, evidence.origin_m, evidence.voxel_m, evidence.side.shape, 0.1)


@pytest.fixture(scope="module")
def seen() -> Evidence:
    return completed("night stand")[0]


@cache
def completed(family: str) -> tuple[Evidence, Evidence, np.ndarray]:
    """Before and after the prior, and the true distance."""
    evidence, true_m = evidence_of(family)
    return evidence, learned(evidence), true_m


def wrong(evidence: Evidence, true_m: np.ndarray, hidden: np.ndarray) -> float:
    """The share of hidden voxels on the wrong side; unknown counts as outside."""
    return float(((evidence.side[hidden] == INSIDE) != (true_m[hidden] < 0)).mean())


def test_it_decides_what_was_not_sensed_and_nothing_else() -> None:
    before, after, _ = completed("night stand")
    known = before.side != UNKNOWN
    assert 0.1 < known.mean() < 0.9
    for one, other in ((before.side, after.side), (before.sdf_m, after.sdf_m), (before.confidence, after.confidence)):
        np.testing.assert_array_equal(one[known], other[known])
    assert (after.side != UNKNOWN).all()
    assert after.confidence[~known].min() > 0
    assert after.confidence[~known].max() < 1
    assert (np.sign(after.sdf_m[~known]) * after.side[~known] >= 0).all()
    assert np.abs(after.sdf_m).max() <= before.band_m + 1e-6


@pytest.mark.parametrize("family", ["night stand", "desk", "armchair"])
def test_hidden_sides_are_more_often_right_than_by_parsimony_or_by_nothing(family: str) -> None:
    evidence, after, true_m = completed(family)
    hidden = evidence.side == UNKNOWN
    by_learning = wrong(after, true_m, hidden)
    assert by_learning < 0.07
    assert by_learning < 0.7 * wrong(parsimony(evidence), true_m, hidden)
    assert by_learning < 0.7 * wrong(evidence, true_m, hidden), "all outside"


def test_confidence_is_lower_where_the_surface_lies_elsewhere() -> None:
    evidence, after, true_m = completed("desk")
    surface = (evidence.side == UNKNOWN) & (np.abs(after.sdf_m) < 0.01)
    right = np.abs(true_m[surface]) < 0.02
    sure = after.confidence[surface]
    assert 0.05 < right.mean() < 0.95
    assert sure[right].mean() > sure[~right].mean() + 0.1
    assert sure.mean() == pytest.approx(right.mean(), abs=0.2)


def test_looking_at_mirror_images_too_agrees(seen: Evidence) -> None:
    assert seen.views is not None
    coarse = look(seen.views)
    once, twice = predict(coarse, NAMELESS), predict(coarse, NAMELESS, looks=2)
    assert once[0].shape == once[1].shape == coarse.shape
    assert np.abs(once[0]).max() <= DISTANCE_M
    assert 0 < np.abs(once[0] - twice[0]).mean() < 0.2 * DISTANCE_M


def test_its_surface_is_moved_outward(seen: Evidence) -> None:
    still, moved = learned(seen, outward_m=0.0), learned(seen, outward_m=0.01)
    unknown = (seen.side == UNKNOWN) & (np.abs(still.sdf_m) < 0.02)
    np.testing.assert_allclose(moved.sdf_m[unknown], still.sdf_m[unknown] - 0.01, atol=1e-6)
    np.testing.assert_array_equal(moved.sdf_m[seen.side != UNKNOWN], still.sdf_m[seen.side != UNKNOWN])


def test_without_views_it_is_told_and_without_depth_it_says_nothing(seen: Evidence) -> None:
    with pytest.raises(UserError, match="looks at an object's views"):
        learned(dataclasses.replace(seen, views=None))
    assert seen.views is not None
    blind = dataclasses.replace(seen.views, depth_mm=np.zeros_like(seen.views.depth_mm))
    without = dataclasses.replace(seen, views=blind)
    assert learned(without) is without


@pytest.fixture
def broken_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    module = importlib.import_module("training.priors.learned")
    path = tmp_path / "completion.safetensors"
    path.write_bytes(b"cut")
    monkeypatch.setattr(module, "load_completion_net", partial(load_completion_net, path))
    module._network.cache_clear()
    yield path
    module._network.cache_clear()


def test_broken_weights_are_told_in_one_sentence(seen: Evidence, broken_weights: Path) -> None:
    with pytest.raises(UserError, match=r"get the file again, or switch the learned prior off") as refused:
        apply_priors(seen, {"learned": PriorSettings()})
    assert str(refused.value).startswith(str(broken_weights))
    assert "\n" not in str(refused.value)
    assert apply_priors(seen, {"learned": PriorSettings(enabled=False)}) is seen


def test_it_is_one_of_the_priors() -> None:
    assert prior.find({"learned": {"looks": 2}})
