"""The measures of the evaluation itself, on shapes and files whose values are known."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from evaluation import o2recon_protocol
from scene.errors import UserError
from scene.mesh import save_mesh
from scripts import evaluation_reach
from scripts.evaluation_lights import Judged, judge_rooms, rows, spoilt_copies
from scripts.evaluation_reach import (
    Room,
    against_themselves,
    known_values,
    recomputed,
    refusals,
    repeated,
    rooms_of,
)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """Two objects, one a little larger than it is, one moved."""
    (tmp_path / "bench/truth/scene0001_00").mkdir(parents=True)
    (tmp_path / "bench/scannet/scene0001_00_scannet").mkdir(parents=True)
    (tmp_path / "run/meshes").mkdir(parents=True)
    ball = trimesh.creation.icosphere(3, 0.3)
    for i, moved_m in ((5, 0.0), (6, 0.03)):
        ball.export(tmp_path / f"bench/truth/scene0001_00/obj_{i - 1}.ply")
        mesh = trimesh.creation.icosphere(4, 0.31).apply_translation([moved_m, 0, 0])
        mesh.vertex_attributes["confidence"] = np.full(len(mesh.vertices), 0.5, np.float32)
        save_mesh(tmp_path / f"run/meshes/scene0001_00_obj_{i}.ply", mesh, None, {})
    (found,) = rooms_of([tmp_path / "run"], tmp_path / "bench")
    return found


def test_the_known_values_hold():
    assert known_values().met
    assert known_values().target == "exact"


def test_the_other_computation_agrees_and_would_tell_if_it_did_not(room, monkeypatch):
    assert recomputed([room]).met
    assert "2 objects" in recomputed([room]).what
    monkeypatch.setattr(o2recon_protocol, "_WITHOUT_DIVISION_BY_ZERO", 1e-5)
    assert not recomputed([room]).met


def test_vertices_read_from_bytes_are_those_that_were_written(room):
    mesh_path, _ = room.pairs()["scene0001_00 6"]
    expected = trimesh.load(mesh_path, process=False).vertices
    np.testing.assert_array_equal(evaluation_reach._vertices(mesh_path), expected)


def test_chamfers_of_other_seeds_lie_close_with_many_points_and_not_with_few(room):
    assert repeated([room], 20_000).met
    assert not repeated([room], 50).met


def test_a_true_mesh_is_its_sampling_floor_from_itself(room):
    for name, scores in against_themselves([room], 20_000):
        assert name.startswith("scene0001_00 ")
        assert scores["f_0.02"] == 1.0
        assert scores["chamfer_m"] == pytest.approx(scores["sampling_floor_m"], rel=0.1)


def test_what_is_refused_is_told_as_files_are_scored_and_so_is_what_is_not(room, monkeypatch):
    monkeypatch.setattr(evaluation_reach, "open_scan", lambda folder: None)
    monkeypatch.setattr(evaluation_reach, "views_of_scan", lambda scan, most: [])
    told = {(wrong, known): sentence for wrong, known, sentence in refusals([room])}
    zero = "counted as F, precision and recall 0"
    assert "times as large as its true mesh" in told["a mesh in millimetres", "with a true mesh"]
    assert told["a mesh in another frame", "with a true mesh"].endswith(zero)
    assert told["a mesh with NaN", "without"] == "holds vertices that are not finite; export the mesh again"
    assert told["a mesh without triangles", "with a true mesh"].endswith(zero)
    assert "nothing is measured against it" in told["a true mesh in millimetres", "beside a right mesh"]
    # With neither truth nor views nothing tells units; and a ball about the origin is the same whatever is up.
    assert told["a mesh in millimetres", "without"] is None
    assert told["a mesh with y up instead of z", "with a true mesh"] is None


def test_a_run_of_no_room_of_the_bench_is_named(room, tmp_path):
    with pytest.raises(UserError, match="there is no such folder, of which"):
        rooms_of([room.run], tmp_path / "other")
    with pytest.raises(UserError, match="holds meshes of 0 scenes"):
        rooms_of([tmp_path / "other"], tmp_path / "bench")
    with pytest.raises(UserError, match=r"holds no rooms; make some with bash scripts/bench\.sh"):
        judge_rooms(tmp_path / "other")


def test_spoilt_copies_are_what_they_are_called_and_repeat():
    ball = trimesh.creation.icosphere(3, 0.3).apply_translation([1.0, 2.0, 3.0])
    spoilt = dict(spoilt_copies(ball, 5))
    assert np.linalg.norm(spoilt["moved by 5 cm"].centroid - ball.centroid) == pytest.approx(0.05)
    assert spoilt["a tenth larger"].volume == pytest.approx(1.331 * ball.volume)
    np.testing.assert_allclose(spoilt["a tenth smaller"].bounds.mean(0), [1.0, 2.0, 3.0])
    assert spoilt["its box"].volume == pytest.approx(np.prod(ball.extents))
    assert spoilt["half of it"].area == pytest.approx(ball.area / 2, rel=0.1)
    again = dict(spoilt_copies(ball, 5))
    assert all(np.array_equal(mesh.vertices, again[name].vertices) for name, mesh in spoilt.items())
    assert not np.array_equal(spoilt["moved by 2 cm"].vertices, dict(spoilt_copies(ball, 6))["moved by 2 cm"].vertices)


def test_lights_are_told_by_maker_with_means_and_the_worst():
    judged = [Judged("ours", "green", 0.9, 1.0), Judged("ours", "green", 0.8, 0.6), Judged("box", "red", 0.1, 0.2)]
    assert list(rows(judged)) == [
        ["ours", "green", "2", "85.0", "80.0", "80.0"],
        ["box", "red", "1", "10.0", "10.0", "20.0"],
    ]
