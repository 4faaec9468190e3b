"""Pictures of meshes without a display: ray cast, softly shaded, anti-aliased.

``python -m evaluation.pictures mesh.ply [more.ply ...] --out sheet.png`` draws each mesh from several sides.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import trimesh
from jaxtyping import Float, Int, UInt8

from scene.camera import Intrinsics
from scene.files import atomic_file
from scene.mesh import load_mesh
from scene.raycast import RayCaster
from scene.runlog import run_cli

Color = Literal["vertex", "normal", "plain", "seen"]

WHITE = (255, 255, 255)
_PLAIN = np.array([0.74, 0.76, 0.80])
# Inner sides of faces are painted so, whatever the colouring: holes and inside-out meshes must not go unnoticed.
_INSIDE = np.array([0.78, 0.36, 0.36])
_SEEN, _COMPLETED = np.array([0.33, 0.56, 0.80]), np.array([0.96, 0.66, 0.28])
# Beyond this angle between a face and its vertex normals (cosine) the edge is a crease and is drawn sharp.
_CREASE_COS = 0.9


def render_mesh(
    mesh: trimesh.Trimesh,
    camera: Intrinsics,
    world_from_camera: Float[np.ndarray, "4 4"],
    color: Color = "vertex",
    background: tuple[int, int, int] = WHITE,
    supersample: int = 2,
) -> UInt8[np.ndarray, "h w 3"]:
    """The mesh as that camera would see it, RGB.

    ``color``: "vertex" the mesh's own colours (plain where it has none), "plain" grey, "normal" world normals as
    colours, "seen" the vertex attribute ``seen`` (1 blue: a camera saw it, 0 orange: completed; plain without it).
    Inner sides of faces are red.
    """
    fine = camera.resized(camera.width * supersample, camera.height * supersample)
    depth_m, triangle = RayCaster(mesh).render(fine, world_from_camera)
    image = np.empty((fine.height, fine.width, 3))
    image[:] = np.asarray(background) / 255.0
    hit = triangle >= 0
    if hit.any():
        directions = fine.directions()[hit].astype(np.float64) @ world_from_camera[:3, :3].T
        points = world_from_camera[:3, 3] + depth_m[hit][:, None] * directions
        image[hit] = _shaded(mesh, triangle[hit], points, directions, world_from_camera, color)
    small = cv2.resize(image, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    return np.rint(small * 255.0).clip(0, 255).astype(np.uint8)


def join(meshes: Sequence[trimesh.Trimesh]) -> trimesh.Trimesh:
    """Several meshes as one, their vertex colours kept (plain for those that have none)."""
    offsets = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    joined = trimesh.Trimesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, offsets[:-1], strict=True)]),
        vertex_colors=np.rint(np.concatenate([_vertex_colors(mesh) for mesh in meshes]) * 255.0).astype(np.uint8),
        process=False,
    )
    if all("seen" in mesh.vertex_attributes for mesh in meshes):
        joined.vertex_attributes["seen"] = np.concatenate([mesh.vertex_attributes["seen"] for mesh in meshes])
    return joined


def camera_around(
    points: Float[np.ndarray, "n 3"],
    up: Float[np.ndarray, " 3"],
    yaw_deg: float,
    pitch_deg: float = 25.0,
    width: int = 480,
    height: int = 360,
    margin: float = 1.06,
) -> tuple[Intrinsics, Float[np.ndarray, "4 4"]]:
    """A camera that looks down by ``pitch_deg`` from the side ``yaw_deg`` with all points just inside the image."""
    up = np.asarray(up, float) / np.linalg.norm(up)
    aside = np.cross(up, [1.0, 0.0, 0.0] if abs(up[0]) < 0.9 else [0.0, 1.0, 0.0])
    aside /= np.linalg.norm(aside)
    yaw, pitch = np.deg2rad([yaw_deg, pitch_deg])
    outward = np.cos(pitch) * (np.cos(yaw) * np.cross(aside, up) + np.sin(yaw) * aside) + np.sin(pitch) * up
    z = -outward
    x = np.cross(z, up)
    x /= np.linalg.norm(x)
    rotation = np.stack([x, np.cross(z, x), z], axis=1)
    focal = 1.6 * max(width, height)  # a long lens: little perspective distortion
    local = points @ rotation
    local -= (local.min(0) + local.max(0)) / 2
    center = points[0] - rotation @ local[0]
    zoom = 2 * focal * margin / np.array([width, height])
    distance = 0.0
    for _ in range(8):  # perspective makes the middle of the outline depend on the distance; this settles quickly
        distance = float((np.abs(local[:, :2]) * zoom - local[:, 2:]).max())
        outline = local[:, :2] / (local[:, 2:] + distance)
        aside_m = (outline.min(0) + outline.max(0)) / 2 * distance
        local[:, :2] -= aside_m
        center = center + rotation[:, :2] @ aside_m
    world_from_camera = np.eye(4)
    world_from_camera[:3, :3] = rotation
    world_from_camera[:3, 3] = center - z * distance
    return Intrinsics(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2), world_from_camera


def orbit_sheet(
    mesh: trimesh.Trimesh,
    up: Float[np.ndarray, " 3"],
    views: int = 4,
    color: Color = "vertex",
    width: int = 480,
    height: int = 360,
    caption: str = "",
) -> UInt8[np.ndarray, "h w 3"]:
    """The mesh from ``views`` sides in a row."""
    images = []
    for yaw_deg in 30.0 + 360.0 / views * np.arange(views):
        camera, world_from_camera = camera_around(np.asarray(mesh.vertices), up, yaw_deg, width=width, height=height)
        images.append(render_mesh(mesh, camera, world_from_camera, color))
    sheet = np.concatenate(images, axis=1)
    if caption:
        cv2.putText(sheet, caption, (10, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (60, 60, 60), 1, cv2.LINE_AA)
    return sheet


def write_image(path: Path, image: UInt8[np.ndarray, "h w 3"]) -> None:
    """Write an RGB image (PNG or JPEG by its suffix) atomically."""
    with atomic_file(path) as temporary:
        cv2.imwrite(str(temporary), np.ascontiguousarray(image[..., ::-1]))


def up_of(path: Path) -> Float[np.ndarray, " 3"]:
    """The up vector a mesh's sidecar tells (``scene.mesh.save_mesh``); +z without one."""
    try:
        rotation = np.asarray(json.loads(path.with_suffix(".json").read_text())["glb_from_scan"], float)
        return rotation[:3, :3].T @ np.array([0.0, 1.0, 0.0])
    except (OSError, ValueError, KeyError, TypeError):
        return np.array([0.0, 0.0, 1.0])


def _vertex_colors(mesh: trimesh.Trimesh) -> Float[np.ndarray, "v 3"]:
    """Colours in [0, 1]; plain where the mesh has none of its own."""
    visual = mesh.visual.to_color() if isinstance(mesh.visual, trimesh.visual.TextureVisuals) else mesh.visual
    if visual is None or visual.kind is None:
        return np.broadcast_to(_PLAIN, (len(mesh.vertices), 3))
    return np.asarray(visual.vertex_colors)[:, :3] / 255.0


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
        albedo = _COMPLETED + (share * weights).sum(1, keepdims=True) * (_SEEN - _COMPLETED)
    elif color == "vertex":
        albedo = (_vertex_colors(mesh)[vertices] * weights[..., None]).sum(1)
    else:
        albedo = np.broadcast_to(_PLAIN, points.shape)
    albedo = np.where(inside[:, None], _INSIDE, albedo)
    # Light that goes with the camera: a key from the upper left, a soft fill from above, a little from the lens itself.
    key = world_from_camera[:3, :3] @ np.array([-0.48, -0.62, -0.62])
    above = world_from_camera[:3, :3] @ np.array([0.0, -1.0, 0.0])
    facing = -(normal * directions).sum(1) / np.linalg.norm(directions, axis=1)
    light = 0.34 + 0.46 * (normal @ key).clip(0.0) + 0.14 * (normal @ above) + 0.22 * facing.clip(0.0)
    return (albedo * light[:, None]).clip(0.0, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evaluation.pictures", description=__doc__)
    parser.add_argument("meshes", nargs="+", type=Path, help="mesh files; one row of views each")
    parser.add_argument("--out", type=Path, required=True, help="the picture to write (.png or .jpg)")
    parser.add_argument("--views", type=int, default=4, help="sides to look from (default 4)")
    parser.add_argument("--color", choices=["vertex", "normal", "plain", "seen"], default="vertex")
    parser.add_argument("--up", type=float, nargs=3, help="up vector; default: the mesh's sidecar, else 0 0 1")
    parser.add_argument("--together", action="store_true", help="all meshes in one picture, where they stand")
    arguments = parser.parse_args()
    meshes = [load_mesh(path) for path in arguments.meshes]
    names = [path.stem for path in arguments.meshes]
    ups = [up_of(path) if arguments.up is None else np.array(arguments.up) for path in arguments.meshes]
    if arguments.together:
        meshes, names = [join(meshes)], ["" if len(names) > 1 else names[0]]
    rows = [
        orbit_sheet(mesh, up, arguments.views, arguments.color, caption=name)
        for mesh, up, name in zip(meshes, ups, names, strict=False)
    ]
    write_image(arguments.out, np.concatenate(rows))
    print(arguments.out)


if __name__ == "__main__":
    run_cli(main)
