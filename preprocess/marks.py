"""What makes a good mesh of an object doubtful before it is made: too little of it in too few views of one side."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from preprocess.settings import ExtractSettings
from preprocess.views import Sighting

_MOST_DIRECTIONS = 500  # compared with each other; more of a long scan change the angle by little


def marks_of(
    sightings: Sequence[Sighting],
    world_from_camera: Float[np.ndarray, "n 4 4"],
    center_m: Float[np.ndarray, " 3"] | None,
    settings: ExtractSettings,
) -> list[str]:
    """Sentences, none for an object that was seen well.  ``center_m`` is the object's in the world, where known."""
    usable = [i for i, one in enumerate(sightings) if one.area_share >= settings.least_area_share]
    if not usable:
        return []
    marks = []
    best = max(sightings[i].area_share for i in usable)
    if best < settings.sure_area_share:
        shown = math.floor(1000 * best + 1e-6) / 10  # rounded down, or it could read as enough
        of_views = f"the best of its {len(usable)} views shows" if len(usable) > 1 else "its only view shows"
        marks.append(
            f"seen small: {of_views} it on {shown:.1f}% of the image ({settings.sure_area_share:.1%} is wanted)"
        )
    if len(usable) < settings.sure_views:
        marks.append(f"seen rarely: in {len(usable)} views ({settings.sure_views} are wanted)")
    if center_m is not None:
        angle_deg = widest_angle_deg(world_from_camera[usable, :3, 3] - center_m)
        if angle_deg < settings.sure_angle_deg:
            marks.append(
                f"seen from one side: from directions at most {math.floor(angle_deg)} degrees apart "
                f"({settings.sure_angle_deg:.0f} are wanted)"
            )
    return marks


def widest_angle_deg(directions: Float[np.ndarray, "n 3"]) -> float:
    """The largest angle between any two directions, in degrees."""
    some = directions[:: len(directions) // _MOST_DIRECTIONS + 1]
    unit = some / np.maximum(np.linalg.norm(some, axis=1, keepdims=True), 1e-9)
    return float(np.degrees(np.arccos(np.clip((unit @ unit.T).min(), -1.0, 1.0))))
