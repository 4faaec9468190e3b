"""From a scan with instances to one object folder each: views scored, picked, and every pixel given its one fact.

    python preprocess/object_mask_with_clip.py [--scannet_root ./scannet] [--scene_name scene0005_00] [--objects 3,5]
        [--conf confs/published.conf] [--set KEY=VALUE ...]

Writes ``<scannet_root>/object_original_with_clip/<scene>_scannet_obj_<id>/`` (``scene.object_source``).  Of the
configuration it reads the sections ``extract`` and ``pretrained.clip``.  Without ``--conf`` CLIP scores the views, and
names things without a name; where its weights are not here, sharpness and visible area do.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

if not __package__:  # run as a script: modules are found from the project's root
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from models.pretrained.register import presence, read_register
from models.pretrained.settings import Weights
from preprocess.hand_made import keep_hand_made
from preprocess.marks import marks_of
from preprocess.settings import ExtractSettings
from preprocess.sightings import Sightings, crops_of, look_at_all
from preprocess.views import Namer, Scorer, Sighting, ViewCrop, select_views, sharpness_times_area
from scene.config import load
from scene.errors import UserError
from scene.facts import find_doubts, object_facts
from scene.files import atomic_folder
from scene.object_source import ObjectSourceWriter, encode_shared
from scene.records import Instance, Scan
from scene.runlog import log, progress, run_cli
from scene.scannet import open_scan
from scene.scannet_labels import UNNAMED
from scene.stream import ahead
from scene.view_notes import UNKNOWN, ViewNotes

PUBLISHED = Path(__file__).resolve().parents[1] / "confs" / "published.conf"
_OWN = ("extract.name_by_clip=true",)  # beside the published settings


def extract(
    scan: Scan,
    out_root: Path,
    settings: ExtractSettings,
    object_ids: Sequence[int] | None = None,
    scorer: Scorer = sharpness_times_area,
    namer: Namer | None = None,
) -> list[Path]:
    """Write the object folders of a scan and return their paths, in the order of the instance ids.

    ``object_ids`` picks instances (background too, when asked for by id).  Objects that no frame shows are told and
    left out.  ``namer`` names those that the scan leaves without a name, and no others.  Raises UserError for a scan
    without instances, or an id that is not there.
    """
    things = choose_objects(scan, settings, object_ids)
    sightings = look_at_all(scan, things, settings, scorer)
    picked: dict[int, list[int]] = {}
    notes: dict[int, ViewNotes] = {}
    for thing in things:
        seen = sightings.by_id[thing.instance_id]
        poses = scan.world_from_camera[[s.frame_index for s in seen]]
        chosen = select_views(seen, poses, settings)
        name = f"{scan.name}: object {thing.instance_id} ({thing.label})"
        if not chosen:
            log.warning("%s left out: no frame shows it on %.2f%% of the image", name, 100 * settings.least_area_share)
            continue
        marks = marks_of(seen, poses, sightings.center_m(thing.instance_id), settings)
        if marks:
            log.warning("%s may come out badly: %s", name, "; ".join(marks))
        picked[thing.instance_id] = [seen[i].frame_index for i in chosen]
        frame_ids = [scan.frame_ids[seen[i].frame_index] for i in chosen]
        unnamed = namer is not None and thing.label == UNNAMED
        crops = best_crops(scan, thing, [seen[i] for i in chosen], settings.name_views) if unnamed else []
        names = namer(crops) if namer is not None and crops else {}
        label = chosen_name(names, settings) if names else thing.label
        scores = [seen[i].score for i in chosen]
        notes[thing.instance_id] = ViewNotes(label, frame_ids, scores, scan.up, marks, names)
    return _write(scan, out_root, sightings, picked, notes)


def best_crops(scan: Scan, thing: Instance, sightings: Sequence[Sighting], count: int) -> list[ViewCrop]:
    """The ``count`` best-scored views of a thing, read again; frames that cannot be are left out."""
    best = sorted(sightings, key=lambda sighting: -sighting.score)[:count]
    frames = [frame for sighting in best if (frame := scan.load_frame(sighting.frame_index)) is not None]
    return [crop for frame in frames for crop in crops_of(frame, [thing]).values()]


def chosen_name(names: Mapping[str, float], settings: ExtractSettings) -> str:
    """The likeliest name, or "unknown" where even that is not likely."""
    name, score = next(iter(names.items()))
    return name if score >= settings.name_least_score else UNKNOWN


def choose_objects(scan: Scan, settings: ExtractSettings, object_ids: Sequence[int] | None) -> list[Instance]:
    """The instances to extract: those asked for, or all that are not background."""
    if not scan.instances:
        raise UserError(
            f"{scan.name}: has no instance images; find its objects with preprocess/segment_scan.py first "
            "(reconstruct.py does so by itself)"
        )
    by_id = {thing.instance_id: thing for thing in scan.instances}
    if object_ids is None:
        things = [thing for thing in scan.instances if not is_background(thing, settings)]
        if not things:
            raise UserError(f"{scan.name}: every instance is background; name the objects wanted with --objects")
        return things
    wrong = [i for i in object_ids if i not in by_id]
    if wrong:
        known = ", ".join(f"{t.instance_id} {t.label}" for t in scan.instances if not is_background(t, settings))
        raise UserError(f"{scan.name}: there is no object {', '.join(map(str, wrong))}; --objects can be: {known}")
    return [by_id[i] for i in sorted(set(object_ids))]


def is_background(thing: Instance, settings: ExtractSettings) -> bool:
    """Whether a thing is part of the room, by its NYU40 class or its name."""
    return thing.nyu40_id in settings.background_nyu40 or thing.label.strip().lower() in settings.background_names


def _write(
    scan: Scan,
    out_root: Path,
    sightings: Sightings,
    picked: dict[int, list[int]],
    notes: dict[int, ViewNotes],
) -> list[Path]:
    """The second pass: each picked frame is loaded once and written to the folders of all objects that want it."""
    folders = {i: out_root / f"{scan.name}_scannet_obj_{i}" for i in picked}
    wanted = sorted({k for frames in picked.values() for k in frames})
    with ExitStack() as stack:
        writers = {
            i: ObjectSourceWriter(stack.enter_context(atomic_folder(folder)), scan.camera)
            for i, folder in folders.items()
        }

        def write_frame(k: int) -> None:
            frame = scan.load_frame(k)
            if frame is None or frame.instance is None:
                raise UserError(f"{scan.name}: frame {scan.frame_ids[k]} changed while it was read; run again")
            shared, doubts = encode_shared(frame), find_doubts(frame)
            for i, frames in picked.items():
                if k in frames:
                    fact = object_facts(frame, i, doubts, sightings.grid, sightings.cells[i])
                    writers[i].write_view(frames.index(k), frame, frame.instance == i, fact, shared)

        for _ in progress(ahead(write_frame, wanted), "writing object folders", total=len(wanted)):
            pass
        for i, writer in writers.items():
            writer.finish(notes[i])
        keep_hand_made({folders[i]: writer.folder for i, writer in writers.items()})
    return list(folders.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scannet_root", type=Path, default=Path("./scannet"), help="folder of <scene>_scannet scans")
    parser.add_argument("--scene_name", nargs="*", help="scenes to extract, as scene0005_00; default: all there are")
    parser.add_argument("--objects", help="instance ids, as 3,5; default: all that are not background")
    parser.add_argument("--instances", type=Path, help="instances found by preprocess/segment_scan.py (for one scene)")
    parser.add_argument("--conf", type=Path, help="configuration; default: confs/published.conf, and names by CLIP")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting of it")
    arguments = parser.parse_args()
    scans = find_scans(arguments.scannet_root, arguments.scene_name)
    if arguments.instances is not None and len(scans) != 1:
        raise UserError(f"--instances {arguments.instances}: belongs to one scan; name it with --scene_name")
    ids = parse_ids(arguments.objects)
    settings, weights = settings_of(arguments.conf, arguments.set)
    out_root = arguments.scannet_root / "object_original_with_clip"
    scorer, namer = clip_where_present(settings, weights)
    failed = 0
    for folder in scans:
        try:
            for path in extract(open_scan(folder, arguments.instances), out_root, settings, ids, scorer, namer):
                print(path)
        except UserError as error:
            if len(scans) == 1:
                raise
            log.error("%s", error)
            failed += 1
    return 1 if failed else 0


def settings_of(conf: Path | None, overrides: Sequence[str]) -> tuple[ExtractSettings, Weights]:
    """The settings of a configuration (none: the command's own), and the CLIP that it names.

    Raises UserError on an override of another section, which nothing here would read.
    """
    for text in overrides:
        if not text.strip().startswith(("extract.", "pretrained.clip.")):
            raise UserError(f"--set {text}: only extract.* and pretrained.clip.* are read here")
    chosen = [*([] if conf else _OWN), *overrides]
    path = conf or PUBLISHED
    return load(path, ExtractSettings, chosen, section="extract"), read_register(path, chosen)["clip"]


def clip_where_present(settings: ExtractSettings, weights: Weights) -> tuple[Scorer, Namer | None]:
    """CLIP's scores and names as far as they are asked for and its weights are here; says what is done."""
    if settings.scorer != "clip" and not settings.name_by_clip:
        return sharpness_times_area, None
    found = presence(weights)
    if found.folder is None:
        log.info("without CLIP views are scored by sharpness and visible area, and nothing is named: %s", found.reason)
        return sharpness_times_area, None
    import torch

    from models.pretrained.clip import load_clip
    from preprocess.clip_views import clip_namer, clip_scorer

    clip = load_clip(weights, "cuda" if torch.cuda.is_available() else "cpu")
    by_clip = settings.scorer == "clip"
    log.info("views are scored by %s", weights.id if by_clip else "sharpness and visible area; CLIP gives names")
    return clip_scorer(clip) if by_clip else sharpness_times_area, clip_namer(clip) if settings.name_by_clip else None


def find_scans(root: Path, scenes: Sequence[str] | None) -> list[Path]:
    """The scan folders ``<root>/<scene>_scannet``, all or the named ones."""
    found = sorted(p for p in root.glob("*_scannet") if p.is_dir())
    if scenes:
        return [root / f"{scene.removesuffix('_scannet')}_scannet" for scene in scenes]
    if not found:
        raise UserError(f"{root}: holds no <scene>_scannet folder; give the folder of the scans with --scannet_root")
    return found


def parse_ids(text: str | None) -> list[int] | None:
    """Instance ids written as "3,5"; None stays None."""
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise UserError(f"--objects {text}: write instance ids separated by commas, as --objects 3,5") from error


if __name__ == "__main__":
    run_cli(main)
