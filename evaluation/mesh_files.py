"""Which files of a folder are meshes of which object, and which are their true surfaces."""

from __future__ import annotations

import re
from pathlib import Path

from scene.errors import UserError
from scene.files import read_json

REPORT_NAME = "groundtruth.json"  # of a scene's folder of true surfaces: which objects have none, and why

# Places in a scene's folder of true surfaces, and how their files are called there; k = instance id - 1.
_TRUTH = (("", r"obj_(\d+)"), ("gt", r"obj_(\d+)"), ("", r"scannet_(\d+)_pointcloud"))


def find_meshes(folder: Path) -> dict[str, dict[int, Path]]:
    """Scene -> instance id -> file of all ``<scene>_obj_<id>.ply``, in the folder or one below it.

    Of O2-Recon's collected meshes the ``<scene>_scannet_obj_<id>[_<method>]_full_mesh.ply`` are taken, not the parts.
    Raises UserError where two files are of one object.
    """
    found: dict[str, dict[int, Path]] = {}
    for path in [*sorted(folder.glob("*/*.ply")), *sorted(folder.glob("*.ply"))]:
        if match := re.fullmatch(r"(.+?)(?:_scannet)?_obj_(\d+)(?:(?:_.+)?_full_mesh)?", path.stem):
            other = found.setdefault(match[1], {}).setdefault(int(match[2]), path)
            if other != path:
                raise UserError(
                    f"{other} and {path}: are of one object; keep one, or where their folders are methods, name them "
                    "by --methods"
                )
    return found


def find_truth(folder: Path) -> dict[int, Path]:
    """Instance id -> file of a scene's true surfaces; id = k + 1.

    They are ``obj_<k>.ply`` in the scene's folder or in ``gt`` below it, or Scan2CAD's ``scannet_<k>_pointcloud.ply``.
    """
    for below, name in _TRUTH:
        paths = sorted((folder / below).glob("*.ply"))
        found = {int(match[1]) + 1: path for path in paths if (match := re.fullmatch(name, path.stem))}
        if found:
            return found
    return {}


def told_of_truth(folder: Path) -> tuple[dict[int, str], dict[int, str]]:
    """What ``groundtruth.json`` in a scene's folder of true surfaces tells by instance id: labels, and why an object
    has no true surface; nothing where there is no such file, or it is another's."""
    path = folder / REPORT_NAME
    told = read_json(path) if path.is_file() else {}
    try:
        labels = {int(one["instance_id"]): str(one["label"]) for one in told.get("with_truth", [])}
        lacks = [one for one in told.get("without_truth", []) if one["instance_id"] is not None]
        return labels, {int(one["instance_id"]): f"{one['reason']}; {one['detail']}" for one in lacks}
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}, {}


def truth_folder(scene: str, root: Path, alone: bool) -> Path:
    """The scene's folder of true surfaces: below ``root``, or ``root`` itself where it is of one scene ``alone``.

    Raises UserError where neither is one.
    """
    if (root / scene).is_dir():
        return root / scene
    if alone and find_truth(root):
        return root
    raise UserError(
        f"{root}: holds no true surfaces of {scene}; they are called {scene}/obj_<k>.ply, {scene}/gt/obj_<k>.ply or "
        f"{scene}/scannet_<k>_pointcloud.ply, with k = id - 1"
    )
