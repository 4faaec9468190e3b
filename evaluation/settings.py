"""What the scores and the report can be asked to do otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from scene.ranges import check_ranges


@dataclass(frozen=True)
class ScoreSettings:
    """How finely meshes are measured.  What is measured is fixed by definition, in ``metrics`` and ``truthless``."""

    thresholds_m: tuple[float, ...] = (0.01, 0.02, 0.05, 0.10)  # of precision, recall and F: the field's
    samples: int = 200_000  # area-uniform points on each surface; the chamfer then repeats to 0.05 mm between seeds
    seed: int = 0  # of all samples
    agreement_pixels: int = 200_000  # of depth agreement: at most so many of an object's pixels are tried, drawn evenly
    silhouette_pixels: int = 200_000  # of the outlines' overlap: at most so many pixels are tried, drawn evenly
    free_space_samples: int = 50_000  # points on the mesh that are projected into the views
    max_frames: int = 200  # of a longer scan, so many frames are used, evenly spread

    def __post_init__(self) -> None:
        if not self.thresholds_m or not all(threshold_m > 0 for threshold_m in self.thresholds_m):
            raise ValueError("thresholds_m must hold at least one number, and positive ones only")
        counts = ("samples", "agreement_pixels", "silhouette_pixels", "free_space_samples", "max_frames")
        check_ranges(self, at_least_1=counts, not_negative=("seed",))


@dataclass(frozen=True)
class ReportSettings:
    """What the page shows; more of anything makes it heavier.  With these, 12 objects stay below 15 MB."""

    views: int = 4  # input views an object
    fit_views: int = 3  # views as the fit read them: in-painted, with normals
    view_width: int = 320  # of the pictures of views, in pixels
    faces: int = 30_000  # a mesh is simplified to so many triangles for the page ...
    faces_in_all: int = 300_000  # ... and all together to so many, those of two runs shared out between them
    truth_faces: int = 8_000  # a true mesh is simplified to so many
    points: int = 10_000  # of each object, as the camera measured them
    room_points: int = 40_000  # of everything else in the scan
    point_frames: int = 60  # of a longer scan, points are gathered from so many frames, evenly spread
    curve_points: int = 120  # of a loss; of more, medians are shown
    max_frames: int = 200  # of a longer scan, views are picked among so many frames, evenly spread

    def __post_init__(self) -> None:
        counts = ("views", "fit_views", "view_width", "faces", "faces_in_all", "truth_faces", "points", "room_points")
        check_ranges(self, at_least_1=(*counts, "point_frames", "curve_points", "max_frames"))
