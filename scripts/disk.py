"""Whether what is to come fits on the disks it goes to, asked before anything is written."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from scene.errors import UserError


def check_space(needs: Sequence[tuple[Path, int]], remedy: str) -> None:
    """Raise UserError where the bytes do not fit on the disks of their folders (which may not be there yet).

    Folders on one disk share what is free there.  ``remedy`` is what else there is to do than to free some space.
    """
    places = [(folder, _existing(folder), size) for folder, size in needs]
    for folder, place, _ in places:
        disk = place.stat().st_dev
        total = sum(size for _, other, size in places if other.stat().st_dev == disk)
        free = shutil.disk_usage(place).free
        if free < total:
            raise UserError(
                f"{folder}: {total / 1e9:.1f} GB are to come and {free / 1e9:.1f} GB are free; free some space, "
                f"or {remedy}"
            )


def _existing(folder: Path) -> Path:
    """The nearest folder above, or the folder itself, that is there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
