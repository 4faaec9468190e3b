"""The losses of a fit as curves, few points each."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from evaluation.page.records import Curve

_NOT_LOSSES = ("step", "phase")


def read_curves(path: Path, most: int) -> list[Curve]:
    """The curves of a log of JSON lines ``{"step", "phase", <loss>: value}``, at most ``most`` points each; none where
    there is no log.

    Of a longer log, as many equal stretches of lines give a point each: the medians of steps and values, so that a
    single wild step does not stand for its neighbours.  Lines cut short and values that are not finite are passed over.
    """
    found: dict[str, list[tuple[int, float]]] = {}
    for line in _lines(path):
        for name, value in line.items():
            if name not in _NOT_LOSSES and _is_number(value):
                found.setdefault(name, []).append((int(line["step"]), float(value)))
    return [_thinned(name, points, most) for name, points in found.items()]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):  # cut short
            continue
        if isinstance(entry, dict) and _is_number(entry.get("step")):
            yield entry


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _thinned(name: str, points: list[tuple[int, float]], most: int) -> Curve:
    steps, values = np.array([step for step, _ in points]), np.array([value for _, value in points])
    if len(points) > most:
        stretches = np.array_split(np.arange(len(points)), most)
        steps = np.array([int(np.median(steps[stretch])) for stretch in stretches])
        values = np.array([np.median(values[stretch]) for stretch in stretches])
    return Curve(name, steps.tolist(), values.tolist())
