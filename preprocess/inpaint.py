"""What something else hides of an object, filled view by view in O2-Recon's order, and then checked.

1. The reference views' hidden depth is painted, and carried as points into all other views, where it gives the masks
   and the depth of what is hidden there (``preprocess.paint_reference``).
2. Colours are painted under the masks; what a painter paints in place of nothing is dropped (a diffusion model, asked
   for no background, answers with black).
3. Normals are predicted on the painted image, or taken from the painted depth, and then painted themselves.
4. What the other views contradict loses its confidence (``preprocess.paint_consistency``); the ancestor has no such
   check.

A pixel that shows the object is never painted, and outside the filled pixels nothing changes, bit for bit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from preprocess.normals import normals_from_depth
from preprocess.paint_consistency import Fills, Sight, Verdict, judge
from preprocess.paint_reference import ask, paint_depth, reference_views, shows_object
from preprocess.painting import Painter, PaintView
from preprocess.settings import InpaintSettings
from scene.records import Fact, HiddenPixels, ObjectViews
from scene.runlog import log

# Predicts a view's normals (h, w, 3; ours, 0 unknown) from its painted image; the number is the view's.
PredictNormal = Callable[[UInt8[np.ndarray, "h w 3"], int], Float[np.ndarray, "h w 3"]]
_NORMAL_RADIUS_PX = 4  # window of a normal from painted depth, which is smooth


def inpaint(
    views: ObjectViews,
    whole_color: UInt8[np.ndarray, "n h w 3"],
    hidden: Bool[np.ndarray, "n h w"],
    painter: Painter,
    settings: InpaintSettings,
    predict_normal: PredictNormal | None = None,
    drawn: Sequence[int] = (),
) -> ObjectViews:
    """The views with their hidden pixels filled: ``.hidden`` set, colour and normal (where there are normals) as well.

    ``whole_color`` are the whole images, of which ``views.color`` may show the object only; ``drawn`` are the views
    whose masks were drawn by hand, which then are the reference views.  Where nothing can be filled, the views as they
    came.
    """
    asked = hidden & ~shows_object(views.fact)
    if not asked.any():
        return views
    references = reference_views(asked, views.scores, drawn, settings.reference_views)
    sight = Sight(views, settings.sensing_margin_m)
    to_paint = ask(views, whole_color, asked)
    fills = paint_depth(to_paint, references, painter, sight, settings)
    color, dark = _paint_colors(to_paint, fills, painter)
    fills = _without(fills, dark)
    normal = None if views.normal is None else _paint_normals(views, to_paint, fills, color, painter, predict_normal)
    verdict = judge(fills, sight, settings)
    _tell(views.name, fills, verdict, int(dark.sum()), len(references))
    return _filled(views, fills, verdict, painter.confidence, color, normal)


def _paint_colors(
    asked: Sequence[PaintView], fills: Fills, painter: Painter
) -> tuple[UInt8[np.ndarray, "n h w 3"], Bool[np.ndarray, "n h w"]]:
    """The whole images, painted under the masks, and the painted pixels that are too dark for this painter's object."""
    color = np.stack([view.color for view in asked])
    dark = np.zeros(fills.mask.shape, bool)
    for view in asked:
        mask = fills.mask[view.index]
        if mask.any():
            painted = painter.color(dataclasses.replace(view, hidden=mask))
            color[view.index][mask] = painted[mask]
            grey = cv2.cvtColor(np.ascontiguousarray(painted), cv2.COLOR_RGB2GRAY)
            dark[view.index] = mask & (grey < painter.least_grey)
    return color, dark


def _without(fills: Fills, dark: Bool[np.ndarray, "n h w"]) -> Fills:
    return Fills(
        fills.mask & ~dark,
        np.where(dark, np.float32(0), fills.depth_m),
        np.where(dark, np.int16(-1), fills.origin).astype(np.int16),
    )


def _paint_normals(
    views: ObjectViews,
    asked: Sequence[PaintView],
    fills: Fills,
    color: UInt8[np.ndarray, "n h w 3"],
    painter: Painter,
    predict_normal: PredictNormal | None,
) -> Float[np.ndarray, "n h w 3"]:
    """Normals (float32) of the masked pixels, 0 elsewhere and where the painter cannot tell."""
    assert views.normal is not None
    normal = np.zeros(views.normal.shape, np.float32)
    for view in asked:
        i, mask = view.index, fills.mask[view.index]
        if not mask.any():
            continue
        guess = _from_depth(view, fills.depth_m[i]) if predict_normal is None else predict_normal(color[i], i)
        known = np.where(mask[..., None], guess, views.normal[i]).astype(np.float32)
        shown = dataclasses.replace(view, hidden=mask, color=color[i])
        painted = np.asarray(painter.normal(shown, known), np.float32)
        normal[i][mask] = _facing(painted[mask], view.camera.directions()[mask])
    return normal


def _from_depth(view: PaintView, painted_m: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w 3"]:
    """Normals of the seen and the painted surface together."""
    whole_m = np.where(painted_m > 0, painted_m, view.depth_m)
    fact = np.where(painted_m > 0, Fact.OBJECT, view.fact).astype(np.uint8)
    return normals_from_depth(whole_m, fact, view.camera, _NORMAL_RADIUS_PX)


def _facing(normal: Float[np.ndarray, "m 3"], rays: Float[np.ndarray, "m 3"]) -> Float[np.ndarray, "m 3"]:
    """Unit normals; 0 for those that are none, or that turn away from the camera, which no seen surface does."""
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    good = np.isfinite(length) & (length > 1e-3) & ((normal * rays).sum(axis=1, keepdims=True) < 0)
    return np.divide(normal, length, out=np.zeros_like(normal), where=good)


def _filled(
    views: ObjectViews,
    fills: Fills,
    verdict: Verdict,
    trust: float,
    color: UInt8[np.ndarray, "n h w 3"],
    normal: Float[np.ndarray, "n h w 3"] | None,
) -> ObjectViews:
    confidence = np.rint(255 * trust * verdict.agreement).clip(0, 255).astype(np.uint8)
    kept = confidence > 0
    if not kept.any():
        return views
    depth_mm = np.rint(1000 * fills.depth_m).clip(0, np.iinfo(np.uint16).max).astype(np.uint16)
    if views.normal is not None and normal is not None:
        normal = np.where(kept[..., None], normal.astype(views.normal.dtype), views.normal)
    return dataclasses.replace(
        views,
        color=np.where(kept[..., None], color, views.color),
        normal=normal,
        hidden=HiddenPixels(confidence, np.where(kept, depth_mm, 0).astype(np.uint16)),
    )


def _tell(name: str, fills: Fills, verdict: Verdict, dark: int, references: int) -> None:
    kept = verdict.agreement > 0
    log.info(
        "%s: %d hidden pixels filled in %d views, %d of them with depth, from %d reference views; dropped: "
        "%d too dark, %d not behind what hides them, %d in space seen through, %d against other views' fills",
        name,
        kept.sum(),
        kept.any(axis=(1, 2)).sum(),
        (kept & (fills.depth_m > 0)).sum(),
        references,
        dark,
        verdict.dropped["occluder"],
        verdict.dropped["free_space"],
        verdict.dropped["other_fills"],
    )
