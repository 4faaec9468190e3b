"""A person walks along one side of the room with a camera in hand, looking at the furniture."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from scene.camera import Intrinsics
from scene.room.records import Room
from scene.room.sightings import Watch

_WALKS = 6  # how many are tried; the one that sees its rarest piece longest is taken
_TILT_DEGREES, _TREMBLE_DEGREES, _TREMBLE_M = 2.5, 0.7, 0.006
_LOW_RESOLUTION = 8  # walks are judged by pictures this much smaller


def best_walk(
    rng: np.random.Generator, room: Room, frames: int, camera: Intrinsics
) -> tuple[Float[np.ndarray, "n 4 4"], float, float]:
    """Camera poses (room from camera), the share of the frames in which the rarest piece of furniture is, and the share
    of the surface that is seen of the piece that hides most."""
    small = camera.resized(max(camera.width // _LOW_RESOLUTION, 40), max(camera.height // _LOW_RESOLUTION, 30))
    watch = Watch(room)
    walks = [walk(rng, room, frames) for _ in range(_WALKS)]
    shares = [float(watch.frames_seen(small, poses)[len(room.building) :].min()) / frames for poses in walks]
    best = walks[int(np.argmax(shares))]
    return best, max(shares), float(watch.surface_seen(small, best).min())


def walk(rng: np.random.Generator, room: Room, frames: int) -> Float[np.ndarray, "n 4 4"]:
    """Poses (room from camera) along the strip that furniture leaves free, once or there and back."""
    t = np.linspace(0.0, 1.0, frames)
    area = room.stroll
    passes = rng.choice([1.0, 1.0, 2.0])
    across = 0.5 - 0.5 * np.cos(np.pi * passes * t)  # slow where one turns round
    if rng.random() < 0.5:
        across = 1.0 - across
    x = area.low_x + (area.high_x - area.low_x) * (0.05 + 0.9 * across)
    y = area.low_y + (area.high_y - area.low_y) * (0.5 + 0.45 * _sway(rng, t, 1.5))
    z = rng.uniform(1.35, 1.6) + 0.1 * _sway(rng, t, 1.0)
    eye = np.stack([x, y, z], axis=1) + _TREMBLE_M * rng.normal(size=(frames, 3))
    target = _gaze(rng, room, t)
    turn = np.radians(_TREMBLE_DEGREES) * rng.normal(size=(frames, 3))
    turn[:, 2] += np.radians(_TILT_DEGREES) * _sway(rng, t, 1.5)
    return np.stack([looking(e, g) @ _turned(w) for e, g, w in zip(eye, target, turn, strict=True)])


def _gaze(rng: np.random.Generator, room: Room, t: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
    """Where one looks: from piece to piece, never quite at it."""
    middles = np.array([piece.vertices().mean(axis=0) for piece in room.pieces])
    order = np.concatenate([rng.permutation(len(middles)), rng.permutation(len(middles))])
    stops = middles[order[: int(rng.integers(5, 10))]] + rng.normal(scale=0.25, size=3)
    stops[:, 2] = np.clip(stops[:, 2], 0.3, 0.9)
    at = t * (len(stops) - 1)
    before = np.minimum(at.astype(int), len(stops) - 2)
    share = (0.5 - 0.5 * np.cos(np.pi * (at - before)))[:, None]
    return stops[before] * (1 - share) + stops[before + 1] * share


def looking(eye: Float[np.ndarray, " 3"], target: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "4 4"]:
    """The level pose (OpenCV axes) of a camera at ``eye`` that looks at ``target``."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :4] = np.stack([right, np.cross(forward, right), forward, eye], axis=1)
    return pose


def _turned(angles: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "4 4"]:
    """A small rotation about the camera's x, y and z axes, in radians (Rodrigues)."""
    angle = float(np.linalg.norm(angles))
    x, y, z = angles / max(angle, 1e-12)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    pose = np.eye(4)
    pose[:3, :3] += np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return pose


def _sway(rng: np.random.Generator, t: Float[np.ndarray, " n"], cycles: float) -> Float[np.ndarray, " n"]:
    """A smooth wander within about [-1, 1] with ``cycles`` turns over the walk."""
    phase = rng.uniform(0, 2 * np.pi, 2)
    return 0.75 * np.sin(2 * np.pi * cycles * t + phase[0]) + 0.25 * np.sin(2 * np.pi * 2.3 * cycles * t + phase[1])
