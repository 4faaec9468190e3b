"""A ScanNet export with just what ground truth is made from: a mesh, its segments and who they belong to.

Import it as ``from tests.evaluation.annotated_scan import ...``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh


def write_annotated_scan(
    root: Path, scene: str, things: Sequence[tuple[str, trimesh.Trimesh]], segments_each: int = 3
) -> Path:
    """``root/<scene>_scannet`` holding ``things`` (label and mesh) in one mesh; returns the folder.

    Vertices of all things are shuffled, as in a real scan, and each thing has ``segments_each`` segments.
    """
    folder = root / f"{scene}_scannet"
    folder.mkdir(parents=True)
    whole = trimesh.util.concatenate([mesh for _, mesh in things])
    owner = np.concatenate([np.full(len(mesh.vertices), k) for k, (_, mesh) in enumerate(things)])
    order = np.random.default_rng(0).permutation(len(owner))
    place = np.argsort(order)
    mesh = trimesh.Trimesh(whole.vertices[order], place[whole.faces], process=False)
    mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=np.full((len(order), 4), 200, np.uint8))
    (folder / f"{scene}_vh_clean_2.ply").write_bytes(trimesh.exchange.ply.export_ply(mesh, vertex_normal=False))
    segment = 10 * owner[order] + np.arange(len(order)) % segments_each
    write(folder / f"{scene}_vh_clean_2.0.010000.segs.json", {"segIndices": segment.tolist()})
    groups = [
        {"id": k, "objectId": k, "segments": [10 * k + s for s in range(segments_each)], "label": label}
        for k, (label, _) in enumerate(things)
    ]
    write(folder / f"{scene}_vh_clean.aggregation.json", {"segGroups": groups})
    return folder


def write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))
