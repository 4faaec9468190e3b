"""The empty room: floor, walls with skirting boards, ceiling, a door, a window, pictures, and its lights."""

from __future__ import annotations

import numpy as np
import trimesh
from jaxtyping import Float

from scene.furniture import Finish, Furniture, finishes
from scene.furniture.assembly import Assembly
from scene.furniture.draw import chance, pick
from scene.furniture.finishes import rgb, shaded
from scene.furniture.solids import Point3, box
from scene.room.records import Light, Placed

_WALLS = ("#e9e4da", "#dfe3e2", "#d9d2c5", "#e6ddd0", "#cfd6cf", "#d5dbe3", "#efe9dc", "#c8cfc9", "#dcc9b6")
_SKIRTING_M = (0.012, 0.08)  # thickness, height


def building(
    rng: np.random.Generator, width: float, depth: float, height: float
) -> tuple[tuple[Placed, ...], tuple[Light, ...]]:
    """Everything of a room but its furniture, and what lights it: a window in a side wall and a lamp on the ceiling."""
    floor = Placed(_plane("floor", width, depth, _floor_finish(rng)), np.eye(4))
    ceiling_finish = Finish("plaster", (0.96, 0.96, 0.95), (0.93, 0.93, 0.92))
    ceiling = Placed(_plane("ceiling", width, depth, ceiling_finish), _pose((0, 0, height), upside_down=True))
    painted = [_wall_finish(rng, pick(rng, _WALLS))] * 3
    painted[int(rng.integers(3))] = _wall_finish(rng, pick(rng, _WALLS))  # one wall in another colour
    front = painted[0]
    sides = {"back": width, "left": depth, "right": depth, "front": width}
    frames = {side: _wall_pose(side, width, depth) for side in sides}
    walls = [
        Placed(_wall(length, height, finish), frames[side])
        for (side, length), finish in zip(sides.items(), [*painted, front], strict=True)
    ]
    lit, dark = pick(rng, (("left", "right"), ("right", "left")))
    window, window_light = _window(rng, depth, height)
    hung = [Placed(window, frames[lit]), Placed(_door(rng, depth), frames[dark])]
    hung += [Placed(_picture(rng, width, x), frames["back"]) for x in _picture_places(rng, width)]
    lights = (_moved(window_light, frames[lit]), _ceiling_light(rng, height))
    return (floor, *walls, ceiling, *hung), lights


def _wall_pose(side: str, width: float, depth: float) -> Float[np.ndarray, "4 4"]:
    """Room from a wall's own frame, which is that of furniture against it: x along the wall, -y into the room."""
    at = {
        "back": (0, depth / 2, 0),
        "left": (-width / 2, 0, 0),
        "right": (width / 2, 0, 0),
        "front": (0, -depth / 2, 0),
    }
    turn = {"back": 0, "left": 1, "right": -1, "front": 2}
    return _pose(at[side], quarter_turns=turn[side])


def _pose(at: Point3, quarter_turns: int = 0, upside_down: bool = False) -> Float[np.ndarray, "4 4"]:
    """A thing turned about z by quarters, or about x by half a turn, and moved to ``at``."""
    pose = np.eye(4)
    c, s = [(1, 0), (0, 1), (-1, 0), (0, -1)][quarter_turns % 4]
    pose[:2, :2] = [[c, -s], [s, c]]
    if upside_down:
        pose[1:3, 1:3] = [[-1, 0], [0, -1]]
    pose[:3, 3] = at
    return pose


def _plane(label: str, width: float, depth: float, finish: Finish) -> Furniture:
    """A level rectangle that faces up."""
    x, y = width / 2, depth / 2
    mesh = trimesh.Trimesh([[-x, -y, 0], [x, -y, 0], [x, y, 0], [-x, y, 0]], [[0, 1, 2], [0, 2, 3]], process=False)
    return Furniture(mesh, label, (finish,), np.zeros(2, dtype=np.int64))


def _wall(length: float, height: float, finish: Finish) -> Furniture:
    """A wall in its own frame, facing -y, with a skirting board."""
    x = length / 2
    paint = trimesh.Trimesh(
        [[-x, 0, 0], [x, 0, 0], [x, 0, height], [-x, 0, height]], [[0, 1, 2], [0, 2, 3]], process=False
    )
    thick, tall = _SKIRTING_M
    board = trimesh.creation.box(bounds=[[-x, -thick, 0], [x, 0.001, tall]])
    white = Finish("plain", (0.94, 0.93, 0.91), (0.9, 0.89, 0.87), gloss=0.2)
    kinds = np.repeat([0, 1], [2, len(board.faces)])
    both = trimesh.util.concatenate([paint, board])
    assert isinstance(both, trimesh.Trimesh)
    return Furniture(both, "wall", (finish, white), kinds)


def _window(rng: np.random.Generator, length: float, height: float) -> tuple[Furniture, Light]:
    """A window in a wall's own frame, two panes in a frame, and the daylight that comes through it."""
    wide, tall = rng.uniform(1.2, min(1.9, length - 1.0)), rng.uniform(1.0, 1.3)
    sill = min(rng.uniform(0.9, 1.1), height - tall - 0.15)
    x = rng.uniform(-0.5, 0.5) * (length - wide - 0.6)
    white = Finish("plain", (0.95, 0.95, 0.94), (0.92, 0.92, 0.91), gloss=0.2)
    sky = Finish("plain", (0.86, 0.93, 1.0), (0.82, 0.9, 0.98), gloss=0.3, glow=1.1)
    assembly = Assembly()
    low, high = (x - wide / 2, sill), (x + wide / 2, sill + tall)
    assembly.add(sky, box((low[0] + 0.02, -0.014, low[1] + 0.02), (high[0] - 0.02, -0.002, high[1] - 0.02)))
    for x0, x1 in ((low[0], low[0] + 0.07), (x - 0.04, x + 0.04), (high[0] - 0.07, high[0])):
        assembly.add(white, box((x0, -0.04, low[1]), (x1, -0.001, high[1])))
    for z0, z1 in ((low[1], low[1] + 0.07), (high[1] - 0.07, high[1])):
        assembly.add(white, box((low[0] + 0.01, -0.038, z0), (high[0] - 0.01, -0.001, z1)))
    assembly.add(white, box((low[0] - 0.05, -0.1, sill - 0.03), (high[0] + 0.05, -0.001, sill + 0.002)))
    power = np.array([0.92, 0.98, 1.08]) * rng.uniform(1.6, 2.4)
    # The cross product of the edges points into the room (-y).
    light = Light(np.array([low[0], -0.06, low[1]]), np.array([wide, 0, 0]), np.array([0, 0, tall]), power)
    return assembly.furniture("window", centered=False), light


def _door(rng: np.random.Generator, length: float) -> Furniture:
    """A closed door in a wall's own frame, towards the end where who scans comes in."""
    wide, tall = rng.uniform(0.82, 0.95), rng.uniform(1.98, 2.08)
    x = -0.5 * length + 0.25 + wide / 2 if chance(rng, 0.5) else 0.5 * length - 0.25 - wide / 2
    leaf, frame = pick(rng, (finishes.paint, finishes.wood))(rng), Finish("plain", (0.93, 0.92, 0.9), (0.9, 0.89, 0.87))
    assembly = Assembly()
    assembly.add(leaf, box((x - wide / 2, -0.016, 0.005), (x + wide / 2, -0.001, tall)))
    for side in (-1, 1):
        edge = x + side * wide / 2
        assembly.add(frame, box((edge - 0.035, -0.03, 0.0), (edge + 0.035, -0.001, tall + 0.03)))
    assembly.add(frame, box((x - wide / 2, -0.029, tall - 0.03), (x + wide / 2, -0.001, tall + 0.03)))
    knob = x + 0.4 * wide
    assembly.add(finishes.metal(rng), box((knob - 0.06, -0.06, 0.99), (knob + 0.06, -0.01, 1.01)))
    return assembly.furniture("door", centered=False)


def _picture_places(rng: np.random.Generator, width: float) -> list[float]:
    """Where along the back wall one to three pictures hang."""
    count = int(rng.integers(1, 4))
    middles = ((np.arange(count) + 0.5) / count - 0.5) * (width - 1.0)
    return (middles + rng.uniform(-0.15, 0.15, count)).tolist()


def _picture(rng: np.random.Generator, width: float, x: float) -> Furniture:
    """A framed picture in a wall's own frame: three coloured fields on a mount."""
    wide, tall = rng.uniform(0.35, 0.7), rng.uniform(0.35, 0.6)
    z = rng.uniform(1.3, 1.5)
    frame, mount = finishes.frame(rng), Finish("plain", (0.95, 0.94, 0.91), (0.92, 0.91, 0.88))
    assembly = Assembly()
    assembly.add(frame, box((x - wide / 2, -0.025, z), (x + wide / 2, -0.001, z + tall)))
    assembly.add(mount, box((x - wide / 2 + 0.02, -0.027, z + 0.02), (x + wide / 2 - 0.02, -0.02, z + tall - 0.02)))
    for k, (low, high) in enumerate(((0.12, 0.45), (0.45, 0.62), (0.62, 0.88))):
        color = shaded(rgb(pick(rng, ("#c26b4a", "#2f5d62", "#dfb15b", "#7a8f73", "#34495e", "#b9a08a"))), 1.0)
        field = Finish("plaster", color, shaded(color, 0.85))
        left = x - wide / 2 + 0.07
        stripe = box((left, -0.029 - 0.0005 * k, z + low * tall), (left + wide - 0.14, -0.022, z + high * tall))
        assembly.add(field, stripe)
    return assembly.furniture("picture", centered=False)


def _ceiling_light(rng: np.random.Generator, height: float) -> Light:
    side = rng.uniform(0.5, 0.9)
    power = np.array([1.06, 1.0, 0.9]) * rng.uniform(0.9, 1.5)
    middle = np.array([rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5), height - 0.02])
    u, v = np.array([0, side, 0]), np.array([side, 0, 0])  # u x v points down
    return Light(middle - (u + v) / 2, u, v, power)


def _moved(light: Light, pose: Float[np.ndarray, "4 4"]) -> Light:
    turn = pose[:3, :3]
    return Light(turn @ light.corner + pose[:3, 3], turn @ light.edge_u, turn @ light.edge_v, light.power)


def _wall_finish(rng: np.random.Generator, code: str) -> Finish:
    color = shaded(rgb(code), rng.uniform(0.95, 1.03))
    return Finish("plaster", color, shaded(color, 0.93), 1.3)


def _floor_finish(rng: np.random.Generator) -> Finish:
    if chance(rng, 0.7):
        wood = finishes.wood(rng)
        return Finish("planks", wood.light, wood.dark, 2.0, gloss=0.18)
    color = rgb(pick(rng, ("#b9b2a6", "#8d9096", "#a59a8c", "#6f757d")))
    return Finish("fabric", color, shaded(color, 0.82), 0.5)
