"""Where each file of O2-Recon's published data belongs, by the names of the folders that it lies in.

What is known of the hub's layout are the names of its parts; how deep in them, and in how many archives, the folders of
scans, objects and scenes lie is not.  So they are looked for by their names at any depth, an archive standing for a
folder of its name: ``scannet/some/scene0005_00_scannet.zip`` with ``color/0.jpg`` in it is the same to us as
``scannet/scene0005_00_scannet/color/0.jpg``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

SCANS = PurePosixPath("scannet")
OBJECTS = SCANS / "object_original_with_clip"
TRAINING = PurePosixPath("dataset/indoor-paper")
RUNS = PurePosixPath("exps-paper/indoor-paper/neus")
COLLECTED = PurePosixPath("exps-paper/indoor-paper/collected_meshes_per_scene")
TRUTH = PurePosixPath("groundtruth")

_SCENE = r"(scene\d{4}_\d\d)(?:_scannet)?"
_OBJECT = r"scene\d{4}_\d\d_scannet_obj_\d+(?:_\w+)?"
_TRUE_SCENE = r"(?:scene)?(\d{4})(?:_(\d\d))?(?:_scannet)?"  # O2-Recon's own measure looks for 0005/gt
_TRUE_OBJECT = r"(?:obj_(\d+)|scannet_(\d+)_pointcloud)\.ply"
_MASKS = r"only-seg-(\d{4})-obj(\d+)"
_LITTER = re.compile(r"__MACOSX|\._.*|\.DS_Store|Thumbs\.db|desktop\.ini")


@dataclass(frozen=True)
class Place:
    """Where a file belongs below the root: in a folder that is put there as a whole, or (``inside`` ".") by itself."""

    unit: PurePosixPath
    inside: PurePosixPath


@dataclass(frozen=True)
class Part:
    """A part of the published data: what is looked for in it, and where a file of it belongs (None: nowhere known)."""

    wanted: str
    place: Callable[[PurePosixPath], Place | None]


def is_litter(path: PurePosixPath) -> bool:
    """Whether a file is what some systems leave in every archive."""
    return any(_LITTER.fullmatch(part) for part in path.parts)


def _below(path: PurePosixPath, name: str) -> tuple[re.Match[str], PurePosixPath] | None:
    """The last folder of a path whose whole name matches, and what of the path lies in it."""
    for i in reversed(range(len(path.parts) - 1)):
        if match := re.fullmatch(name, path.parts[i]):
            return match, PurePosixPath(*path.parts[i + 1 :])
    return None


def _training_folder(path: PurePosixPath) -> Place | None:
    found = _below(path, _OBJECT)
    return Place(TRAINING / found[0][0], found[1]) if found else None


def _scan(path: PurePosixPath) -> Place | None:
    if path.name == "scannetv2-labels.combined.tsv":
        return Place(SCANS / path.name, PurePosixPath())
    if found := _below(path, _OBJECT):
        return Place(OBJECTS / found[0][0], found[1])
    found = _below(path, _SCENE)
    return Place(SCANS / f"{found[0][1]}_scannet", found[1]) if found else None


def _masks(path: PurePosixPath) -> Place | None:
    """The folder's name tells four digits of the scene; all published ones are the first scan of theirs."""
    found = _below(path, _MASKS)
    if found is None:
        return None
    digits, number = found[0].groups()
    scene = next((match[0] for part in path.parts if (match := re.match(rf"scene{digits}_\d\d", part))), None)
    return Place(OBJECTS / f"{scene or f'scene{digits}_00'}_scannet_obj_{number}" / found[0][0], found[1])


def _truth(path: PurePosixPath) -> Place | None:
    """Two kinds: cut out of the scan, and aligned CAD models.  Both become ``obj_<k>.ply`` of a scene's folder."""
    found = _below(path, _TRUE_SCENE)
    if found is None:
        return None
    scene = f"scene{found[0][1]}_{found[0][2] or '00'}"
    rest = found[1].relative_to("gt") if found[1].parts[0] == "gt" else found[1]
    if match := re.fullmatch(_TRUE_OBJECT, rest.name):
        rest = rest.with_name(f"obj_{match[1] or match[2]}.ply")
    if any("scan2cad" in part.lower() for part in path.parts):
        return Place(TRUTH / "meshes-scan2cad-cleaned" / scene, rest)
    return Place(TRUTH / "scannet_gt" / scene, "gt" / rest)


def _results(path: PurePosixPath) -> Place | None:
    """Runs of single objects, else meshes collected by method and scene, under whatever folders they came in."""
    for i in range(len(path.parts) - 2):
        if re.fullmatch(_OBJECT, path.parts[i]) and path.parts[i + 1].startswith("exp_"):
            return Place(RUNS / path.parts[i], PurePosixPath(*path.parts[i + 1 :]))
    wrappers = {"example-results", "exps-paper", "indoor-paper", "neus", COLLECTED.name}
    first = next((i for i, part in enumerate(path.parts) if part not in wrappers), len(path.parts))
    if first >= len(path.parts) - 1:
        return None
    return Place(COLLECTED / path.parts[first], PurePosixPath(*path.parts[first + 1 :]))


# By the names that they have on the hub, less ".zip".  Masks go into object folders, and so come after them.
PARTS = {
    "example-input": Part("training folders <scene>_scannet_obj_<id>_inpainted", _training_folder),
    "scannet": Part("scans <scene>_scannet, and object folders", _scan),
    "annotated_masks": Part("drawn masks only-seg-<4 digits>-obj<id>", _masks),
    "groundtruth": Part("true meshes obj_<k>.ply in folders by scene", _truth),
    "example-results": Part("meshes in folders", _results),
}
