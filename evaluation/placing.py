"""How the CADs of a scene were placed, judged by the poses beside meshes and true surfaces and by nothing else.

A benchmark divides by every CAD that ought to be placed.  So where some mesh carries a pose, each true surface with a
pose counts: one whose mesh is missing, or carries no pose, is placed wrong; what its surface is like changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from evaluation.alignment_accuracy import alignment, read_placement
from scene.errors import UserError

_WRONG = {"alignment_correct": 0.0}


def carry_poses(meshes: Iterable[Path]) -> bool:
    """Whether some mesh's sidecar carries a pose, be it a broken one."""
    return any(map(_carries_pose, meshes))


def _carries_pose(mesh: Path) -> bool:
    try:
        return read_placement(mesh.with_suffix(".json")) is not None
    except UserError:
        return True


def placing(mesh: Path | None, truth: Path, problems: list[str]) -> dict[str, float]:
    """The ``alignment_*`` keys of ``evaluation.records``; none where the true surface carries no pose.

    What keeps a pose from being judged goes to ``problems``.
    """
    try:
        true = read_placement(truth.with_suffix(".json"))
    except UserError as error:
        problems.append(f"{error}; its placement is not judged")
        return {}
    if true is None:
        return {}
    try:
        placed = None if mesh is None else read_placement(mesh.with_suffix(".json"))
    except UserError as error:
        problems.append(f"{error}; counted as placed wrong")
        return _WRONG
    if placed is not None:
        return alignment(placed, true)
    if mesh is not None:
        problems.append(f"{mesh}: carries no pose, which others of its folder do; counted as placed wrong")
    return _WRONG
