"""Pictures of a room: which triangle every pixel meets, how far it is, and what colour it has there."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from scene.camera import Intrinsics
from scene.raycast import PartCaster, RayCaster
from scene.room.light import irradiance
from scene.room.records import Room
from scene.room.surface import Surface, surface_of
from scene.room.textures import Atlas

_WITHIN_PIXEL = ((-0.3, -0.3), (0.35, -0.1), (-0.05, 0.35))  # beside the centre, in pixels
_MIRRORED = np.array([0.55, 0.55, 0.56], dtype=np.float32)  # what a glossy surface shows of the room


@dataclass(frozen=True)
class View:
    """One picture: colour, depth (Z in metres, 0 where nothing is met), thing and triangle indices (-1 for none)."""

    color: UInt8[np.ndarray, "h w 3"]  # RGB
    depth_m: Float[np.ndarray, "h w"]
    thing: Int[np.ndarray, "h w"]
    triangle: Int[np.ndarray, "h w"]
    facing: Float[np.ndarray, "h w"]  # cosine between the ray and the surface's normal


class _Met(NamedTuple):
    """What rays meet: linear RGB, depth (0: nothing), triangle (-1: nothing), cosine to its normal."""

    shade: Float[np.ndarray, "n 3"]
    depth: Float[np.ndarray, " n"]
    triangle: Int[np.ndarray, " n"]
    facing: Float[np.ndarray, " n"]


class Renderer:
    """A room that has been lit; ``view`` may be called from several threads."""

    def __init__(self, room: Room, seed: int) -> None:
        self.surface = surface_of(room)
        self.caster = RayCaster(self.surface.mesh)
        rng = np.random.default_rng([seed, 1])
        self.light = irradiance(self.surface, self.caster, room.lights, rng).astype(np.float32)
        self._atlas = Atlas(seed)
        self._exposure = _exposure(self.surface, self.light)
        self._maps = _affine_maps(self.surface, self.light)
        self._normals = np.asarray(self.surface.mesh.face_normals, dtype=np.float32)
        finishes = self.surface.finishes
        self._pattern = np.array([self._atlas.names.index(f.texture) for f in finishes])
        self._dark = _linear(np.array([f.dark for f in finishes]))
        self._light = _linear(np.array([f.light for f in finishes]))
        self._tile_m, self._gloss, self._glow = (
            np.array([getattr(f, name) for f in finishes], dtype=np.float32) for name in ("tile_m", "gloss", "glow")
        )

    def view(self, camera: Intrinsics, room_from_camera: Float[np.ndarray, "4 4"], rng: np.random.Generator) -> View:
        """What the camera sees; ``rng`` draws the sensor's grain."""
        shape = (camera.height, camera.width)
        directions = camera.directions().reshape(-1, 3)
        met = self._look(directions, room_from_camera, camera.fx)
        shade, depth, triangle = met.shade.reshape(*shape, 3), met.depth.reshape(shape), met.triangle.reshape(shape)
        thing = np.where(triangle >= 0, self.surface.thing[triangle], -1)
        finish = np.where(triangle >= 0, self.surface.finish[triangle], -1)
        rim = _rims(thing, finish, depth)
        # Where one pixel shows two things, its colour is the mean of four places in it.
        samples = [shade[rim]]
        for du, dv in _WITHIN_PIXEL:
            shifted = directions[rim.ravel()] + np.array([du / camera.fx, dv / camera.fy, 0.0], dtype=np.float32)
            samples.append(self._look(shifted, room_from_camera, camera.fx).shade)
        shade[rim] = np.mean(samples, axis=0)
        color = _develop(shade * self._exposure, rng)
        return View(color, depth, thing, triangle, met.facing.reshape(shape))

    def _look(
        self, directions: Float[np.ndarray, "n 3"], room_from_camera: Float[np.ndarray, "4 4"], focal_px: float
    ) -> _Met:
        """What rays from the camera (camera frame, Z = 1) meet."""
        pose = room_from_camera.astype(np.float32)
        rays = np.einsum("nj,kj->nk", directions, pose[:3, :3])
        distance, triangle = self.caster.first_hit(np.broadcast_to(room_from_camera[:3, 3], rays.shape), rays)
        hit = triangle >= 0
        depth = np.where(hit, distance, 0.0).astype(np.float32)
        points = rays[hit] * depth[hit, None] + pose[:3, 3]
        facing = np.zeros(len(rays), dtype=np.float32)
        along = np.einsum("nj,nj->n", rays[hit], self._normals[triangle[hit]])
        facing[hit] = np.abs(along) / np.sqrt(np.einsum("nj,nj->n", rays[hit], rays[hit]))
        shade = np.zeros((len(rays), 3), dtype=np.float32)
        shade[hit] = self._shade(triangle[hit], points, facing[hit], depth[hit] / focal_px)
        return _Met(shade, depth, triangle, facing)

    def _shade(
        self,
        triangle: Int[np.ndarray, " n"],
        points: Float[np.ndarray, "n 3"],
        facing: Float[np.ndarray, " n"],
        footprint_m: Float[np.ndarray, " n"],
    ) -> Float[np.ndarray, "n 3"]:
        """Linear RGB that leaves points of the surface towards the camera."""
        maps = self._maps[triangle]
        values = np.einsum("nkj,nj->nk", maps[..., :3], points) + maps[..., 3]
        received, uv = np.maximum(values[:, :3], 0.0), values[:, 3:]
        finish = self.surface.finish[triangle]
        tile = self._tile_m[finish]
        tone = self._atlas.look_up(self._pattern[finish], uv / tile[:, None], footprint_m / tile)[:, None]
        albedo = self._dark[finish] + tone * (self._light - self._dark)[finish]
        mirrored = (self._gloss[finish] * (1.0 - facing) ** 3)[:, None]
        glow = self._glow[finish][:, None]
        return albedo * (received * (1 - mirrored) + glow) + mirrored * _MIRRORED * received.mean(1, keepdims=True)

    def alone(self, thing: int) -> Renderer:
        """The same things in the same light, all but one invisible; triangles keep their numbers."""
        renderer = copy.copy(self)
        renderer.caster = PartCaster(self.surface.mesh, np.flatnonzero(self.surface.thing == thing))
        return renderer

    def vertex_color(self) -> UInt8[np.ndarray, "v 4"]:
        """The surface's colour at its vertices, without texture, as RGBA."""
        finish = np.zeros(len(self.surface.mesh.vertices), dtype=np.int64)
        finish[self.surface.mesh.faces] = self.surface.finish[:, None]
        albedo = (self._dark + self._light)[finish] / 2
        shade = albedo * (self.light + self._glow[finish, None]) * self._exposure
        return np.concatenate([_encode(shade), np.full((len(shade), 1), 255, np.uint8)], axis=1)


def _exposure(surface: Surface, light: Float[np.ndarray, "v 3"]) -> float:
    """The factor that makes the brighter part of the room, by area, a little less than white."""
    received = light[surface.mesh.faces, 1].mean(axis=1)
    order = np.argsort(received)
    area = np.cumsum(surface.mesh.area_faces[order])
    return 0.78 / float(received[order[np.searchsorted(area, 0.75 * area[-1])]])


def _affine_maps(surface: Surface, light: Float[np.ndarray, "v 3"]) -> Float[np.ndarray, "f 5 4"]:
    """Per triangle the affine map from a point on it to (light, uv), which interpolates the corners' values."""
    corners = np.asarray(surface.mesh.vertices)[surface.mesh.faces]
    values = np.concatenate([light[surface.mesh.faces], surface.uv_m], axis=2)
    edges = corners[:, 1:] - corners[:, :1]
    normal = np.cross(edges[:, 0], edges[:, 1])
    # Rows of the inverse of [edge 1, edge 2, normal] give barycentric coordinates; degenerate triangles get zeros.
    squared = np.maximum((normal**2).sum(1), 1e-24)[:, None]
    gradients = np.stack([np.cross(edges[:, 1], normal), np.cross(normal, edges[:, 0])], axis=1) / squared[..., None]
    linear = np.einsum("fek,fej->fkj", values[:, 1:] - values[:, :1], gradients)
    constant = values[:, 0] - np.einsum("fkj,fj->fk", linear, corners[:, 0])
    return np.concatenate([linear, constant[..., None]], axis=2).astype(np.float32)


def _rims(
    thing: Int[np.ndarray, "h w"], finish: Int[np.ndarray, "h w"], depth: Float[np.ndarray, "h w"]
) -> Bool[np.ndarray, "h w"]:
    """Pixels beside one of another thing, finish or depth (by more than 3 %)."""
    rim = np.zeros(thing.shape, dtype=bool)
    for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        jump = np.abs(depth[here] - depth[there]) > 0.03 * np.minimum(depth[here], depth[there])
        other = (thing[here] != thing[there]) | (finish[here] != finish[there]) | jump
        rim[here] |= other
        rim[there] |= other
    return rim


def _develop(linear: Float[np.ndarray, "h w 3"], rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """What a small camera makes of linear light: soft focus, darker corners, a shoulder in the highlights, grain."""
    height, width = linear.shape[:2]
    soft = cv2.GaussianBlur(linear, (3, 3), 0.65)
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    corners = 1.0 - 0.13 * (x**2 + y**2) / 2
    grain = 1.0 + 0.008 * rng.standard_normal((height, width), dtype=np.float32)
    return _encode(soft * (corners * grain).astype(np.float32)[..., None])


def _encode(linear: Float[np.ndarray, "*n 3"]) -> UInt8[np.ndarray, "*n 3"]:
    """Linear light to 8-bit sRGB; from 0.6 up it is compressed so that windows do not burn out at once."""
    toned = np.where(linear > 0.6, 0.6 + 0.4 * (1.0 - np.exp(-(linear - 0.6) / 0.4)), linear)
    steps = np.linspace(0.0, 1.0, 4096)
    curve = np.where(steps <= 0.0031308, 12.92 * steps, 1.055 * steps ** (1 / 2.4) - 0.055)
    table = np.rint(255 * curve).astype(np.uint8)
    return table[(np.clip(toned, 0.0, 1.0) * 4095).astype(np.int32)]


def _linear(srgb: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)
