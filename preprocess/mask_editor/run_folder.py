"""Where an object folder lies in a run of ``reconstruct.py``: its mesh, its neighbours, the command that goes on."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path

from scene.errors import UserError
from scene.files import read_json

_MOST_NAMED = 8  # object folders in a sentence


def check_object_folder(folder: Path) -> None:
    """Raises UserError, which names what may have been meant, where there is no folder or it is one above."""
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; give one that reconstruct.py left in DIR/work/objects")
    found = [path for above in (folder, folder / "objects", folder / "work" / "objects") for path in _objects_in(above)]
    if found:
        more = ", ..." if len(found) > _MOST_NAMED else ""
        names = ", ".join(found[:_MOST_NAMED]) + more
        raise UserError(f"{folder}: is not the folder of one object; give one of: {names}")


def mesh_of(object_folder: Path) -> Path | None:
    """The mesh that ``reconstruct.py`` made of an object folder of its own; None where there is none yet."""
    name = object_folder.name.replace("_scannet_obj_", "_obj_")
    path = _run_of(object_folder) / "meshes" / f"{name}.ply"
    return path if path.is_file() else None


def next_command(object_folder: Path) -> str:
    """The command that makes the object's mesh anew from its masks, as far as the run's folder tells it."""
    run = _run_of(object_folder)
    scan, out = "SCAN", "DIR"
    with contextlib.suppress(UserError, KeyError, TypeError):  # a folder made otherwise
        scan, out = str(read_json(run / "run.json")["scan"]), _short(run)
    return shlex.join(["python", "reconstruct.py", scan, "--out", out, "--set", "prepare.inpaint.painter=classical"])


def _objects_in(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.glob("*_obj_*") if path.is_dir())


def _run_of(object_folder: Path) -> Path:
    """DIR of DIR/work/objects/<object>."""
    return object_folder.absolute().parents[2] if len(object_folder.absolute().parents) > 2 else object_folder


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
