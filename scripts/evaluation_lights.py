"""How well the traffic light tells good meshes from bad ones where the truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh

from evaluation.mesh_files import find_meshes, find_truth
from evaluation.object_scores import score_object
from evaluation.records import Light, ObjectScore
from evaluation.settings import ScoreSettings
from evaluation.verdict import verdict
from evaluation.views import View, views_of_scan
from scene.errors import UserError
from scene.files import read_json
from scene.mesh import load_mesh
from scene.runlog import progress
from scene.scannet import open_scan

# Coarser than scores are, as there are hundreds of meshes: the light's measures move by less than a hundredth.
_SETTINGS = ScoreSettings(samples=50_000, agreement_pixels=50_000, silhouette_pixels=50_000, free_space_samples=20_000)
_EVERY = 3  # of the program's meshes, one in so many is also spoilt


@dataclass(frozen=True)
class Judged:
    """A mesh whose truth is known, and the light that it got without."""

    kind: str  # who made it, or how it was spoilt
    light: Light
    f: float  # at 2 cm
    precision: float


def judge_rooms(bench: Path) -> list[Judged]:
    """All meshes of a bench of generated rooms (``bench.sh --generated --out BENCH``), and some of ours spoilt.

    Raises UserError where there are none.
    """
    rooms = sorted(path.parent for path in bench.glob("*/ours") if (path / "run.json").is_file())
    if not rooms:
        raise UserError(f"{bench}: holds no rooms; make some with bash scripts/bench.sh --generated 4 --out {bench}")
    found: list[Judged] = []
    for room in progress(rooms, "lights of generated rooms"):
        found += _judge_room(room, bench / "generated")
    return found


def _judge_room(room: Path, generated: Path) -> Iterator[Judged]:
    views = views_of_scan(open_scan(generated / "scannet" / f"{room.name}_scannet"), _SETTINGS.max_frames)
    truths = find_truth(generated / "truth" / room.name)
    told = {one["instance_id"]: one["marks"] for one in read_json(room / "ours" / "run.json")["objects"]}
    for method in sorted(path.parent.name for path in room.glob("*/meshes")):
        for place, (i, path) in enumerate(find_meshes(room / method / "meshes").get(room.name, {}).items()):
            if i not in truths:
                continue
            mesh, truth = load_mesh(path), load_mesh(truths[i])
            marks = list(told.get(i, [])) if method == "ours" else []
            yield _judge(method, mesh, truth, views, i, marks)
            if method == "ours" and place % _EVERY == 0:
                for kind, spoilt in spoilt_copies(mesh, i):
                    yield _judge(kind, spoilt, truth, views, i, marks)


def _judge(
    kind: str, mesh: trimesh.Trimesh, truth: trimesh.Trimesh, views: Sequence[View], instance_id: int, marks: list[str]
) -> Judged:
    try:
        scores, problems = score_object(mesh, truth, views, instance_id, _SETTINGS), []
    except UserError as error:
        scores, problems = {}, [str(error)]
    light = verdict(ObjectScore(instance_id, "", kind, None, scores, problems, marks)).light
    return Judged(kind, light, scores.get("f_0.02", 0.0), scores.get("precision_0.02", 0.0))


def spoilt_copies(mesh: trimesh.Trimesh, seed: int) -> Iterator[tuple[str, trimesh.Trimesh]]:
    """The mesh as it may come out badly: at another place, of another size, too full, or by half."""
    centre = mesh.bounds.mean(axis=0)
    aside = np.random.default_rng(seed).normal(size=3)
    aside /= np.linalg.norm(aside)
    for cm in (2, 5):
        yield f"moved by {cm} cm", mesh.copy().apply_translation(cm / 100 * aside)
    for name, factor in (("a tenth larger", 1.1), ("a tenth smaller", 0.9)):
        scale = trimesh.transformations.scale_matrix(factor, centre)
        yield name, mesh.copy().apply_transform(scale)
    yield "its convex hull", mesh.convex_hull
    yield "its box", trimesh.creation.box(mesh.extents, trimesh.transformations.translation_matrix(centre))
    half = mesh.submesh([np.flatnonzero((mesh.triangles_center - centre) @ aside > 0)], append=True)
    assert isinstance(half, trimesh.Trimesh)
    yield "half of it", half


def rows(judged: Sequence[Judged]) -> Iterator[list[str]]:
    """A line a kind and light: how many, and their mean and least F and mean precision at 2 cm."""
    lights: tuple[Light, ...] = ("green", "amber", "red")
    for kind in dict.fromkeys(one.kind for one in judged):
        for light in lights:
            if chosen := [one for one in judged if (one.kind, one.light) == (kind, light)]:
                f, precision = [one.f for one in chosen], [one.precision for one in chosen]
                cells = [float(np.mean(f)), min(f), float(np.mean(precision))]
                yield [kind, light, str(len(chosen)), *(f"{100 * cell:.1f}" for cell in cells)]
