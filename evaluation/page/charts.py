"""Loss curves as lines of an SVG: where they run, what the axes say, and the same in a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.page.records import Curve

WIDTH, HEIGHT = 440, 250  # little, so that its text is still read on a phone
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 14.0, 12.0, 46.0
_LOG_FROM = 30.0  # a logarithmic axis where the largest value is so many times the smallest
_FEW = 12  # points of a curve that are marked one by one
_DECADES = 6  # below the largest value so many are shown: a loss that reaches 0 would flatten all others


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """``path`` is an SVG path, ``dots`` are the places of its points where they are few; ``first`` and ``last`` are its
    values as text."""

    name: str
    path: str
    first: str
    last: str
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Chart:
    """Pixels of a picture of ``WIDTH`` x ``HEIGHT``, y down."""

    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    says: str
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    log: bool
    begin: float  # pixels of low and of high
    end: float

    def at(self, value: float) -> float:
        low, high, here = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        share = (here - low) / (high - low) if high > low else 0.5
        return round(self.begin + share * (self.end - self.begin), 1)

    def ticks(self) -> tuple[Tick, ...]:
        if self.log:
            powers = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
            return tuple(Tick(self.at(10.0**power), f"{10.0**power:g}") for power in powers)
        step = _round_step((self.high - self.low) / 4)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(Tick(self.at(k * step), f"{round(k * step, 12):,g}") for k in range(first, last + 1))


def loss_charts(runs: Sequence[Sequence[Curve]]) -> list[Chart | None]:
    """A chart a run, all with the same axes, so that they can be compared; None for a run without curves."""
    points = [point for curves in runs for curve in curves for point in _finite(curve)]
    if not points:
        return [None] * len(runs)
    steps, values = [step for step, _ in points], [value for _, value in points]
    x = _Axis(min(steps), max(steps) if max(steps) > min(steps) else min(steps) + 1, False, _LEFT, WIDTH - _RIGHT)
    y = _value_axis(values)
    return [_chart(curves, x, y) if any(_finite(curve) for curve in curves) else None for curves in runs]


def _value_axis(values: Sequence[float]) -> _Axis:
    """Logarithmic over whole decades where the values are positive and far apart."""
    ends = HEIGHT - _BOTTOM, _TOP
    positive = [value for value in values if value > 0]
    if positive and min(values) >= 0 and max(positive) / min(positive) > _LOG_FROM:
        top = math.ceil(math.log10(max(positive)))
        low = max(math.floor(math.log10(min(positive))), top - _DECADES)
        return _Axis(10.0**low, 10.0**top, True, *ends)
    low_end, high_end = min(0.0, *values), max(0.0, *values)
    return _Axis(low_end, high_end if high_end > low_end else low_end + 1.0, False, *ends)


def _chart(curves: Sequence[Curve], x: _Axis, y: _Axis) -> Chart:
    drawn = [(curve, _finite(curve)) for curve in curves if _finite(curve)]
    lines = tuple(_line(curve.name, points, x, y) for curve, points in drawn)
    told = "; ".join(f"{line.name} goes from {line.first} to {line.last}" for line in lines)
    scale = "logarithmic" if y.log else "linear"
    return Chart(
        lines, x.ticks(), y.ticks(), f"Losses over steps {x.low:,g} to {x.high:,g}, on a {scale} scale: {told}."
    )


def _line(name: str, points: Sequence[tuple[float, float]], x: _Axis, y: _Axis) -> Line:
    """What lies below a logarithmic axis runs along its foot."""
    places = tuple((x.at(step), y.at(max(value, y.low))) for step, value in points)
    path = "M" + "L".join(f"{at},{height}" for at, height in places)
    return Line(name, path, f"{points[0][1]:.3g}", f"{points[-1][1]:.3g}", places if len(places) <= _FEW else ())


def _finite(curve: Curve) -> list[tuple[float, float]]:
    pairs = zip(curve.steps, curve.values, strict=True)
    return [(float(step), value) for step, value in pairs if math.isfinite(step) and math.isfinite(value)]


def _round_step(wanted: float) -> float:
    """1, 2 or 5 times a power of ten, at least ``wanted``."""
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= wanted * (1 - 1e-9))
