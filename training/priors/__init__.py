"""What is assumed of surface that nobody saw: functions ``(evidence, *, option=default) -> evidence``.

A prior decides unknown voxels, with a confidence below 1, and leaves what was sensed as it is; ``connection`` alone may
doubt that space was free, where a part is too thin to be sensed.  A new one is one module
in this package with a function marked ``@prior("name")``, and one line in the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int8

from scene.errors import UserError
from scene.registry import Registry
from training.evidence import UNKNOWN, Evidence
from training.settings import PriorSettings

prior = Registry("prior", __name__)


def apply_priors(evidence: Evidence, settings: Mapping[str, PriorSettings]) -> Evidence:
    """The evidence after every enabled prior, in the order of the configuration.  Raises UserError on unknown names."""
    enabled = {name: chosen.options for name, chosen in settings.items() if chosen.enabled}
    for function in prior.find(enabled).values():
        evidence = function(evidence)
    return evidence


def suppose(
    evidence: Evidence,
    where: Bool[np.ndarray, "x y z"],
    side: Int8[np.ndarray, "x y z"],
    confidence: float | Float[np.ndarray, "x y z"],
    sdf_m: Float[np.ndarray, "x y z"] | None = None,
) -> Evidence:
    """The evidence with a side supposed for those voxels of ``where`` that are still unknown.

    Raises UserError for a confidence that is not in [0, 1).
    """
    if np.min(confidence) < 0 or np.max(confidence) >= 1:
        raise UserError("a prior's confidence must be from 0 to less than 1, which stands for what was sensed")
    where = where & (evidence.side == UNKNOWN) & (side != UNKNOWN)
    distance = evidence.band_m * side if sdf_m is None else np.clip(sdf_m, -evidence.band_m, evidence.band_m)
    return replace(
        evidence,
        side=np.where(where, side, evidence.side).astype(np.int8),
        confidence=np.where(where, np.float32(confidence), evidence.confidence).astype(np.float32),
        sdf_m=np.where(where, distance, evidence.sdf_m).astype(np.float32),
    )
