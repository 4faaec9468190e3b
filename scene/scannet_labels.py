"""Which things a ScanNet export holds and what they are called.

The instance images decide which ids exist; names come from ``*aggregation.json`` (id = index of the segGroup + 1),
else from the label images through ``scannetv2-labels.combined.tsv``, else every thing is an "object".
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scene.errors import UserError
from scene.files import read_json
from scene.images import UnreadableImage, read_labels, resize_labels
from scene.records import Instance
from scene.runlog import log
from scene.stream import ahead

_TSV_NAME = "scannetv2-labels.combined.tsv"
UNNAMED = "object"


@dataclass(frozen=True)
class LabelTable:
    """The tsv's columns that matter: names and NYU40 classes by ScanNet label id and by name."""

    name_by_id: Mapping[int, str]
    nyu40_by_name: Mapping[str, int]

    def instance(self, instance_id: int, label: str) -> Instance:
        return Instance(instance_id, label, self.nyu40_by_name.get(label.lower(), 0))


def read_instances(
    scan: Path, masks: Mapping[int, Path], labels: Mapping[int, Path], look_at: int = 200
) -> list[Instance]:
    """The instances that the masks hold (background classes included), by id.

    ``masks`` and ``labels`` map frame ids to instance and label images.  At most ``look_at`` evenly spaced masks are
    read: a thing seen in none of them is seen too rarely to be a candidate.  A missing or broken json or tsv is a
    warning.  Raises UserError for an instance image of a wrong type.
    """
    chosen = [sorted(masks)[i] for i in np.unique(np.linspace(0, len(masks) - 1, min(look_at, len(masks))).astype(int))]
    frames_by_id: dict[int, list[int]] = {}
    for frame, ids in zip(chosen, ahead(lambda frame: _ids_in(masks[frame]), chosen), strict=True):
        for instance_id in ids:
            frames_by_id.setdefault(instance_id, []).append(frame)
    table = read_label_table(scan)
    names = _names_from_aggregation(scan)
    nameless = sorted(set(frames_by_id) - set(names))
    if names and nameless:
        log.warning("%s: instances %s are in the masks but not in the aggregation json", scan, nameless)
    for instance_id in nameless:
        names[instance_id] = _name_from_labels(instance_id, frames_by_id[instance_id], masks, labels, table)
    return [table.instance(i, names[i]) for i in sorted(frames_by_id)]


def _ids_in(mask: Path) -> list[int]:
    """The instance ids of one image; none when it cannot be read, which is told when the frame itself is loaded."""
    try:
        return [i for i in np.unique(read_labels(mask)).tolist() if i > 0]
    except UnreadableImage:
        return []


def read_label_table(scan: Path) -> LabelTable:
    """The label table beside the scans (or in the scan); empty, with a warning, when there is none that parses."""
    path = next((p for p in (scan.parent / _TSV_NAME, scan / _TSV_NAME) if p.is_file()), None)
    if path is None:
        log.warning("%s: not found; background is told from objects by name alone", scan.parent / _TSV_NAME)
        return LabelTable({}, {})
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        name_by_id = {int(row["id"]): row["raw_category"].strip() for row in rows}
        nyu40 = {row["raw_category"].strip().lower(): int(row["nyu40id"] or 0) for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError, TypeError, AttributeError) as error:
        log.warning("%s: cannot be read as a label table (%r); going on without it", path, error)
        return LabelTable({}, {})
    return LabelTable(name_by_id, nyu40)


def _names_from_aggregation(scan: Path) -> dict[int, str]:
    """Names by instance id from the aggregation json; empty, with a warning, when there is none that parses."""
    paths = sorted(scan.glob("*aggregation.json"))
    if not paths:
        log.warning("%s: has no *aggregation.json; names are taken from label-filt where it exists", scan)
        return {}
    # ScanNet ships the aggregation of the full and of the cleaned mesh; the instance images follow the cleaned one.
    path = next((p for p in paths if "_vh_clean." in p.name), paths[0])
    try:
        groups = read_json(path)["segGroups"]
        return {index + 1: str(group["label"]).strip() or UNNAMED for index, group in enumerate(groups)}
    except (UserError, KeyError, TypeError) as error:
        log.warning("%s: broken (%s); names are taken from label-filt where it exists", path, error)
        return {}


def _name_from_labels(
    instance_id: int,
    frames: Sequence[int],
    masks: Mapping[int, Path],
    labels: Mapping[int, Path],
    table: LabelTable,
) -> str:
    """The name of the label that most pixels of the instance carry, over a few frames that show it."""
    votes: Counter[int] = Counter()
    with_labels = [frame for frame in frames if frame in labels]
    for frame in with_labels[:: max(1, len(with_labels) // 10)]:
        try:
            mask, label = read_labels(masks[frame]), read_labels(labels[frame])
        except (UnreadableImage, UserError) as error:
            log.warning("%s; its labels are not counted", error)
            continue
        ids, counts = np.unique(
            resize_labels(label, mask.shape[1], mask.shape[0])[mask == instance_id], return_counts=True
        )
        votes.update({int(i): int(n) for i, n in zip(ids, counts, strict=True) if i > 0})
    return table.name_by_id.get(votes.most_common(1)[0][0], UNNAMED) if votes else UNNAMED
