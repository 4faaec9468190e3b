"""Meshes made light for a page: fewer triangles, a small picture, where to look at them from."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import trimesh
from jaxtyping import Float, UInt8
from scipy.spatial import cKDTree

from evaluation.pictures import camera_around, yaw_towards
from evaluation.shading import render_rgba, vertex_colors
from scene.mesh import ATTRIBUTES, rotation_between


def simplified(mesh: trimesh.Trimesh, faces: int) -> trimesh.Trimesh:
    """The mesh with about ``faces`` triangles at most; each vertex takes what the nearest original one has."""
    light = mesh.simplify_quadric_decimation(face_count=faces) if len(mesh.faces) > faces else mesh.copy()
    nearest = cKDTree(mesh.vertices).query(light.vertices, workers=-1)[1]
    colors = np.rint(vertex_colors(mesh)[nearest] * 255.0).astype(np.uint8)
    given = mesh.vertex_attributes
    attributes = {name: np.asarray(given[name])[nearest] for name in ATTRIBUTES if name in given}
    return trimesh.Trimesh(
        light.vertices, light.faces, vertex_colors=colors, vertex_attributes=attributes, process=False
    )


def viewer_yaw(direction: Float[np.ndarray, " 3"], up: Float[np.ndarray, " 3"]) -> float:
    """The page's yaw (radians about +y, 0 = +z) of a look from the side of ``direction`` in the scan's frame."""
    turned = rotation_between(up, np.array([0.0, 1.0, 0.0]))[:3, :3] @ direction
    return float(np.arctan2(turned[0], turned[2]))


def thumbnail(
    mesh: trimesh.Trimesh, up: Float[np.ndarray, " 3"], direction: Float[np.ndarray, " 3"], width: int = 176
) -> str:
    """A small picture of the mesh from the side of ``direction`` on a clear ground, as a data URL."""
    camera, world_from_camera = camera_around(
        np.asarray(mesh.vertices),
        up,
        yaw_towards(direction, up),
        width=width,
        height=round(width * 0.75),
        margin=1.12,
    )
    return data_url(render_rgba(mesh, camera, world_from_camera))


def data_url(image: UInt8[np.ndarray, "h w c"]) -> str:
    """An RGB picture as JPEG, one with alpha as PNG, ready to stand in ``src``."""
    clear = image.shape[2] == 4
    order = cv2.COLOR_RGBA2BGRA if clear else cv2.COLOR_RGB2BGR
    options = [] if clear else [cv2.IMWRITE_JPEG_QUALITY, 82]
    written, data = cv2.imencode(".png" if clear else ".jpg", cv2.cvtColor(image, order), options)
    assert written
    kind = "png" if clear else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
