"""A traffic light an object: may its mesh be used as it is (green), with care (amber), or not (red), and why."""

from __future__ import annotations

from evaluation.records import ObjectScore, Verdict


def verdict(one: ObjectScore) -> Verdict:
    """The light that an object's scores, problems and marks earn it, and the reasons in words, the gravest first."""
    if one.problems and not one.scores:
        return Verdict("red", tuple(one.problems))
    reasons = (*one.problems, *one.marks)
    return Verdict("amber" if reasons else "green", reasons)
