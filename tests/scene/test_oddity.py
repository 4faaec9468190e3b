"""Things of no family: closed surfaces that stand on the floor, another for every seed."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from scene.furniture.odd import oddity
from scene.label_table import LABELS

SEEDS = range(100)


def drawn(seed: int) -> trimesh.Trimesh:
    return oddity(np.random.default_rng(seed)).mesh


@pytest.fixture(scope="module")
def oddities() -> list[trimesh.Trimesh]:
    return [drawn(seed) for seed in SEEDS]


def test_every_oddity_is_closed_and_nearly_all_are_one_piece(oddities: list[trimesh.Trimesh]) -> None:
    for seed, mesh in zip(SEEDS, oddities, strict=True):
        assert mesh.is_watertight, seed
        assert mesh.is_winding_consistent, seed
        assert mesh.volume > 1e-4, seed
    assert sum(mesh.body_count == 1 for mesh in oddities) >= 97


def test_they_stand_on_the_floor_and_are_of_a_room_s_size(oddities: list[trimesh.Trimesh]) -> None:
    for seed, mesh in zip(SEEDS, oddities, strict=True):
        assert mesh.bounds[0, 2] == pytest.approx(0, abs=1e-9), seed
        assert 0.05 < mesh.extents.max() < 2.6, seed


def test_they_vary(oddities: list[trimesh.Trimesh]) -> None:
    filled = [mesh.volume / mesh.bounding_box.volume for mesh in oddities]
    assert min(filled) < 0.1, "frames and pipes"
    assert max(filled) > 0.6, "blocks"
    assert len({tuple(np.round(mesh.extents, 6)) for mesh in oddities}) == len(oddities)
    assert {oddity(np.random.default_rng(seed)).label for seed in range(40)} <= set(LABELS)


def test_the_same_seed_gives_the_same_bytes(oddities: list[trimesh.Trimesh]) -> None:
    for seed in SEEDS[::5]:
        again = drawn(seed)
        assert again.vertices.tobytes() == oddities[seed].vertices.tobytes()
        assert again.faces.tobytes() == oddities[seed].faces.tobytes()
