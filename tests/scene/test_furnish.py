"""Rooms: nothing stands in anything else, and a walk through them shows things that hide one another."""

import numpy as np
import pytest
import trimesh

from scene.camera import Intrinsics
from scene.errors import UserError
from scene.furniture import FAMILIES
from scene.mesh import sample_surface
from scene.raycast import RayCaster
from scene.room import Room, furnish
from scene.room.placement import Spot, closer, collision_solid
from scene.room.sightings import SeenSurface, Watch
from scene.room.walk import best_walk, looking

_CAMERA = Intrinsics(96, 72, 86.7, 86.7, 47.5, 35.5)


@pytest.fixture(scope="module")
def rooms() -> list[Room]:
    return [furnish(np.random.default_rng(seed)) for seed in range(8)]


def test_rooms_have_enough_objects_of_enough_classes(rooms: list[Room]) -> None:
    for room in rooms:
        assert len(room.pieces) >= 6
        assert len({piece.label for piece in room.pieces}) >= 5


def test_no_two_things_meet(rooms: list[Room]) -> None:
    for room in rooms[:4]:
        hung = [part for part in room.building if part.label in ("window", "door", "picture")]
        solids = [(thing.label, collision_solid(thing.mesh())) for thing in (*room.pieces, *hung)]
        for k, (label, solid) in enumerate(solids[: len(room.pieces)]):
            for other_label, other in solids[k + 1 :]:
                assert not closer(solid, other, 1e-4), f"{label} meets {other_label}"


def test_everything_is_inside_the_room_and_off_the_strip_that_is_walked(rooms: list[Room]) -> None:
    for room in rooms:
        half = np.array([room.width_m, room.depth_m]) / 2
        for piece in room.pieces:
            low, high = piece.vertices().min(axis=0), piece.vertices().max(axis=0)
            assert (high[:2] < half - 0.012).all()  # not in the skirting board
            assert low[0] > -half[0] + 0.012
            assert low[1] > room.stroll.high_y
            assert low[2] > -1e-9
            assert high[2] < room.height_m


def test_some_pieces_stand_against_walls_and_some_upon_others(rooms: list[Room]) -> None:
    backs, carried = 0, 0
    for room in rooms:
        for piece in room.pieces:
            low, high = piece.vertices().min(axis=0), piece.vertices().max(axis=0)
            gap = min(room.depth_m / 2 - high[1], room.width_m / 2 - high[0], room.width_m / 2 + low[0])
            backs += gap < 0.06
            carried += low[2] > 0.2
    assert backs >= 2 * len(rooms)
    assert carried >= 3


def test_chairs_are_drawn_up_to_tables(rooms: list[Room]) -> None:
    """Some chair's box reaches under some table's or desk's top."""
    tucked = 0
    for room in rooms:
        tables = [p for p in room.pieces if p.label in ("desk", "dining table")]
        chairs = [p for p in room.pieces if p.label in ("chair", "office chair", "stool")]
        for chair in chairs:
            seat = chair.vertices()[:, :2]
            for table in tables:
                low, high = table.vertices()[:, :2].min(axis=0), table.vertices()[:, :2].max(axis=0)
                tucked += bool(((seat > low) & (seat < high)).all(axis=1).any())
    assert tucked >= 3


def test_a_walk_shows_every_piece_and_things_hide_one_another() -> None:
    room = furnish(np.random.default_rng(4))
    poses, frames_share, surface_share = best_walk(np.random.default_rng(0), room, 20, _CAMERA)
    assert poses.shape == (20, 4, 4)
    assert frames_share >= 0.2
    assert 0.1 < surface_share < 0.7
    eyes = poses[:, :3, 3]
    assert (eyes[:, 1] < room.stroll.high_y + 0.05).all()
    assert np.linalg.norm(np.diff(eyes, axis=0), axis=1).max() < 0.6  # nobody jumps
    assert len(_hiding_pairs(room, poses)) >= 4


def _hiding_pairs(room: Room, poses: np.ndarray) -> set[tuple[int, int]]:
    """(i, j): in some frame piece i hides a good part of piece j, of which another part is seen."""
    meshes = [thing.mesh() for thing in room.things]
    everything = trimesh.util.concatenate(meshes)
    thing = np.repeat(np.arange(len(meshes)), [len(m.faces) for m in meshes])
    whole, alone = RayCaster(everything), [RayCaster(piece.mesh()) for piece in room.pieces]
    pairs = set()
    for pose in poses[::4]:
        depth, triangle = whole.render(_CAMERA, pose)
        shown = np.where(triangle >= 0, thing[triangle], -1) - len(room.building)
        for j, caster in enumerate(alone):
            own_depth, own = caster.render(_CAMERA, pose)
            hidden = (own >= 0) & (shown != j) & (shown >= 0) & (depth < own_depth - 0.05)
            for i, pixels in zip(*np.unique(shown[hidden], return_counts=True), strict=True):
                if pixels >= 15 and (shown == j).sum() >= 15:
                    pairs.add((int(i), j))
    return pairs


def test_pieces_given_are_the_ones_placed_and_too_few_are_refused() -> None:
    rng = np.random.default_rng(0)
    given = [FAMILIES[f](rng) for f in ("bed", "desk", "chair", "floor lamp", "trash can", "bookcase", "table lamp")]
    room = furnish(np.random.default_rng(1), given)
    assert {id(piece.furniture) for piece in room.pieces} <= {id(piece) for piece in given}
    with pytest.raises(UserError, match="give more models"):
        furnish(np.random.default_rng(1), given[:4])


def test_gap_is_measured_between_surfaces_not_boxes() -> None:
    """A stool under a table is clear of it though their boxes overlap; a box in a wardrobe is not clear."""
    rng = np.random.default_rng(5)
    table, stool = FAMILIES["dining table"](rng), trimesh.creation.box((0.2, 0.2, 0.3))
    stool.apply_translation((0, 0, 0.151))
    top = collision_solid(table.mesh)
    legs_reach = float(table.mesh.extents[0])
    assert legs_reach > 0.9
    slab = collision_solid(trimesh.creation.box(bounds=[[-1, -1, 0.7], [1, 1, 0.75]]))
    assert not closer(slab, collision_solid(stool), 0.3)
    assert closer(slab, collision_solid(stool), 0.41)
    assert closer(top, top, 1e-6)
    wardrobe = collision_solid(trimesh.creation.box((1, 1, 2)))
    assert closer(wardrobe, collision_solid(trimesh.creation.box((0.1, 0.1, 0.1))), 1e-6)


def test_open_models_collide_as_the_hulls_of_their_parts() -> None:
    lid = trimesh.creation.box((1, 1, 0.1))
    lid.update_faces(np.arange(len(lid.faces)) > 1)  # a face is missing
    assert not lid.is_watertight
    assert collision_solid(lid).volume() == pytest.approx(0.1)


def test_a_spot_turns_left_and_moves() -> None:
    moved = Spot(1.0, 2.0, np.pi / 2, 0.5).room_from_piece @ [0.0, -1.0, 0.0, 1.0]
    np.testing.assert_allclose(moved, [2.0, 2.0, 0.5, 1.0], atol=1e-12)


def test_looking_is_level_and_straight() -> None:
    pose = looking(np.array([1.0, 2.0, 1.5]), np.array([1.0, 5.0, 1.5]))
    np.testing.assert_allclose(pose[:3, :3], [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-12)


def test_seen_surface_of_a_cube_before_a_camera_is_what_faces_it() -> None:
    cube = trimesh.creation.box((1, 1, 1))
    pose = looking(np.array([0.0, -3.0, 0.0]), np.zeros(3))
    seen = SeenSurface(cube, samples=3000)
    depth, _ = RayCaster(cube).render(_CAMERA, pose)
    seen.look(depth, _CAMERA, pose)
    assert seen.share == pytest.approx(1 / 6, abs=0.02)
    points, _ = sample_surface(cube, 3000, 0)
    assert len(points) == 3000


def test_watch_counts_frames(rooms: list[Room]) -> None:
    room = rooms[0]
    middle = room.pieces[0].vertices().mean(axis=0)
    eye = np.array([0.0, room.stroll.low_y, 1.5])
    away = looking(eye, eye + np.array([0.0, -1.0, 0.0]))
    counts = Watch(room).frames_seen(_CAMERA, np.stack([looking(eye, middle), away]))
    assert counts[len(room.building)] == 1
    assert counts[len(room.building) :].max() == 1
    front = next(k for k, part in enumerate(room.building) if part.label == "wall" and part.room_from_piece[1, 3] < 0)
    assert counts[front] == 1
