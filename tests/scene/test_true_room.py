"""What a generated room tells of itself, against a room of two boxes."""

import numpy as np
import pytest
import trimesh

from scene.camera import Intrinsics, transform
from scene.furniture import Finish, Furniture
from scene.room.picture import Renderer
from scene.room.records import Area, Light, Placed, Room
from scene.room.truth import TrueRoom
from tests.scene.tiny_scan import box, look_at

_CAMERA = Intrinsics(96, 72, 86.7, 86.7, 47.5, 35.5)
_GREEN, _WHITE = (0.1, 0.8, 0.1), (0.9, 0.9, 0.9)
_FLOOR, _BLOCK, _BOARD = 1, 2, 3  # instance ids
_EYE = (0.0, -1.8, 0.9)


def _thing(mesh: trimesh.Trimesh, label: str, color: tuple[float, float, float]) -> Placed:
    finish = Finish("plain", color, color)
    return Placed(Furniture(mesh, label, (finish,), np.zeros(len(mesh.faces), dtype=np.int64)), np.eye(4))


def _renderer() -> Renderer:
    """A green block and, half before it, a white board, under a lamp."""
    floor = _thing(box((0, 0, -0.05), (4, 4, 0.1)), "floor", _WHITE)
    block = _thing(box((0, 0.2, 0.25), (0.6, 0.6, 0.5)), "box", _GREEN)
    board = _thing(box((0.2, -0.5, 0.2), (0.4, 0.05, 0.4)), "box", _WHITE)
    lamp = Light(np.array([-0.05, -0.8, 2.0]), np.array([0, 0.1, 0]), np.array([0.1, 0, 0]), np.array([4.0, 4.0, 4.0]))
    room = Room(4.0, 4.0, 2.5, Area(-1.0, -2.0, 1.0, -1.5), (floor,), (block, board), (lamp,))
    return Renderer(room, 0)


@pytest.fixture(scope="module")
def world_from_room() -> np.ndarray:
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]]
    matrix[:3, 3] = (3.0, 2.0, 0.0)
    return matrix


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return _renderer()


@pytest.fixture(scope="module")
def room(renderer: Renderer, world_from_room: np.ndarray) -> TrueRoom:
    poses = np.stack([look_at(_EYE, (0.0, 0.0, 0.25)), look_at((0.0, 1.9, 0.9), (0.0, 0.0, 0.25))])
    return TrueRoom(renderer, _CAMERA, poses, world_from_room, {_FLOOR: 0, _BLOCK: 1, _BOARD: 2})


def test_hidden_is_what_would_be_seen_and_is_not(room: TrueRoom, renderer: Renderer):
    pose = look_at(_EYE, (0.0, 0.0, 0.25))
    whole = renderer.view(_CAMERA, pose, np.random.default_rng(0))
    alone = renderer.alone(1).view(_CAMERA, pose, np.random.default_rng(0))
    hidden = room.hidden(_BLOCK, [0, 1])
    np.testing.assert_array_equal(hidden[0], (alone.thing == 1) & (whole.thing == 2))
    assert hidden[0].sum() > 100
    assert not hidden[1].any()  # from the other side the block stands before the board
    assert room.hidden(_BOARD, [1]).sum() > 100


def test_a_thing_alone_looks_as_in_the_room_where_it_is_seen(room: TrueRoom, renderer: Renderer, world_from_room):
    pose = look_at(_EYE, (0.0, 0.0, 0.25))
    whole = renderer.view(_CAMERA, pose, np.random.default_rng(0))
    look = room.thing(_BLOCK).look(_CAMERA, world_from_room @ pose)
    seen, hidden = whole.thing == 1, room.hidden(_BLOCK, [0])[0]
    np.testing.assert_allclose(look.depth_m[seen], whole.depth_m[seen], atol=1e-4)
    assert (look.depth_m[hidden] > whole.depth_m[hidden] + 0.3).all()
    np.testing.assert_array_equal(look.depth_m > 0, seen | hidden)
    inner = hidden & (np.abs(look.color[..., 1].astype(int) - look.color[..., 0]) > 40)
    assert inner.sum() > 0.8 * hidden.sum()  # green behind the white board


def test_normals_are_unit_and_face_the_camera(room: TrueRoom, world_from_room):
    pose = world_from_room @ look_at(_EYE, (0.0, 0.0, 0.25))
    look = room.thing(_BLOCK).look(_CAMERA, pose)
    met = look.depth_m > 0
    np.testing.assert_allclose(np.linalg.norm(look.normal[met], axis=1), 1.0, atol=1e-5)
    assert not look.normal[~met].any()
    assert ((look.normal * _CAMERA.directions())[met].sum(axis=1) < 0).all()
    in_room = look.normal[met] @ (np.linalg.inv(world_from_room) @ pose)[:3, :3].T
    front, top = np.abs(in_room @ [0, -1, 0] - 1) < 1e-4, np.abs(in_room @ [0, 0, 1] - 1) < 1e-4
    assert (front | top).all()
    assert front.any()
    assert top.any()


def test_only_what_others_keep_from_view_counts_as_hidden_surface(room: TrueRoom, world_from_room):
    behind_board, beside, rear, underside = (0.2, -0.1, 0.1), (-0.2, -0.1, 0.1), (0.0, 0.5, 0.1), (0.0, 0.2, 0.0)
    points = transform(world_from_room, np.array([behind_board, beside, rear, underside]))
    np.testing.assert_array_equal(room.hides(points, _BLOCK, [0]), [True, False, False, False])
    # From the other side the block hides the board.
    board = transform(world_from_room, np.array([(0.2, -0.475, 0.1)]))
    assert room.hides(board, _BOARD, [1]).all()
    assert not room.hides(board, _BOARD, [0]).any()
