"""Means over objects with how far they can be trusted: of each scene, of each class, of all, and of methods compared.

The 95 % intervals are percentile bootstraps (Efron 1979): the objects are drawn anew, with replacement, and the middle
95 % of the resulting means is the interval.  That assumes that the objects are an independent draw from those one
wants to speak of.  Objects of one scene share its scan, so with few scenes the truth is less certain than it says; and
with few objects the interval is too narrow (of five, nearer 85 than 95 %).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluation.records import Means, ObjectScore, SceneScores

_RESAMPLES = 2_000
_OUTSIDE = (0.025, 0.975)
Kind = Literal["all", "scene", "class", "method"]


@dataclass(frozen=True)
class Summary:
    """The means of a group of objects, and of each measure that two or more of them have its interval (low, high)."""

    kind: Kind
    name: str  # of the scene, class or method; "" of all
    objects: int
    means: Means
    intervals: dict[str, tuple[float, float]]


def summaries(scenes: Sequence[SceneScores], seed: int = 0) -> list[Summary]:
    """All objects; then each scene and each class by itself, where there is more than one of its kind.

    Objects without a label belong to no class.
    """
    everything = [one for scene in scenes for one in scene.objects]
    by_scene = {scene.scene: scene.objects for scene in scenes}
    labels = sorted({one.label for one in everything if one.label})
    by_class = {label: [one for one in everything if one.label == label] for label in labels}
    groups: list[tuple[Kind, str, Sequence[ObjectScore]]] = [("all", "", everything)]
    groups += [("scene", name, objects) for name, objects in by_scene.items() if len(by_scene) > 1]
    groups += [("class", name, objects) for name, objects in by_class.items() if len(by_class) > 1]
    return [
        Summary(kind, name, len(objects), Means.of(scores), bootstrap(scores, seed))
        for kind, name, objects in groups
        for scores in [[one.scores for one in objects]]
    ]


def compared(methods: Mapping[str, Sequence[SceneScores]], seed: int = 0) -> list[Summary]:
    """Each method's means, every measure over the same objects: those of which all methods have it.

    Else a method that loses what is difficult would look better by it.  ``objects`` counts those of any method.
    """
    had = {
        name: {(scene.scene, one.instance_id): one.scores for scene in scenes for one in scene.objects}
        for name, scenes in methods.items()
    }
    places = sorted({place for own in had.values() for place in own})
    shared = [set.intersection(*({*own.get(place, {})} for own in had.values())) for place in places]
    found = []
    for name, own in had.items():
        scores = [
            {key: value for key, value in own.get(place, {}).items() if key in keys}
            for place, keys in zip(places, shared, strict=True)
        ]
        found.append(Summary("method", name, len(places), Means.of(scores), bootstrap(scores, seed)))
    return found


def bootstrap(scores: Sequence[Mapping[str, float]], seed: int) -> dict[str, tuple[float, float]]:
    """Of each measure the interval of its mean over objects; none where fewer than two of them have it.

    Whole objects are drawn: a measure that not all of them have runs over those drawn that do.
    """
    counts = Means.of(scores).counts
    keys = [key for key, count in counts.items() if count > 1]
    if not keys:
        return {}
    has = np.array([[key in one for key in keys] for one in scores], np.float64)
    values = np.array([[one.get(key, 0.0) for key in keys] for one in scores])
    drawn = np.random.default_rng(seed).multinomial(len(scores), np.full(len(scores), 1 / len(scores)), _RESAMPLES)
    weights = drawn.astype(np.float64)
    # einsum, not a product of matrices: the same bits whatever the number of cores.
    number = np.einsum("ro,ok->rk", weights, has)
    total = np.einsum("ro,ok->rk", weights, values)
    means = np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0)
    low, high = np.nanquantile(means, _OUTSIDE, axis=0)
    return {key: (float(low[i]), float(high[i])) for i, key in enumerate(keys)}
