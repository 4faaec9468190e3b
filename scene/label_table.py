"""The part of ScanNet's label table that the demo scans use: label id, name, NYU40 class."""

from __future__ import annotations

import re

# name: (ScanNet label id, NYU40 id, NYU40 name)
LABELS: dict[str, tuple[int, int, str]] = {
    "wall": (1, 1, "wall"),
    "chair": (2, 5, "chair"),
    "floor": (3, 2, "floor"),
    "table": (4, 7, "table"),
    "door": (5, 8, "door"),
    "couch": (6, 6, "sofa"),
    "cabinet": (7, 3, "cabinet"),
    "shelf": (8, 15, "shelves"),
    "desk": (9, 14, "desk"),
    "office chair": (10, 5, "chair"),
    "bed": (11, 4, "bed"),
    "sink": (14, 34, "sink"),
    "picture": (15, 11, "picture"),
    "window": (16, 9, "window"),
    "toilet": (17, 33, "toilet"),
    "bookshelf": (18, 10, "bookshelf"),
    "monitor": (19, 40, "otherprop"),
    "book": (22, 23, "books"),
    "armchair": (23, 5, "chair"),
    "coffee table": (24, 7, "table"),
    "box": (26, 29, "box"),
    "refrigerator": (27, 24, "refridgerator"),
    "lamp": (28, 35, "lamp"),
    "tv": (33, 25, "television"),
    "nightstand": (34, 32, "night stand"),
    "dresser": (36, 17, "dresser"),
    "stool": (38, 40, "otherprop"),
    "plant": (40, 40, "otherprop"),
    "ceiling": (41, 22, "ceiling"),
    "end table": (44, 7, "table"),
    "dining table": (45, 7, "table"),
    "tv stand": (51, 39, "otherfurniture"),
    "trash can": (56, 39, "otherfurniture"),
    "ottoman": (67, 39, "otherfurniture"),
    "bench": (68, 39, "otherfurniture"),
    "basket": (73, 40, "otherprop"),
    "file cabinet": (75, 3, "cabinet"),
    "wardrobe": (99, 39, "otherfurniture"),
    "speaker": (118, 40, "otherprop"),
    "object": (1163, 40, "otherprop"),
    "coat rack": (1182, 40, "otherprop"),
}

# Words in the names of CAD files, the more telling first.
_WORDS: tuple[tuple[str, str], ...] = (
    ("ottoman", "ottoman"),
    ("office chair", "office chair"),
    ("chair desk", "office chair"),
    ("desk chair", "office chair"),
    ("lounge chair", "armchair"),
    ("lounge design chair", "armchair"),
    ("armchair", "armchair"),
    ("stool", "stool"),
    ("bench", "bench"),
    ("chair", "chair"),
    ("sofa", "couch"),
    ("couch", "couch"),
    ("coffee", "coffee table"),
    ("side table", "end table"),
    ("nightstand", "nightstand"),
    ("cabinet television", "tv stand"),
    ("tv stand", "tv stand"),
    ("television", "tv"),
    ("lamp", "lamp"),
    ("bookcase", "bookshelf"),
    ("bookshelf", "bookshelf"),
    ("file cabinet", "file cabinet"),
    ("wardrobe", "wardrobe"),
    ("dresser", "dresser"),
    ("cabinet", "cabinet"),
    ("cupboard", "cabinet"),
    ("fridge", "refrigerator"),
    ("coat rack", "coat rack"),
    ("shelf", "shelf"),
    ("rack", "shelf"),
    ("desk", "desk"),
    ("table", "table"),
    ("trash", "trash can"),
    ("bin", "trash can"),
    ("box", "box"),
    ("basket", "basket"),
    ("plant", "plant"),
    ("monitor", "monitor"),
    ("speaker", "speaker"),
    ("toilet", "toilet"),
    ("sink", "sink"),
    ("book", "book"),
    ("bed", "bed"),
)


def label_of_name(name: str) -> str:
    """The class a CAD file's name tells, as ``chairDesk``, ``desk-chair`` or ``trashcan_02``; "object" when none."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z]+", " ", name).lower().strip()
    return next((label for word, label in _WORDS if word in spaced), "object")


def table_text() -> str:
    """The table as ``scannetv2-labels.combined.tsv`` has it, with the columns that readers use."""
    rows = ["id\traw_category\tcategory\tcount\tnyu40id\teigen13id\tnyuClass\tnyu40class"]
    rows += [f"{i}\t{name}\t{name}\t1\t{nyu40}\t0\t{nyu}\t{nyu}" for name, (i, nyu40, nyu) in LABELS.items()]
    return "\n".join(rows) + "\n"
