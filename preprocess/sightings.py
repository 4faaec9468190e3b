"""The first pass over a scan: for every object, where it was seen and how well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64, Integer
from scipy.ndimage import find_objects

from preprocess.settings import ExtractSettings
from preprocess.views import Scorer, Sighting, ViewCrop, opened_area
from scene.cells import CellGrid, LabelVotes, grown, main_cells
from scene.facts import find_doubts, sure_points
from scene.records import Frame, Instance, Scan
from scene.runlog import progress
from scene.stream import ahead


@dataclass(frozen=True)
class Sightings:
    """What one pass over all frames tells of all objects."""

    by_id: Mapping[int, Sequence[Sighting]]  # the views that show each object, in the order of the frames
    grid: CellGrid
    cells: Mapping[int, Int64[np.ndarray, " n"]]  # where each object is, one cell of margin included

    def center_m(self, instance_id: int) -> Float[np.ndarray, " 3"] | None:
        """The middle of where an object is, in the world; None where no cell is its own."""
        cells = self.cells[instance_id]
        return self.grid.centers(cells).mean(0) if len(cells) else None


def look_at_all(scan: Scan, things: Sequence[Instance], settings: ExtractSettings, scorer: Scorer) -> Sightings:
    """Score every view of every object, and let the views vote whose surface is where."""
    grid = CellGrid(np.asarray(scan.world_from_camera[0][:3, 3], np.float64), settings.cell_m)
    votes = LabelVotes(grid)
    by_id: dict[int, list[Sighting]] = {thing.instance_id: [] for thing in things}

    def look(k: int) -> _Look | None:
        frame = scan.load_frame(k)
        return None if frame is None else _look(k, frame, things, grid, settings, scorer)

    for seen in progress(ahead(look, range(len(scan))), "looking for objects", total=len(scan)):
        if seen is not None:
            votes.add_view(seen.points, seen.labels)
            for instance_id, sighting in seen.sightings.items():
                by_id[instance_id].append(sighting)
    won = votes.won_cells()
    nothing = np.zeros(0, np.int64), np.zeros(0, np.int64)
    cells = {i: grown(main_cells(*won.get(i, nothing))) for i in by_id}
    return Sightings(by_id, grid, cells)


@dataclass(frozen=True)
class _Look:
    """One frame's share."""

    points: Float[np.ndarray, "n 3"]  # world points of a sparse sample of pixels that are not doubtful
    labels: Integer[np.ndarray, " n"]  # their instance ids
    sightings: Mapping[int, Sighting]


def crops_of(frame: Frame, things: Sequence[Instance]) -> dict[int, ViewCrop]:
    """The things that a frame shows, by id."""
    assert frame.instance is not None
    boxes = find_objects(frame.instance.astype(np.int32))
    crops = {}
    for thing in things:
        box = boxes[thing.instance_id - 1] if thing.instance_id <= len(boxes) else None
        if box is not None:
            mask = frame.instance[box] == thing.instance_id
            crops[thing.instance_id] = ViewCrop(frame.color, box, mask, thing.label)
    return crops


def _look(
    k: int, frame: Frame, things: Sequence[Instance], grid: CellGrid, settings: ExtractSettings, scorer: Scorer
) -> _Look:
    points, labels = sure_points(frame, find_doubts(frame))
    keys = grid.keys(points)
    crops = crops_of(frame, things)
    shares = {i: opened_area(crop.mask) / crop.pixels_of_view for i, crop in crops.items()}
    usable = [i for i, share in shares.items() if share >= settings.least_area_share]  # no other is ever picked
    scores = dict(zip(usable, scorer([crops[i] for i in usable]), strict=True)) if usable else {}
    sightings = {}
    for i, share in shares.items():
        sightings[i] = Sighting(k, share, scores.get(i, 0.0), np.unique(keys[labels == i]))
    return _Look(points, labels, sightings)
