"""An object's measures put in order for a page: grouped by what they are measured against, beside another run's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evaluation.measures import AGAINST_TRUTH, AGAINST_VIEWS, MEASURES, OF_THE_MESH, Measure

Scores = Mapping[str, float]

_REGIONS = {"": "whole", "_seen": "seen", "_hidden": "hidden"}
_REGIONAL = re.compile(
    r"(accuracy|completion|chamfer|normal_consistency|precision|recall|f)(_seen|_hidden)?(_m|_relative|_[a-z]*_?[\d.]+)?"
)
# In their headings and sentences the measures of a region say which; in a column of that name they need not.
_REGION_WORDS = re.compile(r"^(seen|hidden) ")
_LOW = re.compile(
    r"(accuracy|completion|chamfer).*|hausdorff_m|free_space_violation|components|self_intersections"
    r"|alignment_(translation_m|rotation_deg|scale_error)"
)
_HIGH = re.compile(
    r"(precision|recall|f|normal_consistency)(_.*)?|volume_iou|depth_agreement|silhouette_iou|watertight"
    r"|alignment_correct|confidence_mean"
)
_CHAMFER = re.compile(r"chamfer(_seen|_hidden)?_m")
_REPEATS_M = 0.00005  # of a chamfer between seeds, with the samples of ``evaluation.settings.ScoreSettings``
_YES_OR_NO = ("watertight", "alignment_correct")


@dataclass(frozen=True)
class Change:
    """What the second of two runs has more, signed, and whether that is better; "" where neither is."""

    text: str
    judged: Literal["better", "worse", "same", ""]


@dataclass(frozen=True)
class Cell:
    """A measure written out, once a run, and what changed from the first of two runs to the second."""

    texts: tuple[str, ...]
    change: Change | None = None


@dataclass(frozen=True)
class Row:
    """A measure in all regions of its group."""

    heading: str
    unit: str
    meaning: str
    cells: tuple[Cell, ...]
    main: bool  # worth a look before the others


@dataclass(frozen=True)
class Group:
    """Measures against the same thing; ``regions`` head the cells of a row where there is more than one."""

    title: str
    regions: tuple[str, ...]
    rows: tuple[Row, ...]


def score_groups(runs: Sequence[Scores]) -> list[Group]:
    """An object's measures by what they are measured against; ``runs`` has its scores in one run or in two."""
    groups = [_truth_group(runs)]
    for title, measures in (("Against the views", AGAINST_VIEWS), ("The mesh itself", OF_THE_MESH)):
        rows = [
            Row(one.heading, _unit(one), one.meaning, (_cell(one, runs, single=True),), True)
            for one in measures
            if any(one.key in scores for scores in runs)
        ]
        groups.append(Group(title, ("",), tuple(rows)))
    return [group for group in groups if group.rows]


def explained(scores: Iterable[Scores]) -> list[Measure]:
    """Every measure that an object has, for a list of what they mean."""
    keys = {key for one in scores for key in one}
    return [measure for measure in MEASURES if measure.key in keys]


def column_cells(columns: Sequence[Measure], runs: Sequence[Scores]) -> list[Cell]:
    """One object's line of a table of many objects."""
    return [_cell(measure, runs) for measure in columns]


def histogram(scores: Scores) -> list[float]:
    """The share of a mesh's surface in each tenth of confidence, the lowest first; [] where that is not known."""
    shares = [scores.get(f"confidence_in_{tenth / 10:.1f}", np.nan) for tenth in range(10)]
    return [] if np.isnan(shares).any() else shares


def _truth_group(runs: Sequence[Scores]) -> Group:
    rows: dict[str, tuple[Measure, dict[str, Measure]]] = {}
    for measure in AGAINST_TRUTH:
        base, _ = _split(measure.key)
        plain = replace(measure, key=base, heading=_REGION_WORDS.sub("", measure.heading))
        by_region = {region: replace(plain, key=_joined(base, region)) for region in _REGIONS}
        rows.setdefault(base, (plain, by_region if _REGIONAL.fullmatch(base) else {"": plain}))
    shown = [
        region
        for region in _REGIONS
        if any(each[region].key in scores for _, each in rows.values() for scores in runs if region in each)
    ]
    # A measure without regions takes the first column; the others of its line are empty.
    written = [
        Row(
            plain.heading,
            _unit(plain),
            plain.meaning,
            tuple(_cell(by_region[r], runs, single=True) if r in by_region else Cell(("",) * len(runs)) for r in shown),
            plain.column,
        )
        for plain, by_region in rows.values()
        if any(measure.key in scores for measure in by_region.values() for scores in runs)
    ]
    return Group("Against the true surface", tuple(_REGIONS[region] for region in shown), tuple(written))


def _split(key: str) -> tuple[str, str]:
    """``recall_seen_0.02`` -> (``recall_0.02``, ``_seen``)."""
    match = _REGIONAL.fullmatch(key)
    return (match[1] + (match[3] or ""), match[2] or "") if match else (key, "")


def _joined(base: str, region: str) -> str:
    match = _REGIONAL.fullmatch(base)
    return match[1] + region + (match[3] or "") if match else base


def _unit(measure: Measure) -> str:
    return "" if measure.key in _YES_OR_NO else measure.unit


def _cell(measure: Measure, runs: Sequence[Scores], single: bool = False) -> Cell:
    """``single``: of one object, of which a measure of yes or no is one or the other and no share."""
    if single and measure.key in _YES_OR_NO:
        texts = tuple({1.0: "yes", 0.0: "no"}.get(scores.get(measure.key, -1.0), "–") for scores in runs)
        measure = replace(measure, digits=0)
    else:
        texts = tuple(measure.text(scores) for scores in runs)
    return Cell(texts, _change(measure, runs[0], runs[1]) if len(runs) == 2 else None)


def _change(measure: Measure, first: Scores, second: Scores) -> Change | None:
    """None where one of the two lacks the measure.  It is the difference of the numbers as written beside it, and no
    better or worse where it may be of the samples drawn."""
    if measure.key not in first or measure.key not in second:
        return None
    before, after = (round(scores[measure.key] * measure.factor, measure.digits) for scores in (first, second))
    difference = round(after - before, measure.digits)
    if difference == 0:
        return Change("±0", "same")
    text = f"{difference:+.{measure.digits}f}".replace("-", "−")
    if _CHAMFER.fullmatch(measure.key) and abs(second[measure.key] - first[measure.key]) < _REPEATS_M:
        return Change(text, "same")
    if _LOW.fullmatch(measure.key):
        return Change(text, "better" if difference < 0 else "worse")
    if _HIGH.fullmatch(measure.key):
        return Change(text, "better" if difference > 0 else "worse")
    return Change(text, "")
