"""Furniture from CAD files: the outer surface where the model is closed, the surface as given where it is not."""

import logging
from pathlib import Path

import numpy as np
import pytest
import trimesh

from scene.errors import UserError
from scene.label_table import LABELS, label_of_name, table_text
from scene.room import furnish
from scene.room.cad import load_cad


def _save(path: Path, *boxes: trimesh.Trimesh) -> None:
    trimesh.Scene(list(boxes)).export(path)


def _box(low: tuple[float, ...], high: tuple[float, ...], color: tuple[int, ...]) -> trimesh.Trimesh:
    box = trimesh.creation.box(bounds=[low, high])
    box.visual = trimesh.visual.ColorVisuals(box, face_colors=np.tile(color, (12, 1)))
    return box


def test_overlapping_bodies_become_one_outer_surface_with_their_colours(tmp_path: Path) -> None:
    red, blue = (208, 16, 16, 255), (16, 16, 208, 255)
    _save(tmp_path / "tableRound.glb", _box((0, 0, 0), (1, 1, 1), red), _box((0.5, 0.25, 0.25), (2, 0.75, 0.75), blue))
    (piece,) = load_cad(tmp_path)
    assert piece.label == "table"
    assert piece.mesh.is_watertight
    np.testing.assert_allclose(piece.mesh.volume, 1.25, rtol=1e-4)
    # +y up became +z up, centred, standing on the floor.
    np.testing.assert_allclose(piece.mesh.bounds, [[-1, -0.5, 0], [1, 0.5, 1]], atol=1e-4)
    areas = {
        tuple(np.round(255 * np.array(finish.light)).astype(int)): piece.mesh.area_faces[piece.face_finish == k].sum()
        for k, finish in enumerate(piece.finishes)
    }
    assert areas[(208, 16, 16)] == pytest.approx(6 - 0.25, rel=1e-3)
    assert areas[(16, 16, 208)] == pytest.approx(2.25, rel=1e-3)


def test_what_is_not_closed_is_kept_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    open_box = trimesh.creation.box((0.5, 0.5, 0.5))
    open_box.update_faces(np.arange(12) > 1)
    open_box.export(tmp_path / "box.ply")
    trimesh.creation.box((0.4, 0.9, 0.4)).export(tmp_path / "chair.obj")
    with caplog.at_level(logging.WARNING):
        box, chair = load_cad(tmp_path)
    assert "box.ply" in caplog.text
    assert "chair.obj" not in caplog.text
    assert len(box.mesh.faces) == 10
    assert chair.mesh.is_watertight
    np.testing.assert_allclose(chair.mesh.extents, [0.4, 0.4, 0.9])


def test_unusable_files_are_named_and_an_empty_folder_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(UserError, match="holds no CAD models"):
        load_cad(tmp_path)
    (tmp_path / "broken.glb").write_bytes(b"glTF nothing")
    trimesh.creation.box((45, 90, 40)).export(tmp_path / "centimetres.ply")
    with pytest.raises(UserError, match="none of its 2 models"), caplog.at_level(logging.WARNING):
        load_cad(tmp_path)
    assert "broken.glb" in caplog.text
    assert "read in metres" in caplog.text


def test_names_tell_classes() -> None:
    told = {
        "chairDesk": "office chair",
        "tableCoffee": "coffee table",
        "loungeSofaOttoman": "ottoman",
        "trashcan_02": "trash can",
        "bookcaseOpenLow": "bookshelf",
        "desk-chair": "office chair",
        "radio": "object",
    }
    assert {name: label_of_name(name) for name in told} == told


def test_the_label_table_has_a_row_a_class() -> None:
    header, *rows = [line.split("\t") for line in table_text().splitlines()]
    assert header[:2] == ["id", "raw_category"]
    assert {row[1]: int(row[0]) for row in rows} == {name: number for name, (number, _, _) in LABELS.items()}
    assert len({row[0] for row in rows}) == len(rows)
    assert all(1 <= int(row[header.index("nyu40id")]) <= 40 for row in rows)


def test_a_room_of_real_models(shared_data: Path) -> None:
    pieces = load_cad(shared_data / "furniture")
    assert len(pieces) == len(list((shared_data / "furniture").glob("*.glb")))
    assert sum(piece.mesh.is_watertight for piece in pieces) >= 18
    room = furnish(np.random.default_rng(0), pieces)
    assert len(room.pieces) >= 6
    assert len({piece.label for piece in room.pieces}) >= 5
