"""Soft shading of ray-cast meshes into pictures with transparency."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import trimesh
from jaxtyping import Float, Int, UInt8

from scene.camera import Intrinsics, project
from scene.raycast import RayCaster

Color = Literal["vertex", "normal", "plain", "seen"]

PLAIN = np.array([0.74, 0.76, 0.80])
SEEN, COMPLETED = np.array([0.33, 0.56, 0.80]), np.array([0.96, 0.66, 0.28])
# Inner sides of faces are painted so, whatever the colouring: holes and inside-out meshes must not go unnoticed.
_INSIDE = np.array([0.78, 0.36, 0.36])
# Beyond this angle between a face and its vertex normals (cosine) the edge is a crease and is drawn sharp.
_CREASE_COS = 0.9
_BAND = 64  # rows


def render_rgba(
    mesh: trimesh.Trimesh,
    camera: Intrinsics,
    world_from_camera: Float[np.ndarray, "4 4"],
    color: Color = "vertex",
    supersample: int = 2,
) -> UInt8[np.ndarray, "h w 4"]:
    """The mesh as that camera would see it; alpha is the share of each pixel that it covers.

    ``color``: "vertex" the mesh's own colours (plain where it has none), "plain" grey, "normal" world normals as
    colours, "seen" the vertex attribute ``seen`` (1 blue: a camera saw it, 0 orange: completed; plain without it).
    Inner sides of faces are red.
    """
    picture = np.zeros((camera.height, camera.width, 4), np.uint8)
    left, top, right, bottom = _window(mesh, camera, world_from_camera)
    if left >= right or top >= bottom:
        return picture
    caster = RayCaster(mesh)
    for row in range(top, bottom, _BAND):  # a band at a time keeps memory small
        end = min(row + _BAND, bottom)
        band = camera.cropped(left, row, right - left, end - row)
        picture[row:end, left:right] = _render_band(caster, band, world_from_camera, color, supersample)
    return picture


def _render_band(
    caster: RayCaster,
    camera: Intrinsics,
    world_from_camera: Float[np.ndarray, "4 4"],
    color: Color,
    supersample: int,
) -> UInt8[np.ndarray, "h w 4"]:
    fine = camera.resized(camera.width * supersample, camera.height * supersample)
    depth_m, triangle = caster.render(fine, world_from_camera)
    hit = triangle >= 0
    image = np.zeros((fine.height, fine.width, 4))  # colour times coverage, so that averaging mixes only what is there
    if hit.any():
        directions = fine.directions()[hit].astype(np.float64) @ world_from_camera[:3, :3].T
        points = world_from_camera[:3, 3] + depth_m[hit][:, None] * directions
        image[hit, :3] = _shaded(caster.mesh, triangle[hit], points, directions, world_from_camera, color)
        image[hit, 3] = 1.0
    small = cv2.resize(image, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    rgb = small[..., :3] / np.maximum(small[..., 3:], 1e-9)
    return np.rint(np.concatenate([rgb, small[..., 3:]], axis=2) * 255.0).clip(0, 255).astype(np.uint8)


def vertex_colors(mesh: trimesh.Trimesh) -> Float[np.ndarray, "v 3"]:
    """Colours in [0, 1]; plain where the mesh has none of its own."""
    visual = mesh.visual.to_color() if isinstance(mesh.visual, trimesh.visual.TextureVisuals) else mesh.visual
    if visual is None or visual.kind is None:
        return np.broadcast_to(PLAIN, (len(mesh.vertices), 3))
    return np.asarray(visual.vertex_colors)[:, :3] / 255.0


def _window(
    mesh: trimesh.Trimesh, camera: Intrinsics, world_from_camera: Float[np.ndarray, "4 4"]
) -> tuple[int, int, int, int]:
    """left, top, right, bottom of the pixels that the mesh's box covers; all of the image when that is not sure."""
    uv, z = project(trimesh.bounds.corners(mesh.bounds), camera, world_from_camera)
    size = np.array([camera.width, camera.height])
    if not (z > 1e-6).all():
        return 0, 0, camera.width, camera.height
    left, top = np.floor(uv.min(0)).clip(0, size).astype(int).tolist()
    right, bottom = (np.ceil(uv.max(0)) + 1).clip(0, size).astype(int).tolist()
    return left, top, right, bottom


def _shaded(
    mesh: trimesh.Trimesh,
    triangle: Int[np.ndarray, " n"],
    points: Float[np.ndarray, "n 3"],
    directions: Float[np.ndarray, "n 3"],
    world_from_camera: Float[np.ndarray, "4 4"],
    color: Color,
) -> Float[np.ndarray, "n 3"]:
    """Colours in [0, 1] of surface points seen along ``directions``."""
    vertices = mesh.faces[triangle]
    weights = trimesh.triangles.points_to_barycentric(mesh.triangles[triangle], points, method="cross").clip(0.0, 1.0)
    flat = mesh.face_normals[triangle]
    corner_normals = mesh.vertex_normals[vertices]
    smooth_corner = np.einsum("nkc,nc->nk", corner_normals, flat) > _CREASE_COS
    corner_normals = np.where(smooth_corner[..., None], corner_normals, flat[:, None])
    normal = trimesh.util.unitize((corner_normals * weights[..., None]).sum(1))
    inside = (flat * directions).sum(1) > 0
    normal[inside] *= -1.0
    if color == "normal":
        return normal / 2 + 0.5
    if color == "seen" and "seen" in mesh.vertex_attributes:
        share = np.asarray(mesh.vertex_attributes["seen"], float)[vertices]
        albedo = COMPLETED + (share * weights).sum(1, keepdims=True) * (SEEN - COMPLETED)
    elif color == "vertex":
        albedo = (vertex_colors(mesh)[vertices] * weights[..., None]).sum(1)
    else:
        albedo = np.broadcast_to(PLAIN, points.shape)
    albedo = np.where(inside[:, None], _INSIDE, albedo)
    # Light that goes with the camera: a key from the upper left, a soft fill from above, a little from the lens itself.
    key = world_from_camera[:3, :3] @ np.array([-0.48, -0.62, -0.62])
    above = world_from_camera[:3, :3] @ np.array([0.0, -1.0, 0.0])
    facing = -(normal * directions).sum(1) / np.linalg.norm(directions, axis=1)
    light = 0.46 + 0.46 * (normal @ key).clip(0.0) + 0.12 * (normal @ above) + 0.18 * facing.clip(0.0)
    return (albedo * light[:, None]).clip(0.0, 1.0)
