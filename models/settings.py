"""What can be set about fields and their rendering.  All lengths are in the normalised frame (object in the unit
sphere); no heavy imports, so that a configuration is read and refused fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class HashGridSettings:
    """A multi-resolution hash grid over the cube [-half_width, half_width]^3; see models.encodings.hash_grid."""

    levels: int = 6  # resolutions, spaced geometrically from base to finest
    features: int = 2  # numbers stored at each vertex of each level
    log2_table: int = 15  # a level's table has at most 2^this vertices; a finer level is hashed into them
    base_resolution: int = 12  # vertices along an edge, coarsest level
    finest_resolution: int = 128  # and finest; larger follows noise and hurts surface nobody saw
    half_width: float = 1.1  # beyond the unit sphere, so that no surface touches the grid's border
    backend: Literal["auto", "torch", "numba"] = "auto"  # auto: the fastest that fits the device

    def __post_init__(self) -> None:
        if min(self.levels, self.features, self.log2_table) < 1 or self.log2_table > 24:
            raise ValueError("a hash grid needs levels >= 1, features >= 1 and log2_table from 1 to 24")
        if not 2 <= self.base_resolution <= self.finest_resolution:
            raise ValueError("a hash grid needs 2 <= base_resolution <= finest_resolution")
        if self.half_width <= 0:
            raise ValueError("half_width must be positive")


@dataclass(frozen=True)
class HashSdfSettings:
    """Hash grid and position into one hidden layer."""

    grid: HashGridSettings = HashGridSettings()
    hidden: int = 32  # units of the hidden layer
    features: int = 15  # numbers handed to the colour network

    def __post_init__(self) -> None:
        if min(self.hidden, self.features) < 1:
            raise ValueError("hidden and features must be at least 1")


@dataclass(frozen=True)
class CascadeSdfSettings:
    """The published cascade: a coarse SDF network and a fine one that adds to it."""

    coarse_width: int = 64  # units of each coarse layer, and of the feature handed on
    coarse_layers: int = 4  # hidden layers of the coarse network
    coarse_frequencies: int = 3  # of its positional encoding
    coarse_skip: int = 3  # the encoded position enters again at this layer
    fine_width: int = 64  # units of each fine layer
    fine_layers: int = 2  # hidden layers of the fine network
    fine_frequencies: int = 6  # of its positional encoding
    fine_enabled: bool = True  # off in stage 1; on in stage 2, which then starts exactly where stage 1 ended

    def __post_init__(self) -> None:
        if min(self.coarse_width, self.coarse_layers, self.fine_width, self.fine_layers) < 1:
            raise ValueError("widths and layers must be at least 1")
        if min(self.coarse_frequencies, self.fine_frequencies) < 0 or not 1 <= self.coarse_skip <= self.coarse_layers:
            raise ValueError("frequencies must be at least 0, and coarse_skip from 1 to coarse_layers")
        if self.coarse_width <= 3 * (1 + 2 * self.coarse_frequencies):
            raise ValueError("coarse_width must be more than the encoded position that enters again at coarse_skip")


@dataclass(frozen=True)
class ColorSettings:
    """Colour from position, viewing direction, normal and the SDF network's feature ('idr' mode)."""

    width: int = 64  # units of each hidden layer
    layers: int = 2  # hidden layers
    direction_frequencies: int = 4  # of the encoding of the viewing direction
    view_directions: bool = True  # off in stage 1: the direction's channels are zero, colour depends on place alone

    def __post_init__(self) -> None:
        if min(self.width, self.layers) < 1 or self.direction_frequencies < 0:
            raise ValueError("width and layers must be at least 1, direction_frequencies at least 0")


@dataclass(frozen=True)
class FieldSettings:
    """One object's field: signed distance (positive outside), colour, and the sharpness of its surface."""

    network: Literal["hash", "cascade"] = "hash"  # hash: fast fit; cascade: the published networks
    hash: HashSdfSettings = HashSdfSettings()  # used when network = hash
    cascade: CascadeSdfSettings = CascadeSdfSettings()  # used when network = cascade
    color: ColorSettings = ColorSettings()
    gradient: Literal["analytic", "central", "tetrahedral"] = "analytic"  # exact, or by 6 or 4 nearby values
    gradient_step: float = 0.01  # distance of those values; about a cell of the finest grid smooths best
    initial_radius: float = 0.5  # the field starts as a sphere of this radius
    initial_inv_s: float = 20.0  # sharpness at the start: the surface is about 4 / inv_s wide

    def __post_init__(self) -> None:
        if min(self.gradient_step, self.initial_radius, self.initial_inv_s) <= 0:
            raise ValueError("gradient_step, initial_radius and initial_inv_s must be positive")


@dataclass(frozen=True)
class RenderSettings:
    """How a ray is sampled and composed (NeuS)."""

    samples: int = 64  # stratified between near and far
    upsamples: int = 64  # added where the surface is likely
    upsample_steps: int = 4  # in so many rounds, each sharper than the last
    color_samples: int = 0  # the heaviest samples of a ray that are coloured, for speed; 0: all, as published
    perturb: bool = True  # jitter the stratified samples; off, the same rays give the same samples
    background: Literal["black", "white"] = "black"  # what shows where the ray leaves the object behind

    def __post_init__(self) -> None:
        if self.samples < 2 or min(self.upsamples, self.upsample_steps, self.color_samples) < 0:
            raise ValueError("rendering needs samples >= 2, and no negative upsamples, upsample_steps, color_samples")
        if self.upsamples and (self.upsample_steps == 0 or self.upsamples % self.upsample_steps):
            raise ValueError("upsamples must be a multiple of upsample_steps")
