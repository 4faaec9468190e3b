"""Hidden pixels without any weights: the seen surface goes on as it was, and so do its colours."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from preprocess.continuation import continued_depth
from preprocess.normals import normals_from_depth
from preprocess.paint_reference import shows_object
from preprocess.painting import PaintView
from scene.records import Fact

_RADIUS_PX = 3  # of Telea's method
_NORMAL_RADIUS_PX = 4


class ClassicalPainter:
    """Continues the object's own surface and colours; it knows nothing of what objects look like."""

    # In a generated room six in ten of the depths that it paints and that pass the check lie within 2 cm of the truth,
    # eight in ten within 5 cm, and the worst thing's three in ten: it is to be outvoted by whatever knows more.
    confidence = 0.4
    least_grey = 0  # it paints the object's own colours, however dark they are

    def color(self, view: PaintView) -> UInt8[np.ndarray, "h w 3"]:
        """Telea's fast marching from the object's own pixels; its mean colour where the view shows none of it."""
        color, hidden = view.color.copy(), view.hidden
        own = shows_object(view.fact) & ~hidden
        if not hidden.any():
            return color
        if not own.any():
            color[hidden] = view.mean_color
            return color
        window = _window(hidden, 2 * _RADIUS_PX + 2)
        # What stands round the hidden pixels and is not the object must not flow in: the object's nearest colour does.
        near = _nearest(color, own)[window]
        filled = cv2.inpaint(near, hidden[window].astype(np.uint8), _RADIUS_PX, cv2.INPAINT_TELEA)
        inside = hidden[window]
        color[window][inside] = filled[inside]
        return color

    def depth(self, view: PaintView) -> Float[np.ndarray, "h w"]:
        """The seen surface continued from its border with the hidden pixels; 0 far from it."""
        return continued_depth(view.depth_m, view.fact == Fact.OBJECT, view.hidden, view.camera)

    def normal(self, view: PaintView, normal: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w 3"]:
        """What is known of the hidden pixels already; where nothing is, those of the continued surface."""
        unknown = view.hidden & ~(normal != 0).any(axis=-1)
        if not unknown.any():
            return normal
        depth_m = self.depth(view)
        told = depth_m > 0
        fact = np.where(told, Fact.OBJECT, view.fact).astype(np.uint8)
        whole = replace(view, depth_m=np.where(told, depth_m, view.depth_m), fact=fact)
        continued = normals_from_depth(whole.depth_m, whole.fact, view.camera, _NORMAL_RADIUS_PX)
        return np.where((unknown & told)[..., None], continued.astype(normal.dtype), normal)


def _window(mask: Bool[np.ndarray, "h w"], margin: int) -> tuple[slice, slice]:
    """The mask's bounding box with a margin, within the image."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )


def _nearest(image: UInt8[np.ndarray, "h w 3"], known: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Every pixel's value from the known pixel next to it."""
    _, label = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    value = np.zeros((int(label.max()) + 1, 3), np.uint8)
    value[label[known]] = image[known]
    return value[label]
