"""Compiles what fitting, meshing and scoring an object would compile on their first run, by reconstructing a box.

    python -m scripts.compile_kernels

Numba keeps what it compiled beside the sources, so that this need be done once, and again after they changed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
import trimesh

from evaluation.self_intersections import self_intersections
from scene.camera import Intrinsics
from scene.config import load
from scene.raycast import RayCaster
from scene.records import Fact, ObjectViews
from scene.runlog import run_cli
from settings import Settings
from training.extract_mesh import mesh_of_field
from training.trainer import fit

_FAST = Path(__file__).resolve().parents[1] / "confs" / "fast.conf"
_CAMERA = Intrinsics(96, 72, 90.0, 90.0, 47.5, 35.5)


def box_views() -> ObjectViews:
    """Two views of a box on a floor, from above."""
    box = trimesh.creation.box((0.5, 0.4, 0.3))
    floor = trimesh.creation.box((4.0, 4.0, 0.1), transform=trimesh.transformations.translation_matrix((0, 0, -0.2)))
    both = trimesh.util.concatenate([box, floor])
    assert isinstance(both, trimesh.Trimesh)
    caster = RayCaster(both)
    poses = np.stack([_looking_down(x) for x in (-0.1, 0.1)])
    seen = [caster.render(_CAMERA, pose) for pose in poses]
    return ObjectViews(
        name="box",
        label="box",
        camera=_CAMERA,
        world_from_camera=poses,
        world_from_normalized=np.diag([0.5, 0.5, 0.5, 1.0]),
        color=np.full((len(poses), _CAMERA.height, _CAMERA.width, 3), 128, np.uint8),
        depth_mm=np.stack([np.rint(1000 * depth_m).astype(np.uint16) for depth_m, _ in seen]),
        fact=np.stack(
            [np.where(triangle < len(box.faces), Fact.OBJECT, Fact.OTHER).astype(np.uint8) for _, triangle in seen]
        ),
        up=np.array([0.0, 0.0, 1.0]),
    )


def _looking_down(x: float) -> np.ndarray:
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[:3, 3] = (x, 0.0, 1.2)
    return pose


def main() -> int:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    few = [f"fit.phases.{phase}.steps=2" for phase in ("geometry", "refinement")]
    settings = load(_FAST, Settings, few)
    views = box_views()
    with tempfile.TemporaryDirectory() as folder:
        field = fit(views, settings.fit, Path(folder))
        mesh = mesh_of_field(field, settings.mesh, views.world_from_normalized, torch.device("cpu"))
        self_intersections(mesh)
    return 0


if __name__ == "__main__":
    run_cli(main)
