"""Axes and signs of normals, told by depth: planted ones are found, garbage is refused, ties change nothing."""

import numpy as np
import pytest

from preprocess.normal_axes import checked_axes
from scene.normal_conventions import AXES, all_axes, decode, encode


def units(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def noisy(normal: np.ndarray, degrees: float, seed: int = 1) -> np.ndarray:
    """The normals turned by about so much, each in a direction of its own."""
    rng = np.random.default_rng(seed)
    return units(normal + np.tan(np.radians(degrees)) * rng.normal(size=normal.shape) / np.sqrt(2))


def room(count: int = 3000) -> np.ndarray:
    """Normals that a camera sees in a room: mostly a wall, some floor, a side, and round things."""
    rng = np.random.default_rng(0)
    flat = np.array([[0.1, 0.0, -1.0], [0.0, -0.8, -0.6], [0.7, 0.1, -0.7]])[rng.choice(3, count, p=[0.8, 0.1, 0.1])]
    ball = rng.normal(size=(count // 5, 3))
    ball[:, 2] = -np.abs(ball[:, 2])
    return units(np.concatenate([flat, ball]))


@pytest.mark.parametrize("turn", all_axes(), ids=lambda turn: str((turn @ [1, 2, 3]).tolist()))
def test_every_planted_permutation_is_found(turn: np.ndarray) -> None:
    true = room()
    check = checked_axes(noisy(true, 15.0) @ turn.astype(np.float32), noisy(true, 5.0, seed=2))
    assert check.turn is not None
    np.testing.assert_array_equal(check.turn, turn)
    assert check.ties == 1
    assert check.best_deg < 25.0
    assert check.as_stated == (turn == np.eye(3)).all()


@pytest.mark.parametrize("stated", AXES)
@pytest.mark.parametrize("really", AXES)
def test_a_convention_stated_wrongly_is_told(stated: str, really: str) -> None:
    true = room()
    read = decode(encode(noisy(true, 15.0), really), stated)
    check = checked_axes(read, true, stated)
    assert check.turn is not None
    np.testing.assert_array_equal(check.turn @ AXES[stated], AXES[really])
    assert np.median((read @ check.turn.T * true).sum(1)) > np.cos(np.radians(25.0))


def test_garbage_is_refused() -> None:
    true = room()
    random = units(np.random.default_rng(3).normal(size=true.shape))
    assert checked_axes(random, true).turn is None
    constant = np.broadcast_to(np.array([0.0, 0.0, -1.0], np.float32), true.shape)  # no better than saying nothing
    assert checked_axes(np.ascontiguousarray(constant), true).turn is None
    assert checked_axes(noisy(true, 75.0), true).turn is None


def test_on_a_flat_wall_the_stated_axes_stand() -> None:
    wall = noisy(np.broadcast_to([0.0, 0.0, -1.0], (3000, 3)), 4.0)
    check = checked_axes(noisy(wall, 15.0), wall)
    assert check.as_stated
    assert check.ties == 8  # whatever keeps z
    tilted = noisy(units(wall + np.array([0.05, 0.03, 0.0])), 15.0)  # a source that errs to one side
    assert checked_axes(tilted, wall).as_stated


def test_a_flat_wall_cannot_say_which_axes_it_is_in() -> None:
    wall = noisy(np.broadcast_to([0.0, 0.0, -1.0], (3000, 3)), 4.0)
    # Backwards: opencv_away, opengl or directx stated as opencv; nothing tells which.
    check = checked_axes(noisy(-wall, 15.0), wall, "opencv")
    assert check.turn is None
    assert check.stated_deg > 150.0 > 30.0 > check.best_deg


def test_of_axes_that_fit_alike_the_known_convention_is_taken() -> None:
    """Nothing looks to the right or left, so x may point either way."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(-1.2, 1.2, 4000)
    true = np.stack([np.zeros_like(angle), np.sin(angle), -np.cos(angle)], 1).astype(np.float32)
    check = checked_axes(decode(encode(noisy(true, 10.0), "directx"), "opencv"), true, "opencv")
    assert check.ties == 2
    assert check.turn is not None
    np.testing.assert_array_equal(check.turn, AXES["directx"])
    # OpenGL and away from the camera differ in x only: nothing tells which, unless one of them is stated.
    assert checked_axes(decode(encode(true, "opengl"), "opencv"), true, "opencv").turn is None
    assert checked_axes(decode(encode(true, "opengl"), "opengl"), true, "opengl").as_stated


def test_with_hardly_a_pixel_the_stated_axes_stand() -> None:
    few = room()[:50]
    assert checked_axes(-few, few).as_stated
    assert checked_axes(few[:0], few[:0]).as_stated
