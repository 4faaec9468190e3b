"""A run of reconstruct.py on the box behind a board, as far as the mask editor reads it: object folder and mesh.

Import it as ``from tests.preprocess.boarded_run import ...``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scene.object_source import ObjectSourceWriter, encode_shared
from scene.records import Fact, Frame
from scene.view_notes import ViewNotes
from tests.preprocess.boarded_box import BOX, boarded_box

NAME = "scene0012_00_scannet_obj_7"
COUNT, WIDTH, HEIGHT = 3, 160, 120
FRAMES = (10, 14, 30)  # in the scan, of the views


def write_run(out: Path, mesh: bool = True, name: str = NAME) -> Path:
    """Write a run's object folder, which is returned, and its mesh."""
    views = boarded_box(COUNT).views
    folder = out / "work" / "objects" / name
    folder.mkdir(parents=True)
    writer = ObjectSourceWriter(folder, views.camera)
    ramp = np.broadcast_to(np.linspace(60, 200, WIDTH).astype(np.uint8)[:, None], (HEIGHT, WIDTH, 3))
    for i, (fact, depth_mm, pose) in enumerate(zip(views.fact, views.depth_mm, views.world_from_camera, strict=True)):
        own = fact == Fact.OBJECT
        frame = Frame(i, views.camera, pose, ramp, depth_mm * np.float32(1e-3), own.astype(np.uint8))
        writer.write_view(i, frame, own, fact, encode_shared(frame))
    writer.finish(ViewNotes("box", list(FRAMES), [1.0] * COUNT, np.array([0.0, 0.0, 1.0]), []))
    if mesh:
        (out / "meshes").mkdir()
        BOX.export(out / "meshes" / f"{name.replace('_scannet', '')}.ply")
    return folder
