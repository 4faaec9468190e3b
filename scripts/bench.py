"""Measures the reconstruction beside other methods, object by object, and prints one page.

    bash scripts/bench.sh [--only NAME ...] [--objects 5,6] [--methods fusion,ours] [--out DIR]
    bash scripts/bench.sh --generated 10 [--seed 7000000]
    bash scripts/bench.sh --generated 3 --methods ours --variant fine='mesh.voxel_m=0.005'

The first measures ``--rooms`` (``scannet/<scene>_scannet`` and ``truth/<scene>/obj_<k>.ply``) by every method, and
``--real``, a scan without true meshes, by fusion and ours; the second, rooms that nothing was trained or tuned on; the
third, settings of one's own beside those that are there.  A run without options other than these of the first two's
defaults writes its page and rows to docs/, any other to its own folder alone.  The same command with the same ``--out``
goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from scene.errors import UserError
from scene.files import write_text
from scene.runlog import log, run_cli
from scripts.bench_base import FAST, ROOT, Base, Options, reconstruct
from scripts.bench_methods import BRIEF, PUBLISHED, Method, choose, methods_of, refuse_same_names, variant
from scripts.bench_page import Page
from scripts.bench_published import Published
from scripts.bench_rows import Row, Whole, csv_text
from scripts.bench_scores import rows_of
from scripts.bench_subjects import UNSEEN_SEED, Subject, find_subjects, generated_subjects

DATA = ROOT.parent / "shared" / "data"
_ROOMS = 10  # generated ones, of the page in docs/
_OWN = ("only", "objects", "methods", "variant", "conf", "set", "rooms", "real", "steps", "seed")
_ABOUT = "Every object by every method is in [{name}.csv]({name}.csv), in metres, shares of 1, seconds and MB."
_ABOUT_GENERATED = (
    "Rooms of the project's own generator (`python -m scene.synthetic`), seeds {first} to {last}: no network was "
    "trained on them and no setting chosen by them. " + _ABOUT
)
_NO_POISSON = (
    "Screened Poisson is not among the methods: of the Python packages that offer it, PyMeshLab (106 MB, GPL) and "
    "Open3D (400 MB) are heavy, and pypoisson2 has to be compiled."
)


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what it started, as Ctrl-C does
    parser = _parser()
    arguments = parser.parse_args()
    if arguments.steps < 2:
        raise UserError(f"--steps {arguments.steps}: a step is timed from its beginning to the next; give 2 at least")
    options = Options(arguments.conf, tuple(arguments.set), arguments.objects)
    out = Path(tempfile.mkdtemp(prefix="farside-bench-")) if arguments.out is None else arguments.out
    published = Published(out / "published_pace.json", arguments.steps)
    methods = methods_of(options.settings(), published)
    own = [variant(text, options) for text in arguments.variant]
    refuse_same_names([*methods, *own])
    named = None if arguments.methods is None else choose(methods, arguments.methods.split(","))
    if arguments.generated is None:
        subjects = find_subjects(arguments.rooms, real_scan(arguments.real), arguments.only)
    elif arguments.only:
        raise UserError("--only: names scans that are there already; leave it out beside --generated")
    else:
        subjects = generated_subjects(out / "generated", arguments.generated, arguments.seed)
    log.info("meshes and records: %s", out)

    rows: list[Row] = []
    wholes: list[Whole] = []
    used: list[Method] = []
    for subject in subjects:
        brief = arguments.generated is not None or subject.truth is None
        chosen = [*(named or (choose(methods, BRIEF) if brief else methods)), *own]
        used += [method for method in chosen if method not in used]
        whole, measured = measure(subject, out / subject.name, options, chosen)
        wholes.append(whole)
        rows += measured
    in_order = [method for method in [*methods, *own] if method in used]
    notes = [pace_note(published.pace())] if PUBLISHED in {method.name for method in used} else []
    name = "bench" if arguments.generated is None else "generated_rooms"
    text = page_of(arguments, name, in_order, notes).text(rows, wholes)
    default = all(getattr(arguments, key) == parser.get_default(key) for key in _OWN)
    for folder in (out, *([ROOT / "docs"] if default and arguments.generated in (None, _ROOMS) else [])):
        write_text(folder / f"{name}.md", text)
        write_text(folder / f"{name}.csv", csv_text(rows))
    print(text)
    return int(any(row.problems for row in rows))


def measure(subject: Subject, out: Path, options: Options, methods: list[Method]) -> tuple[Whole, list[Row]]:
    """Make one scan's meshes by every method, one method after another, and score them.

    ``ours`` is always made first: the others start from its object folders.
    """
    base = reconstruct(subject, out, options)
    made = {}
    for method in methods:
        log.info("%s: %s", subject.name, method.name)
        made[method.name] = method.make(base, base.folder(method.name))
    return whole_run(base), rows_of(base, made)


def whole_run(base: Base) -> Whole:
    record = base.record
    return Whole(base.scan.name, len(base.scan), record["stages"], len(record["objects"]), record["provenance"])


def page_of(arguments: argparse.Namespace, name: str, methods: list[Method], notes: list[str]) -> Page:
    """The page round the tables, of the rooms that were there or of those made."""
    command = "bash scripts/bench.sh " + shlex.join(without_out(sys.argv[1:]))
    meanings = {method.name: method.meaning for method in methods}
    if arguments.generated is None:
        return Page("Bench", _ABOUT.format(name=name), command, meanings, True, [*notes, _NO_POISSON])
    last = arguments.seed + arguments.generated - 1
    about = _ABOUT_GENERATED.format(first=f"{arguments.seed:,}", last=f"{last:,}", name=name)
    return Page("Generated rooms", about, command, meanings, False, notes)


def without_out(words: list[str]) -> list[str]:
    """A command's words less ``--out`` and its folder, which means nothing on another machine."""
    places = {i for i, word in enumerate(words) if word == "--out"}
    return [
        word
        for i, word in enumerate(words)
        if i not in places and i - 1 not in places and not word.startswith("--out=")
    ]


def pace_note(seconds_a_step: dict[str, float]) -> str:
    steps = ", ".join(f"{seconds:.3f} s in {stage}" for stage, seconds in seconds_a_step.items())
    return f"One step of the published configuration takes {steps} (median; 512 rays, 64 + 64 samples)."


def real_scan(given: Path) -> Path | None:
    """The real scan; none where the usual one is not there.  (One that was asked for must be.)"""
    return None if given == DATA / "hololens_scan" and not given.is_dir() else given


def _ids(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"give instance ids with commas between, such as 5,6, not {text}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def add(name: str, **how: Any) -> None:
        parser.add_argument(name, **how)

    add("--rooms", type=Path, default=DATA / "bench", metavar="DIR", help="scans with true meshes")
    add("--real", type=Path, default=DATA / "hololens_scan", metavar="SCAN", help="one without")
    add("--only", nargs="+", metavar="NAME", help="only these scans, such as scene9101_00")
    add("--generated", type=int, metavar="N", help="measure so many generated rooms instead, by fusion and ours")
    add("--seed", type=int, default=UNSEEN_SEED, help="of the first generated room (default %(default)s: never used)")
    add("--objects", type=_ids, metavar="5,6", help="only these instance ids")
    add("--methods", metavar="A,B", help="only these methods, such as fusion,published,no-priors,+symmetry,ours")
    add(
        "--variant",
        action="append",
        default=[],
        metavar="NAME='KEY=VALUE ...'",
        help="one method more: the program with these settings; may be given again",
    )
    add("--conf", type=Path, default=FAST, help="another configuration for reconstruct.py")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting for all methods")
    add("--steps", type=int, default=12, help="published steps of each stage that are timed (default %(default)s)")
    add("--out", type=Path, metavar="DIR", help="where all is made (default: a new temporary folder)")
    return parser


if __name__ == "__main__":
    run_cli(main)
