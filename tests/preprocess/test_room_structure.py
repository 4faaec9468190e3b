"""Up, floor and walls, on rooms of boxes."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from preprocess.fused_surface import FusedSurface, fuse_surface, sound_depth
from preprocess.planes import VerticalPlane, find_vertical_planes
from preprocess.room_frame import RoomFrame
from preprocess.segment_settings import StructureSettings, SurfaceSettings
from preprocess.structure import Part, find_room, find_up
from preprocess.walls import PlanePiece, choose_walls
from scene.camera import Intrinsics
from scene.records import Frame, Scan
from tests.preprocess.analytic_room import box, scan_of, walk, walls_and_floor

WARDROBE = box((-0.8, 1.55, 0), (0.6, 2.19, 1.3))  # against the wall at y = 2.2, lower than a wall


@pytest.fixture(scope="module")
def furnished() -> tuple[Scan, FusedSurface]:
    scan = scan_of(walls_and_floor(), [WARDROBE], walk(16))
    return scan, fuse_surface(scan, SurfaceSettings())


def test_each_vertex_belongs_to_floor_wall_or_furniture(furnished: tuple[Scan, FusedSurface]) -> None:
    scan, surface = furnished
    room = find_room(scan, surface, StructureSettings())
    assert room.frame.up @ [0, 0, 1] > np.cos(np.radians(0.5))
    assert abs(room.frame.floor_m) < 0.01
    x, y, z = surface.vertices.T
    wardrobe = (np.abs(x + 0.1) < 0.72) & (y > 1.53) & (y < 2.1) & (z > 0.06)
    walls = (np.maximum(np.abs(x), np.abs(y)) > 2.17) & (z > 0.1) & ~((np.abs(x + 0.1) < 0.75) & (y > 0) & (z < 1.4))
    floor = (np.abs(z) < 0.01) & (np.abs(x) < 2.1) & (y < 1.4)
    assert wardrobe.sum() > 500
    assert (room.part[wardrobe] == Part.OBJECT).mean() > 0.99
    assert (room.part[walls] == Part.WALL).mean() > 0.99
    assert (room.part[floor] == Part.FLOOR).all()


@pytest.mark.parametrize("roll", [90, -90, 180])
def test_up_is_found_from_cameras_held_on_their_side(furnished: tuple[Scan, FusedSurface], roll: float) -> None:
    scan, surface = furnished
    rolled = scan.world_from_camera @ trimesh.transformations.rotation_matrix(np.radians(roll), [0, 0, 1])
    turned = Scan(scan.name, scan.frame_ids, rolled, scan.camera, scan.load_frame)
    assert find_up(turned, surface) @ [0, 0, 1] > 0.999


def test_a_room_frame_takes_points_apart_and_puts_them_together() -> None:
    up = np.array([0.6, 0.0, 0.8])
    frame = RoomFrame.of(up, 0.3)
    points = np.random.default_rng(0).normal(size=(50, 3))
    np.testing.assert_allclose(frame.point(frame.plan_m(points), frame.height_m(points)), points, atol=1e-12)
    np.testing.assert_allclose(frame.height_m(0.3 * up[None]), 0.0, atol=1e-12)


def test_vertical_planes_are_found_at_their_place() -> None:
    rng, angle = np.random.default_rng(1), 0.7
    normal = np.array([np.cos(angle), np.sin(angle)])
    along = np.array([-normal[1], normal[0]])
    on = 1.3 * normal + rng.uniform(-1, 1, (4000, 1)) * along + rng.normal(0, 0.01, (4000, 1)) * normal
    clutter = rng.uniform(-2, 2, (3000, 2))
    turned = rng.normal(size=(3000, 2))
    plan = np.concatenate([on, clutter])
    normals = np.concatenate([np.tile(normal, (4000, 1)), turned / np.linalg.norm(turned, axis=1, keepdims=True)])
    planes = find_vertical_planes(plan, normals, np.full(7000, 5e-4, np.float32), 0.5)
    assert len(planes) == 1
    plane, vertices = planes[0]
    assert plane.normal @ normal > np.cos(np.radians(1))
    assert plane.offset_m == pytest.approx(1.3, abs=0.005)
    assert (vertices < 4000).sum() > 3990


def piece(offset_m: float, width_m: float, top_m: float, above: float = 0.0, behind: float = 0.0) -> PlanePiece:
    columns = np.arange(round(width_m / 0.1))
    plane = VerticalPlane(np.array([1.0, 0.0]), offset_m)
    return PlanePiece(plane, -width_m / 2, columns, width_m * top_m, top_m, above, behind)


def test_walls_are_high_or_wide_and_closed_and_stand_before_no_other_wall() -> None:
    wall = piece(0.0, 3.0, 2.4)
    cases = {
        "a wide wall whose top was not seen": (piece(-3.0, 2.0, 1.5), True),
        "a narrow piece alone": (piece(-3.0, 0.8, 1.5), False),
        "a narrow piece that goes on in the wall's plane": (piece(0.02, 0.8, 1.5), True),
        "a sideboard seen over": (piece(-3.0, 2.0, 1.5, above=0.6), False),
        "a screen seen behind": (piece(-3.0, 2.0, 2.3, behind=0.6), False),
        "a sofa's back, little seen above it": (piece(-3.0, 2.0, 0.8, above=0.1), False),
        "the foot of a wall, nothing seen above it": (piece(-3.0, 2.0, 0.8), True),
        "a wardrobe before the wall": (piece(0.6, 2.0, 1.8), False),
        "a pillar up to the ceiling": (piece(0.6, 0.4, 2.4), True),
    }
    for name, (one, expected) in cases.items():
        walls = choose_walls([wall, one], 2.5, StructureSettings())
        assert any(w is wall for w in walls)
        assert any(w is one for w in walls) == expected, name


def test_both_sides_of_a_depth_edge_and_far_depth_are_left_out_of_fusion() -> None:
    depth = np.full((8, 12), 1.0, np.float32)
    depth[:, 6:] = 1.2
    depth[0, 0], depth[7, 7] = 9.0, 0.0
    camera = Intrinsics(12, 8, 100.0, 100.0, 5.5, 3.5)
    frame = Frame(0, camera, np.eye(4), np.zeros((8, 12, 3), np.uint8), depth)
    expected = depth.copy()
    expected[:, 5:7] = 0
    expected[0, 0] = 0
    np.testing.assert_array_equal(sound_depth(frame, 6.0), expected)
