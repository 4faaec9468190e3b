"""Which pretrained networks are used: ``confs/pretrained.conf`` is the one register.  No heavy imports."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class Weights:
    """One part's network: where its weights come from and what must be known of them."""

    id: str = ""  # a hub id as owner/name, or a local folder
    revision: str = "main"  # of the hub: a commit where one is pinned; a local folder has none
    licence: str = ""  # as the hub names it
    size_gb: float = 0.0  # to be downloaded
    purpose: str = ""  # what the part does for the user, in a few words
    stand_in: str = ""  # what is done where the weights are absent, in a few words
    alternative: str = ""  # what to try where they were withdrawn or are gated
    files: tuple[str, ...] = ()  # patterns of the files that are needed; none: all
    axes: str = ""  # of a normal predictor: a convention of scene.normal_conventions


@dataclass(frozen=True)
class PretrainedSettings:
    """The three networks that O2-Recon's method stands on."""

    clip: Weights = dataclasses.field(default_factory=Weights)  # view scores, class names, consistency loss
    inpainter: Weights = dataclasses.field(default_factory=Weights)  # what an occluder hides
    normals: Weights = dataclasses.field(default_factory=Weights)  # normals from a colour image
