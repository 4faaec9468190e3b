"""Options of the stages between a scan and the fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scene.ranges import check_ranges
from scene.room_classes import ROOM_NAMES, ROOM_NYU40


@dataclass(frozen=True)
class ExtractSettings:
    """From a scan with instances to object folders."""

    background_nyu40: tuple[int, ...] = ROOM_NYU40  # classes that are not extracted
    background_names: tuple[str, ...] = ROOM_NAMES  # nor are things of these names (lower case)
    min_area_share: float = 40_000 / (1296 * 968)  # of the image: a view that shows the object well, as published
    least_area_share: float = 0.0005  # of the image: below this a view is not used even where no better one is
    min_views: int = 20  # clusters of poses at least, as published; with fewer views all are taken
    views_share: float = 0.1  # clusters of poses as a share of the views, as published
    max_views: int = 40  # clusters of poses at most, as published; also the most views of an object
    min_gain: float = 0.003  # a further view is added while it alone shows this share of the object; 1 adds none
    cell_m: float = 0.05  # grid in which views vote for whose surface is where; masks may leak this far
    sure_views: int = 5  # an object that fewer views show is marked as doubtful,
    sure_area_share: float = 0.02  # one that no view shows on so much of the image,
    sure_angle_deg: float = 45.0  # and one whose views all lie within this angle, seen from it
    seed: int = 0  # of the pose clusters
    scorer: Literal["sharpness", "clip"] = "sharpness"  # of views: sharpness x visible area, or CLIP, as published
    name_by_clip: bool = False  # name things that the scan leaves without a name, by what CLIP sees in their views
    name_views: int = 5  # best-scored views that a name is found from
    name_least_score: float = 0.22  # cosine below which a thing stays unknown; ViT-B/32 gives chance pairs about 0.2

    def __post_init__(self) -> None:
        check_ranges(
            self,
            positive=("cell_m",),
            not_negative=("sure_views", "sure_angle_deg", "seed"),
            at_least_1=("min_views", "max_views", "name_views"),
            shares=("min_area_share", "least_area_share", "views_share", "min_gain", "sure_area_share"),
        )


@dataclass(frozen=True)
class HiddenSettings:
    """Which pixels of a view show something that stands before the object (``preprocess.hidden``)."""

    margin_m: float = 0.02  # so far before the object's surface something must stand to hide it,
    margin_per_m: float = 0.005  # and farther for every metre of depth: noise grows
    reach_px: float = 4.0  # a pixel without a depth to trust goes by the nearest with one, this near; 0: says nothing
    point_cell_m: float = 0.01  # the object's sensed points are averaged in cubes of this side,
    least_points: int = 3  # and one with fewer of them is noise
    sliver_px: int = 3  # sensed points beside the shape count where they cover squares of this side
    least_area_px: int = 20  # smaller patches of hidden pixels are noise

    def __post_init__(self) -> None:
        check_ranges(
            self,
            positive=("point_cell_m",),
            not_negative=("margin_m", "margin_per_m", "reach_px", "least_area_px"),
            at_least_1=("least_points", "sliver_px"),
        )


@dataclass(frozen=True)
class InpaintSettings:
    """What something else hides of an object in its views, and how it is filled."""

    painter: Literal["none", "classical", "diffusion"] = "none"  # none: hidden pixels stay unknown
    prompt: str = "a {label}, no background"  # told to the diffusion model, as published
    negative_prompt: str = ""
    steps: int = 50  # of the diffusion model
    strength: float = 1.0  # how far hidden pixels are drawn anew; 1: from pure noise
    guidance: float = 7.5  # how closely the prompt is followed
    seed: int = 0  # every view's drawing has a seed of its own, made from this one
    hidden: HiddenSettings = HiddenSettings()  # which pixels are filled, where nobody drew them by hand
    confidence: float = 0.5  # of what the diffusion model paints, against 1 for what was sensed; the rest has its own
    context: float = 0.25  # round the object in the model's square, as a share of its size, on every side
    reference_views: int = 4  # whose depth is painted first and carried into the others; those drawn by hand, if any
    unite_masks: bool = True  # other views are painted under their own masks too, not only where depth is carried
    all_depths: bool = True  # depth is painted in other views too, where the reference views' does not reach
    grow_px: int = 1  # by which carried masks grow, over pixels of which nothing is known
    least_grey: int = 10  # of 255: pixels that the diffusion model paints darker are dropped, as published; 0: none
    sensing_margin_m: float = 0.01  # depths differ where they are farther apart than this, and than three deviations
    tolerance_m: float = 0.04  # two views' fills that are farther apart contradict each other
    contradictions: int = 2  # of other views' fills; with so many against it a pixel loses its confidence

    def __post_init__(self) -> None:
        check_ranges(
            self,
            positive=("strength", "tolerance_m"),
            not_negative=("seed", "guidance", "context", "grow_px", "least_grey", "sensing_margin_m"),
            at_least_1=("steps", "reference_views", "contradictions"),
            shares=("strength", "confidence"),
        )
        if int(self.steps * self.strength) < 1:
            raise ValueError(
                f"steps x strength must come to a step at least, for so many are done; {self.steps} x {self.strength} "
                "does not"
            )


@dataclass(frozen=True)
class PrepareSettings:
    """From object folders to training folders."""

    crop: Literal["none", "centre"] = "none"  # "centre": the 1248x936 of 1296x968 (624x468 of 640x480) of O2-Recon
    margin: float = 1.1  # radius of the unit sphere over that of the fused points; what nobody saw needs room too
    inpaint: InpaintSettings = InpaintSettings()  # of what an occluder hides
    normals: Literal["none", "depth", "predicted", "folder"] = "depth"  # folder: its pred_normal/
    normal_axes: Literal["opencv", "opencv_away", "opengl", "directx", "world"] = "opencv_away"  # of the folder's files
    normal_seed: int = 0  # of the predictor's noise, the same for all views
    normal_radius_px: int = 16  # the widest window in which a plane is fitted for a normal, where the surface is flat

    def __post_init__(self) -> None:
        check_ranges(self, not_negative=("normal_seed",), at_least_1=("margin", "normal_radius_px"))
