"""Which pretrained networks are used: ``confs/pretrained.conf`` is the one register.  No heavy imports."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class Weights:
    """One part's network: where its weights come from and what must be known of them."""

    # A hub id and what is pinned of it, as owner/name@commit (without: the newest), or a local folder.  One value, not
    # two: who takes another network must not be left with the commit of the one before.
    id: str = ""
    licence: str = ""  # as the hub names it
    size_gb: float = 0.0  # to be downloaded
    purpose: str = ""  # what the part does for the user, in a few words
    stand_in: str = ""  # what is done where the weights are absent, in a few words
    alternative: str = ""  # what to try where they were withdrawn or are gated
    files: tuple[str, ...] = ()  # patterns of the files to be fetched, with a ! those to be left; none: all
    axes: str = ""  # of a normal predictor: a convention of scene.normal_conventions

    @property
    def repository(self) -> str:
        """The hub id alone: owner/name."""
        return self.id.partition("@")[0]

    @property
    def revision(self) -> str:
        """Of the hub: a commit where one is pinned."""
        return self.id.partition("@")[2] or "main"


@dataclass(frozen=True)
class PretrainedSettings:
    """The three networks that O2-Recon's method stands on."""

    clip: Weights = dataclasses.field(default_factory=Weights)  # view scores, class names, consistency loss
    inpainter: Weights = dataclasses.field(default_factory=Weights)  # what an occluder hides
    normals: Weights = dataclasses.field(default_factory=Weights)  # normals from a colour image
