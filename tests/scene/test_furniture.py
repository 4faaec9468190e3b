"""Procedural furniture: one complete outer surface, in metres, always another piece."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from manifold3d import Manifold

from scene.furniture import FAMILIES, Furniture, sample_furniture
from scene.furniture.assembly import Assembly
from scene.furniture.finishes import Finish
from scene.furniture.solids import bent_panel, box, cushion, ellipse, lathe, plate, rectangle, rod, rounded_box, tube
from scene.label_table import LABELS
from scene.mesh import load_mesh
from scene.raycast import RayCaster

_RED = Finish("plain", (1.0, 0.0, 0.0), (1.0, 0.0, 0.0))
_BLUE = Finish("plain", (0.0, 0.0, 1.0), (0.0, 0.0, 1.0))
# Height and longest level side that a piece of a family may have, in metres.
_SIZES = {
    "chair": ((0.7, 1.2), 0.75),
    "shell chair": ((0.65, 1.0), 0.8),
    "office chair": ((0.8, 1.45), 0.9),
    "stool": ((0.38, 0.85), 0.65),
    "bench": ((0.38, 0.6), 1.65),
    "ottoman": ((0.3, 0.5), 0.9),
    "armchair": ((0.65, 1.0), 1.3),
    "couch": ((0.65, 1.0), 3.0),
    "dining table": ((0.7, 0.8), 1.85),
    "coffee table": ((0.3, 0.5), 1.3),
    "side table": ((0.4, 0.65), 0.7),
    "desk": ((0.7, 0.8), 1.65),
    "cabinet": ((0.65, 1.25), 1.6),
    "dresser": ((0.65, 1.15), 1.5),
    "night stand": ((0.4, 0.65), 0.65),
    "tv stand": ((0.35, 0.6), 1.8),
    "wardrobe": ((1.7, 2.1), 1.5),
    "file cabinet": ((0.6, 1.4), 0.75),
    "bookcase": ((0.7, 2.05), 1.25),
    "rack": ((0.75, 1.85), 1.15),
    "floor lamp": ((1.2, 1.85), 1.2),
    "table lamp": ((0.3, 0.6), 0.35),
    "trash can": ((0.25, 0.78), 0.6),
    "basket": ((0.2, 0.5), 0.65),
    "carton": ((0.15, 0.42), 0.55),
    "small box": ((0.09, 0.24), 0.36),
    "bed": ((0.7, 1.2), 2.3),
    "plant": ((0.4, 1.6), 1.5),
    "small plant": ((0.15, 0.6), 0.6),
    "monitor": ((0.3, 0.6), 0.7),
    "book pile": ((0.03, 0.25), 0.35),
}


def _drawn(family: str, seed: int) -> Furniture:
    return FAMILIES[family](np.random.default_rng([seed, 17]))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_piece_is_one_watertight_surface_of_plausible_size(family: str, tmp_path: Path) -> None:
    (lowest, highest), longest = _SIZES[family]
    for seed in range(6):
        piece = _drawn(family, seed)
        mesh = piece.mesh
        assert mesh.is_watertight
        assert mesh.is_winding_consistent
        assert mesh.volume > 0
        assert mesh.body_count == 1
        assert lowest < mesh.extents[2] < highest
        assert mesh.extents[:2].max() < longest
        np.testing.assert_allclose(mesh.bounds[0, 2], 0.0, atol=1e-9)
        np.testing.assert_allclose(mesh.bounds[:, :2].mean(axis=0), 0.0, atol=1e-9)
        assert piece.label in LABELS
        assert len(piece.face_finish) == len(mesh.faces)
        assert set(piece.face_finish) <= set(range(len(piece.finishes)))
    # What is written in single precision and read back is watertight still.
    (tmp_path / "piece.ply").write_bytes(trimesh.exchange.ply.export_ply(mesh, vertex_normal=False))
    assert load_mesh(tmp_path / "piece.ply").is_watertight


def test_the_same_generator_state_gives_the_same_piece_and_another_state_another() -> None:
    for family in ("office chair", "bookcase", "plant"):
        first, again, other = _drawn(family, 0).mesh, _drawn(family, 0).mesh, _drawn(family, 1).mesh
        np.testing.assert_array_equal(first.vertices, again.vertices)
        np.testing.assert_array_equal(first.faces, again.faces)
        assert not np.allclose(first.extents, other.extents)


def test_sampling_reaches_many_classes_and_honours_a_choice_of_families() -> None:
    rng = np.random.default_rng(3)
    assert len({sample_furniture(rng).label for _ in range(40)}) >= 10
    assert {sample_furniture(rng, ("desk", "bed")).label for _ in range(12)} == {"desk", "bed"}


def test_thin_parts_are_there() -> None:
    """Some chair legs are thinner than 3 cm: a ray through a leg leaves it again within that."""
    thinnest = []
    for seed in range(12):
        mesh = _drawn("chair", seed).mesh
        at = np.linspace(-0.5, 0.5, 400)
        low = mesh.bounds[0]
        sections = []
        for y in np.linspace(low[1] + 0.005, low[1] + 0.04, 8):
            points = np.stack([at, np.full(400, y), np.full(400, 0.1)], axis=1)
            inside = mesh.contains(points)
            runs = np.diff(np.flatnonzero(np.diff(np.r_[0, inside.astype(int), 0])))[::2]
            sections += [run / 400 for run in runs]
        thinnest.append(max(sections))
    assert 0.012 < min(thinnest) < 0.03


def test_desks_have_a_knee_hole() -> None:
    for seed in range(8):
        mesh = _drawn("desk", seed).mesh
        front = float(mesh.bounds[0, 1])
        origins = np.array([[x, front - 0.5, 0.35] for x in np.linspace(*mesh.bounds[:, 0], 60)[1:-1]])
        distance, _ = RayCaster(mesh).first_hit(origins, np.broadcast_to([0.0, 1.0, 0.0], origins.shape))
        free = distance > 0.5 + 0.3  # at least 30 cm of room for knees
        widest = max(len(run) for run in "".join("x" if f else " " for f in free).split())
        assert widest * float(mesh.extents[0]) / 60 > 0.5


def test_small_things_can_stand_on_tables_where_they_say() -> None:
    for family in ("dining table", "desk", "cabinet", "night stand"):
        piece = _drawn(family, 2)
        assert piece.top is not None
        x, y = np.meshgrid(*(np.linspace(a, b, 5) for a, b in zip(piece.top.low, piece.top.high, strict=True)))
        origins = np.stack([x.ravel(), y.ravel(), np.full(25, 3.0)], axis=1)
        distance, _ = RayCaster(piece.mesh).first_hit(origins, np.broadcast_to([0.0, 0.0, -1.0], origins.shape))
        np.testing.assert_allclose(3.0 - distance, piece.top.z, atol=1e-4)


def test_a_union_has_no_inner_faces_and_knows_what_each_face_is_made_of() -> None:
    assembly = Assembly()
    assembly.add(_RED, box((0, 0, 0), (1, 1, 1)))
    assembly.add(_BLUE, box((0.5, 0.25, 0.25), (2, 0.75, 0.75)))
    piece = assembly.furniture("box")
    np.testing.assert_allclose(piece.mesh.volume, 1 + 1.0 * 0.25)
    np.testing.assert_allclose(piece.mesh.area, 6 + 4 * 1.0 * 0.5)
    blue = piece.face_finish == piece.finishes.index(_BLUE)
    np.testing.assert_allclose(piece.mesh.area_faces[blue].sum(), 4 * 1.0 * 0.5 + 0.25)
    np.testing.assert_allclose(piece.mesh.bounds, [[-1, -0.5, 0], [1, 0.5, 1]])


def test_nearly_coincident_parts_leave_no_crumbs_and_no_open_edges(tmp_path: Path) -> None:
    assembly = Assembly()
    assembly.add(_RED, box((0, 0, 0), (1, 1, 1)))
    assembly.add(_BLUE, box((0, 0, 0), (1, 1, 1)).rotate((0, 0, 1e-6)), box((1 - 1e-7, 0, 0), (2, 1, 1)))
    mesh = assembly.furniture("box").mesh
    (tmp_path / "box.ply").write_bytes(trimesh.exchange.ply.export_ply(mesh, vertex_normal=False))
    again = load_mesh(tmp_path / "box.ply")
    assert again.is_watertight
    assert again.body_count == 1
    np.testing.assert_allclose(again.volume, 2.0, rtol=1e-4)


def test_solids_have_the_volumes_of_their_formulas() -> None:
    def volume(solid: Manifold) -> float:
        return float(solid.volume())

    assert volume(rod((0, 0, 0), (0, 0, 2), 0.5, 0.5, 4)) == pytest.approx(2.0)  # square, 1 m wide
    assert volume(rod((0, 0, 0), (0, 0, 1), 0.1, 0.1, 64)) == pytest.approx(np.pi * 0.01, rel=0.01)
    assert volume(lathe([(0, 0), (0.3, 0), (0, 1)])) == pytest.approx(np.pi * 0.09 / 3, rel=0.02)
    assert volume(lathe([(0, 0), (0, 1), (0.3, 0)])) == pytest.approx(np.pi * 0.09 / 3, rel=0.02)  # clockwise
    assert volume(plate(ellipse(2.0, 1.0), 0.0, 0.5)) == pytest.approx(np.pi / 4, rel=0.01)
    assert volume(plate(rectangle(1.0, 1.0, 0.2), 0.0, 1.0)) == pytest.approx(1 - (4 - np.pi) * 0.04, rel=0.005)
    ball = 4 / 3 * np.pi * 0.1**3
    capsule = tube([(0, 0, 0), (0, 0, 1)], 0.1)
    assert volume(capsule) == pytest.approx(np.pi * 0.01 + ball, rel=0.08)
    sharp, soft = volume(box((0, 0, 0), (1, 1, 1))), volume(rounded_box((0, 0, 0), (1, 1, 1), 0.1))
    assert 0.93 * sharp < soft < 0.99 * sharp
    panel = bent_panel(1.0, 0.02, 0.2, 0.0, 1.0)
    assert np.array(panel.bounding_box())[[0, 1, 2, 3, 5]] == pytest.approx([-0.5, 0, 0, 0.5, 1], abs=0.02)
    assert panel.bounding_box()[4] == pytest.approx(0.22, abs=1e-6)
    assert cushion((0, 0), (0.5, 0.5), 0.4, 0.5, 0.03).bounding_box()[5] == pytest.approx(0.53)
