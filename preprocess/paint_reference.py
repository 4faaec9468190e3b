"""O2-Recon's way from a few painted views to all of them: reference views' depth, carried by points into the others.

A reference view's hidden depth is painted first.  Its points, seen from another view, tell which of that view's pixels
hide the object too (something else was sensed in front of the point) and at what depth the object stands behind them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int16, UInt8

from preprocess.paint_consistency import Fills, Sight
from preprocess.painting import Painter, PaintView
from preprocess.reprojection import grown_depth, reprojected, target_from_source
from preprocess.settings import InpaintSettings
from scene.records import Fact, ObjectViews


def reference_views(
    hidden: Bool[np.ndarray, "n h w"], scores: Sequence[float], drawn: Sequence[int], count: int
) -> list[int]:
    """The views whose depth is painted first: those drawn by hand, and up to ``count`` of the better-scored half the
    most hidden."""
    pixels = hidden.sum(axis=(1, 2))
    by_hand = [view for view in drawn if pixels[view] > 0]
    candidates = np.setdiff1d(np.flatnonzero(pixels), by_hand)
    if len(scores) == len(hidden):
        by_score = candidates[np.argsort(-np.asarray(scores, np.float64)[candidates], kind="stable")]
        candidates = np.sort(by_score[: max(count, (len(by_score) + 1) // 2)])
    most = candidates[np.argsort(-pixels[candidates], kind="stable")]
    return sorted([*by_hand, *most[: max(0, count - len(by_hand))].tolist()])


def paint_depth(
    asked: Sequence[PaintView], references: Sequence[int], painter: Painter, sight: Sight, settings: InpaintSettings
) -> Fills:
    """Masks and depth of all views: painted in the reference views, carried into the others, painted where left."""
    shape = (len(asked), *asked[0].hidden.shape)
    fills = Fills(np.zeros(shape, bool), np.zeros(shape, np.float32), np.full(shape, -1, np.int16))
    for i in references:
        _paint_into(fills, asked[i], painter)
    stands = {i: np.where(sight.stands(fills.depth_m[i], i), fills.depth_m[i], np.float32(0)) for i in references}
    for view in asked:
        given = view.hidden & (settings.unite_masks or view.index in references)
        carried_m, origin = _carried(view, given, stands, sight, settings.grow_px)
        new = (carried_m > 0) & (fills.depth_m[view.index] == 0)
        fills.depth_m[view.index][new], fills.origin[view.index][new] = carried_m[new], origin[new]
        fills.mask[view.index] |= given | new
    if settings.all_depths:
        for view in asked:
            left = fills.mask[view.index] & (fills.depth_m[view.index] == 0)
            if view.index not in references and left.any():
                _paint_into(fills, replace(view, hidden=left), painter)
    return fills


def ask(views: ObjectViews, whole_color: np.ndarray, hidden: Bool[np.ndarray, "n h w"]) -> list[PaintView]:
    """Every view as a painter gets it."""
    mean_color = _mean_color(views, whole_color)
    return [
        PaintView(
            index=i,
            label=views.label,
            camera=views.camera,
            world_from_camera=views.world_from_camera[i],
            color=whole_color[i],
            depth_m=views.depth_mm[i].astype(np.float32) * np.float32(1e-3),
            fact=views.fact[i],
            hidden=hidden[i],
            mean_color=mean_color,
        )
        for i in range(len(views))
    ]


def _mean_color(views: ObjectViews, whole_color: np.ndarray) -> UInt8[np.ndarray, " 3"]:
    """Of all pixels that show the object; black where none does."""
    shown = [color[shows_object(fact)] for color, fact in zip(whole_color, views.fact, strict=True)]
    count = max(1, sum(len(pixels) for pixels in shown))
    total = sum((pixels.sum(axis=0, dtype=np.float64) for pixels in shown), np.zeros(3))
    return np.rint(total / count).astype(np.uint8)


def shows_object(fact: np.ndarray) -> Bool[np.ndarray, "*n"]:
    """Pixels at which nothing hides the object; they are never painted."""
    return np.isin(fact, (Fact.OBJECT, Fact.OBJECT_NO_DEPTH))


def _paint_into(fills: Fills, view: PaintView, painter: Painter) -> None:
    depth_m = np.asarray(painter.depth(view), np.float32)
    told = view.hidden & np.isfinite(depth_m) & (depth_m > 0)
    fills.mask[view.index] |= view.hidden
    fills.depth_m[view.index][told] = depth_m[told]
    fills.origin[view.index][told] = view.index


def _carried(
    view: PaintView,
    given: Bool[np.ndarray, "h w"],
    stands: dict[int, Float[np.ndarray, "h w"]],
    sight: Sight,
    grow_px: int,
) -> tuple[Float[np.ndarray, "h w"], Int16[np.ndarray, "h w"]]:
    """Depth that the reference views' points have in this view where something else hides them, and whose it is."""
    nearest = np.zeros(view.depth_m.shape, np.float32)
    origin = np.full(view.depth_m.shape, -1, np.int16)
    for reference, depth_m in stands.items():
        if reference == view.index:
            continue
        to_view = target_from_source(view.world_from_camera, sight.poses[reference])
        tag = np.full(depth_m.shape, reference, np.int16)
        seen_m, whose = reprojected(depth_m, tag, view.camera, to_view)
        closer = (seen_m > 0) & ((nearest == 0) | (seen_m < nearest))
        nearest[closer], origin[closer] = seen_m[closer], whose[closer]
    hides = (view.fact == Fact.OTHER) & (view.depth_m > 0) & sight.behind_occluder(nearest, view.index)
    hides |= given & sight.behind_occluder(nearest, view.index)  # there even where nothing was sensed
    kept = np.where(hides, nearest, np.float32(0))
    # Masks grow over the doubtful rim between the seen and the hidden part; elsewhere they would leave the object.
    rim = (view.fact == Fact.UNKNOWN) | (given & ~shows_object(view.fact))
    grown, origin = grown_depth(kept, origin, rim, grow_px)
    good = (grown > 0) & sight.behind_occluder(grown, view.index)
    return np.where(good, grown, np.float32(0)), np.where(good, origin, np.int16(-1)).astype(np.int16)
