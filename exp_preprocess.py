"""From object folders to training folders, in O2-Recon's words.

    python exp_preprocess.py --data_type scannet-with-inpaint --scannet_root ./scannet --neus_root ./dataset

Reads ``<scannet_root>/object_original_with_clip/<scene>_scannet_obj_<id>/`` and writes
``<neus_root>/<scene>_scannet_obj_<id>_inpainted/`` (``--data_type scannet``: without the suffix and without the crop).
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from preprocess.settings import PrepareSettings
from scene.errors import UserError
from scene.files import folders_in
from scene.runlog import log, progress, run_cli


def main() -> int:
    arguments = parse_arguments()
    root = arguments.scannet_root / "object_original_with_clip"
    pattern = f"{arguments.scene_name or '*'}_scannet_obj_*"
    sources = [path for path in folders_in(root) if path.match(pattern)] if root.is_dir() else []
    if not sources:
        raise UserError(f"{root}: holds no object folder; run preprocess/object_mask_with_clip.py first")
    from preprocess.training_folder import prepare

    inpaint = arguments.data_type == "scannet-with-inpaint"
    if inpaint:
        log.info("pixels hidden by other things stay unknown: there is no in-painter yet")
    settings = dataclasses.replace(PrepareSettings(), crop="centre" if inpaint else "none")
    failed = []
    for source in progress(sources, "preparing objects"):
        target = arguments.neus_root / (source.name + ("_inpainted" if inpaint else ""))
        try:
            prepare(source, target, settings)
            print(target)
        except UserError as error:
            log.error("%s", error)
            failed.append(source.name)
    if failed:
        log.error("%d of %d objects failed: %s", len(failed), len(sources), ", ".join(failed))
    return 1 if failed else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data_type", choices=("scannet", "scannet-with-inpaint"), default="scannet")
    parser.add_argument("--scannet_root", type=Path, default=Path("./scannet"), help="folder of the scans")
    parser.add_argument("--neus_root", type=Path, default=Path("./dataset/indoor-paper"), help="where to write")
    parser.add_argument("--scene_name", help="one scene, as scene0005_00; default: all")
    return parser.parse_args()


if __name__ == "__main__":
    run_cli(main)
