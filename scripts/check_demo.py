"""Whether a run of reconstruct.py left all that it promises: ``python -m scripts.check_demo DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluation.scoring import find_meshes
from scene.errors import UserError
from scene.files import read_json
from scene.mesh import load_mesh
from scene.runlog import run_cli

_FILES = ("scores.json", "scores.csv", "scores.txt", "run.json", "report/index.html")


def check(out: Path) -> int:
    """The number of objects, all of them whole.  Raises UserError naming what is missing or broken."""
    for name in _FILES:
        if not (out / name).is_file() or (out / name).stat().st_size == 0:
            raise UserError(f"{out / name}: is missing or empty; see what reconstruct.py said")
    record, scores = read_json(out / "run.json"), read_json(out / "scores.json")
    if failed := [f"{one['instance_id']} ({one['error']})" for one in record["objects"] if one["error"]]:
        raise UserError(f"{out / 'run.json'}: objects failed: {', '.join(failed)}")
    (found,) = find_meshes(out / "meshes").values()
    if wanted := {one["instance_id"] for one in record["objects"]} ^ set(found):
        raise UserError(f"{out / 'meshes'}: meshes and run.json differ in the objects {sorted(wanted)}")
    unscored = [f"{one['instance_id']}" for scene in scores["scenes"] for one in scene["objects"] if one["problems"]]
    if unscored:
        raise UserError(f"{out / 'scores.json'}: objects could not be scored: {', '.join(unscored)}")
    for path in found.values():
        if not load_mesh(path).is_watertight:
            raise UserError(f"{path}: is not watertight")
        for suffix in (".glb", ".json"):
            if not path.with_suffix(suffix).is_file():
                raise UserError(f"{path.with_suffix(suffix)}: is missing")
    return len(found)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.check_demo", description=__doc__)
    parser.add_argument("out", type=Path, help="folder that reconstruct.py wrote")
    out = parser.parse_args().out
    print(f"{check(out)} objects, every mesh watertight, scores, record and page in {out}")


if __name__ == "__main__":
    run_cli(main)
