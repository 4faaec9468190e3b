"""What each measure means, and how it is written for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """A measure worth a line: its key in the scores, its heading, how it is written and what it means."""

    key: str
    heading: str
    meaning: str
    factor: float = 100.0
    unit: str = "%"
    digits: int = 1
    column: bool = False  # worth a column in tables of many objects too

    def text(self, scores: Mapping[str, float]) -> str:
        """The value with its unit's digits; a dash where it was not measured, and ≥ where not all were counted."""
        if self.key not in scores:
            return "–"
        least = "≥" if f"{self.key}_uncounted" in scores else ""
        return f"{least}{scores[self.key] * self.factor:.{self.digits}f}"


def _centimetres(key: str, heading: str, meaning: str, column: bool = False) -> Measure:
    return Measure(key, heading, meaning, 100.0, "cm", 2, column)


def _share(key: str, heading: str, meaning: str, column: bool = False) -> Measure:
    return Measure(key, heading, meaning, column=column)


def _number(key: str, heading: str, meaning: str) -> Measure:
    return Measure(key, heading, meaning, 1.0, "", 0)


AGAINST_TRUTH = (
    _centimetres(
        "chamfer_m", "chamfer", "mean distance between mesh and true surface, both ways averaged; lower is better", True
    ),
    _centimetres("accuracy_m", "accuracy", "mean distance from the mesh to the true surface; lower is better"),
    _centimetres("completion_m", "completion", "mean distance from the true surface to the mesh; lower is better"),
    _centimetres("hausdorff_m", "farthest", "largest distance of a point of either from the other; lower is better"),
    _share("f_0.01", "F@1cm", "balance of precision and recall at 1 cm"),
    _share("f_0.02", "F@2cm", "balance of precision and recall at 2 cm; 0 where there is no usable mesh", True),
    _share("f_0.05", "F@5cm", "balance of precision and recall at 5 cm", True),
    _share("f_0.1", "F@10cm", "balance of precision and recall at 10 cm"),
    _share("precision_0.02", "precision@2cm", "share of the mesh that lies within 2 cm of the true surface", True),
    _share("recall_0.02", "recall@2cm", "share of the true surface within 2 cm of the mesh", True),
    _share(
        "recall_seen_0.02",
        "seen recall@2cm",
        "of the true surface that some camera saw, the share within 2 cm of the mesh",
        True,
    ),
    _share(
        "recall_hidden_0.02",
        "hidden recall@2cm",
        "of the true surface that no camera saw, the share within 2 cm of the mesh",
        True,
    ),
    _share(
        "recall_hidden_0.05",
        "hidden recall@5cm",
        "of the true surface that no camera saw, the share within 5 cm of the mesh",
    ),
    _centimetres(
        "chamfer_hidden_m", "hidden chamfer", "chamfer over the true surface that no camera saw; lower is better"
    ),
    _share("normal_consistency", "normals", "how well the mesh's orientation follows the true surface", True),
    _share(
        "volume_iou", "volume IoU", "shared over joint volume of mesh and true mesh, where both enclose a volume", True
    ),
    _share(
        "chamfer_relative", "relative chamfer", "chamfer as a share of the true surface's diameter; lower is better"
    ),
    _share("f_rel_0.01", "F@1%", "balance of precision and recall at 1 % of the true surface's diameter"),
    _share("f_rel_0.02", "F@2%", "balance of precision and recall at 2 % of the true surface's diameter"),
    _centimetres(
        "sampling_floor_m",
        "sampling floor",
        "about the chamfer of two draws of points from one and the same surface: smaller differences mean nothing",
    ),
    Measure(
        "alignment_correct", "placed right", "the CAD stands within 20 cm, 20 degrees and 20 % of its scale", digits=0
    ),
    _centimetres("alignment_translation_m", "placed off by", "distance of the CAD's place from its true one"),
    Measure(
        "alignment_rotation_deg", "turned off by", "angle of the CAD from its true pose, symmetry allowed", 1.0, "°"
    ),
    _share("alignment_scale_error", "scale off by", "error of the CAD's scale, the mean of its three axes"),
)

AGAINST_VIEWS = (
    _share(
        "depth_agreement",
        "depth agreement",
        "share of the object's depth pixels within 2 cm of the mesh along the ray",
        True,
    ),
    _share(
        "free_space_violation",
        "free-space violation",
        "share of the mesh more than 3 cm in front of what three views saw; lower is better",
        True,
    ),
    _share(
        "silhouette_iou",
        "silhouette IoU",
        "of the pixels that show the object or before which the mesh wrongly stands, the share that both have",
    ),
    _share("surface_seen", "surface seen", "share of the mesh that some view saw; the rest is its maker's guess"),
)

OF_THE_MESH = (
    Measure("watertight", "watertight", "the mesh encloses a volume without a hole", digits=0),
    _number("components", "components", "unconnected parts of the mesh"),
    _number(
        "self_intersections",
        "self-intersections",
        "pairs of triangles that pass through each other; counting ends at 10,000",
    ),
    _share(
        "confidence_mean", "confidence", "how probable the mesh itself holds it that it is within 2 cm of the truth"
    ),
)

MEASURES = (*AGAINST_TRUTH, *AGAINST_VIEWS, *OF_THE_MESH)


def measured(scores: Iterable[Mapping[str, float]]) -> list[Measure]:
    """The measures worth a column that at least one object has."""
    keys = {key for one in scores for key in one}
    return [measure for measure in MEASURES if measure.column and measure.key in keys]
