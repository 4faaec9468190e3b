"""What a depth camera does to true depth: noise, waves along edges, flying pixels, holes, whole millimetres.

Depth is Z in metres, 0 where there is none.  Each effect is a function of its own; ``sense`` applies them in the order
in which they arise.  The growth of the noise with the square of depth follows Nguyen, Izadi and Lovell, "Modeling
Kinect sensor noise for improved 3D reconstruction and tracking" (3DIMPVT 2012); the sideways waves follow Barron and
Malik, "Intrinsic scene properties from a single RGB-D image" (CVPR 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt16
from scipy.special import ndtri


@dataclass(frozen=True)
class DepthNoise:
    """How bad the camera is; lengths in metres at 640 x 480."""

    noise_at_near_m: float = 0.0008  # standard deviation at 0.4 m
    noise_growth: float = 0.0013  # metres of deviation per square metre of depth beyond 0.4 m
    smooth_share: float = 0.5  # share of the noise's variance that neighbouring pixels have in common
    waves_px: float = 0.35  # how far edges wander sideways
    edge_drop: float = 0.65  # chance that a pixel beside a depth edge is missing
    edge_fly: float = 0.25  # chance that a pixel on a depth edge floats between both surfaces
    grazing_cosine: float = 0.26  # rays flatter than this begin to miss, at a third of it all do; 0 for none
    farthest_m: float = 6.0


@dataclass(frozen=True)
class ScanNoise:
    """Everything that is wrong with a scan."""

    depth: DepthNoise = DepthNoise()
    pose_degrees: float = 0.03  # standard deviation of each pose's rotation about each axis
    pose_m: float = 0.001  # and of its position along each axis
    lose_a_pose: bool = True  # one frame's pose is -inf


def sense(
    depth_m: Float[np.ndarray, "h w"],
    facing: Float[np.ndarray, "h w"],
    rng: np.random.Generator,
    noise: DepthNoise,
) -> UInt16[np.ndarray, "h w"]:
    """The camera's depth image in millimetres (0 = none); ``facing`` is the cosine between ray and surface normal."""
    edges = depth_edges(depth_m)
    depth = drop_grazing(depth_m, facing, rng, noise)
    depth = wave_edges(depth, rng, noise)
    depth = fly_at_edges(depth, edges, rng, noise)
    depth = drop_at_edges(depth, edges, rng, noise)
    depth = add_noise(depth, rng, noise)
    return to_millimetres(depth, noise.farthest_m)


def depth_edges(depth_m: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels whose 3 x 3 neighbourhood spans two surfaces: a jump of 4 cm and 3 % of depth beyond a slope's share."""
    image = depth_m.astype(np.float32)
    kernel = np.ones((3, 3), np.uint8)
    span = cv2.dilate(image, kernel) - cv2.erode(image, kernel)
    # On a plane seen at a slant the span is even on both sides of the middle; at an edge it is one-sided.
    curved = np.abs(cv2.blur(image, (3, 3)) - image)
    return (span > np.maximum(0.04, 0.03 * image)) & (curved > 0.15 * span)


def add_noise(
    depth_m: Float[np.ndarray, "h w"], rng: np.random.Generator, noise: DepthNoise
) -> Float[np.ndarray, "h w"]:
    """Noise along the ray whose deviation grows with the square of depth, partly shared by neighbouring pixels."""
    deviation = noise.noise_at_near_m + noise.noise_growth * np.maximum(depth_m - 0.4, 0.0) ** 2
    own = rng.standard_normal(depth_m.shape, dtype=np.float32)
    draw = np.sqrt(1 - noise.smooth_share) * own + np.sqrt(noise.smooth_share) * _smooth(rng, depth_m.shape, 2.0)
    return np.where(depth_m > 0, depth_m + deviation * draw, 0.0).astype(np.float32)


def wave_edges(
    depth_m: Float[np.ndarray, "h w"], rng: np.random.Generator, noise: DepthNoise
) -> Float[np.ndarray, "h w"]:
    """Every pixel takes the depth from a little way off, so that straight edges come out ragged."""
    height, width = depth_m.shape
    u, v = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    du, dv = (noise.waves_px * _smooth(rng, depth_m.shape, 1.2) for _ in range(2))
    return cv2.remap(depth_m.astype(np.float32), u + du, v + dv, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)


def fly_at_edges(
    depth_m: Float[np.ndarray, "h w"], edges: Bool[np.ndarray, "h w"], rng: np.random.Generator, noise: DepthNoise
) -> Float[np.ndarray, "h w"]:
    """Some pixels on a depth edge see both surfaces and report a depth in between."""
    kernel = np.ones((3, 3), np.uint8)
    present = np.where(depth_m > 0, depth_m, np.inf).astype(np.float32)
    near = cv2.erode(present, kernel)
    far = cv2.dilate(depth_m.astype(np.float32), kernel)
    share = rng.random(depth_m.shape, dtype=np.float32)
    flying = edges & (depth_m > 0) & np.isfinite(near) & (rng.random(depth_m.shape) < noise.edge_fly)
    return np.where(flying, near + share * (far - np.where(flying, near, far)), depth_m).astype(np.float32)


def drop_at_edges(
    depth_m: Float[np.ndarray, "h w"], edges: Bool[np.ndarray, "h w"], rng: np.random.Generator, noise: DepthNoise
) -> Float[np.ndarray, "h w"]:
    """Depth goes missing in a band along edges, in runs rather than in single pixels."""
    band = cv2.dilate(edges.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    level = _smooth(rng, depth_m.shape, 2.0)
    return np.where(band & (level < ndtri(noise.edge_drop)), 0.0, depth_m).astype(np.float32)


def drop_grazing(
    depth_m: Float[np.ndarray, "h w"], facing: Float[np.ndarray, "h w"], rng: np.random.Generator, noise: DepthNoise
) -> Float[np.ndarray, "h w"]:
    """Depth goes missing where the ray grazes the surface: none above ``grazing_cosine``, all below a third of it."""
    limit = noise.grazing_cosine
    missing = np.clip((limit - facing) / max(limit * 2 / 3, 1e-6), 0.0, 1.0)
    level = 0.5 + 0.3 * _smooth(rng, depth_m.shape, 2.0)
    return np.where((missing > 0) & (level < missing), 0.0, depth_m).astype(np.float32)


def to_millimetres(depth_m: Float[np.ndarray, "h w"], farthest_m: float = 6.0) -> UInt16[np.ndarray, "h w"]:
    """Whole millimetres; nothing beyond ``farthest_m``."""
    kept = np.where((depth_m > 0) & (depth_m <= farthest_m), depth_m, 0.0)
    return np.rint(1000.0 * kept).astype(np.uint16)


def shaken(
    world_from_camera: Float[np.ndarray, "n 4 4"], rng: np.random.Generator, degrees: float, metres: float
) -> Float[np.ndarray, "n 4 4"]:
    """Poses as a tracker that errs a little reports them: each turned and moved by normal noise of that deviation."""
    poses = world_from_camera.copy()
    for pose in poses:
        turn, _ = cv2.Rodrigues(np.radians(degrees) * rng.normal(size=3))
        pose[:3, :3] = pose[:3, :3] @ turn
        pose[:3, 3] += metres * rng.normal(size=3)
    return poses


def lost(world_from_camera: Float[np.ndarray, "n 4 4"], frame: int) -> Float[np.ndarray, "n 4 4"]:
    """The poses with one that the tracker lost, which ScanNet marks by -inf everywhere."""
    poses = world_from_camera.copy()
    poses[frame] = -np.inf
    return poses


def _smooth(rng: np.random.Generator, shape: tuple[int, int], sigma_px: float) -> Float[np.ndarray, "h w"]:
    """Normal noise of deviation 1 that changes over ``sigma_px`` pixels."""
    field = cv2.GaussianBlur(rng.standard_normal(shape, dtype=np.float32), (0, 0), sigma_px)
    return field * np.float32(2.0 * np.sqrt(np.pi) * sigma_px)  # a Gaussian of that width averages the deviation down
