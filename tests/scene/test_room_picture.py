"""Cutting, lighting and photographing a room, against arithmetic."""

import numpy as np
import pytest
import trimesh

from scene.camera import Intrinsics
from scene.furniture import Finish, Furniture
from scene.raycast import RayCaster
from scene.room.light import irradiance, openness
from scene.room.picture import Renderer
from scene.room.records import Area, Light, Placed, Room
from scene.room.surface import bisect, smooth_normals, surface_of
from scene.room.textures import LEVELS, Atlas
from scene.room.walk import looking

_WHITE = Finish("plain", (0.9, 0.9, 0.9), (0.9, 0.9, 0.9))
_GREEN = Finish("plain", (0.1, 0.8, 0.1), (0.1, 0.8, 0.1))
_CAMERA = Intrinsics(64, 48, 57.8, 57.8, 31.5, 23.5)


def _thing(mesh: trimesh.Trimesh, label: str, finish: Finish = _WHITE) -> Placed:
    return Placed(Furniture(mesh, label, (finish,), np.zeros(len(mesh.faces), dtype=np.int64)), np.eye(4))


def _square(side: float) -> trimesh.Trimesh:
    s = side / 2
    return trimesh.Trimesh([[-s, -s, 0], [s, -s, 0], [s, s, 0], [-s, s, 0]], [[0, 1, 2], [0, 2, 3]], process=False)


def _room(*pieces: Placed) -> Room:
    """A floor under a small lamp 2 m above its middle, and ``pieces`` on it."""
    lamp = Light(np.array([-0.05, -0.05, 2.0]), np.array([0, 0.1, 0]), np.array([0.1, 0, 0]), np.array([4.0, 4.0, 4.0]))
    return Room(4.0, 4.0, 2.5, Area(-1.0, -2.0, 1.0, -1.5), (_thing(_square(4.0), "floor"),), pieces, (lamp,))


def _block(finish: Finish = _GREEN) -> Placed:
    box = trimesh.creation.box((0.6, 0.6, 0.5))
    box.apply_translation((0, 0, 0.2501))
    return _thing(box, "box", finish)


def test_bisection_keeps_the_surface_and_leaves_no_gaps() -> None:
    mesh = trimesh.creation.cylinder(radius=0.3, height=1.7, sections=9)
    corners, source = bisect(np.asarray(mesh.triangles), 0.11)
    cut = trimesh.Trimesh(corners.reshape(-1, 3), np.arange(corners.shape[0] * 3).reshape(-1, 3), process=True)
    assert cut.is_watertight
    assert cut.edges_unique_length.max() <= 0.11 + 1e-9
    np.testing.assert_allclose(np.bincount(source, weights=cut.area_faces), mesh.area_faces)
    np.testing.assert_allclose(cut.volume, mesh.volume)


def test_normals_are_smooth_round_a_cylinder_and_sharp_at_its_rim() -> None:
    mesh = trimesh.creation.cylinder(radius=0.3, height=1.0, sections=24)
    corners = np.asarray(mesh.triangles)
    normals = smooth_normals(mesh)
    side = np.abs(mesh.face_normals[:, 2]) < 0.5
    outward = corners[side] * [1, 1, 0] / 0.3
    np.testing.assert_allclose(normals[side], outward, atol=1e-6)
    np.testing.assert_allclose(np.abs(normals[~side][..., 2]), 1.0, atol=1e-9)


def test_light_falls_off_as_the_cosine_law_says_and_not_through_things() -> None:
    room = _room(_block())
    surface = surface_of(room)
    light = irradiance(surface, RayCaster(surface.mesh), room.lights, np.random.default_rng(0))
    floor = surface.vertex_thing() == 0
    points = np.asarray(surface.mesh.vertices)
    direct = light[floor, 0] - light[floor, 0].min() * 0
    reach = np.hypot(points[floor, 0], points[floor, 1])
    # Far from the block: open to all sides, and power cos^2 / distance^2 from the lamp.
    far = (reach > 1.3) & (reach < 1.6)
    expected = 0.36 + 4.0 * 4.0 / (reach[far] ** 2 + 4.0) ** 2
    np.testing.assert_allclose(direct[far], expected, rtol=0.08)
    # The block, 0.5 m high, shades the floor out to 0.3 * 2 / 1.5 = 0.4 m along x.
    beside = floor & (np.abs(points[:, 1]) < 0.2) & (np.abs(points[:, 0]) > 0.31) & (np.abs(points[:, 0]) < 0.38)
    beyond = floor & (np.abs(points[:, 1]) < 0.2) & (np.abs(points[:, 0]) > 0.5) & (np.abs(points[:, 0]) < 0.6)
    assert light[beside, 0].max() < 0.5 * light[beyond, 0].min()


def test_openness_is_one_on_a_plain_and_less_in_a_corner() -> None:
    plain = RayCaster(_square(20.0))
    share, buried = openness(plain, np.array([[0.0, 0, 0.003]]), np.array([[0.0, 0, 1]]), np.random.default_rng(0))
    assert share[0] == 1.0
    assert not buried[0]
    box = RayCaster(trimesh.creation.box((1.0, 1.0, 1.0)))
    _, inside = openness(box, np.zeros((1, 3)), np.array([[0.0, 0, 1]]), np.random.default_rng(0))
    assert inside[0]


def test_a_view_knows_depth_thing_angle_and_colour() -> None:
    renderer = Renderer(_room(_block()), seed=0)
    pose = looking(np.array([0.0, -1.5, 1.75]), np.array([0.0, -1.5 + 1.75, 0.0]))
    view = renderer.view(_CAMERA, pose, np.random.default_rng(1))
    depth, triangle = RayCaster(trimesh.util.concatenate([_square(4.0), _block().mesh()])).render(_CAMERA, pose)
    np.testing.assert_allclose(view.depth_m, depth, atol=1e-4)
    np.testing.assert_array_equal(view.thing, np.where(triangle < 0, -1, triangle >= 2))
    box, floor = view.thing == 1, view.thing == 0
    color = view.color.astype(int)
    assert (color[box][:, 1] > color[box][:, 0] + 20).mean() > 0.9
    spread = color[floor].max(axis=1) - color[floor].min(axis=1)
    assert np.median(spread) < 12  # a white floor is grey under warm light, whatever its brightness
    # At 45 degrees down, the middle row meets the floor or the block's top at that angle.
    np.testing.assert_allclose(view.facing[24, [0, 63]], np.sin(np.radians(45)), atol=0.15)
    again = renderer.view(_CAMERA, pose, np.random.default_rng(1))
    np.testing.assert_array_equal(view.color, again.color)
    assert (renderer.view(_CAMERA, pose, np.random.default_rng(2)).color != view.color).any()


def test_light_between_vertices_is_interpolated() -> None:
    """The per-triangle maps give back the corners' light and texture coordinates at the corners."""
    renderer = Renderer(_room(_block()), seed=0)
    surface, maps = renderer.surface, renderer._maps
    corners = np.asarray(surface.mesh.vertices)[surface.mesh.faces]
    values = np.einsum("fkj,fcj->fck", maps[..., :3], corners) + maps[:, None, :, 3]
    np.testing.assert_allclose(values[..., :3], renderer.light[surface.mesh.faces], atol=2e-3)
    np.testing.assert_allclose(values[..., 3:], surface.uv_m, atol=2e-3)


def test_textures_repeat_and_grow_plain_with_distance() -> None:
    atlas = Atlas()
    rng = np.random.default_rng(0)
    uv = rng.uniform(0, 1, (4000, 2))
    for name in atlas.names:
        pattern = np.full(4000, atlas.names.index(name))
        near = atlas.look_up(pattern, uv, np.full(4000, 1e-6))
        np.testing.assert_array_equal(near, atlas.look_up(pattern, uv + np.array([3.0, -2.0]), np.full(4000, 1e-6)))
        far = atlas.look_up(pattern, uv, np.full(4000, 2.0**LEVELS))
        assert far.std() < near.std() + 1e-6
        assert far.mean() == pytest.approx(near.mean(), abs=0.03)
        assert 0.3 < near.mean() < 0.75
