"""A traffic light an object: nothing known speaks against its mesh (green), something does (amber), or it is unfit.

The light says what a user without a true mesh can know, and says the same where there is one: it would mislead if it
were better informed in a test than in use, and against the truth it can be tested how well it tells
(``scripts/evaluation_check.py`` does, docs/evaluation.md shows it).  So precision, recall and F change nothing here.

Red is a mesh that is not there, could not be scored, or contradicts what the cameras saw.  Amber is one that agrees,
but is not whole or passes through itself, or of which too little was seen to know.  The limits were set on generated
rooms: on meshes as this program makes them, on open ones from fusion alone, and on copies spoilt on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.records import Light, ObjectScore, Verdict


@dataclass(frozen=True)
class Limit:
    """From where on a measure earns amber and red, and what was then measured, in words, ``{}`` being its value.

    The words name no cause: a mesh that agrees with few pixels may be moved, too small or of another shape.
    """

    key: str
    amber: float
    red: float
    says_amber: str
    says_red: str
    least: bool = True  # whether the limits are the least that is wanted, or the most

    def light(self, value: float) -> Light:
        sign = 1.0 if self.least else -1.0
        if sign * value < sign * self.red:
            return "red"
        return "amber" if sign * value < sign * self.amber else "green"

    def says(self, value: float) -> str:
        words = self.says_red if self.light(value) == "red" else self.says_amber
        return words.format(_percent(value, self.least))


LIMITS = (
    # Depth is noisy on far, thin and slanted things: of 81 true meshes the worst agrees by 0.69, nineteen of twenty by
    # 0.73 and more.  Moved by 5 cm, or a tenth larger or smaller, hardly any mesh agrees by a half.
    Limit(
        "depth_agreement",
        0.7,
        0.5,
        "only {} of the pixels that show it agree with the mesh within 2 cm",
        "fewer than half of the pixels that show it agree with the mesh within 2 cm: {}",
    ),
    # True meshes have nothing there.  A leg too many or a knee-hole filled is a tenth of a mesh; of their convex hulls
    # and boxes mostly a quarter is there and more.
    Limit(
        "free_space_violation",
        0.1,
        0.25,
        "{} of it stands where cameras saw that nothing is",
        "more than a quarter of it stands where cameras saw that nothing is: {}",
        least=False,
    ),
    # What the light would otherwise miss: a half that is not there.  True meshes reach 0.998, the program's own mostly
    # 0.95; halves and boxes stay below 0.75 more often than not.
    Limit(
        "silhouette_iou",
        0.9,
        0.75,
        "it matches only {} of its outlines in the views",
        "it matches less than three quarters of its outlines in the views: {}",
    ),
    # Calibrated (docs/confidence.md): the share of the surface that is within 2 cm of the truth.  Never red.
    Limit(
        "confidence_mean",
        0.75,
        float("-inf"),
        "by its maker's own estimate only {} of its surface is right within 2 cm",
        "",
    ),
)
SEEN_SHARE = 0.4  # as the program marks its own meshes: more than 60 % of the surface is a guess


def verdict(one: ObjectScore) -> Verdict:
    """The light that an object's measures and marks earn it, and the reasons in words, the gravest first.

    What could not be measured for want of a true mesh is no fault of the mesh; its ``problems`` count where they are
    why nothing was measured at all.
    """
    scores = one.scores
    if "area_m2" not in scores:  # of every mesh that was scored, it is measured
        return _not_scored(one)
    found: dict[Light, list[str]] = {"red": [], "amber": [], "green": []}
    for limit in LIMITS:
        if limit.key in scores:
            found[limit.light(scores[limit.key])].append(limit.says(scores[limit.key]))
    found["amber"] += [*_flaws(scores), *one.marks, *_unknown(scores, bool(one.marks))]
    reasons = (*found["red"], *found["amber"])
    return Verdict("red" if found["red"] else "amber" if reasons else "green", reasons)


def _not_scored(one: ObjectScore) -> Verdict:
    if one.problems:
        return Verdict("red", tuple(one.problems))
    if one.mesh is None and not one.marks:
        return Verdict("red", ("there is no mesh of it",))
    return Verdict("amber", (*one.marks, "it was not scored, so nothing says that it is where the object was seen"))


def _flaws(scores: Mapping[str, float]) -> list[str]:
    """What is unsound about the mesh itself."""
    flaws = []
    if not scores.get("watertight", 1.0):
        flaws.append("it is not closed: not each of its edges joins two triangles")
    if scores.get("components", 1.0) > 1:
        flaws.append(f"it is in {scores['components']:.0f} parts that do not touch")
    if pairs := scores.get("self_intersections"):
        count = f"{'at least ' if 'self_intersections_uncounted' in scores else ''}{pairs:,.0f}"
        flaws.append(f"it passes through itself: {count} pairs of triangles intersect")
    return flaws


def _unknown(scores: Mapping[str, float], marked: bool) -> list[str]:
    """What the views do not tell; of a mesh whose maker said what is doubtful (``marked``), not again how little was
    seen."""
    if "surface_seen" not in scores:
        return ["it was scored without views, so nothing says that it is where the object was seen"]
    unknown = []
    if "depth_agreement" not in scores:
        unknown.append("no view shows its own pixels with depth, so nothing says that it is where the object was seen")
    if "free_space_violation" not in scores:
        unknown.append("no three views look at it, so nothing says whether it fills what is empty")
    if not unknown and not marked and scores["surface_seen"] < SEEN_SHARE:
        seen = _percent(scores["surface_seen"], least=True)
        unknown.append(f"only {seen} of its surface was seen by a camera: the rest is a guess")
    return unknown


def _percent(share: float, least: bool) -> str:
    """Rounded away from the limit that it missed, be it the least that was wanted or the most: never onto it."""
    hundredths = round(100.0 * share, 6)  # 0.69 is 68.99999999999999 of them
    return f"{math.floor(hundredths) if least else math.ceil(hundredths)} %"
