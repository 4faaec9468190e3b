"""What in-painting buys on generated rooms, where the truth is known: masks, and meshes with and without it.

    python -m scripts.inpaint_gain --out DIR [--rooms 3] [--seed 7100000] [--picture]

Every room is reconstructed as it is (no in-painting), with an in-painter that returns the truth, and with the classical
one; the page says how well the hidden pixels were found and how much of the hidden surface each way finds.  Its
defaults write docs/inpainting.md, any other choice only ``DIR/inpainting.md``.  The same command goes on where it was
stopped.
"""

from __future__ import annotations

import argparse
import signal
from concurrent.futures import as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

from scene.errors import UserError
from scene.files import write_text
from scene.runlog import Countdown, log, run_cli
from scene.workers import warm_up, worker_pool
from scripts.bench_base import FAST, OURS, ROOT, Base, Options, reconstruct
from scripts.bench_make import run_program
from scripts.bench_page import origin
from scripts.bench_subjects import generated_subjects
from scripts.inpaint_page import Made, page
from scripts.inpaint_panel import write_sheet
from scripts.inpaint_scores import RoomScoring, score_room, scores_of
from scripts.inpaint_truth import DRAWN, ORACLE, MaskCounts, ObjectWork, counts_of, look_at_room, work_of

# Beyond those of scripts.bench_subjects: nothing was tuned on these either.
UNSEEN_SEED = 7_100_000
_ROOMS = 3
_PANELS = 6
_IMPORTS = ("scene.room.staging", "preprocess.training_folder", "preprocess.hidden", "training.completed_shape")
NONE, CLASSICAL = "none", "classical"
WAYS = {
    NONE: "`confs/fast.conf` as it is; hidden pixels stay unknown, and priors alone decide what is there",
    ORACLE: "an in-painter that returns the true, unoccluded colours and depth, under the masks found above; all "
    "else, the check of its fills included, is as for any other in-painter: the ceiling",
    DRAWN: "the same with the true hidden pixels for masks, as somebody could draw them by hand and put them into the "
    "object folder: what the found masks cost",
    CLASSICAL: "`prepare.inpaint.painter=classical`, which needs no weights",
}


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what it started, as Ctrl-C does
    parser = _parser()
    arguments = parser.parse_args()
    options = Options(arguments.conf, tuple(arguments.set))
    out: Path = arguments.out
    subjects = generated_subjects(out / "generated", arguments.rooms, arguments.seed)
    bases = [reconstruct(subject, out / subject.name, options) for subject in subjects]
    works = [work_of(base) for base in bases]
    _in_processes("rooms looked at", look_at_room, [(b.subject.scan, w) for b, w in zip(bases, works, strict=True)])
    counts = [[counts_of(one) for one in room] for room in works]
    if not any(one.is_judged for one in _flat(counts)):
        raise UserError(f"--rooms {arguments.rooms}: an occluder hides enough of no object in them; take more rooms")
    scorings = []
    for base, room, of_room in zip(bases, works, counts, strict=True):
        if chosen := [one for one, count in zip(room, of_room, strict=True) if count.is_judged]:
            scorings.append(_make(base, chosen, options))
    _in_processes("rooms scored", score_room, [(one,) for one in scorings])

    scores: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for scoring in scorings:
        for way, by_id in scores_of(scoring).items():
            scores[way] += by_id.values()
    default = all(getattr(arguments, key) == parser.get_default(key) for key in ("rooms", "seed", "conf", "set"))
    folder = ROOT / "docs" if default else out
    picture = None
    if arguments.picture:
        picture = "pictures/hidden_masks.png"
        (folder / picture).parent.mkdir(parents=True, exist_ok=True)
        write_sheet(folder / picture, _panels(_flat(works), _flat(counts)))
    how = origin(bases[0].record["provenance"], _command(arguments))
    made = Made(how, arguments.seed, arguments.rooms, WAYS, picture)
    text = page(made, _flat(counts), scores)
    write_text(folder / "inpainting.md", text)
    print(text)
    return 0


def _make(base: Base, works: list[ObjectWork], options: Options) -> RoomScoring:
    """The room's judged objects reconstructed in the other ways, and what their scoring is told."""
    found = {one.task.instance_id: one.task.object_folder for one in works}
    drawn = {one.drawn.instance_id: one.drawn.object_folder for one in works}
    ours = base.job.settings
    ways = (
        # The oracle's training folders are there, and current: the program goes on from them.
        (ORACLE, found, ours),
        (DRAWN, drawn, ours),
        (CLASSICAL, found, options.settings(("prepare.inpaint.painter=classical",))),
    )
    for way, folders, settings in ways:
        log.info("%s: %s", base.scan.name, way)
        run_program(replace(base, folders=folders), base.folder(way), settings)
    assert base.subject.truth is not None
    meshes = {way: base.folder(OURS if way == NONE else way) / "meshes" for way in WAYS}
    looked = {one.task.instance_id: one.out for one in works}
    return RoomScoring(base.subject.scan, base.subject.truth, meshes, looked, base.folder("gain"))


def _in_processes(what: str, work: Any, tasks: list[tuple[Any, ...]]) -> None:
    from object_tasks import worker_count

    warm_up(_IMPORTS)
    countdown = Countdown(what, len(tasks))
    with worker_pool(worker_count(len(tasks))) as pool:
        futures = {pool.submit(work, *task): task for task in tasks}
        for future in as_completed(futures):
            future.result()
            countdown.done(what)


def _panels(works: list[ObjectWork], counts: list[MaskCounts]) -> list[Path]:
    """Pictures of objects evenly spread from the best mask to the worst."""
    pairs = [(one, count) for one, count in zip(works, counts, strict=True) if count.is_judged]
    in_order = sorted(pairs, key=lambda pair: -pair[1].iou)
    last = len(in_order) - 1
    chosen = sorted({round(k * last / (_PANELS - 1)) for k in range(_PANELS)})
    return [in_order[k][0].out / "panel.png" for k in chosen]


def _flat(lists: list[list[Any]]) -> list[Any]:
    return [one for some in lists for one in some]


def _command(arguments: argparse.Namespace) -> str:
    words = f"python -m scripts.inpaint_gain --out DIR --rooms {arguments.rooms} --seed {arguments.seed}"
    return words + (" --picture" if arguments.picture else "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.inpaint_gain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where all is made")
    parser.add_argument("--rooms", type=int, default=_ROOMS, metavar="N", help="generated rooms (default %(default)s)")
    parser.add_argument("--seed", type=int, default=UNSEEN_SEED, help="of the first room (default %(default)s)")
    parser.add_argument("--conf", type=Path, default=FAST, help="another configuration for reconstruct.py")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting for all")
    parser.add_argument("--picture", action="store_true", help="draw the masks of a few objects beside the page")
    return parser


if __name__ == "__main__":
    run_cli(main)
