"""Mesh files that are not what they promise."""

import pytest

from scene.errors import UserError
from scene.mesh import load_mesh, load_mesh_as_written, load_mesh_or_points

HEADER = (
    "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    "element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n0 1 0\n"
)


@pytest.mark.parametrize("last", [3, -1])
@pytest.mark.parametrize("load", [load_mesh, load_mesh_as_written, load_mesh_or_points])
def test_a_face_of_a_vertex_that_is_not_there_is_a_sentence(tmp_path, load, last):
    path = tmp_path / "broken.ply"
    path.write_text(f"{HEADER}3 0 1 {last}\n")
    with pytest.raises(UserError, match=r"broken\.ply: a face names a vertex that is not there"):
        load(path)
    path.write_text(f"{HEADER}3 0 1 2\n")
    assert load(path).area == pytest.approx(0.5)
