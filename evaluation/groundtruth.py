"""What making ground truth of a scene came to: which objects have a true surface now, and why the others have none.

It lies as ``groundtruth.json`` in the scene's folder, so that a score over half of the objects does not look like one
over all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float

from evaluation.mesh_files import REPORT_NAME
from scene.errors import UserError
from scene.files import atomic_file, write_json
from scene.runlog import log, progress

PART_OF_ROOM = "part of the room"  # a reason: walls and the like, which nobody reconstructs as objects


@dataclass(frozen=True)
class TrueObject:
    """An object that has its truth: a file below the scene's folder, and what is doubtful about it."""

    instance_id: int
    label: str
    file: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lack:
    """An object without truth, or an annotation that became none; ``reason`` names its kind in a few words."""

    what: str  # as "instance 7 chair" or "CAD model 3 (03001627/abc)"
    reason: str
    detail: str
    instance_id: int | None = None


@dataclass
class SceneTruth:
    """The outcome for one scene.  Every object of the scene is in one of the two lists."""

    scene: str
    source: str
    settings: Mapping[str, Any]
    with_truth: list[TrueObject] = field(default_factory=list)
    without_truth: list[Lack] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """``groundtruth.json`` in the scene's folder."""
        write_json(folder / REPORT_NAME, asdict(self) | {"counts": self.counts()})

    def counts(self) -> dict[str, Any]:
        """How many have truth, and how many have none for which reason."""
        reasons = Counter(lack.reason for lack in self.without_truth)
        return {"with_truth": len(self.with_truth), "without_truth": dict(sorted(reasons.items()))}

    def text(self) -> str:
        """A few lines for a person: counts first, then every object without truth."""
        lines = [f"{self.scene}: {len(self.with_truth)} with truth, {len(self.without_truth)} without"]
        lines += [f"  {lack.what}: {lack.reason}; {lack.detail}" for lack in self.without_truth]
        lines += [f"  {_named(one)}: {note}" for one in self.with_truth for note in one.notes]
        return "\n".join(lines)


def instance_named(instance_id: int, label: str) -> str:
    return f"instance {instance_id} {label}"


def _named(one: TrueObject) -> str:
    return instance_named(one.instance_id, one.label)


def make_scenes(scans: Mapping[str, Path], make: Callable[[str, Path], SceneTruth]) -> tuple[list[SceneTruth], int]:
    """``make(scene, folder)`` for every scan.  A scan whose files are broken is told, counted and passed over.

    Returns what was made and how many scans failed.
    """
    made: list[SceneTruth] = []
    for scene, folder in progress(scans.items(), "ground truth", len(scans)):
        try:
            made.append(make(scene, folder))
        except UserError as error:
            log.error("%s: no ground truth: %s", scene, error)
    return made, len(scans) - len(made)


def summary(scenes: Sequence[SceneTruth], failed: int) -> str:
    """The scenes' texts and one line over all of them."""
    have = sum(len(scene.with_truth) for scene in scenes)
    lack = Counter(one.reason for scene in scenes for one in scene.without_truth)
    reasons = "".join(f"; {reason}: {count}" for reason, count in sorted(lack.items()))
    broken = f"; scenes failed: {failed}" if failed else ""
    return "\n".join([*(one.text() for one in scenes), f"in all: objects with truth: {have}{reasons}{broken}"])


def write_surface(path: Path, surface: trimesh.Trimesh | trimesh.PointCloud, about: Mapping[str, Any]) -> None:
    """A true surface as PLY in metres in the scan's frame, and its sidecar."""
    path.with_suffix(".json").unlink(missing_ok=True)
    with atomic_file(path) as temporary:
        temporary.write_bytes(trimesh.exchange.ply.export_ply(surface, vertex_normal=False))
    write_json(path.with_suffix(".json"), {"units": "m", "frame": "scan world", **about})


def write_cloud(
    path: Path, points: Float[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 3"], about: Mapping[str, Any]
) -> None:
    """A true surface as a cloud of points with outward normals, and the sidecar that vouches for them."""
    path.with_suffix(".json").unlink(missing_ok=True)
    names = ("x", "y", "z", "nx", "ny", "nz")
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(points)}"]
    header += [f"property float {name}" for name in names]
    rows = np.concatenate([points, normals], axis=1).astype("<f4")
    with atomic_file(path) as temporary:
        temporary.write_bytes(("\n".join([*header, "end_header"]) + "\n").encode() + rows.tobytes())
    write_json(path.with_suffix(".json"), {"units": "m", "frame": "scan world", "normals": "outward", **about})


def remove_truth(path: Path) -> None:
    """Take away what an earlier run made for an object that has no truth now; a file without our sidecar stays."""
    if path.with_suffix(".json").is_file():
        path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink()
