"""Writes a ScanNet export, a frame at a time; ``scene.scannet`` states the layout and reads it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import trimesh
from jaxtyping import Bool, Float, Int, UInt8, UInt16

from scene.camera import Intrinsics
from scene.files import write_json, write_text
from scene.label_table import LABELS, table_text

_JPEG_QUALITY = 93
_SEGMENT_M = 0.35  # how large an over-segment of the mesh is


@dataclass(frozen=True)
class ScannetWriter:
    """Writes into ``folder`` (best a temporary one that is renamed when all is written), for the scene ``name``.

    Instance ids are indices into ``labels`` plus 1.  ``frame`` may be called from several threads.
    """

    folder: Path
    name: str  # as scene0000_00
    camera: Intrinsics  # of colour and depth alike
    labels: Sequence[str]  # the class of each instance

    def frame(
        self,
        index: int,
        color: UInt8[np.ndarray, "h w 3"],
        depth_mm: UInt16[np.ndarray, "h w"],
        world_from_camera: Float[np.ndarray, "4 4"],
        instance: Int[np.ndarray, "h w"],
    ) -> None:
        """One frame: ``color`` is RGB, ``instance`` holds instance ids, 0 = none."""
        if instance.max() > 255:
            raise ValueError("ScanNet's instance images hold at most 255 instances")
        label_id = np.array([0, *(LABELS[label][0] for label in self.labels)], dtype=np.uint16)
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        self._image(f"color/{index}.jpg", color[..., ::-1], quality)
        self._image(f"depth/{index}.png", depth_mm)
        self._image(f"instance-filt/{index}.png", instance.astype(np.uint8))
        self._image(f"label-filt/{index}.png", label_id[instance])
        self._matrix(f"pose/{index}.txt", world_from_camera)

    def intrinsics(self) -> None:
        """``intrinsic/``: the one camera for colour and depth, both at the frame's pose."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.camera.matrix
        for kind in ("color", "depth"):
            self._matrix(f"intrinsic/intrinsic_{kind}.txt", matrix)
            self._matrix(f"intrinsic/extrinsic_{kind}.txt", np.eye(4))

    def information(self, frames: int, aligned_from_world: Float[np.ndarray, "4 4"]) -> None:
        """``<scene>.txt``: how to turn the scan upright and square to its walls, image sizes, frame counts."""
        width, height = self.camera.width, self.camera.height
        lines = [
            "axisAlignment = " + " ".join(f"{x:.6f}" for x in aligned_from_world.ravel()),
            f"colorHeight = {height}",
            f"colorWidth = {width}",
            f"depthHeight = {height}",
            f"depthWidth = {width}",
            f"numColorFrames = {frames}",
            f"numDepthFrames = {frames}",
            "sceneType = Apartment",
        ]
        write_text(self.folder / f"{self.name}.txt", "\n".join(lines) + "\n")

    def mesh(
        self,
        mesh: trimesh.Trimesh,
        vertex_color: UInt8[np.ndarray, "v 4"],
        vertex_instance: Int[np.ndarray, " v"],
        keep: Bool[np.ndarray, " f"],
    ) -> None:
        """The scanned mesh (faces ``keep``), its over-segments and which of them make up each instance."""
        used, faces = np.unique(mesh.faces[keep], return_inverse=True)
        part = trimesh.Trimesh(mesh.vertices[used], faces.reshape(-1, 3), process=False)
        part.visual = trimesh.visual.ColorVisuals(part, vertex_colors=vertex_color[used])
        stem = f"{self.name}_vh_clean"
        (self.folder / f"{stem}_2.ply").write_bytes(trimesh.exchange.ply.export_ply(part, vertex_normal=False))
        instance = vertex_instance[used]
        segment = _segments(np.asarray(part.vertices), instance)
        write_json(
            self.folder / f"{stem}_2.0.010000.segs.json",
            {"params": {}, "sceneId": self.name, "segIndices": segment.tolist()},
        )
        groups = [
            {"id": k, "objectId": k, "segments": np.unique(segment[instance == k + 1]).tolist(), "label": label}
            for k, label in enumerate(self.labels)
        ]
        scene_id = f"scannet.{self.name}"
        about = {"sceneId": scene_id, "appId": "Aggregator.v2", "segGroups": groups}
        write_json(
            self.folder / f"{stem}.aggregation.json", {**about, "segmentsFile": f"{scene_id}_vh_clean.segs.json"}
        )

    def _image(self, name: str, image: np.ndarray, parameters: Sequence[int] = ()) -> None:
        done, encoded = cv2.imencode(Path(name).suffix, image, list(parameters))
        assert done, f"OpenCV cannot encode an image of {image.dtype} and shape {image.shape}"
        self._bytes(name, encoded.tobytes())

    def _matrix(self, name: str, matrix: Float[np.ndarray, "4 4"]) -> None:
        rows = (" ".join(f"{x:.6f}" for x in row) for row in matrix)
        self._bytes(name, ("\n".join(rows) + "\n").encode())

    def _bytes(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write_label_table(folder: Path) -> None:
    """``scannetv2-labels.combined.tsv``, which lies beside the scenes."""
    write_text(folder / "scannetv2-labels.combined.tsv", table_text())


def _segments(points: Float[np.ndarray, "v 3"], instance: Int[np.ndarray, " v"]) -> Int[np.ndarray, " v"]:
    """A segment index for every vertex; no segment spans two instances or more than a cell of space."""
    cell = np.floor((points - points.min(axis=0)) / _SEGMENT_M).astype(np.int64)
    key = np.ravel_multi_index((instance, *cell.T), (int(instance.max()) + 1, *(cell.max(axis=0) + 1)))
    return np.unique(key, return_inverse=True)[1]
