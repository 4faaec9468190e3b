"""Closed solids that furniture is put together from.

Axes: x to the right, y from front to back, z up; metres.  Every function gives a ``manifold3d.Manifold``, which is
watertight by construction and stays so under union.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import manifold3d
import numpy as np
from manifold3d import CrossSection, Manifold

Solid: TypeAlias = Manifold
_Number: TypeAlias = float | int  # type checks at run time do not take an int for a float
Point2: TypeAlias = tuple[_Number, _Number]
Point3: TypeAlias = tuple[_Number, _Number, _Number]

_CORNER_SEGMENTS = 12  # segments round a rounded edge: 30 degrees each, smooth under interpolated normals


def box(low: Point3, high: Point3) -> Solid:
    """The axis-aligned box between two corners."""
    size = np.subtract(high, low)
    assert (size > 0).all(), f"a box needs a positive size, not {size}"
    return Manifold.cube(tuple(size)).translate(low)


def block(center: Point2, size: Point2, bottom: float, top: float, radius: float = 0.0) -> Solid:
    """A box that stands over ``center`` from height ``bottom`` to ``top``, all its edges rounded by ``radius``."""
    (x, y), (w, d) = center, size
    low, high = (x - w / 2, y - d / 2, bottom), (x + w / 2, y + d / 2, top)
    return box(low, high) if radius <= 0 else rounded_box(low, high, radius)


def rounded_box(low: Point3, high: Point3, radius: float) -> Solid:
    """A box whose edges are rounded by ``radius`` (at most a little under half of its smallest side)."""
    radius = min(radius, 0.49 * float(np.subtract(high, low).min()))
    ball = Manifold.sphere(radius, _CORNER_SEGMENTS)
    inner = np.array([np.add(low, radius), np.subtract(high, radius)])
    corners = [(inner[i, 0], inner[j, 1], inner[k, 2]) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    return Manifold.batch_hull([ball.translate(c) for c in corners])


def cushion(center: Point2, size: Point2, bottom: float, top: float, crown: float) -> Solid:
    """A rounded box whose upper side bulges by ``crown`` over its middle."""
    s = np.linspace(-0.9, 0.9, 7)
    u, v = np.meshgrid(s, s)
    dome = [u * size[0] / 2 + center[0], v * size[1] / 2 + center[1], top + crown * (1 - u**2) * (1 - v**2)]
    base = block(center, size, bottom, top, radius=min(0.45 * (top - bottom), 0.05))
    return Manifold.batch_hull([base, Manifold.hull_points(np.stack([c.ravel() for c in dome], axis=1))])


def rectangle(width: float, depth: float, corner_radius: float = 0.0) -> CrossSection:
    """A rectangle centred on the origin, its corners rounded."""
    radius = min(corner_radius, 0.49 * min(width, depth))
    if radius <= 0:
        return CrossSection.square((width, depth), True)
    inner = CrossSection.square((width - 2 * radius, depth - 2 * radius), True)
    return inner.offset(radius, manifold3d.JoinType.Round, circular_segments=24)


def ellipse(width: float, depth: float) -> CrossSection:
    return CrossSection.circle(1.0, 48).scale((width / 2, depth / 2))


def plate(outline: CrossSection, bottom: float, top: float, center: Point2 = (0.0, 0.0)) -> Solid:
    """``outline`` drawn up from height ``bottom`` to ``top``."""
    return Manifold.extrude(outline, top - bottom).translate((*center, bottom))


def rod(start: Point3, end: Point3, start_radius: float, end_radius: float, sides: int = 20) -> Solid:
    """A straight rod whose ends are level discs: a leg, upright or splayed, tapered or not.

    With ``sides`` = 4 it is square, its sides parallel to x and y and twice the radius wide.
    """
    angles = (np.arange(sides) + 0.5) * 2 * np.pi / sides
    reach = 1.0 / np.cos(np.pi / sides) if sides == 4 else 1.0
    ring = reach * np.stack([np.cos(angles), np.sin(angles), np.zeros(sides)], axis=1)
    points = np.concatenate([np.asarray(start) + start_radius * ring, np.asarray(end) + end_radius * ring])
    return Manifold.hull_points(points)


def tube(points: Sequence[Point3], radius: float, closed: bool = False) -> Solid:
    """A round tube along a polyline, its bends and ends round."""
    ball = Manifold.sphere(radius, _CORNER_SEGMENTS)
    balls = [ball.translate(p) for p in points]
    following = balls[1:] + balls[:1] if closed else balls[1:]
    return union(Manifold.batch_hull([a, b]) for a, b in zip(balls, following, strict=False))


def lathe(profile: Sequence[Point2], center: Point2 = (0.0, 0.0), segments: int = 40) -> Solid:
    """A closed (radius, height) polygon turned round the vertical through ``center``."""
    section = CrossSection([np.asarray(profile)], manifold3d.FillRule.NonZero)
    if section.area() < 1e-9:  # NonZero drops clockwise outlines
        section = CrossSection([np.asarray(profile)[::-1]], manifold3d.FillRule.NonZero)
    return Manifold.revolve(section, segments).translate((*center, 0.0))


def bent_panel(width: float, thickness: float, sag: float, bottom: float, top: float) -> Solid:
    """An upright panel, bent so that its middle lies ``sag`` further back (+y) than its ends (fronts at y = 0)."""
    radius = (width**2 / 4 + sag**2) / (2 * sag)
    half = np.arcsin(width / 2 / radius)
    angles = np.linspace(-half, half, 13)
    arc = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    origin = np.array([0.0, sag - radius])
    outline = np.concatenate([origin + radius * arc, (origin + (radius + thickness) * arc)[::-1]])
    return plate(CrossSection([outline], manifold3d.FillRule.EvenOdd), bottom, top)


def union(solids: Iterable[Solid]) -> Solid:
    return Manifold.batch_boolean(list(solids), manifold3d.OpType.Add)


def both_sides(*solids: Solid) -> list[Solid]:
    """The solids and their mirror images in the plane x = 0."""
    return [*solids, *(s.mirror((1.0, 0.0, 0.0)) for s in solids)]


def tilted(solid: Solid, degrees: float, height: float, y: float) -> Solid:
    """``solid`` leant backwards (its upper part towards +y) about the x-parallel axis through (y, height)."""
    return solid.translate((0.0, -y, -height)).rotate((-degrees, 0.0, 0.0)).translate((0.0, y, height))
