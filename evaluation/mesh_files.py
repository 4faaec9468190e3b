"""Which files of a folder are meshes of which object, and which are their true ones."""

from __future__ import annotations

import re
from pathlib import Path


def find_meshes(folder: Path) -> dict[str, dict[int, Path]]:
    """Scene -> instance id -> file of all ``<scene>_obj_<id>.ply``, in the folder or one below it.

    Of O2-Recon's collected meshes the ``<scene>_scannet_obj_<id>_full_mesh.ply`` are taken, not the parts.
    """
    found: dict[str, dict[int, Path]] = {}
    for path in [*sorted(folder.glob("*/*.ply")), *sorted(folder.glob("*.ply"))]:
        if match := re.fullmatch(r"(.+?)(?:_scannet)?_obj_(\d+)(?:_full_mesh)?", path.stem):
            found.setdefault(match[1], {})[int(match[2])] = path
    return found


def find_truth(folder: Path) -> dict[int, Path]:
    """Instance id -> file of all ``obj_<k>.ply`` in a scene's folder of true meshes (or its ``gt``); id = k + 1."""
    for place in (folder, folder / "gt"):
        found = {
            int(match[1]) + 1: path
            for path in sorted(place.glob("obj_*.ply"))
            if (match := re.fullmatch(r"obj_(\d+)", path.stem))
        }
        if found:
            return found
    return {}
