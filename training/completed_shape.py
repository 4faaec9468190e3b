"""A first idea of an object's whole shape, before any fit: the evidence of its views, completed by the priors."""

from __future__ import annotations

import mcubes
import numpy as np
import trimesh

from scene.records import ObjectViews
from training.completion import complete
from training.grounds import gather_evidence
from training.settings import FitSettings


def completed_mesh(views: ObjectViews, settings: FitSettings) -> trimesh.Trimesh:
    """The closed surface, in world metres, of what the views, and the priors where they are silent, say.

    Raises UserError when no view has depth on the object.
    """
    shape = complete(gather_evidence(views, settings))
    # Positive inside is what makes PyMCubes' faces look outward; a rim outside closes what leaves the box.
    inside = np.pad(-shape.sdf_m, 1, constant_values=-shape.voxel_m)
    vertices, faces = mcubes.marching_cubes(inside, 0.0)
    world_m = shape.origin_m + shape.voxel_m * (vertices - 1.0)
    return trimesh.Trimesh(world_m, faces, process=False)
