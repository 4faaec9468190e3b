"""From a training folder to a trained field and its mesh, in O2-Recon's words.

    python exp_runner.py --mode train --conf confs/scannet-inpainted-default-stage1.conf --gpu 0 \
        --scene_name scene0005_00_scannet_obj_3_inpainted

Reads ``<dataset_root>/<scene_name>/`` and writes ``<exp_root>/<scene_name>/exp_<scene_name>/`` with ``checkpoints``,
``logs``, ``recording`` (the settings of the run), ``meshes`` (validate_mesh) and ``images`` (validate_image).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from preprocess.settings import ExtractSettings, PrepareSettings
from scene.config import load, to_dict
from scene.errors import UserError
from scene.files import atomic_file, write_json
from scene.runlog import provenance, run_cli
from settings import Settings

if TYPE_CHECKING:
    from scene.records import ObjectViews


def main() -> None:
    arguments = parse_arguments()
    if Path(arguments.scene_name).name != arguments.scene_name:
        raise UserError(f"--scene_name {arguments.scene_name}: give the folder's name alone; --dataset_root says where")
    settings = load(arguments.conf, Settings, arguments.set)
    from scene.object_folder import read_training_folder

    views = read_training_folder(arguments.dataset_root / arguments.scene_name)
    folder = arguments.exp_root / arguments.scene_name / f"exp_{arguments.scene_name}"
    {"train": train, "validate_mesh": validate_mesh, "validate_image": validate_image}[arguments.mode](
        arguments, settings, views, folder
    )


def train(arguments: argparse.Namespace, settings: Settings, views: ObjectViews, folder: Path) -> None:
    """Run the configuration's phases; with --is_continue from where the last run stopped."""
    from models.devices import device_of_number
    from parts import choose_parts, clip_of_fit
    from training.trainer import fit

    # Views are picked and prepared; of the networks only the fit's matters.
    settings, used = choose_parts(replace(settings, extract=ExtractSettings(), prepare=PrepareSettings()), ("clip",))
    about = {"command": sys.argv, "seed": arguments.seed, "settings": to_dict(settings), "parts": used}
    record = {**about, **provenance()}
    write_json(folder / "recording" / "run.json", record)
    device = device_of_number(arguments.gpu)
    clip = clip_of_fit(settings, str(device))
    fit(views, settings.fit, folder, device, arguments.seed, resume=arguments.is_continue, clip=clip)
    print(folder / "checkpoints")


def validate_mesh(arguments: argparse.Namespace, settings: Settings, views: ObjectViews, folder: Path) -> None:
    """Write the newest checkpoint's mesh, in metres in the scan's frame."""
    from models.devices import device_of_number
    from scene.mesh import save_mesh
    from training.confidence import tell_confidence
    from training.extract_mesh import mesh_of_field
    from training.trainer import fitted

    device = device_of_number(arguments.gpu)
    field, step = fitted(views, settings.fit, folder, device, arguments.seed)
    wanted = replace(settings.mesh, resolution=arguments.mc_reso, voxel_m=None)
    mesh = mesh_of_field(field, wanted, views.world_from_normalized, device)
    tell_confidence(mesh, views, settings.fit, folder)
    path = folder / "meshes" / f"{step:08d}_reso{arguments.mc_reso}_{arguments.scene_name}_world.ply"
    save_mesh(path, mesh, views.up, {"object": views.name, "label": views.label, "step": step})
    print(path)


def validate_image(arguments: argparse.Namespace, settings: Settings, views: ObjectViews, folder: Path) -> None:
    """Write the newest checkpoint's colours and normals as one view sees them."""
    if not 0 <= arguments.view < len(views):
        raise UserError(f"--view {arguments.view}: {views.name} has views 0 to {len(views) - 1}")
    from models.devices import device_of_number
    from scene.images import write_image
    from training.render_view import render_view
    from training.trainer import fitted

    device = device_of_number(arguments.gpu)
    field, step = fitted(views, settings.fit, folder, device, arguments.seed)
    images = render_view(field, views, arguments.view, settings.fit.render, arguments.stride, device)
    for kind, image in zip(("color", "normal"), images, strict=True):
        path = folder / "images" / f"{step:08d}_{arguments.view:04d}_{kind}.png"
        with atomic_file(path) as temporary:
            write_image(temporary, image)
        print(path)


def at_least(smallest: int) -> Callable[[str], int]:
    """An argument type: a whole number not below ``smallest``."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < smallest:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {smallest}, not {text}")
        return int(text)

    return parse


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mode", choices=("train", "validate_mesh", "validate_image"), default="train")
    parser.add_argument("--conf", type=Path, default=Path("confs/scannet-inpainted-default-stage1.conf"))
    parser.add_argument("--gpu", type=int, default=0, help="CUDA device; -1: the CPU, as where there is no CUDA")
    parser.add_argument("--scene_name", required=True, help="the object's training folder")
    parser.add_argument("--is_continue", action="store_true", help="go on from the newest checkpoint")
    parser.add_argument(
        "--mc_reso", type=at_least(8), default=512, help="validate_mesh: cells along the unit sphere's box"
    )
    parser.add_argument("--view", type=int, default=0, help="validate_image: which view")
    parser.add_argument("--stride", type=at_least(1), default=4, help="validate_image: every so many pixels")
    parser.add_argument("--dataset_root", type=Path, default=Path("dataset/indoor-paper"))
    parser.add_argument("--exp_root", type=Path, default=Path("exps-paper/indoor-paper/neus"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting")
    return parser.parse_args()


if __name__ == "__main__":
    run_cli(main, "--is_continue goes on from the last checkpoint, where there is one")
