"""Light that falls on the room's surface, worked out once per vertex: window, lamp, and what the room scatters."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from scene.raycast import RayCaster
from scene.room.records import Light
from scene.room.surface import Surface

_PER_LIGHT = 4  # samples along each side of a light
_AROUND = 20  # directions in which a vertex looks for what shuts off the room's scattered light
_REACH_M = 1.2  # things farther away shut off nothing
_OFFSET_M = 0.003
_SCATTERED = np.array([0.36, 0.355, 0.345])  # linear RGB that a surface open to all sides receives


def irradiance(
    surface: Surface, caster: RayCaster, lights: tuple[Light, ...], rng: np.random.Generator
) -> Float[np.ndarray, "v 3"]:
    """Linear RGB that each vertex receives, 1 on a well lit wall.

    All vertices use the same sample points, so that the result is smooth over the surface instead of grainy.
    """
    normal = surface.vertex_normal
    origin = _inward(surface) + _OFFSET_M * normal
    open_share, buried = openness(caster, origin, normal, rng)
    received = _SCATTERED * open_share[:, None]
    for light in lights:
        points = _points(light, rng)
        for point in points:
            received += _direct(caster, origin, normal, point, light)[:, None] * light.power / len(points)
    return _spread(received, buried, surface)


def _inward(surface: Surface) -> Float[np.ndarray, "v 3"]:
    """The vertices drawn a tenth of the way into their triangles, off the edges where walls and parts meet."""
    vertices, faces = np.asarray(surface.mesh.vertices), surface.mesh.faces
    middle, count = np.zeros_like(vertices), np.bincount(faces.ravel(), minlength=len(vertices))[:, None]
    np.add.at(middle, faces, vertices[faces].mean(axis=1, keepdims=True))
    return vertices + 0.1 * (middle / np.maximum(count, 1) - vertices)


def _spread(
    received: Float[np.ndarray, "v 3"], buried: Bool[np.ndarray, " v"], surface: Surface
) -> Float[np.ndarray, "v 3"]:
    """Light for vertices inside other things from their neighbours, for the sake of the triangles half outside."""
    edges = surface.mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    known, received = ~buried, np.where(buried[:, None], 0.0, received)
    for _ in range(3):
        a, b = np.concatenate([edges, edges[:, ::-1]]).T
        useful = known[b] & ~known[a]
        count = np.bincount(a[useful], minlength=len(known))
        total = np.stack([np.bincount(a[useful], received[b[useful], k], len(known)) for k in range(3)], axis=1)
        reached = count > 0
        received[reached] = total[reached] / count[reached, None]
        known |= reached
    return received


def openness(
    caster: RayCaster, origin: Float[np.ndarray, "v 3"], normal: Float[np.ndarray, "v 3"], rng: np.random.Generator
) -> tuple[Float[np.ndarray, " v"], Bool[np.ndarray, " v"]]:
    """Share (0 to 1, cosine-weighted) of the half space above each vertex that is free of near things, and whether
    the vertex lies inside something: most of what it sees are the rear sides of faces."""
    tangent = np.cross(normal, np.where(np.abs(normal[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]]))
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-12)
    binormal = np.cross(normal, tangent)
    free, rear = np.zeros(len(origin)), np.zeros(len(origin))
    turn = rng.uniform(0, 2 * np.pi)
    for k in range(_AROUND):  # a spiral over the disc, lifted to the hemisphere (Malley's method)
        radius, angle = np.sqrt((k + 0.5) / _AROUND), turn + k * np.pi * (3 - np.sqrt(5))
        x, y, z = radius * np.cos(angle), radius * np.sin(angle), np.sqrt(1 - radius**2)
        direction = x * tangent + y * binormal + z * normal
        distance, triangle = caster.first_hit(origin, direction)
        behind = (triangle >= 0) & ((caster.mesh.face_normals[triangle] * direction).sum(1) > 0)
        free += np.where(behind, 0.0, np.minimum(distance / _REACH_M, 1.0))
        rear += behind
    return free / _AROUND, rear > 0.5 * _AROUND


def _points(light: Light, rng: np.random.Generator) -> Float[np.ndarray, "n 3"]:
    """Points spread over the light, one in each field of a grid."""
    field = np.stack(np.divmod(np.arange(_PER_LIGHT**2), _PER_LIGHT), axis=1)
    share = (field + rng.random(field.shape)) / _PER_LIGHT
    return light.corner + share @ np.stack([light.edge_u, light.edge_v])


def _direct(
    caster: RayCaster,
    origin: Float[np.ndarray, "v 3"],
    normal: Float[np.ndarray, "v 3"],
    point: Float[np.ndarray, " 3"],
    light: Light,
) -> Float[np.ndarray, " v"]:
    """What reaches each vertex from one point of a light: both cosines over the squared distance, 0 in its shadow."""
    shine = np.cross(light.edge_u, light.edge_v)
    shine /= np.linalg.norm(shine)
    ray = point - origin
    distance = np.linalg.norm(ray, axis=1)
    facing = (ray * normal).sum(1) / distance
    leaving = -(ray @ shine) / distance
    lit = np.flatnonzero((facing > 0) & (leaving > 0))
    along, _ = caster.first_hit(origin[lit], ray[lit])
    lit = lit[along > 0.999]
    received = np.zeros(len(origin))
    # Near the light the inverse square would blow up; a real one is a room's window, not a point.
    received[lit] = facing[lit] * leaving[lit] / np.maximum(distance[lit] ** 2, 0.25)
    return received
