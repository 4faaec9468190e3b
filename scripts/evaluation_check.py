"""Measures the evaluation itself, and prints what was promised of it beside what was reached.

    python -m scripts.evaluation_check RUN RUN [--bench DIR] [--generated BENCH] --out docs/evaluation.md

Each RUN is a finished run of reconstruct.py on a room of --bench (``scannet/<scene>_scannet`` and ``truth/<scene>``).
BENCH is what ``bash scripts/bench.sh --generated 4 --seed 9700000 --methods fusion,ours --out BENCH`` left: on its
rooms it is measured how well the traffic light tells.  Exit status 1 when a target was missed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scene.errors import UserError
from scene.files import write_text
from scene.runlog import provenance, run_cli

if TYPE_CHECKING:
    from scripts.evaluation_reach import Reached

BENCH = Path(__file__).resolve().parents[2] / "shared" / "data" / "bench"
_REFUSED = (
    "A mesh of the first room, broken on purpose, with and without its true mesh at hand; and its true mesh, broken "
    "likewise. Each is refused in a sentence. A refused mesh has no number but, where there is a true mesh, F, "
    "precision and recall of 0, as one that is not there; beside a refused true mesh only what needs none is measured. "
    "An object near the scan's origin may overlap itself in another frame; then it is scored, and badly."
)
_THEMSELVES = (
    "True meshes against themselves, {samples:,} points on each side, drawn apart. The chamfer is no error: points "
    "drawn twice from one surface are about so far apart as their density says (`sampling floor`), and smaller "
    "differences between meshes mean nothing."
)
_SIMILAR = (
    "What views are told to have seen of a true mesh that is not quite the object, as a CAD model placed by hand: the "
    "rooms' true meshes, moved either way along the three axes or scaled, against what was sensed of the right ones. "
    "A point counts as seen within 2 cm and 1 % of the sensed depth (`evaluation/visibility.py`): where a truth is off "
    "by more, much of what was seen counts as hidden, and `hidden` measures of such truths are in part of seen surface."
)
_LIGHTS = (
    "Meshes of generated rooms, their truth hidden from the light (`evaluation/verdict.py`). *ours* and *fusion* as "
    "the bench makes them; the rest are meshes of ours, one in three, spoilt on purpose. F and precision at 2 cm."
)


def main() -> int:
    arguments = _parser().parse_args()
    for run in arguments.run:
        if not (run / "meshes").is_dir():
            raise UserError(f"{run}: holds no meshes; give a finished run of reconstruct.py")
    text, missed = page(arguments)
    if arguments.out is not None:
        write_text(arguments.out, text)
    print(text)
    return int(missed)


def page(arguments: argparse.Namespace) -> tuple[str, bool]:
    """The whole page, and whether a target was missed."""
    from evaluation.settings import ScoreSettings
    from scripts import evaluation_lights, evaluation_reach, evaluation_similar
    from scripts.bench_page import origin, table

    settings = ScoreSettings()
    rooms = evaluation_reach.rooms_of(arguments.run, arguments.bench)
    timed = evaluation_reach.timed(rooms, settings)  # first, as a user's own run would
    refused = list(evaluation_reach.refusals(rooms))
    themselves = dict(evaluation_reach.against_themselves(rooms, settings.samples))
    reached = [
        evaluation_reach.known_values(),
        evaluation_reach.recomputed(rooms),
        evaluation_reach.repeated(rooms, settings.samples),
        timed,
        *_summed(themselves, refused),
    ]
    # Folders' names mean nothing on another machine; which rooms they were of does.
    words = [*(f"RUN_OF_{room.name}" for room in rooms), *(["--generated BENCH"] if arguments.generated else [])]
    lines = [[one.what, one.target, one.reached, "yes" if one.met else "**missed**"] for one in reached]
    parts = [
        "# Evaluation, measured",
        origin(provenance(), "python -m scripts.evaluation_check " + " ".join(words)),
        table(["what", "target", "reached", "met"], [], lines),
        "## What is refused",
        _REFUSED,
        "\n".join(f"- {wrong}, {known}: {sentence or '**a number**'}" for wrong, known, sentence in refused),
        "## Truth against itself",
        _THEMSELVES.format(samples=settings.samples),
        table(["object"], ["F@1cm", "F@2cm", "chamfer mm", "sampling floor mm"], _themselves(themselves)),
    ]
    shares = ["told seen %", "of the truly seen %", "of the truly hidden %"]
    similar = table(["true mesh"], shares, list(evaluation_similar.rows(rooms, settings)))
    parts += ["## A truth that is only similar", _SIMILAR, similar]
    if arguments.generated is not None:
        judged = list(evaluation_lights.rows(evaluation_lights.judge_rooms(arguments.generated)))
        heads = ["meshes", "mean F %", "least F %", "mean precision %"]
        parts += ["## What the light tells", _LIGHTS, table(["made by", "light"], heads, judged)]
    return "\n\n".join(parts) + "\n", not all(one.met for one in reached)


def _summed(
    themselves: Mapping[str, Mapping[str, float]], refused: Sequence[tuple[str, str, str | None]]
) -> Iterator[Reached]:
    """What the page's other parts come to."""
    from scripts.evaluation_reach import Reached

    least = min(one["f_0.02"] for one in themselves.values())
    yield Reached("true meshes against themselves, least F at 2 cm", "1", f"{least:.6f}", least == 1.0)
    named = sum(sentence is not None for *_, sentence in refused)
    yield Reached(
        "broken meshes and true meshes refused in a sentence",
        "all",
        f"{named} of {len(refused)}",
        named == len(refused),
    )


def _themselves(scores: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """A line a true mesh."""
    return [
        [name, *(f"{one[key]:.4f}" for key in ("f_0.01", "f_0.02"))]
        + [f"{1000 * one[key]:.3f}" for key in ("chamfer_m", "sampling_floor_m")]
        for name, one in scores.items()
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.evaluation_check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, nargs="+", metavar="RUN", help="finished runs on rooms with true meshes")
    parser.add_argument("--bench", type=Path, default=BENCH, metavar="DIR", help="the rooms and their true meshes")
    parser.add_argument("--generated", type=Path, metavar="BENCH", help="a bench of generated rooms, for the light")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the page is also written")
    return parser


if __name__ == "__main__":
    run_cli(main)
