"""Points drawn evenly from surfaces, so that measures repeat from seed to seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Surface:
    """Points drawn from a surface, with its outward normals there and its area where known."""

    points: Float[np.ndarray, "n 3"]
    normals: Float[np.ndarray, "n 3"] | None = None  # with an area of 0: a cloud of points, of which no more is known
    area_m2: float = 0.0

    @property
    def floor_m(self) -> float:
        """About how far two independent draws of this very surface are apart: 1 / (2 sqrt(points per square metre))."""
        return float(0.5 * np.sqrt(self.area_m2 / len(self.points)))


def surface_of(mesh: trimesh.Trimesh, samples: int, seed: int) -> Surface:
    """``samples`` area-uniform points of the mesh (as ``drawn_evenly``); the same for the same seed."""
    points, face = drawn_evenly(mesh, samples, seed)
    return Surface(points, np.asarray(mesh.face_normals[face]), float(mesh.area))


def drawn_evenly(
    mesh: trimesh.Trimesh, samples: int, seed: int
) -> tuple[Float[np.ndarray, "n 3"], Int[np.ndarray, " n"]]:
    """``samples`` area-uniform points of the mesh and the faces that they lie on.

    The points are stratified: faces laid end to end by area are cut into ``samples`` equal stretches with one point
    in each, and the place within a face's stretch is the point's first coordinate there.  Every point is still uniform
    by area, but a mean over them varies two to four times less between seeds than with independent points.
    """
    generator = np.random.default_rng(seed)
    ends = np.cumsum(mesh.area_faces)
    stretch = (np.arange(samples) + generator.random(samples)) * (ends[-1] / samples)
    face = np.searchsorted(ends, stretch).clip(max=len(ends) - 1)
    within = 1.0 - (ends[face] - stretch) / mesh.area_faces[face]
    # Uniform in a triangle: square root of one uniform number, times the other (Turk, Graphics Gems 1990).
    root = np.sqrt(within.clip(0.0, 1.0))
    across = generator.random(samples) * root
    weights = np.stack([1.0 - root, root - across, across], axis=1)
    return (mesh.triangles[face] * weights[..., None]).sum(1), face


def surface_of_truth(truth: trimesh.Trimesh | trimesh.PointCloud, samples: int, seed: int) -> Surface:
    """As ``surface_of``; of a cloud of points, as O2-Recon's ground truth is one, at most ``samples`` of its own.

    Normals and area of a cloud are those that ``scene.mesh.load_mesh_or_points`` found beside it.
    """
    if isinstance(truth, trimesh.Trimesh):
        return surface_of(truth, samples, seed)
    points = np.asarray(truth.vertices, np.float64)
    normals = truth.metadata.get("normals")
    if len(points) > samples:
        chosen = np.random.default_rng(seed).choice(len(points), samples, replace=False)
        points, normals = points[chosen], None if normals is None else normals[chosen]
    return Surface(points, normals, truth.metadata.get("area_m2", 0.0))
