"""The losses of a fit as JSON lines: one object {"step", "phase", <loss>: value} a line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from scene.files import told_plainly, write_text


class LossLog:
    """Appends to ``path``; what an earlier run wrote of later steps is taken out first."""

    def __init__(self, path: Path, from_step: int) -> None:
        self._path = path
        kept = []
        if path.is_file():
            kept = [
                line
                for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
                if _step_of(line) <= from_step
            ]
        write_text(path, "".join(line + "\n" for line in kept))

    def write(self, phase: str, step: int, losses: Mapping[str, float]) -> None:
        """One line, on disk when this returns."""
        with told_plainly(self._path), open(self._path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps({"step": step, "phase": phase, **losses}) + "\n")


def _step_of(line: str) -> int | float:
    """The line's step; beyond all steps for a line that was cut short."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
