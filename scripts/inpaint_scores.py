"""Every way's meshes of one room against the true ones; what an occluder hides is a region of its own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.settings import ScoreSettings
from scene.files import fingerprint, read_json, stage_folder, write_json
from scripts.bench_base import ROOT

OCCLUDED = "occluded"


@dataclass(frozen=True)
class RoomScoring:
    """What a process is told that scores a room."""

    scan: Path
    truth: Path
    meshes: dict[str, Path]  # folder of meshes by way
    looked: dict[int, Path]  # folder with occluded.npy by instance id
    out: Path

    @property
    def mark(self) -> str:
        files = [path for folder in self.meshes.values() for path in sorted(folder.glob("*.ply"))]
        files += sorted((ROOT / "evaluation").glob("*.py")) + [
            folder / "occluded.npy" for folder in self.looked.values()
        ]
        return fingerprint([sorted(self.meshes), asdict(ScoreSettings())], [*files, Path(__file__)])


def score_room(scoring: RoomScoring) -> None:
    """Write ``gain.json``: by way and instance id the measures of ``evaluation.metrics.compare``."""
    stage_folder(scoring.out, scoring.mark, lambda to: write_json(to / "gain.json", _score(scoring)))


def scores_of(scoring: RoomScoring) -> dict[str, dict[int, dict[str, float]]]:
    found = read_json(scoring.out / "gain.json")
    return {way: {int(i): scores for i, scores in by_id.items()} for way, by_id in found.items()}


def _score(scoring: RoomScoring) -> dict[str, dict[int, dict[str, float]]]:
    import numpy as np

    from evaluation.sampling import Surface
    from evaluation.views import views_of_scan
    from evaluation.visibility import seen
    from scene.mesh import load_mesh
    from scene.scannet import open_scan
    from scripts.inpaint_truth import scored_points

    scan = open_scan(scoring.scan)
    views = views_of_scan(scan, ScoreSettings().max_frames)
    result: dict[str, dict[int, dict[str, float]]] = {way: {} for way in scoring.meshes}
    for instance_id, folder in scoring.looked.items():
        mesh = load_mesh(scoring.truth / f"obj_{instance_id - 1}.ply")
        points, normals = scored_points(mesh)
        visible = seen(points, normals, views)
        occluded = np.load(folder / "occluded.npy", allow_pickle=False)
        regions = {"seen": visible, "hidden": ~visible, OCCLUDED: occluded}
        for way, meshes in scoring.meshes.items():
            path = meshes / f"{scan.name}_obj_{instance_id}.ply"
            result[way][instance_id] = _against(path, Surface(points, normals, float(mesh.area)), regions)
    return result


def _against(path: Path, true: Any, regions: dict[str, Any]) -> dict[str, float]:
    """The measures of one mesh; of one that is not there nothing is found, and there is no distance to it."""
    from evaluation.metrics import compare
    from evaluation.sampling import surface_of
    from scene.mesh import load_mesh

    settings = ScoreSettings()
    if not path.is_file():
        names = ["", *(f"_{name}" for name, inside in regions.items() if inside.any())]
        return {
            f"{kind}{name}_{t:g}": 0.0
            for name in names
            for kind in ("f", "recall", "precision")
            for t in settings.thresholds_m
        } | {f"share_{name}": float(inside.mean()) for name, inside in regions.items()}
    return compare(surface_of(load_mesh(path), settings.samples, settings.seed), true, settings.thresholds_m, regions)
