"""Reads off generated rooms how probably a vertex is right, and writes the tables that meshes tell confidence by.

    python -m scripts.calibrate [--rooms N] [--test-rooms N] [--workers N] [--seed S] [--shapes]

Objects of rooms that no network was trained on are completed as those of a scan are, and their vertices compared with
the truth.  From some rooms come the tables (models/weights/confidence.json); on others it is measured how far they can
be believed (docs/confidence.md).  Run it after every change of the priors, the network's weights or the evidence.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scene.config import load
from scene.errors import UserError
from scene.files import fingerprint, write_json, write_text
from scene.runlog import Countdown, run_cli
from scene.workers import warm_up, worker_pool
from settings import Settings

if TYPE_CHECKING:
    from training.calibration import Reliability
    from training.shape_prior.judged import Judged, Recipe

ROOT = Path(__file__).resolve().parents[1]
# Training takes seeds from 0 and holds out those from 1,000,000; nothing else may take these.
FIRST_SEED, FIRST_TEST_SEED = 2_000_000, 3_000_000
MOST_ROOMS = 1000
WEIGHTS = ROOT / "models" / "weights" / "completion.safetensors"


def main() -> None:
    arguments = _parser().parse_args()
    if min(arguments.rooms, arguments.test_rooms, arguments.workers) < 1 or not 0 <= arguments.seed < MOST_ROOMS:
        raise UserError(
            f"--rooms, --test-rooms and --workers must be at least 1, and --seed from 0 to {MOST_ROOMS - 1}"
        )
    if max(arguments.rooms, arguments.test_rooms) > MOST_ROOMS:
        raise UserError(f"--rooms and --test-rooms must be at most {MOST_ROOMS}: seeds of runs must not overlap")
    settings = load(arguments.conf, Settings, arguments.set)
    from training.confidence import TABLES
    from training.shape_prior.judged import Recipe

    recipe = Recipe(settings.fit, settings.mesh, settings.prepare.margin, not arguments.shapes)
    begun, shift = time.monotonic(), MOST_ROOMS * arguments.seed
    first = [FIRST_SEED + shift + k for k in range(arguments.rooms)]
    second = [FIRST_TEST_SEED + shift + k for k in range(arguments.test_rooms)]
    found = judge_rooms([*first, *second], recipe, arguments.workers)
    about, reliability = calibrate(*([one for seed in seeds for one in found[seed]] for seeds in (first, second)))
    about["rooms"], about["first_seed"] = len(first), first[0]
    about["held_out"] = {"rooms": len(second), "first_seed": second[0], **about["held_out"]}
    about["judged"] = "completed shapes, before any fit" if arguments.shapes else "meshes as they are saved"
    about["command"] = shlex.join(["python", "-m", "scripts.calibrate", *sys.argv[1:]])
    about["seconds"] = round(time.monotonic() - begun)
    about["network"] = fingerprint(0, [WEIGHTS])
    text = page(about, reliability)
    write_json(TABLES if arguments.out is None else arguments.out / TABLES.name, about)
    write_text(ROOT / "docs" / "confidence.md" if arguments.out is None else arguments.out / "confidence.md", text)
    print(text)


def calibrate(learned: Sequence[Judged], tested: Sequence[Judged]) -> tuple[dict[str, Any], dict[str, Reliability]]:
    """Tables from some objects, as they lie on disk, and how far they can be believed of others.

    Raises UserError where there are no seen or no completed vertices.
    """
    from training.calibration import Reliability, rising_table
    from training.confidence import Tables
    from training.shape_prior.judged import Judged

    if not learned or not tested:
        raise UserError("these rooms show too few objects; take more with --rooms and --test-rooms")
    whole, held = Judged.of(learned), Judged.of(tested)
    seen = whole.clues.seen
    tables = Tables(*(rising_table(whole.clues.sureness[here], whole.right[here]) for here in (seen, ~seen)))
    confidence = tables.confidence(held.clues)
    kinds = {"seen": held.clues.seen, "completed": ~held.clues.seen, "all": np.ones(len(held.right), bool)}
    reliability = {name: Reliability.of(confidence[here], held.right[here]) for name, here in kinds.items()}
    about = {
        **{name: {key: list(knots) for key, knots in vars(table).items()} for name, table in vars(tables).items()},
        "objects": len(learned),
        "vertices": len(whole.right),
        "held_out": {"objects": len(tested), **{name: _figures(one) for name, one in reliability.items()}},
    }
    return about, reliability


def judge_rooms(seeds: Sequence[int], recipe: Recipe, workers: int) -> dict[int, list[Judged]]:
    """Each room's objects, by its seed; rooms are worked on side by side."""
    from training.shape_prior import judged

    warm_up([judged.__name__, "training.priors.learned"])
    countdown = Countdown("rooms", len(seeds))
    found = {}
    with worker_pool(min(workers, len(seeds))) as pool:
        futures = {pool.submit(judged.judge_room, seed, recipe): seed for seed in seeds}
        for future in as_completed(futures):
            found[futures[future]] = future.result()
            countdown.done(f"room {futures[future]}")
    return found


def page(about: dict[str, Any], reliability: dict[str, Reliability]) -> str:
    """What was found, as Markdown."""
    held = about["held_out"]
    parts = [
        "# How far confidence can be believed",
        "Every vertex of a mesh carries `seen` (it lies on surface that a camera sensed) and `confidence`: the "
        "probability that it lies within 2 cm of the true surface. "
        f"The tables behind it come from {about['objects']} objects of {about['rooms']} generated rooms (seeds from "
        f"{about['first_seed']}); the figures here from {held['objects']} objects of {held['rooms']} others (seeds "
        f"from {held['first_seed']}), {held['all']['vertices']} vertices. No network was trained on either. "
        f"Judged were {about['judged']}. "
        "Real rooms are not generated ones: there it is an estimate.",
        f"Made by `{about['command']}` in {about['seconds']} s.",
        "| vertices | count | share within 2 cm | mean confidence | calibration error | Brier score | of a constant |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        + "\n".join(
            f"| {name} | {one['vertices']} | {one['right']:.3f} | {one['confidence']:.3f} | "
            f"{one['calibration_error']:.3f} | {one['brier']:.3f} | {one['brier_constant']:.3f} |"
            for name, one in ((name, held[name]) for name in reliability)
        ),
        "Calibration error: the mean distance between confidence and the share that is right, over ten bins of "
        "confidence by their counts. Brier score: the mean squared error of confidence as a forecast; a constant "
        "forecast that knew the share beforehand would have the last column's. Vertices of one object are right or "
        "wrong together: a bin's share can be off by several hundredths for that alone.",
    ]
    for name, one in reliability.items():
        rows = [f"| {b.low:.1f} to {b.high:.1f} | {b.count} | {b.confidence:.3f} | {b.right:.3f} |" for b in one.bins]
        head = "| confidence | vertices | mean confidence | share within 2 cm |\n| --- | --- | --- | --- |\n"
        parts += [f"## {name.capitalize()}", head + "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def _figures(one: Reliability) -> dict[str, float]:
    mean = sum(b.count * b.confidence for b in one.bins) / one.count
    figures = {"confidence": mean, "right": one.right, "calibration_error": one.error, "brier": one.brier}
    return {"vertices": one.count} | {
        name: round(value, 4) for name, value in {**figures, "brier_constant": one.brier_constant}.items()
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.calibrate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rooms", type=int, default=6, help="that the tables come from (default %(default)s)")
    parser.add_argument("--test-rooms", type=int, default=3, help="that they are tested on (default %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="rooms side by side (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="other rooms (default %(default)s)")
    parser.add_argument(
        "--shapes", action="store_true", help="judge the shapes that fields are fitted to, not the meshes: faster"
    )
    parser.add_argument("--conf", type=Path, default=ROOT / "confs" / "fast.conf", help="(default confs/fast.conf)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting")
    parser.add_argument("--out", type=Path, help="a folder for tables and page, in place of the project's own")
    return parser


if __name__ == "__main__":
    run_cli(main)
