"""Puts a fetched part of the published data where the commands look for it, folder by folder, each whole or absent."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from scene.archives import open_archive
from scene.files import atomic_file, atomic_folder
from scene.frame_files import listed, numbered
from scene.runlog import progress
from scripts.data_layout import OBJECTS, Part, is_litter
from scripts.disk import check_space

_NONE = PurePosixPath()
_DRAWN = r"(\d+)_class_inpaint mask\.png"  # by the view's number; other files beside them do not count


@dataclass(frozen=True)
class Item:
    """A published file: its size, unpacked, and how it is written."""

    size: int
    write: Callable[[Path], object]


@dataclass(frozen=True)
class Unit:
    """A folder (or one file, by the name ".") that is put below the root as a whole; its files by their path in it."""

    path: PurePosixPath
    items: dict[PurePosixPath, Item] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(item.size for item in self.items.values())


@dataclass
class Contents:
    """What a part holds: the units in the order of their names, and the files that belong nowhere."""

    units: dict[PurePosixPath, Unit] = field(default_factory=dict)
    strays: list[PurePosixPath] = field(default_factory=list)

    def add(self, part: Part, path: PurePosixPath, item: Item) -> None:
        """Take in a file by its path in the part; of two for one place the first is taken."""
        if is_litter(path):
            return
        place = part.place(path)
        if place is None or place.inside in self.units.setdefault(place.unit, Unit(place.unit)).items:
            self.strays.append(path)
        else:
            self.units[place.unit].items[place.inside] = item


@contextmanager
def contents_of(snapshot: Path, name: str, part: Part) -> Iterator[Contents]:
    """What of a part lies in a snapshot of the hub, in folders and in archives, which stay open within the block.

    Raises UserError where an archive is damaged or hostile; then nothing of the part is put anywhere.
    """
    contents = Contents()
    folder = [path for path in (snapshot / name).rglob("*") if path.is_file()]
    with ExitStack() as stack:
        for file in [*sorted(folder), *snapshot.glob(f"{name}.zip")]:
            path = PurePosixPath(file.relative_to(snapshot).as_posix())
            if path.suffix.lower() == ".zip":
                archive = stack.enter_context(open_archive(file))
                for member, size in archive.sizes.items():
                    contents.add(part, path.with_suffix("") / member, Item(size, partial(archive.write, member)))
            else:
                contents.add(part, path, Item(file.stat().st_size, partial(_copy, file)))
        yield Contents(dict(sorted(contents.units.items())), contents.strays)


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)


def put_missing(root: Path, contents: Contents) -> tuple[list[Unit], list[Unit], list[str]]:
    """Put below ``root`` what is not there; what is there is left as it is.

    Returns the units put now, those that were there, and in sentences why others were not put.  Raises UserError where
    the disk is too small for those that lack, before any is written.
    """
    here: list[Unit] = []
    lacking: list[Unit] = []
    obstacles: list[str] = []
    for unit in contents.units.values():
        if obstacle := _obstacle(root, unit):
            obstacles.append(obstacle)
        else:
            (here if _is_there(root / unit.path) else lacking).append(unit)
    check_space([(root, sum(unit.size for unit in lacking))], "name a folder on another disk with --root")
    for unit in lacking:
        _put(root / unit.path, unit)
    return lacking, here, obstacles


def _put(target: Path, unit: Unit) -> None:
    if _NONE in unit.items:
        with atomic_file(target) as temporary:
            temporary.unlink()  # items are written where nothing is
            unit.items[_NONE].write(temporary)
        return
    with atomic_folder(target) as temporary:
        for inside, item in progress(unit.items.items(), f"unpacking {target.name}"):
            item.write(temporary / inside)


def _obstacle(root: Path, unit: Unit) -> str:
    """Why a unit cannot be put; "" where it can be, or is there already as it was published."""
    target = root / unit.path
    if _is_there(target):
        others = [inside for inside, item in unit.items.items() if not _is_like(target / inside, item)]
        if others:
            return (
                f"{target}: is there already and was left as it is, but of its {len(unit.items)} published files "
                f"{len(others)} lack or differ, such as {others[0]}; move it away to have them"
            )
        return ""
    return _misfit(target, unit) if unit.path.parent.parent == OBJECTS else ""


def _is_there(target: Path) -> bool:
    """Whether something is at a unit's place; an empty folder is nothing."""
    return any(target.iterdir()) if target.is_dir() else target.exists()


def _is_like(path: Path, item: Item) -> bool:
    return path.is_file() and path.stat().st_size == item.size


def _misfit(target: Path, unit: Unit) -> str:
    """Why masks cannot be put into an object folder: they go by the numbers of its views."""
    views = numbered(target.parent / "origin_image").keys()
    if not views:
        return f"{target.parent}: has no views yet; run preprocess/object_mask_with_clip.py, and then this again"
    drawn = sorted(int(match[1]) for inside in unit.items if (match := re.fullmatch(_DRAWN, inside.name)))
    if strangers := [number for number in drawn if number not in views]:
        return (
            f"{target}: was not put there, its masks are of views that the object folder has not "
            f"({listed(strangers, 5)}); they go by the views that O2-Recon picked"
        )
    return ""
