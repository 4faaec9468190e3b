"""An object's true surface on a page, how far its mesh is from it, and what of it the mesh misses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float

from evaluation.metrics import nearest
from evaluation.page.glb import glb_base64, points_base64
from evaluation.page.meshes import simplified
from evaluation.page.points import ColoredPoints, thinned
from evaluation.sampling import surface_of, surface_of_truth
from evaluation.settings import ReportSettings
from evaluation.shading import PLAIN
from scene.errors import UserError
from scene.mesh import load_mesh_or_points
from scene.runlog import log

_SAMPLES = 100_000  # of the true surface: an error is known to a few millimetres, less than any colour tells apart
_SEED = 0
_MISSED_M = 0.02  # of the true surface, what is farther than this from the mesh, as in recall@2cm


@dataclass(frozen=True)
class PageTruth:
    """The true surface, light enough for a page, and points drawn evenly from all of it."""

    shown: str  # GLB, as ``evaluation.page.records`` has it
    samples: Float[np.ndarray, "n 3"]

    def mark_errors(self, mesh: trimesh.Trimesh) -> None:
        """Give the mesh the vertex attribute ``error_m``: how far each vertex is from the true surface."""
        distance_m, _ = nearest(np.asarray(mesh.vertices), self.samples)
        mesh.vertex_attributes["error_m"] = distance_m.astype(np.float32)

    def missed(self, mesh: trimesh.Trimesh | None, up: Float[np.ndarray, " 3"], most: int) -> str:
        """Where the mesh ought to be and is not: at most ``most`` points of the true surface with their distances to
        the mesh (``_ERROR_M``; infinite without one), as a GLB; "" where the mesh misses nothing."""
        distance_m = np.full(len(self.samples), np.inf)
        if mesh is not None:
            distance_m, _ = nearest(self.samples, surface_of(mesh, _SAMPLES, _SEED + 1).points)
        far = np.flatnonzero(distance_m > _MISSED_M)
        if len(far) > most:
            far = far[np.linspace(0, len(far) - 1, most).round().astype(int)]
        points = self.samples[far]
        plain = np.broadcast_to(np.rint(255 * PLAIN).astype(np.uint8), points.shape)
        return points_base64(points, plain, up, {"error_m": distance_m[far]})


def page_truth(path: str | None, up: Float[np.ndarray, " 3"], settings: ReportSettings) -> PageTruth | None:
    """The truth that an object was scored against; None where it had none, or where it can no longer be read."""
    if path is None:
        return None
    try:
        truth = load_mesh_or_points(Path(path))
    except UserError as error:
        log.warning("%s; the page goes without this true surface", error)
        return None
    samples = surface_of_truth(truth, _SAMPLES, _SEED).points
    if isinstance(truth, trimesh.Trimesh):
        return PageTruth(glb_base64(simplified(truth, settings.truth_faces), up), samples)
    plain = np.broadcast_to(np.rint(255 * PLAIN).astype(np.uint8), truth.vertices.shape)
    cloud = thinned(ColoredPoints(np.asarray(truth.vertices, np.float32), np.array(plain)), settings.points)
    return PageTruth(points_base64(cloud.points, cloud.colors, up), samples)
