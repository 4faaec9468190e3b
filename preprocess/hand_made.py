"""What people put into object folders: masks drawn by hand, and normals predicted elsewhere.

Folders are made anew when what they are made from changes; what somebody put into them must not go with the old ones.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from scene.errors import UserError
from scene.view_notes import read_notes

_FOLDERS = ("only-seg-*", "pred_normal")  # within an object folder; both go by the views' numbers


def hand_made(object_folder: Path) -> list[Path]:
    """The folders that somebody put into an object folder."""
    return sorted(path for pattern in _FOLDERS for path in object_folder.glob(pattern) if path.is_dir())


def keep_hand_made(old: Path, new: Path) -> None:
    """Copy what was put into an object folder into the one that will take its place.

    Raises UserError where it does not fit: the views are others, or there is no such object any more.
    """
    for folder in hand_made(old):
        if not new.is_dir() or _frames(old) != _frames(new):
            raise UserError(
                f"{folder}: goes by views that would be made anew; move it away, or run as when they were picked"
            )
        shutil.copytree(folder, new / folder.name)


def _frames(object_folder: Path) -> list[int]:
    """The scan's frames behind the views of an object folder, in the order of their numbers."""
    poses = object_folder / "pose"
    return list(read_notes(object_folder, range(len(list(poses.glob("*.txt"))))).frame_ids)
