"""Pictures of meshes without a display: ray cast, softly shaded, anti-aliased.

``python -m evaluation.pictures mesh.ply [more.ply ...] --out sheet.png`` draws each mesh from several sides;
``--together`` draws them where they stand, ``--fused scan.ply`` beside what was scanned, and ``--seen-by SCAN`` tells
what its cameras saw (blue) from what was completed (orange).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import trimesh
from jaxtyping import Float, UInt8

from evaluation.settings import ReportSettings
from evaluation.shading import Color, render_rgba, vertex_colors
from evaluation.views import views_of_scan
from evaluation.visibility import mark_seen
from scene.camera import Intrinsics
from scene.files import atomic_file
from scene.images import write_image
from scene.mesh import load_mesh
from scene.runlog import run_cli
from scene.scannet import open_scan

WHITE = (255, 255, 255)


def render_mesh(
    mesh: trimesh.Trimesh,
    camera: Intrinsics,
    world_from_camera: Float[np.ndarray, "4 4"],
    color: Color = "vertex",
    background: tuple[int, int, int] | UInt8[np.ndarray, "h w 3"] = WHITE,
) -> UInt8[np.ndarray, "h w 3"]:
    """The mesh as that camera would see it, over a colour or a picture of the camera's size (RGB).

    ``color`` is "vertex", "normal", "plain" or "seen", as ``evaluation.shading.render_rgba`` explains.
    """
    rgba = render_rgba(mesh, camera, world_from_camera, color)
    alpha = rgba[..., 3:] / 255.0
    return np.rint(rgba[..., :3] * alpha + np.asarray(background) * (1.0 - alpha)).astype(np.uint8)


def facing(mesh: trimesh.Trimesh, world_from_camera: Float[np.ndarray, "4 4"]) -> trimesh.Trimesh:
    """The faces that turn their outer side to the camera: a room without the walls one would look through."""
    towards_camera = world_from_camera[:3, 3] - mesh.triangles_center
    part = mesh.copy()
    part.update_faces((mesh.face_normals * towards_camera).sum(1) > 0)
    return part


def join(meshes: Sequence[trimesh.Trimesh]) -> trimesh.Trimesh:
    """Several meshes as one, their vertex colours kept (plain for those that have none)."""
    offsets = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    joined = trimesh.Trimesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, offsets[:-1], strict=True)]),
        vertex_colors=np.rint(np.concatenate([vertex_colors(mesh) for mesh in meshes]) * 255.0).astype(np.uint8),
        process=False,
    )
    if all("seen" in mesh.vertex_attributes for mesh in meshes):
        joined.vertex_attributes["seen"] = np.concatenate([mesh.vertex_attributes["seen"] for mesh in meshes])
    return joined


def yaw_towards(direction: Float[np.ndarray, " 3"], up: Float[np.ndarray, " 3"]) -> float:
    """The ``yaw_deg`` from which ``camera_around`` looks from the side of ``direction``."""
    ahead, aside = _ground_axes(np.asarray(up, float) / np.linalg.norm(up))
    return float(np.rad2deg(np.arctan2(direction @ aside, direction @ ahead)))


def _ground_axes(up: Float[np.ndarray, " 3"]) -> tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]]:
    """Two unit vectors that span the ground: where yaw is 0 and where it is 90 degrees."""
    aside = np.cross(up, [1.0, 0.0, 0.0] if abs(up[0]) < 0.9 else [0.0, 1.0, 0.0])
    aside /= np.linalg.norm(aside)
    return np.cross(aside, up), aside


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
    ahead, aside = _ground_axes(up)
    yaw, pitch = np.deg2rad([yaw_deg, pitch_deg])
    outward = np.cos(pitch) * (np.cos(yaw) * ahead + np.sin(yaw) * aside) + np.sin(pitch) * up
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
    yaw_deg: float = 30.0,
    width: int = 480,
    height: int = 360,
    caption: str = "",
) -> UInt8[np.ndarray, "h w 3"]:
    """The mesh from ``views`` sides in a row, the first from ``yaw_deg``."""
    images = []
    for turn_deg in 360.0 / views * np.arange(views):
        yaw = yaw_deg + float(turn_deg)
        camera, world_from_camera = camera_around(np.asarray(mesh.vertices), up, yaw, width=width, height=height)
        images.append(render_mesh(mesh, camera, world_from_camera, color))
    sheet = np.concatenate(images, axis=1)
    if caption:
        cv2.putText(sheet, caption, (10, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (60, 60, 60), 1, cv2.LINE_AA)
    return sheet


def up_of(path: Path) -> Float[np.ndarray, " 3"]:
    """The up vector a mesh's sidecar tells (``scene.mesh.save_mesh``); +z without one."""
    try:
        rotation = np.asarray(json.loads(path.with_suffix(".json").read_text())["glb_from_scan"], float)
        return rotation[:3, :3].T @ np.array([0.0, 1.0, 0.0])
    except (OSError, ValueError, KeyError, TypeError):
        return np.array([0.0, 0.0, 1.0])


def beside_scan(
    scan: trimesh.Trimesh,
    objects: Sequence[trimesh.Trimesh],
    up: Float[np.ndarray, " 3"],
    yaw_deg: float,
    color: Color = "vertex",
    width: int = 800,
    height: int = 600,
) -> UInt8[np.ndarray, "h w 3"]:
    """What was scanned, and beside it the completed objects from the same camera."""
    joined = join(objects)
    camera, world_from_camera = camera_around(
        np.asarray(joined.vertices), up, yaw_deg, 35.0, width, height, margin=1.15
    )
    scanned = render_mesh(facing(scan, world_from_camera), camera, world_from_camera)
    return np.concatenate([scanned, render_mesh(joined, camera, world_from_camera, color)], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evaluation.pictures", description=__doc__)
    parser.add_argument("meshes", nargs="+", type=Path, help="mesh files; one row of views each")
    parser.add_argument("--out", type=Path, required=True, help="the picture to write (.png or .jpg)")
    parser.add_argument("--views", type=int, default=4, help="sides to look from (default 4)")
    parser.add_argument("--color", choices=["vertex", "normal", "plain"], default="vertex")
    parser.add_argument("--seen-by", type=Path, metavar="SCAN", help="colour what this scan's cameras saw")
    parser.add_argument("--up", type=float, nargs=3, help="up vector; default: the mesh's sidecar, else 0 0 1")
    parser.add_argument("--yaw", type=float, default=30.0, help="side of the first view in degrees (default 30)")
    parser.add_argument("--fused", type=Path, help="the scan as a mesh; drawn beside the meshes from one camera")
    parser.add_argument("--together", action="store_true", help="all meshes in one picture, where they stand")
    arguments = parser.parse_args()
    meshes = [load_mesh(path) for path in arguments.meshes]
    ups = [up_of(path) if arguments.up is None else np.array(arguments.up) for path in arguments.meshes]
    color: Color = arguments.color
    if arguments.seen_by is not None:
        color, views = "seen", views_of_scan(open_scan(arguments.seen_by), ReportSettings().max_frames)
        for mesh in meshes:
            mark_seen(mesh, views)
    if arguments.fused is not None:
        picture = beside_scan(load_mesh(arguments.fused), meshes, ups[0], arguments.yaw, color)
    elif arguments.together:
        picture = orbit_sheet(join(meshes), ups[0], arguments.views, color, arguments.yaw)
    else:
        picture = np.concatenate(
            [
                orbit_sheet(mesh, up, arguments.views, color, arguments.yaw, caption=path.stem)
                for mesh, up, path in zip(meshes, ups, arguments.meshes, strict=True)
            ]
        )
    with atomic_file(arguments.out) as temporary:
        write_image(temporary, picture)
    print(arguments.out)


if __name__ == "__main__":
    run_cli(main)
