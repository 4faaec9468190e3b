"""From object folders to training folders, in O2-Recon's words.

    python exp_preprocess.py --data_type scannet-with-inpaint --scannet_root ./scannet --neus_root ./dataset

Reads ``<scannet_root>/object_original_with_clip/<scene>_scannet_obj_<id>/`` and writes
``<neus_root>/<scene>_scannet_obj_<id>_inpainted/`` (``--data_type scannet``: without the suffix, the crop and the
in-painting).  The configuration says how hidden pixels are painted and where normals come from.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from scene.config import load
from scene.errors import UserError
from scene.files import folders_in
from scene.runlog import log, progress, run_cli
from settings import Settings


def main() -> int:
    arguments = parse_arguments()
    root = arguments.scannet_root / "object_original_with_clip"
    pattern = f"{arguments.scene_name or '*'}_scannet_obj_*"
    sources = [path for path in folders_in(root) if path.match(pattern)] if root.is_dir() else []
    if not sources:
        raise UserError(f"{root}: holds no object folder; run preprocess/object_mask_with_clip.py first")
    from models.devices import device_of_number
    from parts import choose_parts, learned_of
    from preprocess.training_folder import prepare

    painted = arguments.data_type == "scannet-with-inpaint"
    settings, _ = choose_parts(settings_of(arguments.conf, arguments.set, painted), ("inpainter", "normals"))
    learned = learned_of(settings, str(device_of_number(arguments.gpu)))
    failed = []
    for source in progress(sources, "preparing objects"):
        target = arguments.neus_root / (source.name + ("_inpainted" if painted else ""))
        try:
            prepare(source, target, settings.prepare, learned)
            print(target)
        except UserError as error:
            log.error("%s", error)
            failed.append(source.name)
    if failed:
        log.error("%d of %d objects failed: %s", len(failed), len(sources), ", ".join(failed))
    return 1 if failed else 0


def settings_of(conf: Path, overrides: list[str], painted: bool) -> Settings:
    """The configuration's settings; O2-Recon's crop and in-painting go together."""
    settings = load(conf, Settings, overrides)
    prepare = replace(settings.prepare, crop="centre" if painted else "none")
    if not painted:
        prepare = replace(prepare, inpaint=replace(prepare.inpaint, painter="none"))
    return replace(settings, prepare=prepare)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data_type", choices=("scannet", "scannet-with-inpaint"), default="scannet")
    parser.add_argument("--scannet_root", type=Path, default=Path("./scannet"), help="folder of the scans")
    parser.add_argument("--neus_root", type=Path, default=Path("./dataset/indoor-paper"), help="where to write")
    parser.add_argument("--scene_name", help="one scene, as scene0005_00; default: all")
    parser.add_argument("--conf", type=Path, default=Path(__file__).parent / "confs" / "published.conf")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting")
    parser.add_argument("--gpu", type=int, default=0, help="CUDA device; -1: the CPU, as where there is no CUDA")
    return parser.parse_args()


if __name__ == "__main__":
    run_cli(main)
