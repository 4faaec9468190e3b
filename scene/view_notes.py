"""What an object folder says of its views beside the images: class name, scores, frame numbers, up, marks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from scene.errors import UserError
from scene.files import read_json, write_json, write_text
from scene.runlog import log

UNKNOWN = "unknown"  # the class name of what looks like nothing known


def spoken(label: str) -> str:
    """The class name as a network that reads texts should be told it."""
    return "object" if label == UNKNOWN else label


@dataclass(frozen=True)
class ViewNotes:
    """Kept in ``semantic.txt``, ``clip_scores.json`` (both O2-Recon's) and ``views.json`` (ours)."""

    label: str  # the class name
    frame_ids: Sequence[int] = ()  # of each view, in the scan
    scores: Sequence[float] = ()  # of each view; higher is better
    up: Float[np.ndarray, " 3"] | None = None  # world, away from gravity, where known
    marks: Sequence[str] = ()  # why a good mesh is doubtful
    names: Mapping[str, float] = dataclasses.field(default_factory=dict)  # seen in it where it had none; best first


def write_notes(folder: Path, notes: ViewNotes) -> None:
    write_text(folder / "semantic.txt", notes.label + "\n")
    write_json(folder / "clip_scores.json", {str(i): float(score) for i, score in enumerate(notes.scores)})
    up = None if notes.up is None else [float(c) for c in notes.up]
    about = {"frame_ids": list(notes.frame_ids), "up": up, "marks": list(notes.marks)}
    write_json(folder / "views.json", about | ({"names": dict(notes.names)} if notes.names else {}))


def read_notes(folder: Path, views: Sequence[int]) -> ViewNotes:
    """The notes for these views (by their number in the folder).  What is absent stays empty, what is broken is
    warned of."""
    label = _read_label(folder / "semantic.txt")
    scores = _read_scores(folder / "clip_scores.json", views)
    path = folder / "views.json"
    if not path.exists():  # a folder by O2-Recon
        return ViewNotes(label, list(views), scores)
    try:
        notes = read_json(path)
        return ViewNotes(
            label,
            [int(notes["frame_ids"][i]) for i in views],
            scores,
            None if notes["up"] is None else np.array(notes["up"], np.float64).reshape(3),
            [str(mark) for mark in notes["marks"]],
            {str(name): float(score) for name, score in notes.get("names", {}).items()},
        )
    except (UserError, KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        log.warning("%s: is broken (%r); going on without it", path, error)
        return ViewNotes(label, list(views), scores)


def _read_label(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip().splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError):
        log.warning("%s: holds no class name; taken as an object", path)
        return "object"


def _read_scores(path: Path, views: Sequence[int]) -> list[float]:
    """One score a view; [] where there are none.  O2-Recon keys them by a number from before its selection, in the
    order of the views, so when the keys are not the views' numbers their order counts."""
    if not path.exists():
        return []
    try:
        scores: Mapping[str, float] = read_json(path)
        if all(str(i) in scores for i in views):
            return [float(scores[str(i)]) for i in views]
        if len(scores) == len(views):
            return [float(score) for score in scores.values()]
        raise ValueError(f"{len(scores)} scores for {len(views)} views")
    except (UserError, TypeError, ValueError, AttributeError) as error:
        log.warning("%s: is broken (%s); going on without scores", path, error)
        return []
