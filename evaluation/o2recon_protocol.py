"""O2-Recon's own scores, number for number, so that ours can stand beside the published ones.

Its arithmetic, of points P as a file gives them (a cloud's points or a mesh's vertices: nothing merged, nothing drawn
anew, float64 of what the file holds) and true points T likewise: accuracy = mean of the distances from P to T that are
below ``max_dist``, completion = the same from T to P, chamfer = their mean; precision and recall at a threshold = share
of *all* distances below it; F = 2 p r / (p + r + 1e-8).  Every "below" is strict.

Vertices stand close where a mesher made them so: these numbers compare methods that were sampled alike, no others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree
from trimesh.exchange.ply import load_ply

from scene.errors import UserError
from scene.files import write_text
from scene.runlog import log, progress

THRESHOLDS_CM = (10, 5, 2)  # in the order in which the text names them
_WITHOUT_DIVISION_BY_ZERO = 1e-8
_WHOLE = "_full_pointcloud"  # ends the name of a cloud of a whole mesh; others are of the part that some camera saw
Points = Float[np.ndarray, "_ 3"]


@dataclass(frozen=True)
class PointScore:
    """One object's measures; precision, recall and F one each threshold of ``THRESHOLDS_CM``."""

    accuracy_m: float
    completion_m: float
    precision: tuple[float, ...]
    recall: tuple[float, ...]

    @property
    def chamfer_m(self) -> float:
        return (self.accuracy_m + self.completion_m) / 2

    @property
    def f(self) -> tuple[float, ...]:
        pairs = zip(self.precision, self.recall, strict=True)
        return tuple(2 * p * r / (p + r + _WITHOUT_DIVISION_BY_ZERO) for p, r in pairs)


@dataclass(frozen=True)
class Task:
    """The files of a method's scene that are scored against one kind of truth."""

    inputs: Sequence[Path]  # their names hold the instance id
    wanted: str  # which files are inputs, in words
    truth: Path  # a folder
    truth_name: str  # of a true file, with {k} for its instance id - 1
    truth_is_partial: bool  # whether objects without a true file are passed over (named, but no failure)
    text: Path  # where the scores go


@dataclass(frozen=True)
class Outcome:
    """A task's scores by file, in order, and in sentences what could not be scored, be it for want of an input.

    ``without_truth`` are names of inputs that were passed over.
    """

    scores: dict[Path, PointScore]
    problems: list[str]
    without_truth: list[str]


def points_as_given(path: Path) -> Points:
    """The vertices of a PLY, every one and in its order.  Raises UserError where there are none, or not all finite."""
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        with open(path, "rb") as stream:  # fixing textures would multiply vertices
            content = load_ply(stream, fix_texture=False, skip_materials=True)
        points = np.asarray(content.get("vertices", np.zeros((0, 3))), np.float64)
    except Exception as error:  # parsers of foreign files raise anything
        raise UserError(f"{path}: cannot be read as a PLY ({error}); export it again") from error
    if len(points) == 0:
        raise UserError(f"{path}: holds no points; export it again")
    if not np.isfinite(points).all():
        raise UserError(f"{path}: holds points that are not finite (NaN or infinite); export it again")
    return points


def score_points(points: Points, truth: Points, max_dist_m: float) -> PointScore:
    """The scores of a pair.  Raises UserError where no distance is below ``max_dist_m``: a mean of nothing."""
    to_truth_m, _ = cKDTree(truth).query(points, workers=-1)
    to_points_m, _ = cKDTree(points).query(truth, workers=-1)
    means_m = []
    for distances_m in (to_truth_m, to_points_m):
        near_m = distances_m[distances_m < max_dist_m]
        if len(near_m) == 0:
            raise UserError(
                f"no point lies within {max_dist_m:g} m of its true surface; bring both into one frame, in metres"
            )
        means_m.append(float(near_m.mean()))
    precision, recall = (
        tuple(np.count_nonzero(distances_m < cm / 100) / len(distances_m) for cm in THRESHOLDS_CM)
        for distances_m in (to_truth_m, to_points_m)
    )
    return PointScore(means_m[0], means_m[1], precision, recall)


def true_index(path: Path) -> int:
    """k of the true file that a mesh or cloud belongs to: its instance id, the fifth word of its name, less one."""
    words = path.stem.split("_")
    if match := re.search(r"_obj_(\d+)(?:_|$)", path.stem):
        return int(match[1]) - 1
    if len(words) > 4 and words[4].isdecimal():
        return int(words[4]) - 1
    raise UserError(f"{path}: its name does not tell which object it is; call it <scene>_scannet_obj_<id>_...")


def scenes_in(data: Path) -> list[str]:
    """The scenes of a method's folder: its folders that hold clouds or meshes.  Raises UserError without any."""
    scenes = sorted({path.parent.name for kind in ("pointcloud", "mesh") for path in data.glob(f"*/*_{kind}.ply")})
    if not scenes:
        raise UserError(
            f"{data}: holds no <scene>/*_pointcloud.ply or *_mesh.ply; gather some with evaluation/collect_mesh.py, "
            "and where its folders are methods, name them by --methods"
        )
    return scenes


def tasks_of(
    data: Path, scene: str, scannet_truth: Path | None, scan2cad_truth: Path | None, scan2cad_inputs: str
) -> list[Task]:
    """What there is to score of a scene of ``data``, O2-Recon's folder of one method, against either truth.

    ``scan2cad_inputs`` is ``mesh`` or ``full_pointcloud``: what O2-Recon took of its own and of other methods.
    """
    folder, out, tasks = data / scene, data / "metrics-new", []
    if scannet_truth is not None:
        wanted = f"{folder}/*_pointcloud.ply, of which *_full_pointcloud.ply are left out as whole meshes' points"
        inputs = [path for path in sorted(folder.glob("*_pointcloud.ply")) if not path.stem.endswith(_WHOLE)]
        text = out / f"metric_{scene}.txt"
        tasks.append(Task(inputs, wanted, scannet_truth / scene / "gt", "obj_{k}.ply", False, text))
    if scan2cad_truth is not None:
        wanted = f"{folder}/*_{scan2cad_inputs}.ply"
        inputs = sorted(folder.glob(f"*_{scan2cad_inputs}.ply"))  # *_mesh.ply takes *_full_mesh.ply too, as it did
        text = out / f"metric_{scene}_scan2cad.txt"
        tasks.append(Task(inputs, wanted, scan2cad_truth / scene, "scannet_{k}_pointcloud.ply", True, text))
    return tasks


def run_task(task: Task, max_dist_m: float) -> Outcome:
    """Score a task's files and write its text anew; where none could be scored nothing is written."""
    outcome = Outcome({}, [], [])
    if not task.inputs:
        outcome.problems.append(f"there is no input; wanted are {task.wanted}")
    for path in progress(task.inputs, f"scoring {task.text.stem}"):
        try:
            true_path = task.truth / task.truth_name.format(k=true_index(path))
            if task.truth_is_partial and not true_path.is_file():
                outcome.without_truth.append(path.name)
                continue
            points, truth = points_as_given(path), points_as_given(true_path)
        except UserError as error:
            outcome.problems.append(str(error))
            continue
        try:
            outcome.scores[path] = score_points(points, truth, max_dist_m)
        except UserError as error:
            outcome.problems.append(f"{path}: {error}")
    outcome.problems.extend(f"{path}: is a true surface that no input meets" for path in _not_met(task))
    indices = [true_index(path) for path in outcome.scores]
    if twice := len(indices) - len(set(indices)):
        log.warning("%s: %d objects have two files and count twice, as they do in O2-Recon's", task.text.stem, twice)
    if outcome.scores:
        write_text(task.text, text_of(list(zip(indices, outcome.scores.values(), strict=True))))
    return outcome


def _not_met(task: Task) -> list[Path]:
    """The task's true files that belong to none of its inputs."""
    met = set()
    for path in task.inputs:
        with suppress(UserError):  # its name tells no object: a problem of its own
            met.add(task.truth_name.format(k=true_index(path)))
    name = re.escape(task.truth_name).replace(re.escape("{k}"), r"\d+")
    return [path for path in sorted(task.truth.glob("*.ply")) if re.fullmatch(name, path.name) and path.name not in met]


def text_of(scores: Sequence[tuple[int, PointScore]]) -> str:
    """The scores in the form of O2-Recon's files: a block an object, headed by its k, and the means at the end."""
    blocks = []
    for k, one in scores:
        blocks += [
            f"{k}",
            f"chamfer_distance_1m: {one.chamfer_m}; mean_d2gt_1m: {one.accuracy_m}; mean_gt2d_1m: {one.completion_m}.",
            *(
                f"precision_{cm}cm: {p};  recall_{cm}cm: {r};  fscore_{cm}cm: {f}"
                for cm, p, r, f in zip(THRESHOLDS_CM, one.precision, one.recall, one.f, strict=True)
            ),
            "",
        ]
    means = means_of([one for _, one in scores])
    return "\n".join([*blocks, *(f"{name}: {value};" for name, value in means.items())]) + "\n"


def means_of(scores: Sequence[PointScore]) -> dict[str, float]:
    """The means over objects by O2-Recon's names; its 1, 2 and 3 are 5, 2 and 10 cm, and its "1m" means nothing."""
    ten, five, two = range(len(THRESHOLDS_CM))
    columns = {
        "accuracy_avg (1m)": [one.accuracy_m for one in scores],
        "completion_avg (1m)": [one.completion_m for one in scores],
        "chamfer_distance_avg (1m)": [one.chamfer_m for one in scores],
        "fscore_3_avg (10cm)": [one.f[ten] for one in scores],
        "fscore_1_avg (5cm)": [one.f[five] for one in scores],
        "precision_1_avg (5cm)": [one.precision[five] for one in scores],
        "recall_1_avg (5cm)": [one.recall[five] for one in scores],
        "fscore_2_avg (2cm)": [one.f[two] for one in scores],
    }
    return {name: sum(column) / len(column) for name, column in columns.items()}
