"""What a setting's value may be, so that nonsense is refused before any work and not far into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def check_ranges(
    settings: Any,
    *,
    positive: tuple[str, ...] = (),
    not_negative: tuple[str, ...] = (),
    at_least_1: tuple[str, ...] = (),
    shares: tuple[str, ...] = (),
) -> None:
    """Raise ValueError naming the first field of ``settings`` that lies outside its range (NaN lies outside all)."""
    rules: list[tuple[tuple[str, ...], Callable[[Any], bool], str]] = [
        (positive, lambda value: value > 0, "be positive"),
        (not_negative, lambda value: value >= 0, "not be negative"),
        (at_least_1, lambda value: value >= 1, "be at least 1"),
        (shares, lambda value: 0 <= value <= 1, "lie from 0 to 1"),
    ]
    for names, holds, wanted in rules:
        for name in names:
            value = getattr(settings, name)
            if not holds(value):
                raise ValueError(f"{name} must {wanted}, not {value!r}")
