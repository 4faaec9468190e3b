"""What people put into object folders: masks drawn by hand, and normals predicted elsewhere.

Folders are made anew when what they are made from changes; what somebody put into them must not go with the old ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from scene.errors import UserError
from scene.view_notes import read_notes

_FOLDERS = ("only-seg-*", "pred_normal")  # within an object folder; both go by the views' numbers


def hand_made(object_folder: Path) -> list[Path]:
    """The folders that somebody put into an object folder."""
    return sorted(path for pattern in _FOLDERS for path in object_folder.glob(pattern) if path.is_dir())


def keep_hand_made(replacements: Mapping[Path, Path]) -> None:
    """Copy what was put into object folders into those that will take their places, old -> new.

    Raises UserError, which names all that does not fit and leaves everything as it was: the views are others, or there
    is no such object any more.
    """
    made = {old: folders for old in replacements if (folders := hand_made(old))}
    stranded = [
        folder
        for old, folders in made.items()
        if not replacements[old].is_dir() or _frames(old) != _frames(replacements[old])
        for folder in folders
    ]
    if stranded:
        what, them = ("goes", "it") if len(stranded) == 1 else ("go", "them")
        raise UserError(
            f"{', '.join(map(str, stranded))}: {what} by views that would be made anew; move {them} away, or give the "
            "same settings and --objects as when they were picked"
        )
    for old, folders in made.items():
        for folder in folders:
            shutil.copytree(folder, replacements[old] / folder.name)


def _frames(object_folder: Path) -> list[int]:
    """The scan's frames behind the views of an object folder, in the order of their numbers."""
    poses = object_folder / "pose"
    return list(read_notes(object_folder, range(len(list(poses.glob("*.txt"))))).frame_ids)
