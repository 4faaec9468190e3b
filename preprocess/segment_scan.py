"""From a scan without instance masks to masks: objects are found in its geometry, and projected back into the frames.

    python preprocess/segment_scan.py SCAN --out DIR

Writes ``DIR/instance-filt/<frame id>.png``, ``DIR/instances.json``, ``DIR/room.json`` (which way is up), and for
looking ``fused.ply`` (the surface) and ``objects.ply`` (the same, each object in a colour of its own).
"""

from __future__ import annotations

import argparse
import colorsys
import dataclasses
import sys
from collections import Counter
from pathlib import Path
from typing import Any

if not __package__:  # run as a script: modules are found from the project's root
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
import trimesh
from jaxtyping import Int64

from preprocess.clusters import find_objects
from preprocess.fused_surface import FusedSurface, fuse_surface
from preprocess.project_masks import ObjectProjector
from preprocess.segment_settings import SegmentSettings
from preprocess.structure import find_room
from scene.errors import UserError
from scene.files import atomic_folder, write_json
from scene.images import write_image
from scene.records import Frame, Scan
from scene.runlog import log, progress, run_cli
from scene.scannet import open_scan
from scene.stream import ahead

_LABEL = "object"  # geometry does not tell names
_MAX_OBJECTS = 65_535  # ids of a 16-bit image
_NOTHING_FOUND = "nothing but floor, walls and ceiling was found; give instance masks instead"


def segment(scan: Scan, out_folder: Path, settings: SegmentSettings) -> list[dict[str, Any]]:
    """Write the instance folder that ``scene.scannet.open_scan(folder, instances=...)`` reads.

    Returns the entries of ``instances.json``, the largest object first; ids of the images that it does not list are of
    things that hardly any frame shows.  Raises UserError when the scan has no usable
    depth, or when nothing but the room is found in it.
    """
    scan = _without_asking_twice(scan)
    surface = fuse_surface(scan, settings.surface)
    room = find_room(scan, surface, settings.structure)
    ids = find_objects(surface, room, settings.objects) + 1
    if not ids.any():
        raise UserError(f"{scan.name}: {_NOTHING_FOUND}")
    ids = np.where(ids <= _MAX_OBJECTS, ids, 0)
    projector = ObjectProjector(surface, ids, settings.masks)
    with atomic_folder(out_folder) as folder:
        (folder / "instance-filt").mkdir()
        kind = np.uint8 if ids.max() <= 255 else np.uint16

        def write_frame(k: int) -> list[int]:
            frame = scan.load_frame(k)
            if frame is None:
                return []
            image = projector.instance_image(frame)
            write_image(folder / "instance-filt" / f"{scan.frame_ids[k]}.png", image.astype(kind))
            found, pixels = np.unique(image[image > 0], return_counts=True)
            return found[pixels >= settings.masks.shown_share * image.size].tolist()

        frames: Counter[int] = Counter()
        for seen in progress(ahead(write_frame, range(len(scan))), "writing masks", total=len(scan)):
            frames.update(seen)
        least = min(settings.masks.min_frames, len(scan))
        entries = [_entry(one, ids, surface, frames[one]) for one in sorted(frames) if frames[one] >= least]
        if not entries:
            raise UserError(f"{scan.name}: {_NOTHING_FOUND}")
        write_json(folder / "instances.json", entries)
        write_json(folder / "room.json", {"up": [float(c) for c in room.frame.up]})
        _write_ply(folder / "fused.ply", surface.mesh())
        _write_ply(folder / "objects.ply", _colored(surface, ids))
    log.info("%s: %d objects; %d more were hardly seen", scan.name, len(entries), int(ids.max()) - len(entries))
    return entries


def _without_asking_twice(scan: Scan) -> Scan:
    """The scan, a frame that could not be read given up at once, so that its warning comes but once."""
    unreadable: set[int] = set()

    def load_frame(k: int) -> Frame | None:
        frame = None if k in unreadable else scan.load_frame(k)
        if frame is None:
            unreadable.add(k)
        return frame

    return dataclasses.replace(scan, load_frame=load_frame)


def _entry(instance_id: int, ids: Int64[np.ndarray, " v"], surface: FusedSurface, frames: int) -> dict[str, Any]:
    mine = ids == instance_id
    low, high = surface.vertices[mine].min(axis=0), surface.vertices[mine].max(axis=0)
    return {
        "instance_id": instance_id,
        "label": _LABEL,
        "nyu40_id": 0,
        "vertices": int(mine.sum()),
        "area_m2": round(float(surface.area_m2[mine].sum()), 3),
        "low_m": [round(float(x), 3) for x in low],
        "high_m": [round(float(x), 3) for x in high],
        "frames": frames,
    }


def _colored(surface: FusedSurface, ids: Int64[np.ndarray, " v"]) -> trimesh.Trimesh:
    """The surface with a colour for each object; the room is grey."""
    golden = 0.618034  # hues far apart for neighbouring ids
    hues = [colorsys.hsv_to_rgb(one * golden % 1, 0.75, 0.95) for one in range(1, int(ids.max()) + 1)]
    colors = np.rint(np.array([(0.6, 0.6, 0.6), *hues]) * 255).astype(np.uint8)
    return trimesh.Trimesh(surface.vertices, surface.faces, vertex_colors=colors[ids], process=False)


def _write_ply(path: Path, mesh: trimesh.Trimesh) -> None:
    path.write_bytes(trimesh.exchange.ply.export_ply(mesh, vertex_normal=False))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scan", type=Path, help="ScanNet export: folder with color/, depth/, pose/, intrinsic/")
    parser.add_argument("--out", type=Path, required=True, help="folder for the instances")
    arguments = parser.parse_args()
    entries = segment(open_scan(arguments.scan), arguments.out, SegmentSettings())
    print(f"{'id':>4} {'visible m2':>10} {'frames':>7}  size in m")
    for entry in entries:
        size = [f"{high - low:.2f}" for low, high in zip(entry["low_m"], entry["high_m"], strict=True)]
        print(f"{entry['instance_id']:>4} {entry['area_m2']:>10.2f} {entry['frames']:>7}  {' x '.join(size)}")
    print(f"instances: {arguments.out}")
    return 0


if __name__ == "__main__":
    run_cli(main)
