"""Training objects: furniture in generated rooms, seen through the depth-camera noise and the pixel facts of scans.

Nothing here but the project's own generator: rooms, neighbours, walls, walks, noise, masks that bleed, poses that err.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import trimesh
from jaxtyping import Float, Int8, Integer, UInt8

from models.completion_net import DISTANCE_M
from scene.camera import Intrinsics, transform
from scene.cells import CellGrid, LabelVotes, grown, main_cells
from scene.depth_noise import DepthNoise, sense, shaken
from scene.distance_grid import signed_distances
from scene.errors import UserError
from scene.facts import PixelDoubts, find_doubts, object_facts, sure_points
from scene.furniture import Furniture, sample_furniture
from scene.furniture.draw import chance, pick
from scene.furniture.odd import oddity
from scene.raycast import RayCaster
from scene.records import Frame, ObjectViews
from scene.room.furnish import furnish
from scene.room.records import Area, Placed, Room
from scene.room.themes import draw_pieces
from scene.room.walk import walk
from training.shape_prior.look import CELL_M, look

_CELL_M = 0.05  # of the votes whose surface is where, as in extraction
_LEAST_SHARE = 0.0005  # of the image: a view that shows less of an object is not used, as in extraction
_MOST_VIEWS = 40
_LEAST_SEEN = 0.04  # of an object's surface cells; fewer tell too little to learn from
_ROOM_PATH = 0.45  # how often one walks anywhere in the room instead of along its free strip


@dataclass(frozen=True)
class Sample:
    """One object as the network sees it, and its true signed distance; both in 127ths."""

    channels: Int8[np.ndarray, "c x y z"]
    target: Int8[np.ndarray, "x y z"]  # of DISTANCE_M
    label: str


def room_samples(seed: int, walks: int = 2) -> Iterator[Sample]:
    """The objects of one generated room, once for every walk through it; the same seed gives the same samples."""
    for views, piece in room_views(seed, walks):
        sample = _sample(views, piece)
        if sample is not None:
            yield sample


def room_views(seed: int, walks: int = 2) -> Iterator[tuple[ObjectViews, Placed]]:
    """The views of a generated room's objects, as extraction gives them, and what each really is; without labels,
    and with a normalised frame that is the room's own."""
    rng = np.random.default_rng([seed, 77])
    try:
        room = furnish(rng, _pieces(rng))
    except UserError:  # too few of the pieces found a place
        return
    sight = _Sight(room)
    for _ in range(walks):
        poses = _walk(rng, room)
        if len(poses) >= 6:
            yield from _seen_objects(rng, room, sight, poses)


def _pieces(rng: np.random.Generator) -> list[Furniture]:
    """A theme's pieces, or a jumble; some of unusual proportions, some turned round, some of no family at all."""
    themed = chance(rng, 0.5)
    pieces = draw_pieces(rng) if themed else [sample_furniture(rng) for _ in range(int(rng.integers(5, 9)))]
    pieces += [oddity(rng) for _ in range(int(rng.integers(3, 8)))]
    pieces = [_changed(piece, _stretch(rng)) if chance(rng, 0.5) else piece for piece in pieces]
    return [_changed(piece, _turn(rng)) if chance(rng, 0.3) else piece for piece in pieces]


def _stretch(rng: np.random.Generator) -> Float[np.ndarray, "3 3"]:
    return np.diag(rng.uniform(0.75, 1.35, 3))


def _turn(rng: np.random.Generator) -> Float[np.ndarray, "3 3"]:
    """Its side or its back where its front should be: people put things up as they like, and look from anywhere."""
    c, s = pick(rng, ((0.0, 1.0), (-1.0, 0.0), (-1.0, 0.0), (0.0, -1.0)))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _changed(piece: Furniture, matrix: Float[np.ndarray, "3 3"]) -> Furniture:
    mesh = trimesh.Trimesh(np.asarray(piece.mesh.vertices) @ matrix.T, piece.mesh.faces, process=False)
    return replace(piece, mesh=mesh, top=None)


def _walk(rng: np.random.Generator, room: Room) -> Float[np.ndarray, "n 4 4"]:
    """Poses along the strip that furniture leaves free, or anywhere that is not within a piece."""
    frames = int(rng.integers(14, 46))
    if not chance(rng, _ROOM_PATH):
        return walk(rng, room, frames)
    half_x, half_y = room.width_m / 2 - 0.3, room.depth_m / 2 - 0.3
    poses = walk(rng, replace(room, stroll=Area(-half_x, -half_y, half_x, half_y)), frames)
    clear = np.ones(len(poses), bool)
    for piece in room.pieces:
        vertices = piece.vertices()
        low, high = vertices.min(axis=0) - 0.25, vertices.max(axis=0) + 0.25
        clear &= ~((poses[:, :3, 3] > low) & (poses[:, :3, 3] < high)).all(axis=1)
    return poses[clear]


class _Sight:
    """The room's surface, ready to be looked at."""

    def __init__(self, room: Room) -> None:
        meshes = [thing.mesh() for thing in room.things]
        joined = trimesh.util.concatenate(meshes)
        assert isinstance(joined, trimesh.Trimesh)
        self._caster = RayCaster(joined)
        self._normals = np.asarray(joined.face_normals)
        self._thing = np.append(np.repeat(np.arange(1, len(meshes) + 1), [len(m.faces) for m in meshes]), 0)

    def look(
        self, camera: Intrinsics, pose: Float[np.ndarray, "4 4"]
    ) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"], Integer[np.ndarray, "h w"]]:
        """Depth, the cosine between ray and surface, and the thing (from 1; 0 = none) of every pixel."""
        depth, triangle = self._caster.render(camera, pose)
        directions = np.einsum("hwj,kj->hwk", camera.directions(), pose[:3, :3])
        facing = np.abs((directions * self._normals[triangle]).sum(axis=2)) / np.linalg.norm(directions, axis=2)
        return depth, np.where(triangle >= 0, facing, 1.0), self._thing[triangle]


def _seen_objects(
    rng: np.random.Generator, room: Room, sight: _Sight, poses: Float[np.ndarray, "n 4 4"]
) -> Iterator[tuple[ObjectViews, Placed]]:
    width, height = pick(rng, ((320, 240), (400, 300), (480, 360)))
    focal = rng.uniform(0.75, 1.0) * width
    camera = Intrinsics(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
    frames = _frames(rng, room, sight, camera, poses)
    grid = CellGrid(poses[0, :3, 3].copy(), _CELL_M)
    votes, doubts = LabelVotes(grid), []
    for frame in frames:
        doubts.append(find_doubts(frame))
        votes.add_view(*sure_points(frame, doubts[-1]))
    won = votes.won_cells()
    for number, piece in enumerate(room.pieces, start=len(room.building) + 1):
        if number in won:
            views = _views(frames, doubts, number, grid, grown(main_cells(*won[number])))
            if views is not None:
                yield views, piece


def _frames(
    rng: np.random.Generator, room: Room, sight: _Sight, camera: Intrinsics, poses: Float[np.ndarray, "n 4 4"]
) -> list[Frame]:
    """What camera, tracker and annotator make of the walk, each as good or bad as drawn for this scan."""
    bad = float(rng.choice([0.5, 1.0, 1.0, 1.0, 2.0]))
    noise = DepthNoise(
        0.0008 * bad, 0.0013 * bad, edge_fly=0.25 * rng.uniform(0.2, 1.2), edge_drop=rng.uniform(0.4, 0.8)
    )
    reported = shaken(poses, rng, rng.choice([0.03, 0.1, 0.3]), rng.choice([0.001, 0.003, 0.005]))
    bias_m = 0.003 * rng.standard_normal()
    bleed_px = rng.uniform(0.0, 1.2)
    dark = {k for k in range(len(room.building) + 1, len(room.things) + 1) if chance(rng, 0.06)}
    dark_share = rng.uniform(0.3, 0.8)
    frames = []
    for index, pose in enumerate(poses):
        depth_m, facing, thing = sight.look(camera, pose)
        depth_mm = sense(depth_m, facing, rng, noise)
        depth_mm[np.isin(thing, list(dark)) & (_blotches(rng, depth_m.shape) < dark_share)] = 0
        sensed_m = np.where(depth_mm > 0, depth_mm * np.float32(1e-3) + np.float32(bias_m), 0).astype(np.float32)
        color = _no_color(depth_m.shape)
        frames.append(Frame(index, camera, reported[index], color, sensed_m, _bled(rng, thing, bleed_px)))
    return frames


def _no_color(shape: tuple[int, ...]) -> UInt8[np.ndarray, "... 3"]:
    """Black images of that shape that take no memory: nothing here looks at colour."""
    return np.broadcast_to(np.uint8(0), (*shape, 3))


def _blotches(rng: np.random.Generator, shape: tuple[int, int]) -> Float[np.ndarray, "h w"]:
    """Smooth noise, evenly spread over [0, 1]."""
    coarse = rng.random((shape[0] // 12 + 2, shape[1] // 12 + 2)).astype(np.float32)
    smooth = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.clip((smooth - 0.15) / 0.7, 0.0, 1.0)


def _bled(rng: np.random.Generator, thing: Integer[np.ndarray, "h w"], most_px: float) -> Integer[np.ndarray, "h w"]:
    """Masks whose borders wander by about ``most_px`` pixels."""
    height, width = thing.shape
    u, v = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    x, y = (axis + most_px * 2.0 * (2.0 * _blotches(rng, thing.shape) - 1.0).astype(np.float32) for axis in (u, v))
    bled = cv2.remap(thing.astype(np.uint16), x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return bled.astype(np.int32)


def _views(
    frames: Sequence[Frame], doubts: Sequence[PixelDoubts], number: int, grid: CellGrid, cells: np.ndarray
) -> ObjectViews | None:
    """The object's views as extraction gives them, without colour; None when it is hardly seen."""
    pixels = [int(np.count_nonzero(frame.instance == number)) for frame in frames]
    enough = [k for k, frame in enumerate(frames) if pixels[k] > _LEAST_SHARE * frame.depth_m.size]
    chosen = [(frames[k], doubts[k]) for k in sorted(enough, key=lambda k: -pixels[k])[:_MOST_VIEWS]]
    if not chosen:
        return None
    facts = [object_facts(frame, number, doubt, grid, cells) for frame, doubt in chosen]
    depth_mm = np.rint(1000 * np.stack([frame.depth_m for frame, _ in chosen])).astype(np.uint16)
    return ObjectViews(
        name=f"object {number}",
        label="",
        camera=frames[0].camera,
        world_from_camera=np.stack([frame.world_from_camera for frame, _ in chosen]),
        world_from_normalized=np.eye(4),
        color=_no_color(depth_mm.shape),
        depth_mm=depth_mm,
        fact=np.stack(facts),
        up=np.array([0.0, 0.0, 1.0]),
    )


def _sample(views: ObjectViews, piece: Placed) -> Sample | None:
    try:
        seen = look(views)
    except UserError:
        return None
    truth_m = signed_distances(
        transform(seen.grid_from_world, piece.vertices()),
        np.asarray(piece.furniture.mesh.faces),
        seen.origin_m,
        CELL_M,
        seen.shape,
        DISTANCE_M,
    )
    surface = np.abs(truth_m) < 0.6 * CELL_M
    known = (np.abs(seen.channels[0]) < 0.7) & (seen.channels[1] > 0)
    if (known & surface).sum() < max(_LEAST_SEEN * surface.sum(), 30):
        return None
    channels, target = (np.rint(127 * values).astype(np.int8) for values in (seen.channels, truth_m / DISTANCE_M))
    return Sample(np.clip(channels, -127, 127), target, piece.label)
