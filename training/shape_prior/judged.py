"""Vertices of completed objects of generated rooms, and whether they are right: what confidence is calibrated with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numba
import numpy as np
import torch
import trimesh
from jaxtyping import Bool, Float
from scipy import ndimage
from scipy.spatial import cKDTree
from torch import Tensor

from scene.camera import transform
from scene.errors import UserError
from scene.mesh import sample_surface
from scene.normalize import around, scale_of
from scene.records import ObjectViews
from training.completion import CompleteShape, complete
from training.confidence import Clues, clues_of
from training.evidence import object_points
from training.extract_mesh import extract, mesh_of_field
from training.grounds import Grounds, gather_evidence, grounds_of
from training.settings import FitSettings, MeshSettings
from training.shape_prior.rooms import room_views
from training.trainer import fit

RIGHT_M = 0.02  # a vertex within this distance of the true surface is right
_TRUE_POINTS = 200_000  # drawn from the true surface: a few millimetres apart on the largest furniture
_EVERY = 4  # vertices: neighbours are right or wrong together


@dataclass(frozen=True)
class Judged:
    """What is known of some vertices, and which of them lie within ``RIGHT_M`` of the true surface."""

    clues: Clues
    right: Bool[np.ndarray, " n"]

    @staticmethod
    def of(parts: Sequence[Judged]) -> Judged:
        """All of them together."""
        names = ("seen", "supposed", "free")
        columns = (np.concatenate([getattr(one.clues, name) for one in parts]) for name in names)
        return Judged(Clues(*columns), np.concatenate([one.right for one in parts]))


@dataclass(frozen=True)
class Recipe:
    """How objects are completed."""

    fit: FitSettings
    mesh: MeshSettings
    margin: float  # of the normalised frame round what was seen (preprocess.settings.PrepareSettings)
    fitted: bool = False  # the field is fitted as for a scan, not only the shape completed that it is fitted to


def judge_room(seed: int, recipe: Recipe) -> list[Judged]:
    """The objects of one generated room, seen on one walk; half of them, by chance, without their label.

    What a worker does, on one thread.
    """
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    cv2.setNumThreads(0)
    rng = np.random.default_rng([seed, 78])
    judged = []
    for views, piece in room_views(seed, walks=1):
        label = piece.label if rng.random() < 0.5 else ""
        try:
            frame = around(object_points(views), recipe.margin)
            mesh, grounds = _completed(replace(views, label=label, world_from_normalized=frame), recipe)
        except (UserError, ValueError):  # hardly seen: a scan's object like it gets no mesh either
            continue
        judged.append(judge(mesh, grounds, piece.mesh()))
    return judged


def judge(mesh: trimesh.Trimesh, grounds: Grounds, truth: trimesh.Trimesh) -> Judged:
    """Every ``_EVERY``-th vertex of a mesh beside the true surface."""
    vertices = np.asarray(mesh.vertices)[::_EVERY]
    points, _ = sample_surface(truth, _TRUE_POINTS, seed=0)
    distance_m, _ = cKDTree(points).query(vertices, distance_upper_bound=2 * RIGHT_M)
    return Judged(clues_of(vertices, grounds), distance_m < RIGHT_M)


def _completed(views: ObjectViews, recipe: Recipe) -> tuple[trimesh.Trimesh, Grounds]:
    if recipe.fitted:
        # Colour moves nothing, and these views have none.
        phases = {name: phase for name, phase in recipe.fit.phases.items() if phase.batches == "points"}
        with TemporaryDirectory() as folder:
            field = fit(views, replace(recipe.fit, phases=phases), Path(folder))
            grounds = grounds_of(views, recipe.fit, Path(folder))  # kept by the fit
        return mesh_of_field(field, recipe.mesh, views.world_from_normalized), grounds
    evidence = gather_evidence(views, recipe.fit)
    return mesh_of_shape(complete(evidence), recipe.mesh, views.world_from_normalized), Grounds.of(evidence)


def mesh_of_shape(
    shape: CompleteShape, settings: MeshSettings, world_from_normalized: Float[np.ndarray, "4 4"]
) -> trimesh.Trimesh:
    """The surface that a field would be fitted to, meshed as a field's."""
    scale_m = scale_of(world_from_normalized)
    beyond_m = float(shape.sdf_m.max())

    def sdf(x: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        index = (transform(world_from_normalized, x.numpy()) - shape.origin_m) / shape.voxel_m
        values_m = ndimage.map_coordinates(shape.sdf_m, index.T, order=1, mode="constant", cval=beyond_m)
        return torch.from_numpy((values_m / scale_m).astype(np.float32))

    bounds = np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])
    return extract(sdf, None, settings, world_from_normalized, bounds)
