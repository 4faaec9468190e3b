"""What is known of each object of a generated room before any in-painting is judged: its masks, found and true, the
surface that an occluder hides of it, and a training folder filled by the oracle.

All three need the room furnished and lit anew, some seconds, so one process does them for all objects of a room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.settings import ScoreSettings
from scene.files import atomic_folder, fingerprint, is_current, read_json, stage_folder, write_json
from scene.runlog import log
from scripts.bench_base import ROOT, Base

if TYPE_CHECKING:
    import numpy as np
    import trimesh

    from object_tasks import ObjectTask
    from scene.records import ObjectViews
    from scene.room.truth import TrueRoom

ORACLE = "oracle"
DRAWN = "oracle, masks drawn right"
LEAST_TRUE_PX = 2000  # hidden of an object, in all its picked views together: with fewer it is not judged


@dataclass(frozen=True)
class MaskCounts:
    """Pixels of one object's masks, all its picked views together."""

    scene: str
    instance_id: int
    label: str
    views: int
    true: int
    found: int
    both: int

    @property
    def is_judged(self) -> bool:
        """Whether enough of it is hidden for its masks, and what filling them buys, to mean something."""
        return self.true >= LEAST_TRUE_PX

    @property
    def iou(self) -> float:
        return self.both / max(self.true + self.found - self.both, 1)

    @property
    def precision(self) -> float:
        return self.both / max(self.found, 1)

    @property
    def recall(self) -> float:
        return self.both / max(self.true, 1)


@dataclass(frozen=True)
class ObjectWork:
    """What the room's process is told of one object."""

    task: ObjectTask  # of the oracle's run
    drawn: ObjectTask  # of its run with the true masks, which lie in this one's object folder as if drawn by hand
    truth: Path  # its true mesh
    out: Path  # masks.json, panel.png, occluded.npy
    mark: str


def work_of(base: Base) -> list[ObjectWork]:
    """Every object that came out in the base run and has a true mesh."""
    from dataclasses import replace

    from pipeline import object_task

    assert base.subject.truth is not None
    job, drawn_job = (replace(base.job, out=base.folder(way)) for way in (ORACLE, DRAWN))
    sources = [ROOT / "preprocess" / "hidden.py", *sorted((ROOT / "scripts").glob("inpaint_*.py"))]
    works = []
    for instance_id in base.made:
        truth = base.subject.truth / f"obj_{instance_id - 1}.ply"
        if truth.is_file():
            task = object_task(job, instance_id, base.folders[instance_id], base.extract_mark)
            drawn = object_task(drawn_job, instance_id, drawn_folder(base, instance_id), base.extract_mark)
            mark = fingerprint([task.prepare_mark, asdict(ScoreSettings())], [truth, *sources])
            works.append(ObjectWork(task, drawn, truth, base.folder("masks") / f"obj_{instance_id}", mark))
    return works


def drawn_folder(base: Base, instance_id: int) -> Path:
    """The object folder with its true masks."""
    return base.folder(DRAWN) / "objects" / base.folders[instance_id].name


def look_at_room(scan: Path, works: list[ObjectWork]) -> None:
    """Do what is missing for the objects of one room; made for a process of its own."""
    missing = [one for one in works if not _is_done(one)]
    if not missing:
        return
    from scene.synthetic import true_room

    room = true_room(scan)
    for one in missing:
        log.info("%s: masks, and the oracle's filling", one.task.object_folder.name)
        _look_at_object(room, one)


def _is_done(work: ObjectWork) -> bool:
    if not is_current(work.out, work.mark):
        return False
    filled = (is_current(task.training_folder, task.prepare_mark) for task in (work.task, work.drawn))
    return not counts_of(work).is_judged or all(filled)


def _look_at_object(room: TrueRoom, work: ObjectWork) -> None:
    from preprocess.hidden import hidden_pixels
    from preprocess.loaded_views import load_views
    from training.completed_shape import completed_mesh

    settings, instance_id = work.task.settings, work.task.instance_id
    loaded = load_views(work.task.object_folder, settings.prepare)
    views, frames = loaded.views, list(loaded.notes.frame_ids)
    shape = completed_mesh(views, settings.fit)
    found = hidden_pixels(views, shape, settings.prepare.inpaint.hidden)
    true = room.hidden(instance_id, frames)
    scene, totals = views.name.split("_scannet")[0], [int(m.sum()) for m in (true, found, true & found)]
    counts = MaskCounts(scene, instance_id, views.label, len(views), *totals)
    if counts.is_judged:
        _draw(work, true, loaded.numbers)
        for task in (work.task, work.drawn):
            _fill(room, task, shape)

    def write(folder: Path) -> None:
        import numpy as np

        from scene.images import write_image
        from scripts.inpaint_panel import panel

        write_json(folder / "masks.json", asdict(counts))
        if counts.is_judged:
            write_image(folder / "panel.png", panel(views, true, found))
            np.save(folder / "occluded.npy", _occluded(room, views, frames, work), allow_pickle=False)

    stage_folder(work.out, work.mark, write)


def _draw(work: ObjectWork, true: np.ndarray, numbers: Sequence[int]) -> None:
    """An object folder of which all but the masks lies in the run's own."""
    from scene.images import write_image

    source, folder = work.task.object_folder.resolve(), work.drawn.object_folder
    scene, instance_id = source.name.split("_")[0].removeprefix("scene"), work.task.instance_id
    with atomic_folder(folder) as temporary:
        for path in source.iterdir():
            (temporary / path.name).symlink_to(path)
        masks = temporary / f"only-seg-{scene}-obj{instance_id}"
        masks.mkdir()
        for number, mask in zip(numbers, true, strict=True):
            write_image(masks / f"{number}_class_inpaint mask.png", mask.astype("uint8") * 255)


def _fill(room: TrueRoom, task: ObjectTask, shape: trimesh.Trimesh) -> None:
    """The training folder as the program makes it, with the oracle for its in-painter."""
    from preprocess.training_folder import Learned, prepare
    from scripts.inpaint_oracle import OraclePainter

    learned = Learned(painter=OraclePainter(room.thing(task.instance_id)), shape_of=lambda views: shape)
    stage_folder(
        task.training_folder,
        task.prepare_mark,
        lambda to: prepare(task.object_folder, to, task.settings.prepare, learned),
    )


def _occluded(room: TrueRoom, views: ObjectViews, frames: list[int], work: ObjectWork) -> np.ndarray:
    """Which points of the true surface, as they are scored, an occluder alone keeps from the picked views."""
    import numpy as np

    from evaluation.views import views_of_object
    from evaluation.visibility import seen

    points, normals = scored_points(_load(work.truth))
    unseen = np.flatnonzero(~seen(points, normals, views_of_object(views, work.task.instance_id)))
    occluded = np.zeros(len(points), bool)
    occluded[unseen[room.hides(points[unseen], work.task.instance_id, frames)]] = True
    return occluded


def scored_points(truth: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    """Points and normals of a true mesh as ``evaluation.scoring`` draws them."""
    from evaluation.sampling import surface_of

    settings = ScoreSettings()
    surface = surface_of(truth, settings.samples, settings.seed + 1)
    assert surface.normals is not None
    return surface.points, surface.normals


def _load(path: Path) -> trimesh.Trimesh:
    from scene.mesh import load_mesh

    return load_mesh(path)


def counts_of(work: ObjectWork) -> MaskCounts:
    return MaskCounts(**read_json(work.out / "masks.json"))
