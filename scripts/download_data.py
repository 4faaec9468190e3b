"""Fetches O2-Recon's published example data from the Hugging Face hub, and puts it where the commands look for it.

    python scripts/download_data.py [example-input] [scannet] [annotated_masks] [groundtruth] [example-results]
                                    [--root FOLDER]

    example-input      dataset/indoor-paper/<scene>_scannet_obj_<id>_inpainted/          scripts/train_0005.sh
    scannet            scannet/<scene>_scannet/, scannet/object_original_with_clip/      exp_preprocess.py
    annotated_masks    scannet/object_original_with_clip/<object>/only-seg-<4 digits>-obj<id>/
    groundtruth        groundtruth/{scannet_gt,meshes-scan2cad-cleaned}/<scene>/         cal_metric.py --truth
    example-results    exps-paper/indoor-paper/{neus,collected_meshes_per_scene}/        cal_metric.py --meshes

The same command goes on where it was stopped: archives come into the hub's cache (HF_HOME) and stay there, folders are
put whole or not at all, and what is there already is left as it is.  HF_TOKEN and HF_HUB_OFFLINE are respected.
Masks go by an object folder's views, and so need it: where it did not come, run preprocess/object_mask_with_clip.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

if not __package__:  # run by its path: the project is this folder's parent
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from scene.errors import UserError
from scene.runlog import log, run_cli
from scripts.data_layout import OBJECTS, PARTS
from scripts.data_units import Contents, Unit, contents_of, put_missing
from scripts.disk import check_space

REPOSITORY, REVISION = "AlbertHuyb/O2-Recon", "main"
_PAGE = f"datasets/{REPOSITORY}"  # what is said of it; a model could have the same name
_INSTEAD = "take a scan of your own (README.md)"
_CARRY = "fetch it where there is one and carry the folder HF_HOME here"
_MOST_NAMED = 5


def main() -> int:
    """0 where every part asked for is in its place in the end, else 1."""
    arguments = _parser().parse_args()
    names = [name.removesuffix(".zip") for name in arguments.parts] or list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        raise UserError(f"{unknown[0]} is no part; there are {', '.join(PARTS)}")
    in_order = [name for name in PARTS if name in names]
    failed = [name for name in in_order if not have(name, arguments.root)]
    return 1 if failed else 0


def have(name: str, root: Path) -> bool:
    """Have a part of the data in its place below ``root``; where it cannot be had, say why.  Returns whether it is."""
    try:
        snapshot = _fetch(name, root)
        with contents_of(snapshot, name, PARTS[name]) as contents:
            if not contents.units:
                raise UserError(_nothing_known(snapshot, name, contents))
            put, here, obstacles = put_missing(root, contents)
    except UserError as error:
        log.error("%s: %s", name, error)
        return False
    for obstacle in obstacles[:_MOST_NAMED]:
        log.error("%s: %s", name, obstacle)
    if (more := len(obstacles) - _MOST_NAMED) > 0:
        log.error("%s: and so for %d more", name, more)
    log.info("%s: %d put below %s, %d were there already", name, len(put), root, len(here))
    if put:
        log.info("%s: what was fetched stays in %s, and may be removed", name, snapshot.parents[1])
    _tell(name, root, put, here, contents)
    return not obstacles


def _fetch(name: str, root: Path) -> Path:
    """Have a part in the hub's cache.  Returns the snapshot that it lies in; raises UserError where that fails."""
    from huggingface_hub import constants, snapshot_download

    from scripts.hub import FAILURES, explain, silence_retries

    silence_retries()
    request: dict[str, Any] = {
        "repo_id": REPOSITORY,
        "repo_type": "dataset",
        "revision": REVISION,
        "allow_patterns": [f"{name}/*", f"{name}.zip"],
    }
    try:
        if not constants.HF_HUB_OFFLINE:
            log.info("%s: asking the hub for %s", name, _PAGE)
            plan = snapshot_download(**request, dry_run=True)
            missing = sum(file.file_size or 0 for file in plan if file.will_download)
            if missing:
                told = "%s: %.3f GB to fetch, and as much or more to unpack; ScanNet's terms of use hold"
                log.info(told, name, missing / 1e9)
            # How much comes out of an archive is not known before it is here; it is hardly less than went in.
            needs = [(Path(constants.HF_HUB_CACHE), missing), (root, missing)]
            check_space(needs, "set HF_HOME and --root to folders on other disks")
        return Path(snapshot_download(**request))
    except FAILURES as error:
        raise UserError(explain(error, _PAGE, REVISION, _INSTEAD, _CARRY)) from error


def _nothing_known(snapshot: Path, name: str, contents: Contents) -> str:
    """Why nothing of a part was put anywhere."""
    if not contents.strays:
        return f"{_PAGE} holds neither {name}/ nor {name}.zip; see there under what name it goes now"
    there = ", ".join(map(str, contents.strays[:_MOST_NAMED]))
    return f"it holds no {PARTS[name].wanted}, but {there}; put what is of use of it into place by hand from {snapshot}"


def _tell(name: str, root: Path, put: list[Unit], here: list[Unit], contents: Contents) -> None:
    """What is in its place now on stdout, what is not or is doubtful in the log."""
    for unit in sorted([*put, *here], key=lambda unit: unit.path):
        print(root / unit.path)
    if strays := contents.strays:
        some = ", ".join(map(str, strays[:_MOST_NAMED])) + (", ..." if len(strays) > _MOST_NAMED else "")
        log.warning("%s: %d files have no place here and stay in the hub's cache: %s", name, len(strays), some)
    ours = [
        unit
        for unit in put
        if unit.path.parent.parent == OBJECTS and (root / unit.path.parent / "views.json").is_file()
    ]
    if ours:
        log.warning(
            "%s: %d folders of masks were drawn on the views that O2-Recon picked, and lie now in object folders whose "
            "views were picked here; look whether they fit, or remove them, such as %s",
            name,
            len(ours),
            root / ours[0].path,
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--root", type=Path, default=Path(), metavar="FOLDER", help="where to put it (default: here)")
    return parser


if __name__ == "__main__":
    run_cli(main)
