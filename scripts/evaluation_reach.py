"""What the evaluation is measured by: known values, a second computation, repeats, seconds, and what it refuses."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float

from evaluation.mesh_files import find_meshes, find_truth
from evaluation.metrics import compare
from evaluation.records import ObjectScore
from evaluation.sampling import Surface, surface_of, surface_of_truth
from evaluation.scoring import score_scene
from evaluation.settings import ScoreSettings
from evaluation.views import View, views_of_scan
from scene.errors import UserError
from scene.mesh import load_mesh, load_mesh_or_points
from scene.runlog import progress
from scene.scannet import open_scan

_EQUAL = 1e-12
_SEEDS = (0, 10, 20)
_SECONDS, _OBJECTS = 40.0, 12


@dataclass(frozen=True)
class Reached:
    """One thing that was promised, and what came of it."""

    what: str
    target: str
    reached: str
    met: bool


@dataclass(frozen=True)
class Room:
    """A finished run of a scan with true meshes."""

    run: Path
    scan: Path
    truth: Path

    @property
    def name(self) -> str:
        return self.truth.name

    def pairs(self) -> dict[str, tuple[Path, Path]]:
        """Mesh and true mesh of every object that has both, by scene and instance id."""
        meshes, truths = find_meshes(self.run / "meshes").get(self.name, {}), find_truth(self.truth)
        return {f"{self.name} {i}": (meshes[i], truths[i]) for i in sorted(meshes) if i in truths}


def rooms_of(runs: Sequence[Path], bench: Path) -> list[Room]:
    """The runs with the scans and true meshes that they are of.  Raises UserError where one is of no scan of these."""
    rooms = []
    for run in runs:
        names = sorted(find_meshes(run / "meshes"))
        if len(names) != 1:
            raise UserError(f"{run}: holds meshes of {len(names)} scenes; give a finished run of reconstruct.py")
        room = Room(run, bench / "scannet" / f"{names[0]}_scannet", bench / "truth" / names[0])
        for folder in (room.scan, room.truth):
            if not folder.is_dir():
                raise UserError(f"{folder}: there is no such folder, of which {run} is a run; give --bench")
        rooms.append(room)
    return rooms


def known_values() -> Reached:
    """Eight corners of a cube against the same, a tenth larger: all by hand."""
    corners = np.array([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])
    found = compare(Surface(1.1 * corners), Surface(corners), (0.01, 0.11, 0.15, 0.18))
    one_way_m = 0.1 * (0 + 3 + 3 * np.sqrt(2) + np.sqrt(3)) / 8
    expected = {key: one_way_m for key in ("accuracy_m", "completion_m", "chamfer_m")} | {"hausdorff_m": np.sqrt(0.03)}
    expected |= {"f_0.01": 0.125, "f_0.11": 0.5, "f_0.15": 0.875, "f_0.18": 1.0}
    worst = max(abs(found[key] - value) for key, value in expected.items())
    return Reached(
        "known values: corners of a cube and of one a tenth larger", "exact", f"off by {worst:.1g}", worst < _EQUAL
    )


def repeated(rooms: Sequence[Room], samples: int) -> Reached:
    """How much the complete protocol's chamfer changes from seed to seed, at the worst object."""
    spread = {}
    for name, (mesh_path, true_path) in progress(_all_pairs(rooms).items(), "chamfer by other seeds"):
        mesh, truth = load_mesh(mesh_path), load_mesh_or_points(true_path)
        chamfers_m = [
            compare(surface_of(mesh, samples, seed), surface_of_truth(truth, samples, seed + 1), (0.02,))["chamfer_m"]
            for seed in _SEEDS
        ]
        spread[name] = max(chamfers_m) - min(chamfers_m)
    name, worst_m = max(spread.items(), key=lambda one: one[1])
    return Reached(
        f"chamfer between seeds at {samples:,} samples, largest difference of {len(spread)} objects",
        "0.05 mm",
        f"{1000 * worst_m:.4f} mm ({name})",
        worst_m <= 5e-5,
    )


def timed(rooms: Sequence[Room], settings: ScoreSettings) -> Reached:
    """The seconds that scoring takes, meshes and scans read, every measure taken."""
    begun, worked, count = time.perf_counter(), time.process_time(), 0
    for room in rooms:
        views = views_of_scan(open_scan(room.scan), settings.max_frames)
        count += len(score_scene(room.name, room.run / "meshes", room.truth, views, settings).objects)
    seconds, worked = time.perf_counter() - begun, time.process_time() - worked
    return Reached(
        f"seconds for scoring {count} objects, reading their scans included",
        f"{_SECONDS:.0f} s for {_OBJECTS} on two cores",
        f"{seconds:.1f} s ({worked:.1f} s of the cores' time)",
        seconds <= _SECONDS * count / _OBJECTS,
    )


def against_themselves(rooms: Sequence[Room], samples: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Every true mesh's scores against itself, with points of other seeds on either side."""
    for name, (_, path) in _all_pairs(rooms).items():
        truth = load_mesh_or_points(path)
        one, other = (surface_of_truth(truth, samples, seed) for seed in (0, 1))
        yield name, compare(one, other, (0.01, 0.02)) | {"sampling_floor_m": (one.floor_m + other.floor_m) / 2}


def refusals(rooms: Sequence[Room]) -> Iterator[tuple[str, str, str | None]]:
    """What is wrong, whether a true mesh was there, and the sentence: None where something wrong got a number."""
    room = rooms[0]
    name, (mesh_path, true_path) = next(iter(room.pairs().items()))
    instance_id = int(name.split()[1])
    mesh, truth = load_mesh(mesh_path), load_mesh(true_path)
    views = views_of_scan(open_scan(room.scan), 20)
    for wrong, broken in (*_broken(mesh), ("without triangles", trimesh.Trimesh(mesh.vertices))):
        for known, against in (("with a true mesh", truth), ("without", None)):
            one = _scored(room.name, instance_id, broken, against, views)
            yield f"a mesh {wrong}", known, None if any(one.scores.values()) else one.problems[-1]
    for wrong, broken in _broken(truth):
        one = _scored(room.name, instance_id, mesh, broken, views)
        compared = any(key.startswith(("f_", "recall", "precision")) for key in one.scores)
        yield f"a true mesh {wrong}", "beside a right mesh", None if compared else one.problems[0]


def _broken(mesh: trimesh.Trimesh) -> Iterator[tuple[str, trimesh.Trimesh]]:
    for unit, factor in (("millimetres", 1000.0), ("centimetres", 100.0)):
        yield f"in {unit}", mesh.copy().apply_scale(factor)
    lost = mesh.copy()
    lost.vertices[:: len(lost.vertices) // 100 + 1] = np.nan
    yield "with NaN", lost
    turn = trimesh.transformations.rotation_matrix(-np.pi / 2, [1, 0, 0])
    yield "with y up instead of z", mesh.copy().apply_transform(turn)
    turn[:3, 3] = 5.0, -7.0, 1.0
    yield "in another frame", mesh.copy().apply_transform(turn)


def _scored(
    scene: str, instance_id: int, mesh: trimesh.Trimesh, truth: trimesh.Trimesh | None, views: Sequence[View]
) -> ObjectScore:
    """As files are scored, their folders' names left out of the sentences."""
    with tempfile.TemporaryDirectory() as folder:
        mesh_path, true_path = (
            Path(folder, f"{scene}_obj_{instance_id}.ply"),
            Path(folder, f"obj_{instance_id - 1}.ply"),
        )
        mesh.export(mesh_path)
        if truth is not None:
            truth.export(true_path)
        against = None if truth is None else Path(folder)
        [one] = score_scene(scene, Path(folder), against, views, ScoreSettings(samples=10_000)).objects
    return replace(one, problems=[re.sub(rf"{re.escape(folder)}/\S+: ", "", problem) for problem in one.problems])


def recomputed(rooms: Sequence[Room], max_dist_m: float = 10.0) -> Reached:
    """``--protocol o2recon``'s text files against the same measures from all distances, by another reader."""
    from evaluation.o2recon_protocol import Task, run_task

    worst, count = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        for room in rooms:
            pairs = list(room.pairs().values())
            text = Path(folder) / f"metric_{room.name}.txt"
            task = Task([mesh for mesh, _ in pairs], "meshes", room.truth, "obj_{k}.ply", False, text)
            run_task(task, max_dist_m)
            written = _numbers(text.read_text(encoding="utf-8"))
            expected = [_by_all_pairs(*pair, max_dist_m) for pair in progress(pairs, "all distances, one by one")]
            if len(written) != len(expected):
                raise UserError(f"{text.name}: holds {len(written)} objects, not {len(expected)}")
            worst = max(worst, *(float(np.abs(a - b).max()) for a, b in zip(written, expected, strict=True)))
            count += len(pairs)
    return Reached(
        f"`--protocol o2recon` against an independent re-computation, largest difference of {count} objects",
        "1e-9",
        f"{worst:.1g}",
        worst <= 1e-9,
    )


def _numbers(text: str) -> list[Float[np.ndarray, " 12"]]:
    """The numbers of each object of a metric file: chamfer, accuracy, completion; P, R, F at 10, 5 and 2 cm."""
    blocks = [block.splitlines() for block in text.split("\n\n") if "chamfer_distance_1m:" in block]
    parts = [" ".join(block[1:]).replace(";", " ").split() for block in blocks]
    return [np.array([float(part.rstrip(".")) for part in words if part[0].isdigit()]) for words in parts]


def _by_all_pairs(mesh_path: Path, true_path: Path, max_dist_m: float) -> Float[np.ndarray, " 12"]:
    """What ``_numbers`` reads, computed from every distance between two files' points, without any tree."""
    points, truth = _vertices(mesh_path), _vertices(true_path)
    to_truth_m, to_points_m = np.empty(len(points)), np.full(len(truth), np.inf)
    for begin in range(0, len(points), 2000):
        apart_m = np.sqrt(((points[begin : begin + 2000, None] - truth[None]) ** 2).sum(axis=2))
        to_truth_m[begin : begin + 2000] = apart_m.min(axis=1)
        to_points_m = np.minimum(to_points_m, apart_m.min(axis=0))
    accuracy, completion = (float(d[d < max_dist_m].mean()) for d in (to_truth_m, to_points_m))
    numbers = [(accuracy + completion) / 2, accuracy, completion]
    for threshold_m in (0.10, 0.05, 0.02):
        p, r = float((to_truth_m < threshold_m).mean()), float((to_points_m < threshold_m).mean())
        numbers += [p, r, 2 * p * r / (p + r + 1e-8)]
    return np.array(numbers)


def _vertices(path: Path) -> Float[np.ndarray, "n 3"]:
    """The vertices of a binary PLY, read from its bytes."""
    kinds = {"float": "<f4", "double": "<f8", "uchar": "u1", "int": "<i4", "uint": "<u4", "short": "<i2", "char": "i1"}
    header, _, body = path.read_bytes().partition(b"end_header\n")
    lines = [line.split() for line in header.decode().splitlines()]
    first = next(k for k, words in enumerate(lines) if words[:2] == ["element", "vertex"])
    fields = []
    for words in lines[first + 1 :]:
        if words[0] != "property":
            break
        fields.append((words[2], kinds[words[1]]))
    raw = np.frombuffer(body, np.dtype(fields), int(lines[first][2]))
    return np.stack([raw[axis].astype(np.float64) for axis in "xyz"], axis=1)


def _all_pairs(rooms: Sequence[Room]) -> dict[str, tuple[Path, Path]]:
    return {name: pair for room in rooms for name, pair in room.pairs().items()}
