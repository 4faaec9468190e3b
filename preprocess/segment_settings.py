"""Options of finding objects in a scan that has no instance masks (``preprocess.segment_scan``)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from scene.ranges import check_ranges


@dataclass(frozen=True)
class SurfaceSettings:
    """From depth images to one fused surface."""

    voxel_m: float = 0.025  # of the fused volume; what is thinner than two voxels may be lost
    max_voxels: float = 25e6  # a room that would need more gets larger voxels (25e6 take about 1 GB while fusing)
    max_views: int = 250  # frames fused at most, evenly picked; masks are made for all frames all the same
    max_depth_m: float = 6.0  # depth beyond this is too noisy for 2.5 cm voxels
    front_m: float = 0.08  # a voxel farther than this in front of what a view sensed is seen to be free
    behind_m: float = 0.06  # evidence reaches this far behind a sensed surface
    min_weight: float = 0.03  # fused evidence a surface needs; one view from 3 m gives about 0.1
    min_views: int = 2  # views that must have sensed a vertex
    max_through: float = 2.0  # vertices seen through this many times as often as seen are flying pixels or webs

    def __post_init__(self) -> None:
        check_ranges(
            self,
            positive=("voxel_m", "max_depth_m", "front_m", "behind_m", "max_through"),
            not_negative=("min_weight",),
            at_least_1=("max_voxels", "max_views", "min_views"),
        )


@dataclass(frozen=True)
class StructureSettings:
    """Which part of the surface is the room itself: floor, ceiling, walls."""

    floor_m: float = 0.03  # what is no higher above the floor is floor; carpets and cables go with it
    wall_m: float = 0.05  # what is no farther in front of a wall is wall: posters, skirting, switches
    recess_m: float = 0.4  # what is no farther behind a wall belongs to it: window niches, door frames
    min_plane_m2: float = 0.3  # smaller vertical planes are not looked at
    min_wall_m: float = 1.2  # width of a wall whose upper end was not seen
    min_high_wall_m: float = 0.3  # width of a wall that is seen to reach higher than furniture does
    high_m: float = 2.0  # higher than furniture
    low_m: float = 1.0  # a wall that was seen no higher than this is one only if nothing was seen above it
    max_open: float = 0.3  # share of the space right above or behind a wall that may be seen to be free

    def __post_init__(self) -> None:
        heights = ("floor_m", "wall_m", "recess_m", "min_wall_m", "min_high_wall_m", "high_m", "low_m")
        check_ranges(self, positive=("min_plane_m2",), not_negative=heights, shares=("max_open",))


@dataclass(frozen=True)
class ObjectSettings:
    """How the rest of the surface is cut into objects."""

    patch_m: float = 0.10  # size of the patches that are joined to objects
    crease_cost: float = 1.5  # metres of way a crease of 1 rad/m costs for each metre across it, so patches end there
    concave_weight: float = 0.35  # of contact across a sharp concave crease; flat or convex contact counts 1
    flat_rad_m: float = 1.5  # concavity (radians of turn a metre) that is noise
    sharp_rad_m: float = 6.0  # concavity of a sharp crease
    gap_m: float = 0.05  # surfaces this near touch, though nothing was fused between them
    open_gap_weight: float = 0.5  # of contact across a gap that a camera looked into
    color_contrast: float = 25.0  # difference in Lab (lightness counts 0.3) at which contact counts least
    contrast_weight: float = 0.2  # of contact between parts of that contrast
    min_contact: float = 0.25  # joined while contact length over the square root of the smaller part's area is more
    min_support_m2: float = 0.08  # horizontal surfaces of this size carry things: tables, seats, shelves
    stand_share: float = 0.85  # of a thing's surface lies above the inner part of what it stands on
    fragment_m2: float = 0.15  # parts of less surface may be fragments of something else
    fragment_gap_m: float = 0.15  # that lies within this distance
    fragment_contrast: float = 15.0  # and has the same colour to this (Lab, lightness counts 0.3)
    carry_gap_m: float = 0.2  # a part in the air rests on a part below it that is at most this far away
    carry_share: float = 0.8  # of the part below lies under the part above: legs, pedestals, poles; not chairs
    min_size_m: float = 0.15  # smaller things are left out
    min_area_m2: float = 0.03  # things of less visible surface are left out

    def __post_init__(self) -> None:
        lengths = ("gap_m", "fragment_gap_m", "carry_gap_m", "min_size_m")
        areas = ("min_support_m2", "fragment_m2", "min_area_m2")
        check_ranges(
            self,
            positive=("patch_m", "color_contrast"),
            not_negative=(*lengths, *areas, "crease_cost", "flat_rad_m", "fragment_contrast", "min_contact"),
            shares=("concave_weight", "open_gap_weight", "contrast_weight", "stand_share", "carry_share"),
        )
        if not self.sharp_rad_m > self.flat_rad_m:
            raise ValueError("sharp_rad_m must be more than flat_rad_m")


@dataclass(frozen=True)
class MaskSettings:
    """How the objects are projected back into the frames."""

    reach_m: float = 0.05  # a sensed point belongs to the nearest fused surface within this distance
    depth_noise: float = 0.015  # of the depth: or to what lies so much nearer or farther along its ray
    hole_contrast: float = 25.0  # where depth is missing, the colour must agree with the fused one to this (Lab)
    shown_share: float = 0.001  # of the image: a frame shows a thing when its mask is at least this large
    min_frames: int = 3  # frames that show a thing; what fewer show is not listed
    min_area_share: float = 0.0003  # of the image: smaller pieces of a mask are dropped (60 pixels of 540x360)

    def __post_init__(self) -> None:
        check_ranges(
            self,
            positive=("reach_m",),
            not_negative=("depth_noise", "hole_contrast"),
            at_least_1=("min_frames",),
            shares=("shown_share", "min_area_share"),
        )


@dataclass(frozen=True)
class SegmentSettings:
    """From a scan without instance masks to masks."""

    surface: SurfaceSettings = dataclasses.field(default_factory=SurfaceSettings)
    structure: StructureSettings = dataclasses.field(default_factory=StructureSettings)
    objects: ObjectSettings = dataclasses.field(default_factory=ObjectSettings)
    masks: MaskSettings = dataclasses.field(default_factory=MaskSettings)
