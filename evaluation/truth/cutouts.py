"""True surfaces cut out of a scan's annotated mesh: the scanned part of every object."""

from __future__ import annotations

from pathlib import Path

from evaluation.groundtruth import (
    PART_OF_ROOM,
    Lack,
    SceneTruth,
    TrueObject,
    instance_named,
    remove_truth,
    write_surface,
)
from evaluation.truth.scannet import AnnotatedScan, SegGroup
from scene.errors import UserError


def cut_out(scan: AnnotatedScan, out: Path, only: list[int] | None, room: bool) -> SceneTruth:
    """Write the annotated objects of a scan into ``out/gt``: those with the ids ``only``, else all things in the room,
    and with ``room`` also its walls, floor and the like.

    What an earlier run wrote for objects that ``only`` does not name stays, and is in the result.
    Raises UserError where the scan has none of ``only``.
    """
    known = {group.instance_id for group in scan.groups}
    if only is not None and not known & set(only):
        raise UserError(f"{scan.scene}: has none of the instances {sorted(set(only))}; there are 1 to {len(known)}")
    result = SceneTruth(scan.scene, "scan's annotated mesh", {"objects": only, "background": room})
    for instance_id in sorted(set(only or ()) - known):
        remove_truth(_path(out, instance_id))
        result.without_truth.append(
            Lack(f"instance {instance_id}", "not annotated", "the aggregation json has no such group", instance_id)
        )
    for group in scan.groups:
        named = instance_named(group.instance_id, group.label)
        path = _path(out, group.instance_id)
        if only is not None and group.instance_id not in only:
            if path.is_file():  # which a score finds as it finds the others
                result.with_truth.append(_true_object(group, path, "not made anew: it was not named"))
            else:
                result.without_truth.append(Lack(named, "left out as asked", "it was not named", group.instance_id))
            continue
        if only is None and group.is_room and not room:
            remove_truth(path)
            result.without_truth.append(Lack(named, PART_OF_ROOM, "--background adds it", group.instance_id))
            continue
        try:
            result.with_truth.append(_write(scan, group, path))
        except UserError as error:
            remove_truth(path)
            result.without_truth.append(Lack(named, "unusable annotation", str(error), group.instance_id))
    result.write(out)
    return result


def _path(out: Path, instance_id: int) -> Path:
    return out / "gt" / f"obj_{instance_id - 1}.ply"


def _write(scan: AnnotatedScan, group: SegGroup, path: Path) -> TrueObject:
    """One object's cut-out.  Raises UserError where its annotation allows none."""
    surface = scan.mesh_of(scan.vertices_of(group))
    area_m2 = float(surface.area) if hasattr(surface, "area") else 0.0
    about = {"instance_id": group.instance_id, "label": group.label, "area_m2": area_m2, "partial": True}
    write_surface(path, surface, about)
    return _true_object(
        group, path, "" if area_m2 > 0 else "no face has all its corners in the object; written as a cloud of points"
    )


def _true_object(group: SegGroup, path: Path, note: str) -> TrueObject:
    return TrueObject(group.instance_id, group.label, f"gt/{path.name}", (note,) if note else ())
