"""What is known of how good meshes are, as records that scoring fills and tables and pages read.

Measures go by flat keys, so that tables, CSV and JSON need no special case.  Distances end in ``_m``, shares are in
[0, 1].  ``R`` is a region of the true surface, ``""``, ``_seen`` or ``_hidden``, and ``T`` a threshold in metres:

``accuracyR_m completionR_m chamferR_m normal_consistencyR precisionR_T recallR_T fR_T share_seen share_hidden
hausdorff_m volume_iou diameter_m chamferR_relative precisionR_rel_S recallR_rel_S fR_rel_S sampling_floor_m`` against a
true mesh, ``S`` a share of its diameter; ``depth_agreement free_space_violation silhouette_iou surface_seen`` against
the views; ``watertight components self_intersections area_m2 confidence_mean confidence_in_B`` of the mesh alone, ``B``
the lower end of a tenth (``0.0`` ... ``0.9``), and ``self_intersections_uncounted``, 1 where there may be more of them;
``alignment_correct alignment_translation_m alignment_rotation_deg alignment_scale_error`` where meshes carry poses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Light = Literal["green", "amber", "red"]


@dataclass(frozen=True)
class ObjectScore:
    """The measures of one object, and in sentences what could not be measured and what is doubtful."""

    instance_id: int
    label: str
    mesh: str | None  # file; None where there is none
    truth: str | None
    scores: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)  # why a good mesh is doubtful: what its maker said
    notes: list[str] = field(default_factory=list)  # what to know when reading the scores, though nothing is wrong


@dataclass(frozen=True)
class Verdict:
    """A traffic light for people, and in words why; green has no reasons."""

    light: Light
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Means:
    """Means of measures, and over how many objects each runs: not every object has every measure."""

    values: dict[str, float]
    counts: dict[str, int]

    @classmethod
    def of(cls, scores: Sequence[Mapping[str, float]]) -> Means:
        keys = dict.fromkeys(key for one in scores for key in one)
        had = {key: [one[key] for one in scores if key in one] for key in keys}
        return cls({k: float(np.mean(v)) for k, v in had.items()}, {k: len(v) for k, v in had.items()})


@dataclass(frozen=True)
class SceneScores:
    """All objects of a scene in the order of their ids."""

    scene: str
    objects: list[ObjectScore]

    def mean(self) -> Means:
        """The mean of every measure over the objects that have it."""
        return Means.of([one.scores for one in self.objects])
