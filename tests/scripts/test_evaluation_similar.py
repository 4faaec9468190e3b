"""What is told seen of a true surface in the wrong place, on a wall before one camera."""

from __future__ import annotations

import numpy as np

from evaluation.views import View
from scene.camera import Intrinsics
from scripts.evaluation_similar import told_of_changed


def test_a_wall_is_lost_once_it_lies_farther_off_than_the_tolerance() -> None:
    """At 2 m 4 cm are forgiven: moves along the line of sight lose it from 5 cm on; it fills the view, so that others
    lose its edge at most.  Scaled about the middle it hardly leaves its place."""
    camera = Intrinsics(64, 64, 60.0, 60.0, 31.5, 31.5)
    view = View(camera, np.eye(4), np.full((64, 64), 2.0, np.float32))
    x, y = np.meshgrid(np.linspace(-0.9, 0.9, 40), np.linspace(-0.9, 0.9, 40))
    wall = np.stack([x.ravel(), y.ravel(), np.full(x.size, 2.0)], axis=1)
    back = wall + np.array([0.0, 0.0, 0.5])
    points, normals = np.concatenate([wall, back]), np.tile([0.0, 0.0, -1.0], (2 * x.size, 1))
    told: dict[str, list[np.ndarray]] = {}
    for name, count in told_of_changed(points, normals, [view]):
        told.setdefault(name, []).append(count)
    assert all(count[0].tolist() == [x.size, 0.0] for counts in told.values() for count in counts)
    of_seen = {name: [count[1, 1] / x.size for count in counts] for name, counts in told.items()}
    assert of_seen["as it is"] == [1.0]
    assert of_seen["moved by 3 cm"] == [1.0] * 6
    assert of_seen["moved by 5 cm"] == [1.0, 1.0, 0.0, 1.0, 1.0, 0.0]
    assert list(told)[-4:] == [f"{scale:g} times as large" for scale in (0.9, 0.95, 1.05, 1.1)]
    assert of_seen["0.95 times as large"] == [1.0]
