"""What each measure means, and how it is written for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """A measure worth a column: its key in the scores, its heading, how it is written and what it means."""

    key: str
    heading: str
    meaning: str
    factor: float = 100.0
    unit: str = "%"
    digits: int = 1

    def text(self, scores: Mapping[str, float]) -> str:
        """The value with its unit's digits; a dash where it was not measured."""
        return f"{scores[self.key] * self.factor:.{self.digits}f}" if self.key in scores else "–"


MEASURES = (
    Measure(
        "chamfer_m",
        "chamfer",
        "mean distance between mesh and true surface, both ways averaged; lower is better",
        100.0,
        "cm",
        2,
    ),
    Measure("f_0.02", "F@2cm", "balance of precision and recall at 2 cm; 0 where there is no usable mesh"),
    Measure("precision_0.02", "precision@2cm", "share of the mesh that lies within 2 cm of the true surface"),
    Measure("recall_0.02", "recall@2cm", "share of the true surface within 2 cm of the mesh"),
    Measure(
        "recall_seen_0.02",
        "seen recall@2cm",
        "of the true surface that some camera saw, the share within 2 cm of the mesh",
    ),
    Measure(
        "recall_hidden_0.02",
        "hidden recall@2cm",
        "of the true surface that no camera saw, the share within 2 cm of the mesh",
    ),
    Measure(
        "recall_hidden_0.05",
        "hidden recall@5cm",
        "of the true surface that no camera saw, the share within 5 cm of the mesh",
    ),
    Measure("normal_consistency", "normals", "how well the mesh's orientation follows the true surface", 100.0, "%", 1),
    Measure(
        "depth_agreement", "depth agreement", "share of the object's depth pixels within 2 cm of the mesh along the ray"
    ),
    Measure(
        "free_space_violation",
        "free-space violation",
        "share of the mesh more than 3 cm in front of what three views saw; lower is better",
    ),
    Measure(
        "sampling_floor_m",
        "sampling floor",
        "distance between two draws of points from one surface: a chamfer cannot fall below it",
        100.0,
        "cm",
        2,
    ),
    Measure("watertight", "watertight", "the mesh encloses a volume without a hole", 100.0, "%", 0),
    Measure("components", "components", "unconnected parts of the mesh", 1.0, "", 0),
)


def measured(scores: Iterable[Mapping[str, float]]) -> list[Measure]:
    """The measures that at least one object has."""
    keys = {key for one in scores for key in one}
    return [measure for measure in MEASURES if measure.key in keys]
