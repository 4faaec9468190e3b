"""The one or two runs of a page, object by object, and what its script is told of them."""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.page.charts import Chart, loss_charts
from evaluation.page.records import PageObject, PageSide
from evaluation.page.scores import Group, Scores, score_groups

_ABSENT = "–"


@dataclass(frozen=True)
class PairedView:
    """An input view and what each run rendered from its camera ("" where it has no mesh)."""

    caption: str
    photo: str
    renders: tuple[str, ...]


@dataclass(frozen=True)
class Thing:
    """An object as each run has it; None where a run does not know it."""

    instance_id: int
    runs: tuple[PageObject | None, ...]

    @property
    def known(self) -> list[PageObject]:
        return [one for one in self.runs if one is not None]

    @property
    def names(self) -> list[str]:
        """What the runs call it; more than one where the same id may be of different things."""
        labels = dict.fromkeys(one.label for one in self.known if one.label)
        return list(labels) or [self.known[0].name]

    @property
    def name(self) -> str:
        return " / ".join(self.names)

    @property
    def scores(self) -> list[Scores]:
        return [{} if one is None else one.scores for one in self.runs]

    @property
    def groups(self) -> list[Group]:
        return score_groups(self.scores)

    @property
    def charts(self) -> list[Chart | None]:
        return loss_charts([() if one is None else one.curves for one in self.runs])

    @property
    def views(self) -> list[PairedView]:
        """Every view that some run shows, in order, with all runs' renders of it."""
        by_run = [{} if one is None else {view.caption: view for view in one.views} for one in self.runs]
        captions = dict.fromkeys(caption for views in by_run for caption in views)
        paired = []
        for caption in captions:
            found = [views.get(caption) for views in by_run]
            photo = next(view.photo for view in found if view is not None)
            paired.append(PairedView(caption, photo, tuple("" if view is None else view.render for view in found)))
        return paired


def things_of(sides: Sequence[PageSide]) -> list[Thing]:
    """All objects that some run knows, in the order of their ids."""
    by_side = [{one.instance_id: one for one in side.objects} for side in sides]
    ids = sorted({instance_id for objects in by_side for instance_id in objects})
    return [Thing(instance_id, tuple(objects.get(instance_id) for objects in by_side)) for instance_id in ids]


def in_common(things: Sequence[Thing]) -> list[list[Scores]]:
    """Each run's scores of all objects, of every measure only what all runs have: else means speak of different
    objects."""
    runs: list[list[Scores]] = [[] for _ in things[0].runs] if things else [[]]
    for thing in things:
        shared = set.intersection(*(set(scores) for scores in thing.scores))
        for run, scores in zip(runs, thing.scores, strict=True):
            run.append({key: value for key, value in scores.items() if key in shared})
    return runs


def differing(settings: Sequence[Mapping[str, Any]]) -> list[tuple[str, tuple[str, ...]]]:
    """The settings, by their dotted names, that are not the same in all runs, and their values as JSON."""
    flat = [_flattened(one) for one in settings]
    names = dict.fromkeys(name for one in flat for name in one)
    rows = [(name, tuple(one.get(name, _ABSENT) for one in flat)) for name in names]
    return [(name, values) for name, values in rows if len(set(values)) > 1]


def _flattened(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = json.dumps(value, ensure_ascii=False)
    return flat


class Payloads:
    """The meshes and points of a page by the ids of their elements; what two runs share stands there once."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    def add(self, name: str, text: str) -> str:
        """The id of the element that holds ``text``; "" for none."""
        if not text:
            return ""
        if text not in self._ids:
            self._ids[text] = name
            self.texts[name] = text
        return self._ids[text]


def script_data(sides: Sequence[PageSide], payloads: Payloads) -> dict[str, Any]:
    """What the page's script is to know of the runs; the first one's elements have plain ids (``glb-3``), the second
    one's end in ``-b``."""
    told = []
    for side, end in zip(sides, ("", "-b"), strict=False):
        objects = [_object_data(one, end, payloads) for one in side.objects]
        room = {"yaw": side.room.yaw, "points": payloads.add(f"points-room{end}", side.room.points)}
        told.append({"name": side.name, "room": room, "objects": objects})
    return {"sides": told}


def _object_data(one: PageObject, end: str, payloads: Payloads) -> dict[str, Any]:
    return {
        "id": one.instance_id,
        "name": one.name,
        "size_m": list(one.size_m),
        "yaw": one.yaw,
        "mesh": payloads.add(f"glb-{one.instance_id}{end}", one.glb),
        "truth": payloads.add(f"truth-{one.instance_id}{end}", one.truth),
        "points": payloads.add(f"points-{one.instance_id}{end}", one.points),
        "missed": payloads.add(f"missed-{one.instance_id}{end}", one.missed),
        "tells": glb_attributes(one.glb) if one.glb else [],
    }


def glb_attributes(glb: str) -> list[str]:
    """The vertex attributes that a gzipped GLB in base64 carries, of all its meshes."""
    data = gzip.decompress(base64.b64decode(glb))
    length = struct.unpack_from("<I", data, 12)[0]  # of the JSON chunk, which comes first; its bytes begin at 20
    tree = json.loads(data[20 : 20 + length])
    return sorted(
        {name for mesh in tree["meshes"] for primitive in mesh["primitives"] for name in primitive["attributes"]}
    )
