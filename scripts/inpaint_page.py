"""docs/inpainting.md: how well hidden pixels are found, and what filling them is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scripts.bench_rows import CHAMFER
from scripts.inpaint_scores import OCCLUDED
from scripts.inpaint_truth import LEAST_TRUE_PX, MaskCounts

LEAST_OCCLUDED = 0.005  # of an object's surface: with less its recall there is not judged
WANTED_GAIN = 0.10  # of the oracle over none, in recall at 2 cm on occluded surface
_FIGURES = (
    (f"recall_{OCCLUDED}_0.02", "occluded recall@2cm", 1.0),
    (f"recall_{OCCLUDED}_0.05", "occluded recall@5cm", 1.0),
    (CHAMFER.key, "chamfer (cm)", 100.0),
    ("f_0.02", "F@2cm", 1.0),
    ("precision_0.02", "precision@2cm", 1.0),
    ("recall_hidden_0.02", "hidden@2cm", 1.0),
    ("recall_hidden_0.05", "hidden@5cm", 1.0),
    ("recall_seen_0.02", "seen@2cm", 1.0),
)
_COLUMNS = (
    "| object | views | truly hidden (px a view) | IoU | precision | recall |\n| --- | --- | --- | --- | --- | --- |\n"
)

Scores = Mapping[str, Sequence[Mapping[str, float]]]  # by way, one entry an object; the same objects in the same order


@dataclass(frozen=True)
class Made:
    """How the figures came about."""

    origin: str  # scripts.bench_page.origin
    first_seed: int
    rooms: int
    ways: Mapping[str, str]  # what each stands for
    picture: str | None  # the sheet of masks, relative to the page


def page(made: Made, counts: Sequence[MaskCounts], scores: Scores) -> str:
    last = made.first_seed + made.rooms - 1
    parts = [
        "# Hidden pixels, and what filling them is worth",
        f"Rooms of the project's own generator, seeds {made.first_seed:,} to {last:,}: no network was trained on them "
        "and no setting chosen by them (the rules for masks were tuned on seeds from 9,800,000).",
        made.origin,
        "## Masks",
        _about_masks(counts),
        *([f"![Hidden pixels found in generated rooms]({made.picture})", _LEGEND] if made.picture else []),
        "## What it buys",
        _about_ways(made, scores),
    ]
    return "\n\n".join(parts) + "\n"


_LEGEND = (
    "Of each object the view in which most of it is hidden: blue is seen of it, green hidden and found, red found but "
    "not so, yellow hidden but not found."
)


def _about_masks(counts: Sequence[MaskCounts]) -> str:
    chosen = [one for one in counts if one.is_judged]
    rest = [one for one in counts if not one.is_judged]
    ious = [one.iou for one in chosen]
    lines = "".join(
        f"| {one.scene} {one.instance_id} ({one.label}) | {one.views} | {one.true / one.views:.0f} | {one.iou:.3f} | "
        f"{one.precision:.3f} | {one.recall:.3f} |\n"
        for one in sorted(chosen, key=lambda one: (one.scene, one.instance_id))
    )
    mean = f"| **mean** | | | **{np.mean(ious):.3f}** | {_mean(chosen, 'precision')} | {_mean(chosen, 'recall')} |\n"
    false = float(np.mean([(one.found - one.both) / one.views for one in rest])) if rest else 0.0
    return (
        "A pixel is truly hidden where the ray through its centre, from the camera's true place, meets the object's "
        "true mesh, and something else at least 1 cm before it. The masks are computed from what a scan tells alone: "
        "its noisy depth, the poses that it reports, the instance images, and the shape as the priors complete "
        "it (`preprocess/hidden.py`). Pixels are counted over all picked views of an object together, also over those "
        f"in which nothing is hidden; judged are the {len(chosen)} of {len(counts)} objects with at least "
        f"{LEAST_TRUE_PX:,} truly hidden pixels. On the other {len(rest)} the masks hold {false:.0f} wrong pixels a "
        f"view of 640x480.\n\nMean IoU {np.mean(ious):.3f} (median {np.median(ious):.3f}; "
        f"{sum(i >= 0.6 for i in ious)} of {len(ious)} objects at 0.6 or more).\n\n" + _COLUMNS + lines + mean
    )


def _mean(counts: Sequence[MaskCounts], what: str) -> str:
    return f"{np.mean([getattr(one, what) for one in counts]):.3f}"


def _about_ways(made: Made, scores: Scores) -> str:
    first, oracle, drawn = list(made.ways)[:3]
    pairs = _pairs(scores, first, oracle)
    head = "| way | " + " | ".join(name for _, name, _ in _FIGURES) + " |\n" + "| --- " * (len(_FIGURES) + 1) + "|\n"
    lines = "".join(
        f"| {way} | " + " | ".join(_figure(scores[way], *f) for f in _FIGURES) + " |\n" for way in made.ways
    )
    ways = "\n".join(f"- **{way}**: {meaning}." for way, meaning in made.ways.items())
    share = np.mean([one[f"share_{OCCLUDED}"] for one in scores[first]])
    return (
        f"The same objects, reconstructed in {len(made.ways)} ways that differ in nothing else:\n\n{ways}\n\n"
        "*Occluded* surface is what an occluder alone keeps from the object's picked views: true surface that none of "
        "them saw, and that at least one of them would see if nothing else stood before it. It is "
        f"{share:.1%} of these objects' surface; its recall is the mean over the {len(pairs)} objects of which it is "
        f"{LEAST_OCCLUDED:.1%} or more. The other figures are those of the bench, over all {len(scores[first])} judged "
        f"objects.\n\n{head}{lines}\n"
        f"The oracle's gain on occluded surface is {_gain(pairs)} (wanted: {WANTED_GAIN:+.2f}); with the true masks "
        f"{_gain(_pairs(scores, first, drawn))}. The difference is surface that the found masks leave out: pixels are "
        "found hidden by the shape that the priors complete, so a part that they leave out is in none."
    )


def _pairs(scores: Scores, first: str, then: str) -> list[tuple[float, float]]:
    """Recall on occluded surface in two ways, of the objects where it is judged."""
    key = _FIGURES[0][0]
    return [
        (a[key], b[key])
        for a, b in zip(scores[first], scores[then], strict=True)
        if key in a and a[f"share_{OCCLUDED}"] >= LEAST_OCCLUDED
    ]


def _gain(pairs: Sequence[tuple[float, float]]) -> str:
    if not pairs:
        return "not to be told"
    better, worse = sum(b > a for a, b in pairs), sum(b < a - 0.01 for a, b in pairs)
    mean = float(np.mean([b - a for a, b in pairs]))
    return f"{mean:+.3f} ({better} of {len(pairs)} objects gain, {worse} lose more than 0.01)"


def _figure(scores: Sequence[Mapping[str, float]], key: str, name: str, factor: float) -> str:
    values = [
        one[key] for one in scores if key in one and (OCCLUDED not in key or one[f"share_{OCCLUDED}"] >= LEAST_OCCLUDED)
    ]
    return f"{factor * np.mean(values):.{2 if factor > 1 else 3}f}" if values else "-"
