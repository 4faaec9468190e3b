"""What kind of thing an object is, as far as its label tells: a desk has a knee-hole even where nobody looked.

Labels of scans are free text; the network knows a few kinds, and learns to do without.
"""

from __future__ import annotations

from scene.label_table import label_of_name

NAMELESS = 0  # the kind of what has no label, or one that is not among these
_KINDS = (
    ("chair", "office chair", "armchair"),
    ("stool", "bench", "ottoman"),
    ("couch",),
    ("bed",),
    ("table", "dining table", "coffee table", "end table"),
    ("desk",),
    ("cabinet", "dresser", "nightstand", "file cabinet", "tv stand", "wardrobe", "refrigerator"),
    ("bookshelf", "shelf"),
    ("lamp",),
    ("trash can", "basket"),
    ("box",),
    ("plant",),
    ("monitor", "tv"),
)
KINDS = 1 + len(_KINDS)
_KIND_OF = {label: kind for kind, labels in enumerate(_KINDS, start=1) for label in labels}


def kind_of(label: str) -> int:
    """The kind of thing that a label names, from 1; ``NAMELESS`` (0) when it tells none."""
    return _KIND_OF.get(label) or _KIND_OF.get(label_of_name(label), NAMELESS)
