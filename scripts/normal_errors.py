"""Angle errors of the normals from depth, on shapes whose true normals are known, seen by a noisy depth camera.

    python -m scripts.normal_errors [--radius 4 16] [--seeds 2]

Errors in degrees, over the object's pixels and over those within 6 px of a crease (or as strong a curve); milliseconds
for a view of 640 x 480.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import trimesh
from jaxtyping import Bool, Float

from preprocess.normals import normals_from_depth
from preprocess.settings import PrepareSettings
from scene.camera import Intrinsics
from scene.depth_noise import DepthNoise, sense
from scene.facts import find_doubts
from scene.raycast import RayCaster
from scene.records import Fact, Frame
from scene.runlog import run_cli

_CAMERA = Intrinsics(640, 480, 577.0, 577.0, 319.5, 239.5)
_WALL_M = 3.0  # behind everything
_WRONG_M = 0.1  # a pixel farther off its true depth floats, and no normal is asked of it
_CREASE_PX, _CREASE = 6, 0.3  # how near, and how much a component of the normal changes there


@dataclass(frozen=True)
class Sensed:
    """One shape as the camera measures it, and the truth."""

    depth_m: Float[np.ndarray, "h w"]
    own: Bool[np.ndarray, "h w"]
    normal: Float[np.ndarray, "h w 3"]
    creased: Bool[np.ndarray, "h w"]


def shapes() -> dict[str, trimesh.Trimesh]:
    """A slanted wall, a box, spheres large and small, round and square bars of 4 cm; metres, before the camera."""
    bars = np.linspace(-0.5, 0.5, 6)
    round_bars = [_placed(trimesh.creation.cylinder(0.02, 0.9, sections=64), (x, 0, 1.8), (70, 0)) for x in bars]
    square_bars = [_placed(trimesh.creation.box((0.04, 0.9, 0.04)), (x, 0, 1.8), (10, 20 + 45 * x)) for x in bars]
    return {
        "slanted wall": _placed(trimesh.creation.box((6, 6, 0.1)), (0, 0, 1.9), (33, 10)),
        "box": _placed(trimesh.creation.box((1.0, 0.9, 0.8)), (0, 0, 2.0), (30, 40)),
        "sphere of 35 cm": _placed(trimesh.creation.icosphere(6, 0.35), (0, 0, 1.6)),
        "sphere of 10 cm": _placed(trimesh.creation.icosphere(6, 0.10), (0, 0, 1.6)),
        "round bars": _together(round_bars),
        "square bars": _together(square_bars),
    }


def _placed(
    mesh: trimesh.Trimesh, at: tuple[float, float, float], turned_deg: tuple[float, float] = (0, 0)
) -> trimesh.Trimesh:
    """The mesh turned about x, then y, and moved."""
    turned = trimesh.transformations.euler_matrix(*np.radians([*turned_deg, 0.0]))
    mesh.apply_transform(trimesh.transformations.translation_matrix(at) @ turned)
    return mesh


def _together(meshes: list[trimesh.Trimesh]) -> trimesh.Trimesh:
    joined = trimesh.util.concatenate(meshes)
    assert isinstance(joined, trimesh.Trimesh)
    return joined


def sensed(mesh: trimesh.Trimesh, seed: int) -> Sensed:
    """The mesh before a wall, with noise, flying pixels and holes."""
    true_m, triangle = RayCaster(mesh).render(_CAMERA, np.eye(4))
    hit = triangle >= 0
    normal = np.where(hit[..., None], mesh.face_normals[triangle], 0.0)
    rays = _CAMERA.directions()
    facing = np.where(hit, -(normal * rays).sum(-1) / np.linalg.norm(rays, axis=-1), 1.0)
    whole_m = np.where(hit, true_m, _WALL_M).astype(np.float32)
    depth_mm = sense(whole_m, facing.astype(np.float32), np.random.default_rng(seed), DepthNoise())
    depth_m = depth_mm.astype(np.float32) / 1000
    frame = Frame(0, _CAMERA, np.eye(4), np.zeros((*hit.shape, 3), np.uint8), depth_m, hit.astype(np.uint8))
    own = hit & (depth_m > 0) & ~find_doubts(frame).flying & (np.abs(depth_m - true_m) < _WRONG_M)
    near = np.ones((2 * _CREASE_PX + 1,) * 2, np.uint8)
    inner = cv2.erode(hit.astype(np.uint8), near) > 0
    changes = np.stack([cv2.dilate(part, near) - cv2.erode(part, near) for part in np.moveaxis(normal, -1, 0)])
    return Sensed(depth_m, own, normal, own & inner & (changes.max(0) > _CREASE))


def rows(radius_px: int, seeds: int) -> Iterator[str]:
    """A line of text a shape."""
    for name, mesh in shapes().items():
        errors, creased, took_s = [], [], []
        for view in (sensed(mesh, seed) for seed in range(seeds)):
            fact = np.where(view.own, Fact.OBJECT, Fact.OTHER).astype(np.uint8)
            begun = time.perf_counter()
            normal = normals_from_depth(view.depth_m, fact, _CAMERA, radius_px).astype(np.float64)
            took_s.append(time.perf_counter() - begun)
            cosine = (normal * view.normal).sum(-1).clip(-1, 1)
            known = (normal != 0).any(-1)
            errors.append(np.degrees(np.arccos(cosine[view.own & known])))
            creased.append(np.degrees(np.arccos(cosine[view.creased & known])))
        angle, crease = np.concatenate(errors), np.concatenate(creased)
        ending = f"{crease.mean():9.2f} {np.median(crease):9.2f}" if len(crease) else f"{'-':>9} {'-':>9}"
        yield f"{name:16} {angle.mean():9.2f} {np.median(angle):9.2f} {ending} {1000 * min(took_s):9.0f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    widest = PrepareSettings().normal_radius_px
    parser.add_argument("--radius", type=int, nargs="+", default=[widest], help=f"widest windows, pixels ({widest})")
    parser.add_argument("--seeds", type=int, default=2, help="views of each shape, of different noise (2)")
    args = parser.parse_args()
    normals_from_depth(np.ones((9, 9), np.float32), np.ones((9, 9), np.uint8), _CAMERA, 2)  # compiles it
    for radius_px in args.radius:
        print(f"{f'radius {radius_px} px':16} {'mean':>9} {'median':>9} {'crease':>9} {'median':>9} {'ms':>9}")
        for row in rows(radius_px, args.seeds):
            print(row)
    return 0


if __name__ == "__main__":
    run_cli(main)
