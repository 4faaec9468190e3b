"""How well a truth that is only similar to the object, as a placed CAD model, still tells seen from hidden surface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

from evaluation.sampling import drawn_evenly
from evaluation.settings import ScoreSettings
from evaluation.views import View, views_of_scan
from evaluation.visibility import seen
from scene.mesh import load_mesh
from scene.runlog import progress
from scene.scannet import open_scan
from scripts.evaluation_reach import Room

_SAMPLES = 20_000  # of a true mesh: shares are then known to about 0.4 %
_MOVED_M = (0.01, 0.02, 0.03, 0.05, 0.1)  # along every axis, either way
_SCALED = (0.9, 0.95, 1.05, 1.1)  # about the middle of its box


def rows(rooms: Sequence[Room], settings: ScoreSettings) -> Iterator[list[str]]:
    """A line a change of the true meshes, in per cent over all of them: what of their surface the views tell to be
    seen, what of the truly seen, and what of the truly hidden."""
    counts: dict[str, Float[np.ndarray, "2 2"]] = {}
    for room in rooms:
        views = views_of_scan(open_scan(room.scan), settings.max_frames)
        for _, path in progress(list(room.pairs().values()), f"changed truths of {room.name}"):
            mesh = load_mesh(path)
            points, face = drawn_evenly(mesh, _SAMPLES, settings.seed)
            for name, count in told_of_changed(points, np.asarray(mesh.face_normals[face]), views):
                counts[name] = counts.get(name, 0.0) + count
    for name, count in counts.items():
        of_hidden, of_seen = count[:, 1] / count.sum(axis=1)
        told = (count[:, 1].sum() / count.sum(), of_seen, of_hidden)
        yield [name, *(f"{100.0 * share:.1f}" for share in told)]


def told_of_changed(
    points: Float[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 3"], views: Sequence[View]
) -> Iterator[tuple[str, Float[np.ndarray, "2 2"]]]:
    """The name of a change of a true surface, and how many of its points are told hidden and seen (columns) that truly
    are hidden and seen (rows)."""
    truly = seen(points, normals, views)
    for name, changed in _changes(points):
        told = seen(changed, normals, views)
        yield name, np.bincount(2 * truly + told, minlength=4).reshape(2, 2).astype(float)


def _changes(points: Float[np.ndarray, "n 3"]) -> Iterator[tuple[str, Float[np.ndarray, "n 3"]]]:
    yield "as it is", points
    for moved_m in _MOVED_M:
        for step in moved_m * np.concatenate([np.eye(3), -np.eye(3)]):
            yield f"moved by {100 * moved_m:g} cm", points + step
    middle = (points.min(axis=0) + points.max(axis=0)) / 2.0
    for scale in _SCALED:
        yield f"{scale:g} times as large", middle + scale * (points - middle)
