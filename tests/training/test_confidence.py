"""What is told of a mesh's vertices, against a ball of which one half was sensed."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy import ndimage

from models.completion_net import WEIGHTS
from scene.errors import UserError
from scene.files import fingerprint
from scene.mesh import load_mesh, save_mesh
from training.confidence import TABLES, Table, Tables, clues_of, load_tables, tell_confidence
from training.evidence import INSIDE, OUTSIDE, UNKNOWN, Evidence
from training.grounds import GROUNDS, Grounds, gather_evidence, grounds_of
from training.priors import suppose
from training.settings import AlignmentSettings, EvidenceSettings, FitSettings, PriorSettings

VOXEL_M, RADIUS_M, BAND_M = 0.01, 0.2, 0.03
EVIDENCE = EvidenceSettings(voxel_m=0.02, min_voxels_across=20, alignment=AlignmentSettings(rounds=0))
SETTINGS = FitSettings(evidence=EVIDENCE, priors={"support": PriorSettings()})


@pytest.fixture(scope="module")
def half_seen() -> Evidence:
    """A ball whose +x half was sensed from outside; a prior supposes the rest, less surely the farther down."""
    axis = np.arange(-30, 31) * VOXEL_M
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    distance = np.sqrt(x**2 + y**2 + z**2) - RADIUS_M
    seen = (x > 0) & (distance > -BAND_M)
    side = np.where(seen, np.where(distance < 0, INSIDE, OUTSIDE), UNKNOWN).astype(np.int8)
    sdf_m = np.where(seen, distance.clip(-BAND_M, BAND_M), 0).astype(np.float32)
    origin = np.full(3, axis[0])
    known = seen.astype(np.float32)
    evidence = Evidence(origin, VOXEL_M, side, known, sdf_m, BAND_M, np.zeros(side.shape, bool), np.eye(3)[2])
    guess = np.where(distance < 0, INSIDE, OUTSIDE).astype(np.int8)
    return suppose(evidence, side == UNKNOWN, guess, (0.5 + z).clip(0.1, 0.9).astype(np.float32), distance)


@pytest.fixture(scope="module")
def ball() -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=4, radius=RADIUS_M)


def test_the_sensed_half_is_seen(half_seen: Evidence, ball: trimesh.Trimesh) -> None:
    clues = clues_of(np.asarray(ball.vertices), Grounds.of(half_seen))
    x = ball.vertices[:, 0]
    assert clues.seen[x > VOXEL_M].all()
    assert not clues.seen[x < -VOXEL_M].any()


def test_surface_that_leaves_the_sensed_one_is_not_seen(half_seen: Evidence, ball: trimesh.Trimesh) -> None:
    grounds = Grounds.of(half_seen)
    for radius_m, expected in ((RADIUS_M + 0.005, 1.0), (RADIUS_M - 0.02, 0.0), (RADIUS_M + 0.02, 0.0)):
        vertices = np.asarray(ball.vertices) * (radius_m / RADIUS_M)
        seen = clues_of(vertices, grounds).seen[vertices[:, 0] > 2 * VOXEL_M]
        assert seen.mean() == expected


def test_the_prior_is_believed_as_far_as_it_believes_itself(half_seen: Evidence, ball: trimesh.Trimesh) -> None:
    vertices = np.asarray(ball.vertices)
    clues = clues_of(vertices, Grounds.of(half_seen))
    hidden = vertices[:, 0] < -2 * VOXEL_M
    np.testing.assert_allclose(clues.supposed[hidden], 0.5 + vertices[hidden, 2], atol=0.01)


def test_free_space_is_counted_in_the_cube_round_a_vertex(half_seen: Evidence) -> None:
    """By hand, at a voxel."""
    grounds = Grounds.of(half_seen)
    index = np.array([50, 30, 30])
    cube = (half_seen.side == OUTSIDE) & (half_seen.confidence == 1) & (half_seen.sdf_m > 1e-4)
    share = cube[47:54, 27:34, 27:34].mean()
    assert 0.2 < share < 0.8
    vertices = (half_seen.origin_m + VOXEL_M * index)[None].astype(np.float32)
    assert clues_of(vertices, grounds).free[0] == pytest.approx(share, abs=1e-3)


def test_free_space_on_all_sides_makes_nothing_sure(half_seen: Evidence, ball: trimesh.Trimesh) -> None:
    """A mesh that hangs where cameras saw through it."""
    grounds = Grounds.of(half_seen)
    on_surface = clues_of(np.asarray(ball.vertices), grounds)
    free = (half_seen.side == OUTSIDE) & (half_seen.confidence == 1)
    middle = ndimage.binary_erosion(free, iterations=2)
    adrift = clues_of((half_seen.origin_m + VOXEL_M * np.argwhere(middle)).astype(np.float32), grounds)
    assert adrift.sureness.max() < 1e-6 < on_surface.sureness.mean()


def test_vertices_beyond_the_voxels_are_not_seen(half_seen: Evidence) -> None:
    clues = clues_of(np.array([[9.0, 9.0, 9.0], [0.0, 0.0, -0.2]]), Grounds.of(half_seen))
    assert not clues.seen.any()
    assert np.isfinite(clues.sureness).all()


def test_the_table_of_its_kind_is_applied(half_seen: Evidence, ball: trimesh.Trimesh) -> None:
    clues = clues_of(np.asarray(ball.vertices), Grounds.of(half_seen))
    tables = Tables(Table((0.0, 2.0), (0.9, 1.0)), Table((0.0, 1.0), (0.1, 0.6)))
    confidence = tables.confidence(clues)
    np.testing.assert_allclose(confidence[clues.seen], 0.9 + 0.05 * clues.free[clues.seen], atol=1e-5)
    sure = np.minimum(clues.supposed + clues.free, 1.0)[~clues.seen]
    np.testing.assert_allclose(confidence[~clues.seen], 0.1 + 0.5 * sure, atol=1e-5)


def test_the_projects_own_tables_rise_and_trust_what_was_seen(half_seen: Evidence, ball: trimesh.Trimesh) -> None:
    tables = load_tables()
    assert 0.8 < tables.seen.probability[-1] <= 1.0
    assert tables.completed.probability[0] < 0.4 < tables.completed.probability[-1]
    clues = clues_of(np.asarray(ball.vertices), Grounds.of(half_seen))
    confidence = tables.confidence(clues)
    assert confidence[clues.seen].mean() > confidence[~clues.seen].mean() + 0.1
    order = np.argsort(clues.sureness[~clues.seen])
    assert (np.diff(confidence[~clues.seen][order]) >= 0).all()


def test_the_tables_were_made_with_the_networks_present_weights() -> None:
    """Other weights are sure of other things: python -m scripts.calibrate makes the tables anew."""
    assert json.loads(TABLES.read_text())["network"] == fingerprint(0, [WEIGHTS])


@pytest.mark.parametrize(
    ("sureness", "probability"),
    [((), ()), ((0.0, 1.0), (0.5,)), ((0.0, 0.0), (0.1, 0.2)), ((0.0, 1.0), (0.5, 0.4)), ((0.0, 1.0), (0.5, 1.2))],
)
def test_tables_that_do_not_rise_are_refused(sureness, probability) -> None:
    with pytest.raises(ValueError, match="table"):
        Table(sureness, probability)


def test_a_damaged_file_of_tables_is_told_in_a_sentence(tmp_path: Path) -> None:
    for number, text in enumerate(
        ("", "[]", '{"seen": {}}', json.dumps({"seen": {"sureness": [1], "probability": [2]}}))
    ):
        path = tmp_path / f"{number}.json"
        path.write_text(text)
        with pytest.raises(UserError, match=r"json: cannot be read .* scripts.calibrate"):
            load_tables(path)


def test_grounds_are_kept_and_read_again(sphere_views, tmp_path: Path, monkeypatch) -> None:
    made = Grounds.of(gather_evidence(sphere_views, SETTINGS, tmp_path))
    with monkeypatch.context() as without:
        without.setattr("training.grounds.gather", None)  # nothing is gathered again
        kept = grounds_of(sphere_views, SETTINGS, tmp_path)
    for name, value in vars(made).items():
        np.testing.assert_array_equal(getattr(kept, name), value)
    assert (tmp_path / GROUNDS).stat().st_size < 300_000


@pytest.mark.parametrize("harm", ["absent", "cut", "rubbish", "other settings", "other views"])
def test_grounds_that_do_not_serve_are_gathered_anew(sphere_views, tmp_path: Path, harm: str) -> None:
    expected = Grounds.of(gather_evidence(sphere_views, SETTINGS))
    others = dataclasses.replace(SETTINGS, priors={})
    turned = dataclasses.replace(sphere_views, fact=np.roll(sphere_views.fact, 3, axis=2))
    given = {"other settings": (sphere_views, others), "other views": (turned, SETTINGS)}
    gather_evidence(*given.get(harm, (sphere_views, SETTINGS)), tmp_path)
    path = tmp_path / GROUNDS
    if harm == "absent":
        path.unlink()
    elif harm in ("cut", "rubbish"):
        path.write_bytes(path.read_bytes()[:-200] if harm == "cut" else b"rubbish")
    found = grounds_of(sphere_views, SETTINGS, tmp_path)
    np.testing.assert_array_equal(found.decided, expected.decided)
    np.testing.assert_array_equal(found.supposed, expected.supposed)


def test_a_mesh_of_rays_alone_is_told_of_too(sphere_views, tmp_path: Path) -> None:
    """No phase gathered evidence, no prior speaks: what was seen is seen, of the rest little is believed."""
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.3).apply_translation([1.0, -2.0, 0.7])
    tell_confidence(ball, sphere_views, FitSettings(evidence=EVIDENCE), tmp_path)
    assert list(tmp_path.iterdir()) == []
    seen, confidence = ball.vertex_attributes["seen"], ball.vertex_attributes["confidence"]
    assert (seen.dtype, confidence.dtype) == (np.uint8, np.float32)
    assert seen.mean() > 0.8  # views all round
    assert ((confidence >= 0) & (confidence <= 1)).all()
    save_mesh(tmp_path / "ball.ply", ball, None, {})
    again = load_mesh(tmp_path / "ball.ply")
    assert again.vertex_attributes["seen"].sum() == seen.sum()


def test_without_depth_a_mesh_goes_without_and_it_is_said(sphere_views, tmp_path: Path, caplog) -> None:
    blind = dataclasses.replace(sphere_views, depth_mm=np.zeros_like(sphere_views.depth_mm))
    ball = trimesh.creation.icosphere()
    with caplog.at_level(logging.WARNING):
        tell_confidence(ball, blind, SETTINGS, tmp_path)
    assert "tells no confidence" in caplog.text
    assert not ball.vertex_attributes
