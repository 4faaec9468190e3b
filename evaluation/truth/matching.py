"""Which instance of a scan each CAD model stands for: what people told, else by how much they overlap.

Classes are of no help: ShapeNet's and ScanNet's differ, and an annotator's "table" is a segmenter's "desk".  The
overlap is the harmonic mean of two shares: of the instance's vertices near the CAD, and of the CAD's outer surface near
the instance's vertices.  A floor has few vertices near a chair; a chair under a table covers little of the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

# A scan often shows only an object's front: all of its vertices on the CAD, but a seventh of the CAD covered: 0.25.
LEAST_OVERLAP = 0.25
_TIE = 0.05  # overlaps that differ by less do not tell two instances apart
_NEAR_M = 0.10  # Scan2CAD's shapes are similar, not the same
_NEAR_SHARE = 0.1  # of the CAD's diagonal, where that is less
_POINTS = 4000  # of an instance and of a CAD: a share is then known to about 1 %


@dataclass(frozen=True)
class Match:
    """The instance of a CAD, or None; how that was found, and what is doubtful about it or why there is none."""

    instance_id: int | None
    overlap: float  # with that instance; where there is none with the one told, else with the best
    matched_by: str = "overlap"
    note: str = ""


def overlap_of(cad: Float[np.ndarray, "c 3"], instance: Float[np.ndarray, "i 3"], rng: np.random.Generator) -> float:
    """Overlap in [0, 1] of points on a CAD's outer surface and an instance's vertices, both in metres in the scan."""
    near_m = min(_NEAR_M, _NEAR_SHARE * float(np.linalg.norm(np.ptp(cad, axis=0))))
    low, high = cad.min(axis=0) - near_m, cad.max(axis=0) + near_m
    if not ((instance >= low) & (instance <= high)).all(axis=1).any():
        return 0.0
    cad, instance = _thinned(cad, rng), _thinned(instance, rng)
    of_instance = float(np.isfinite(cKDTree(cad).query(instance, distance_upper_bound=near_m)[0]).mean())
    of_cad = float(np.isfinite(cKDTree(instance).query(cad, distance_upper_bound=near_m)[0]).mean())
    return 2.0 * of_instance * of_cad / (of_instance + of_cad) if of_instance + of_cad else 0.0


def overlaps(
    cads: Sequence[Float[np.ndarray, "_ 3"]], instances: Mapping[int, Float[np.ndarray, "_ 3"]], seed: int
) -> Float[np.ndarray, "cads instances"]:
    """Overlap of every CAD with every instance, the latter in the order of the mapping."""
    rng = np.random.default_rng(seed)
    rows = [[overlap_of(cad, points, rng) for points in instances.values()] for cad in cads]
    return np.array(rows).reshape(len(cads), len(instances))


def assign(
    overlap: Float[np.ndarray, "cads instances"], ids: Sequence[int], annotated: Sequence[int | None]
) -> list[Match]:
    """At most one CAD for an instance and one instance for a CAD, so that the overlaps' sum is largest.

    ``ids`` are the instances' and ``annotated`` the CADs' instances as people told them.  Who was told an instance gets
    that one or none: none where they do not overlap at all, or where another CAD told it overlaps it more.  Only for
    the other CADs, and the instances left to them, the overlap decides.
    """
    matches = _annotated(overlap, ids, annotated)
    rows = [row for row in range(len(overlap)) if row not in matches]
    taken = {match.instance_id for match in matches.values()}
    columns = [column for column, instance_id in enumerate(ids) if instance_id not in taken]
    allowed = np.where(overlap >= LEAST_OVERLAP, overlap, 0.0)[np.ix_(rows, columns)]
    for i, j in zip(*linear_sum_assignment(allowed, maximize=True), strict=True):
        if allowed[i, j] > 0:
            row, column = rows[int(i)], columns[int(j)]
            matches[row] = Match(ids[column], float(overlap[row, column]), note=_tie(overlap[row], column, ids))
    return [matches.get(row) or _unmatched(overlap[row], ids) for row in range(len(overlap))]


def _annotated(
    overlap: Float[np.ndarray, "cads instances"], ids: Sequence[int], annotated: Sequence[int | None]
) -> dict[int, Match]:
    """What became of every CAD of which people told the instance, by its row."""
    told = {row: instance_id for row, instance_id in enumerate(annotated) if instance_id is not None}
    had = {row: float(overlap[row, ids.index(i)]) if i in ids else 0.0 for row, i in told.items()}
    matches: dict[int, Match] = {}
    for row in sorted(told, key=lambda row: -had[row]):
        named = f"annotated as instance {told[row]}"
        if told[row] not in ids:
            matches[row] = Match(None, 0.0, "annotated id", f"{named}, of which the scan has no points")
        elif had[row] <= 0:
            matches[row] = Match(None, 0.0, "annotated id", f"{named}, which it is nowhere near")
        elif any(match.instance_id == told[row] for match in matches.values()):
            note = f"{named} like a CAD model that overlaps it more"
            matches[row] = Match(None, had[row], "annotated id", note)
        else:
            note = f"{named}, which it overlaps by {had[row]:.2f} only" if had[row] < LEAST_OVERLAP else ""
            matches[row] = Match(told[row], had[row], "annotated id", note)
    return matches


def _unmatched(of_cad: Float[np.ndarray, " i"], ids: Sequence[int]) -> Match:
    """A CAD that stands for no instance: too little overlap, or its instance went to a better one."""
    best = int(of_cad.argmax()) if len(of_cad) else 0
    most = float(of_cad[best]) if len(of_cad) else 0.0
    if most >= LEAST_OVERLAP:
        why = f"another CAD model stands for instance {ids[best]} (its own overlap is {most:.2f})"
    elif most > 0:
        why = f"its largest overlap is {most:.2f}, with instance {ids[best]}; {LEAST_OVERLAP:g} is needed"
    else:
        why = "no instance is near it"
    return Match(None, most, note=why)


def _tie(of_cad: Float[np.ndarray, " i"], chosen: int, ids: Sequence[int]) -> str:
    about_as_much = np.flatnonzero(of_cad >= max(LEAST_OVERLAP, of_cad[chosen] - _TIE)).tolist()
    rivals = [ids[k] for k in about_as_much if k != chosen]
    return f"overlaps instance {', '.join(map(str, rivals))} about as much" if rivals else ""


def _thinned(points: Float[np.ndarray, "n 3"], rng: np.random.Generator) -> Float[np.ndarray, "m 3"]:
    return points if len(points) <= _POINTS else points[rng.choice(len(points), _POINTS, replace=False)]
