"""What the scores and the report can be asked to do otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScoreSettings:
    """How meshes are measured; the thresholds are the field's, change them only to compare with other papers."""

    thresholds_m: tuple[float, ...] = (0.01, 0.02, 0.05, 0.10)  # of precision, recall and F
    samples: int = 200_000  # area-uniform points on each surface; the chamfer then repeats to 0.05 mm between seeds
    seed: int = 0  # of all samples
    seen_tolerance_m: float = 0.02  # a truth point is seen where a view's depth agrees within this ...
    seen_tolerance_share: float = 0.01  # ... plus this share of the depth
    agreement_m: float = 0.02  # depth agreement: largest distance along the ray
    agreement_pixels: int = 200_000  # at most so many of an object's depth pixels are tried, drawn evenly
    free_space_margin_m: float = 0.03  # free-space violation: a point must lie this far in front of what a view saw ...
    free_space_views: int = 3  # ... in this many views
    free_space_samples: int = 50_000  # area-uniform points on the mesh that are projected into the views
    max_frames: int = 200  # of a longer scan, so many frames are used, evenly spread


@dataclass(frozen=True)
class ReportSettings:
    """What the page shows; more of anything makes it heavier."""

    views: int = 4  # input views an object
    view_width: int = 320  # of the pictures of views, in pixels
    faces: int = 30_000  # a mesh is simplified to so many triangles for the page ...
    faces_in_all: int = 300_000  # ... and all together to so many, which keeps the page below 15 MB
    max_frames: int = 200  # of a longer scan, views are picked among so many frames, evenly spread
