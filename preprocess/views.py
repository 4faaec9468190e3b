"""Which views show an object best: a score a view, then the best-scored view of every cluster of camera poses."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, Int64, UInt8
from scipy.cluster.vq import kmeans2
from scipy.spatial.transform import Rotation

from preprocess.settings import ExtractSettings


@dataclass(frozen=True)
class ViewCrop:
    """What a scorer gets to see of one object in one view."""

    image: UInt8[np.ndarray, "image_h image_w 3"]  # the whole view
    box: tuple[slice, slice]  # rows and columns of the object's bounding box
    mask: Bool[np.ndarray, "h w"]  # in the box: visible, unoccluded pixels of the object
    label: str  # the object's class

    @property
    def color(self) -> UInt8[np.ndarray, "h w 3"]:
        """What the box shows."""
        return self.image[self.box]

    @property
    def pixels_of_view(self) -> int:
        return self.image.shape[0] * self.image.shape[1]


# Takes all objects of one view together, gives one score each: higher is better, compared only within one object.
Scorer = Callable[[Sequence[ViewCrop]], Sequence[float]]
# Takes the best-scored views of one thing, gives what it may be called, the likeliest first, with a score each.
Namer = Callable[[Sequence[ViewCrop]], Mapping[str, float]]


def sharpness_times_area(crops: Sequence[ViewCrop]) -> list[float]:
    """Variance of the Laplacian inside the mask times the share of the image that is visibly the object."""
    return [_sharpness(crop) * float(crop.mask.sum()) / crop.pixels_of_view for crop in crops]


def _sharpness(crop: ViewCrop) -> float:
    inside = cv2.erode(crop.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if not inside.any():
        return 0.0
    grey = cv2.cvtColor(crop.color, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F)[inside].var())


def opened_area(mask: Bool[np.ndarray, "h w"]) -> int:
    """Pixels of the mask after erosion and dilation by 3x3, so that specks do not count."""
    return int(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).sum())


@dataclass(frozen=True)
class Sighting:
    """One object in one frame, as the first pass over the scan notes it."""

    frame_index: int
    area_share: float  # of the image
    score: float
    cells: Int64[np.ndarray, " n"]  # cells of space in which this view sees the object's surface


def select_views(
    sightings: Sequence[Sighting],
    world_from_camera: Float[np.ndarray, "n 4 4"],
    settings: ExtractSettings,
) -> list[int]:
    """Positions in ``sightings`` of the picked views, in their order.

    Views that show the object well are clustered by pose and the best-scored of each cluster is picked; where these
    are too few for the published count, all views that show it at all are candidates.  Then views are added that
    alone see a part of the object.
    """
    usable = [i for i, s in enumerate(sightings) if s.area_share >= settings.least_area_share]
    candidates = [i for i in usable if sightings[i].area_share >= settings.min_area_share]
    if len(candidates) < settings.min_views:
        candidates = usable
    count = int(min(max(settings.min_views, len(candidates) * settings.views_share), settings.max_views))
    picked = candidates
    if len(candidates) > count:
        scores = np.array([sightings[i].score for i in candidates])
        picked = [candidates[i] for i in best_of_clusters(world_from_camera[candidates], scores, count, settings.seed)]
    return sorted(_add_for_coverage(picked, usable, sightings, settings))


def best_of_clusters(
    world_from_camera: Float[np.ndarray, "n 4 4"], scores: Float[np.ndarray, " n"], count: int, seed: int
) -> Int[np.ndarray, " m"]:
    """Indices of the best-scored view of each of ``count`` k-means clusters of pose (metres + unit quaternion).

    Clusters that come out empty are made up for by the best-scored views not yet picked.
    """
    pose = np.concatenate([world_from_camera[:, :3, 3], one_signed_quaternions(world_from_camera[:, :3, :3])], axis=1)
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore")  # of empty clusters, which are made up for below
        _, cluster = kmeans2(pose, count, minit="++", seed=np.random.default_rng(seed), missing="warn")
    by_score = np.argsort(-scores, kind="stable")
    _, first = np.unique(cluster[by_score], return_index=True)
    rest = np.setdiff1d(np.arange(len(scores)), first)
    return np.sort(by_score[np.concatenate([first, rest[: count - len(first)]])])


def one_signed_quaternions(rotations: Float[np.ndarray, "n 3 3"]) -> Float[np.ndarray, "n 4"]:
    """Unit quaternions, signs chosen alike: q and -q are one rotation and must not fall into two clusters."""
    quaternions = Rotation.from_matrix(rotations).as_quat()
    _, vectors = np.linalg.eigh(quaternions.T @ quaternions)  # the last one is their mean (Markley et al. 2007)
    return quaternions * np.where(quaternions @ vectors[:, -1:] < 0, -1.0, 1.0)


def _add_for_coverage(
    picked: list[int], candidates: Sequence[int], sightings: Sequence[Sighting], settings: ExtractSettings
) -> list[int]:
    """``picked`` and the candidates that, one after another, add most to the part of the object that is seen."""
    everything = np.unique(np.concatenate([np.zeros(0, np.int64), *(sightings[i].cells for i in candidates)]))
    seen = np.zeros(len(everything), bool)
    shows = {i: np.searchsorted(everything, sightings[i].cells) for i in candidates}
    for i in picked:
        seen[shows[i]] = True
    chosen = list(picked)
    while len(chosen) < settings.max_views:
        gains = {i: int((~seen[shows[i]]).sum()) for i in candidates if i not in chosen}
        best = max(gains, key=lambda i: gains[i], default=None)
        if best is None or gains[best] < max(1, settings.min_gain * len(everything)):
            break
        chosen.append(best)
        seen[shows[best]] = True
    return chosen
