"""True surfaces of a scan's objects from the CAD models that people placed in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from evaluation.alignment_accuracy import Pose
from evaluation.groundtruth import PART_OF_ROOM, Lack, SceneTruth, TrueObject, instance_named, remove_truth, write_cloud
from evaluation.truth.annotations import PlacedCad, placed_cads
from evaluation.truth.matching import LEAST_OVERLAP, Match, assign, overlaps
from evaluation.truth.outer_points import SKY_SHARE, OuterPoints, outer_points
from evaluation.truth.scannet import AnnotatedScan
from scene.errors import UserError
from scene.runlog import progress


@dataclass(frozen=True)
class Cads:
    """What the truth of all scenes is made from: Scan2CAD's entries by scene, which objects people said the CADs stand
    for (scene -> index of the CAD -> object id), and ShapeNet."""

    annotations: Mapping[str, dict[str, Any]]
    object_ids: Mapping[str, Mapping[int, int]]
    shapenet: Path
    points: int
    seed: int = 0

    def settings(self) -> dict[str, Any]:
        return {"points": self.points, "seed": self.seed, "least_overlap": LEAST_OVERLAP, "sky_share": SKY_SHARE}


@dataclass
class _Sampled:
    """The CADs of a scan whose outer surface is known."""

    cads: list[PlacedCad] = field(default_factory=list)
    surfaces: list[OuterPoints] = field(default_factory=list)


def place_cads(scan: AnnotatedScan, cads: Cads, out: Path) -> SceneTruth:
    """Write into ``out`` the true surface of every instance of a scan that a CAD stands for.

    Raises UserError where the scan's own entry among the annotations is broken.
    """
    result = SceneTruth(scan.scene, "Scan2CAD", cads.settings())
    sampled = _sampled(scan.scene, cads, result)
    instances, unusable = _instances(scan)
    ids = list(instances)
    overlap = overlaps([surface.points for surface in sampled.surfaces], instances, cads.seed)
    matches = assign(overlap, ids, [_instance_of_object(scan, cad.object_id) for cad in sampled.cads])
    labels = {group.instance_id: group.label for group in scan.groups}
    for cad, surface, match in zip(sampled.cads, sampled.surfaces, matches, strict=True):
        if match.instance_id is None:
            result.without_truth.append(Lack(cad.name, "CAD model without instance", match.note))
        else:
            result.with_truth.append(_write(out, cad, surface, match, match.instance_id, labels, cads.seed))
    result.with_truth.sort(key=lambda one: one.instance_id)
    known = scan.scene in cads.annotations
    result.without_truth += _instances_left(scan, result, unusable, known, ids, overlap)
    for lack in result.without_truth:
        if lack.instance_id is not None:
            remove_truth(_path(out, lack.instance_id))
    result.write(out)
    return result


def _sampled(scene: str, cads: Cads, result: SceneTruth) -> _Sampled:
    """Outer surfaces of the scan's CADs; one that has none is told in ``result``."""
    sampled = _Sampled()
    if scene not in cads.annotations:
        return sampled
    placed, broken = placed_cads(cads.annotations[scene], cads.object_ids.get(scene, {}))
    result.without_truth += [Lack(one.name, "broken annotation", one.why) for one in broken]
    for cad in progress(placed, f"CAD models of {scene}"):
        if not cad.file(cads.shapenet).is_file():
            detail = f"there is no {cad.file(cads.shapenet)}"
            result.without_truth.append(Lack(cad.name, "CAD model not in the ShapeNet folder", detail))
            continue
        try:
            surface = outer_points(cad.load(cads.shapenet), cads.points, cads.seed)
        except UserError as error:
            result.without_truth.append(Lack(cad.name, "unusable CAD model", str(error)))
            continue
        sampled.cads.append(cad)
        sampled.surfaces.append(surface)
    return sampled


def _instances(scan: AnnotatedScan) -> tuple[dict[int, Float[np.ndarray, "n 3"]], dict[int, str]]:
    """Instance id -> its vertices (metres, the scan's frame), and instance id -> why an annotation is of no use."""
    points: dict[int, Float[np.ndarray, "n 3"]] = {}
    unusable: dict[int, str] = {}
    for group in scan.groups:
        try:
            points[group.instance_id] = np.asarray(scan.mesh.vertices)[scan.vertices_of(group)]
        except UserError as error:
            unusable[group.instance_id] = str(error)
    return points, unusable


def _instance_of_object(scan: AnnotatedScan, object_id: int | None) -> int | None:
    """The instance of ScanNet's ``objectId``; an id that no group or more than one has, plus 1, as in its masks."""
    if object_id is None:
        return None
    ids = [group.instance_id for group in scan.groups if group.object_id == object_id]
    return ids[0] if len(ids) == 1 else object_id + 1


def _path(out: Path, instance_id: int) -> Path:
    return out / f"scannet_{instance_id - 1}_pointcloud.ply"


def _write(
    out: Path,
    cad: PlacedCad,
    surface: OuterPoints,
    match: Match,
    instance_id: int,
    labels: Mapping[int, str],
    seed: int,
) -> TrueObject:
    path = _path(out, instance_id)
    about = {
        "instance_id": instance_id,
        "label": labels[instance_id],
        "catid_cad": cad.catid_cad,
        "id_cad": cad.id_cad,
        "sym": cad.sym,
        "scan_from_cad": cad.scan_from_cad.tolist(),
        "pose": Pose.of_matrix(cad.scan_from_cad).record(),
        "center": None if cad.center is None else cad.center.tolist(),
        "area_m2": surface.area_m2,
        "outer_share": surface.share,
        "matched_by": match.matched_by,
        "overlap": match.overlap,
        "seed": seed,
    }
    write_cloud(path, surface.points, surface.normals, about)
    return TrueObject(instance_id, labels[instance_id], path.name, (match.note,) if match.note else ())


def _instances_left(
    scan: AnnotatedScan,
    result: SceneTruth,
    unusable: Mapping[int, str],
    known: bool,
    ids: Sequence[int],
    overlap: Float[np.ndarray, "cads instances"],
) -> list[Lack]:
    """Every instance that got no CAD, and why."""
    have = {one.instance_id for one in result.with_truth}
    lost = Counter(lack.reason for lack in result.without_truth)
    spoilt = f" ({sum(lost.values())} CAD models of the scan came to nothing)" if lost else ""
    lacks: list[Lack] = []
    for group in scan.groups:
        instance_id, named = group.instance_id, instance_named(group.instance_id, group.label)
        if instance_id in have:
            continue
        if instance_id in unusable:
            lacks.append(Lack(named, "unusable annotation", unusable[instance_id], instance_id))
        elif group.is_room:
            lacks.append(Lack(named, PART_OF_ROOM, "no CAD model stands for it", instance_id))
        elif not known:
            lacks.append(Lack(named, "scan not in Scan2CAD", "the annotations do not name the scan", instance_id))
        else:
            of_instance = overlap[:, ids.index(instance_id)]
            most = float(of_instance.max()) if len(of_instance) else 0.0
            detail = f"largest overlap with a CAD model {most:.2f}{spoilt}"
            lacks.append(Lack(named, "instance without CAD model", detail, instance_id))
    return lacks
