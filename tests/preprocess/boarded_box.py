"""A box half hidden by a board in every view, ray-cast without noise, and painters whose answers are known.

Import it as ``from tests.preprocess.boarded_box import ...``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np

from preprocess.painting import PaintView
from scene.camera import Intrinsics
from scene.raycast import RayCaster
from scene.records import Fact, ObjectViews
from tests.scene.tiny_scan import box
from tests.training.exact_views import views_of

BOX = box((0.3, 0.2, 0.4), (0.8, 0.4, 0.8))
BOARD = box((0.3, -0.5, 0.25), (0.5, 0.05, 0.5))
GREY = 120  # of everything


@dataclass(frozen=True)
class BoardedBox:
    """Views of the box; the depth and normals that they would see of it if the board were not there."""

    views: ObjectViews
    true_m: np.ndarray  # (n, h, w), 0 beside the box
    true_normal: np.ndarray  # (n, h, w, 3), camera frame
    hidden: np.ndarray  # (n, h, w), by the board


def boarded_box(count: int = 6, half_angle: float = 0.55) -> BoardedBox:
    """Views on an arc before the box; beyond a half angle of a radian the outer ones see past the board's ends."""
    angles = np.linspace(-half_angle, half_angle, count) - np.pi / 2
    eyes = [(0.3 + 2 * np.cos(a), 0.2 + 2 * np.sin(a), 1.0) for a in angles]
    views = views_of([BOX, BOARD], eyes, target=(0.3, 0.2, 0.35))
    caster = RayCaster(BOX)
    seen = [caster.render(views.camera, pose) for pose in views.world_from_camera]
    true_m = np.stack([depth for depth, _ in seen]).astype(np.float32)
    normal = np.stack(
        [
            np.where(face[..., None] >= 0, BOX.face_normals[face] @ pose[:3, :3], 0)
            for (_, face), pose in zip(seen, views.world_from_camera, strict=True)
        ]
    ).astype(np.float32)
    hidden = (true_m > 0) & (views.fact == Fact.OTHER) & (views.depth_mm * 1e-3 < true_m - 0.03)
    own = (views.fact == Fact.OBJECT)[..., None]
    views = dataclasses.replace(
        views,
        color=np.full((*views.fact.shape, 3), GREY, np.uint8),
        normal=np.where(own, normal, 0).astype(np.float16),
        scores=[1.0] * count,
    )
    return BoardedBox(views, true_m, normal, hidden)


@dataclass
class Oracle:
    """Paints the truth, or what it is given for it, and notes what it was asked."""

    depth_m: np.ndarray
    grey: int = 200
    confidence: float = 1.0
    least_grey: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list)
    views: list[PaintView] = field(default_factory=list)

    def color(self, view: PaintView) -> np.ndarray:
        self._note("color", view)
        return np.full(view.color.shape, self.grey, np.uint8)

    def depth(self, view: PaintView) -> np.ndarray:
        self._note("depth", view)
        return self.depth_m[view.index]

    def normal(self, view: PaintView, normal: np.ndarray) -> np.ndarray:
        self._note("normal", view)
        return normal

    def _note(self, what: str, view: PaintView) -> None:
        self.asked.append((what, view.index))
        self.views.append(view)


class NoiseModel:
    """An in-painter that draws noise, everywhere, from its seed."""

    def __init__(self, size: int = 32) -> None:
        self.size = size
        self.calls: list[dict] = []

    def __call__(self, **given) -> np.ndarray:  # type: ignore[no-untyped-def]
        self.calls.append(given)
        assert given["image"].shape == (self.size, self.size, 3)
        assert given["mask"].shape == (self.size, self.size)
        return np.random.default_rng(given["seed"]).integers(0, 256, given["image"].shape).astype(np.uint8)


def random_views(rng: np.random.Generator, height: int, width: int, count: int = 3) -> tuple[ObjectViews, np.ndarray]:
    """Views in which nothing fits together, and hidden pixels anywhere, at the images' borders too."""
    camera = Intrinsics(width, height, 30.0, 31.0, width / 2, height / 2 - 0.3)
    poses = np.stack([np.eye(4)] * count)
    poses[:, :3, 3] = rng.normal(scale=0.1, size=(count, 3))
    shape = (count, height, width)
    fact = np.repeat(np.repeat(rng.integers(0, 4, (count, -(-height // 4), -(-width // 4))), 4, axis=1), 4, axis=2)
    views = ObjectViews(
        name="random",
        label="{thing} of %s",
        camera=camera,
        world_from_camera=poses,
        world_from_normalized=np.eye(4),
        color=rng.integers(0, 256, (*shape, 3)).astype(np.uint8),
        depth_mm=(rng.integers(0, 1200, shape) * rng.integers(0, 2, shape)).astype(np.uint16),
        fact=fact[:, :height, :width].astype(np.uint8),
        normal=rng.normal(size=(*shape, 3)).astype(np.float16),
    )
    return views, rng.random(shape) < rng.choice([0.02, 0.5, 1.0])
