"""What can be set about the fit and the mesh made from it.  No heavy imports, so that a configuration is read and
refused fast."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from models.settings import FieldSettings, RenderSettings

Option = bool | int | float | str  # of a loss or a prior, which knows which of them it wants (scene.registry)


@dataclass(frozen=True)
class LossSettings:
    """One loss term's weight over a phase: 0 before ``start_step``, then rising evenly to ``weight``."""

    weight: float  # factor of the term in the sum
    start_step: int = 0  # the term is not computed before this step
    warm_up_steps: int = 0  # steps from start_step until the whole weight; 0: at once
    options: dict[str, Option] = dataclasses.field(default_factory=dict)  # what the term itself can be told

    def __post_init__(self) -> None:
        if self.weight < 0 or min(self.start_step, self.warm_up_steps) < 0:
            raise ValueError("a loss needs weight, start_step and warm_up_steps >= 0")


@dataclass(frozen=True)
class PhaseSettings:
    """One stretch of the fit: what is drawn, which losses are summed, and how the parameters move."""

    batches: Literal["rays", "points"]  # rays: pixels, rendered; points: signed distances from the fused views
    steps: int  # iterations
    count: int  # rays or points an iteration
    losses: dict[str, float | LossSettings]  # terms of models.losses and their weights
    learning_rate: float  # Adam's, at its highest
    table_learning_rate: float | None = None  # for hash tables, which learn best faster; none: the same; 0: held
    sdf_learning_rate: float | None = None  # for the distance network's other parameters; none: the same; 0: held
    warm_up_steps: int = 0  # the learning rate rises evenly from 0 over these steps
    final_factor: float = 1.0  # then falls along a half cosine to this share of itself at the last step; 1: stays
    schedule_offset: int = 0  # steps of the schedules (learning rate, losses) that earlier phases already took
    keep_optimizer: bool = False  # carry Adam's moments over from the phase before
    open_levels_steps: int = 0  # hash levels open coarse to fine over these steps; 0: all open
    cos_anneal_steps: int = 0  # rays may stop also where they leave a surface, ever less over these steps; 0: never
    fine_enabled: bool = True  # cascade: whether the fine network adds to the coarse one
    view_directions: bool = True  # whether colour may depend on the viewing direction

    def __post_init__(self) -> None:
        stretches = (self.warm_up_steps, self.schedule_offset, self.open_levels_steps, self.cos_anneal_steps)
        if min(self.steps, self.count) < 1 or min(stretches) < 0:
            raise ValueError("a phase needs steps and count >= 1, and no negative number of steps")
        if self.learning_rate <= 0 or not 0 <= self.final_factor <= 1:
            raise ValueError("a phase needs learning_rate > 0 and final_factor from 0 to 1")
        if min(self.rate_of("grid"), self.rate_of("sdf")) < 0:
            raise ValueError("table_learning_rate and sdf_learning_rate must not be negative")
        if not self.losses:
            raise ValueError("a phase needs at least one loss")

    def rate_of(self, group: str) -> float:
        """The highest learning rate of a parameter group of ``models.fields.ObjectField``."""
        own = {"grid": self.table_learning_rate, "sdf": self.sdf_learning_rate}.get(group)
        return self.learning_rate if own is None else own

    def loss(self, name: str) -> LossSettings:
        """The named loss; a bare number is its weight."""
        value = self.losses[name]
        return value if isinstance(value, LossSettings) else LossSettings(value)


@dataclass(frozen=True)
class RaySettings:
    """Which pixels are drawn as rays."""

    object_share: float | None = 0.5  # share of rays through the object's own pixels; none: as they come

    def __post_init__(self) -> None:
        if self.object_share is not None and not 0 <= self.object_share <= 1:
            raise ValueError("object_share must lie from 0 to 1")


@dataclass(frozen=True)
class AlignmentSettings:
    """How far the poses of an object's views are trusted before their depth is averaged."""

    rounds: int = 2  # times all views are averaged and each is moved on to the average; 0: poses are taken as they are
    voxel_m: float = 0.015  # of the average that views are moved on to
    max_voxels: int = 2_000_000  # large objects get larger ones
    reach_m: float = 0.06  # views that disagree by more than this do not find each other
    turn_deg: float = 0.5  # what a pose's error is usually, where the view itself does not tell: of its direction
    shift_m: float = 0.01  # and of its place
    most_turn_deg: float = 2.0  # a view that would move farther stays where it was
    most_shift_m: float = 0.03  # measured at the object

    def __post_init__(self) -> None:
        if self.rounds < 0 or self.max_voxels < 1:
            raise ValueError("rounds must be at least 0, max_voxels at least 1")
        if min(self.voxel_m, self.reach_m, self.turn_deg, self.shift_m, self.most_turn_deg, self.most_shift_m) <= 0:
            raise ValueError("voxel_m, reach_m, turns and shifts must be positive")


@dataclass(frozen=True)
class EvidenceSettings:
    """How an object's views are fused into what is known of the space round it."""

    voxel_m: float = 0.01  # side of a voxel; about the noise of the usual depth camera at 2 m
    min_voxels_across: int = 100  # small objects get smaller voxels, so that so many lie along their box's diagonal
    max_voxels: int = 2_500_000  # large ones get larger voxels: so many hold in 0.1 GB
    front_m: float = 0.04  # in front of a sensed surface distances are averaged this far; farther is free
    thickness_m: float = 0.03  # behind it this far, and so far the object goes on at least
    least_weight: float = 0.1  # of evidence, for a voxel to count as seen; a square view from 1 m weighs 1
    min_views: int = 2  # views that must agree that a voxel is free; one may be a flying pixel
    room_share: float = 0.25  # room round the seen part, for the unseen, as a share of its diagonal,
    least_room_m: float = 0.16  # at least
    most_room_m: float = 0.5  # and at most
    alignment: AlignmentSettings = AlignmentSettings()  # of the views to one another, before they are fused

    def __post_init__(self) -> None:
        if min(self.voxel_m, self.front_m, self.thickness_m, self.least_weight) <= 0:
            raise ValueError("voxel_m, front_m, thickness_m and least_weight must be positive")
        if min(self.min_voxels_across, self.max_voxels, self.min_views) < 1:
            raise ValueError("min_voxels_across, max_voxels and min_views must be at least 1")


@dataclass(frozen=True)
class PointSettings:
    """Which points of the completed shape are drawn."""

    pool: int = 400_000  # points drawn once; batches are picked from them
    near_share: float = 0.65  # of them within the band about the surface
    deep_share: float = 0.1  # of them deeper inside; the rest lie outside
    band_m: float = 0.03  # how near to the surface distances are told
    unseen_weight: float = 0.3  # of a point where nothing is known, against 1 for sensed ones
    inside_weight: float = 4.0  # of a point inside, against 1 outside: thin parts have few, and would be smoothed away

    def __post_init__(self) -> None:
        if self.pool < 1 or self.band_m <= 0:
            raise ValueError("pool and band_m must be positive")
        if min(self.near_share, self.deep_share) < 0 or self.near_share + self.deep_share > 1:
            raise ValueError("near_share and deep_share must not be negative, nor more than 1 together")
        if self.inside_weight <= 0:
            raise ValueError("inside_weight must be positive")
        if not 0 <= self.unseen_weight <= 1:
            raise ValueError("unseen_weight must lie from 0 to 1")


@dataclass(frozen=True)
class PriorSettings:
    """One of training.priors, applied in the order in which the configuration names them."""

    enabled: bool = True  # its switch
    options: dict[str, Option] = dataclasses.field(default_factory=dict)  # what the prior itself can be told


@dataclass(frozen=True)
class FitSettings:
    """One object's fit."""

    evidence: EvidenceSettings = EvidenceSettings()  # read where a phase draws points
    priors: dict[str, PriorSettings] = dataclasses.field(default_factory=dict)  # in this order
    points: PointSettings = PointSettings()  # drawn from what the priors leave

    field: FieldSettings = dataclasses.field(default_factory=FieldSettings)
    render: RenderSettings = dataclasses.field(default_factory=RenderSettings)
    rays: RaySettings = RaySettings()
    phases: dict[str, PhaseSettings] = dataclasses.field(
        default_factory=dict
    )  # in this order; confs/ holds those that work
    checkpoint_every: int = 2000  # steps between checkpoints within a phase; its end always has one
    log_every: int = 100  # steps between lines of the loss log

    def __post_init__(self) -> None:
        if min(self.checkpoint_every, self.log_every) < 1:
            raise ValueError("checkpoint_every and log_every must be >= 1")


@dataclass(frozen=True)
class MeshSettings:
    """How the field's zero set becomes a mesh."""

    resolution: int = 256  # cells along the object's box
    voxel_m: float | None = None  # a cell's side in metres; takes the place of resolution when given
    components: int = 1  # connected parts kept, largest first; 0: all
    join_m: float = 0.0  # one that falls apart may be taken so far out, 2 cm at most, if whole there; 0: it is cut
    margin: float = 1.5  # the field's steepest slope that the search for the surface allows for
    points_per_call: int = 32768  # points evaluated at once; fewer take less memory

    def __post_init__(self) -> None:
        if self.resolution < 8 or (self.voxel_m is not None and self.voxel_m <= 0):
            raise ValueError("resolution must be at least 8 and voxel_m positive")
        if not 0 <= self.join_m <= 0.02:
            raise ValueError("join_m must lie from 0 to 0.02")
        if self.components < 0 or self.margin < 1 or self.points_per_call < 1:
            raise ValueError("components must be >= 0, margin >= 1 and points_per_call >= 1")
