"""The scans that the bench measures: rooms with true meshes, a real scan without, and rooms that it has made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scene.errors import UserError

# Of the room generator no training (0 to 899,999), no held-out measure (from 1,000,000) and no calibration (from
# 2,000,000 and 3,000,000) has used a seed as high as this.
UNSEEN_SEED = 7_000_000
GENERATED_FRAMES = 50  # about as many as the rendered rooms have
_MOST_ROOMS = 800  # then the generator's names come round


@dataclass(frozen=True)
class Subject:
    """A scan to be measured, and its true meshes where there are any."""

    scan: Path
    truth: Path | None = None

    @property
    def name(self) -> str:
        return self.scan.resolve().name.removesuffix("_scannet")


def find_subjects(rooms: Path, real: Path | None, only: list[str] | None) -> list[Subject]:
    """The rooms, then the real scan; all of them or those named ``only``.  Raises UserError where there are none."""
    scans = sorted(rooms.glob("scannet/*_scannet"))
    subjects = [Subject(scan, rooms / "truth" / scan.name.removesuffix("_scannet")) for scan in scans]
    if real is not None:
        if not real.is_dir():
            raise UserError(f"--real {real}: there is no such scan")
        subjects.append(Subject(real))
    known = [subject.name for subject in subjects]
    if unknown := set(only or []) - set(known):
        raise UserError(f"--only {', '.join(sorted(unknown))}: is not among the scans: {', '.join(known) or 'none'}")
    chosen = [subject for subject in subjects if not only or subject.name in only]
    if not chosen:
        raise UserError(f"--rooms {rooms}: holds no scannet/<scene>_scannet; give the folder of the bench's rooms")
    for subject in chosen:
        if subject.truth is not None and not subject.truth.is_dir():
            raise UserError(f"{subject.truth}: there is no such folder of true meshes; give one without them as --real")
    return chosen


def generated_subjects(out: Path, count: int, seed: int) -> list[Subject]:
    """The generator's rooms of ``count`` seeds from ``seed`` on, made in ``out`` unless they are there already."""
    from scene.synthetic import make_scan, scene_name

    if not 1 <= count <= _MOST_ROOMS:
        raise UserError(f"--generated {count}: give from 1 to {_MOST_ROOMS} rooms")
    return [
        Subject(make_scan(out, one, GENERATED_FRAMES), out / "truth" / scene_name(one))
        for one in range(seed, seed + count)
    ]
