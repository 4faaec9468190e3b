"""The demo scan: a furnished room, seen by a hand-held depth camera, with the complete true mesh of every object.

``python -m scene.synthetic --out DIR`` writes ``DIR/scannet/<scene>_scannet``, a ScanNet export
with a ``synthetic.json`` beside it that says what the walk saw of each object, the label table
``DIR/scannet/scannetv2-labels.combined.tsv``, and ``DIR/truth/<scene>/obj_<k>.ply`` (k = instance id - 1, the scan's
frame).  The same seed writes the same bytes.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scene.depth_noise import ScanNoise
from scene.errors import UserError
from scene.files import fingerprint, read_json, stage_folder, write_json
from scene.runlog import log, run_cli

if TYPE_CHECKING:
    from scene.room.truth import TrueRoom

_ABOUT = "synthetic.json"
_SOURCES = (
    "camera.py",
    "depth_noise.py",
    "label_table.py",
    "mesh.py",
    "raycast.py",
    "scannet_writer.py",
    "synthetic.py",
)


def make_scan(
    out: Path,
    seed: int = 0,
    frames: int = 40,
    cad: Path | None = None,
    size: tuple[int, int] = (640, 480),
    noise: ScanNoise = ScanNoise(),  # noqa: B008 (immutable)
) -> Path:
    """Make the scan of ``seed`` and return its folder; does nothing when it is there already.

    ``cad`` is a folder of models (metres, +y up) that furnish the room in place of procedural furniture; ``size`` is
    the images' (width, height).  Raises UserError for what cannot be done.
    """
    from scene.room.staging import Staging
    from scene.scannet_writer import write_label_table

    if frames < 4 or min(size) < 48:
        raise UserError(f"{frames} frames of {size[0]}x{size[1]} pixels: a scan needs 4 of 48x48 at least")
    if seed < 0:
        raise UserError(f"--seed {seed}: give a number that is not negative")
    if cad is not None and not cad.is_dir():
        raise UserError(f"{cad}: there is no such folder of CAD models")
    name = scene_name(seed)
    folder, truth = out / "scannet" / f"{name}_scannet", out / "truth" / name
    settings = {"seed": seed, "frames": frames, "size": size, "noise": asdict(noise)}
    mark = fingerprint(settings, [*_sources(), *([cad] if cad is not None else [])])
    staging = Staging(name, seed, frames, size, cad)

    def write_scan(temporary: Path) -> None:
        objects = staging.write_scan(temporary, noise)
        write_json(temporary / _ABOUT, {"seed": seed, "frames": frames, "size": size, "objects": objects})
        write_label_table(folder.parent)

    truth_made = stage_folder(truth, mark, staging.write_truth)
    if not stage_folder(folder, mark, write_scan) and not truth_made:
        log.info("%s: is there already", folder)
    return folder


def true_room(scan: Path, cad: Path | None = None) -> TrueRoom:
    """The room behind a scan that ``make_scan`` made (with the same ``cad``), furnished anew: some seconds."""
    from scene.room.staging import Staging

    about = read_json(scan / _ABOUT)
    width, height = about["size"]
    return Staging(scene_name(about["seed"]), about["seed"], about["frames"], (width, height), cad).truth()


def scene_name(seed: int) -> str:
    """``scene9200_00`` to ``scene9999_00``, numbers that ScanNet does not use; every 800 seeds they come round."""
    return f"scene{9200 + seed % 800:04d}_00"


def _sources() -> list[Path]:
    """The generator's own source: another version makes another scan."""
    here = Path(__file__).parent
    return [*(here / name for name in _SOURCES), *sorted(here.glob("room/*.py")), *sorted(here.glob("furniture/*.py"))]


def _table(objects: list[dict[str, Any]], frames: int) -> str:
    lines = [f"{'id':>4}  {'object':<14} {'frames':>9}  {'surface seen':>12}"]
    for one in objects:
        frames_seen = f"{one['frames']} of {frames}"
        lines.append(f"{one['instance_id']:>4}  {one['label']:<14} {frames_seen:>9}  {one['seen_share']:>11.0%}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scene.synthetic", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for scannet/ and truth/")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another room (default 0)")
    parser.add_argument("--frames", type=int, default=40, help="how many frames (default 40)")
    parser.add_argument("--cad", type=Path, help="folder of GLB, OBJ or PLY models (metres, +y up) to furnish it with")
    arguments = parser.parse_args()
    folder = make_scan(arguments.out, arguments.seed, arguments.frames, arguments.cad)
    about = read_json(folder / _ABOUT)
    print(_table(about["objects"], about["frames"]))
    print(f"scan:  {folder}\ntruth: {arguments.out / 'truth' / scene_name(arguments.seed)}")
    return 0


if __name__ == "__main__":
    run_cli(main)
