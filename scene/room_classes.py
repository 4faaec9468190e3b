"""Which classes are the room and not things in it: what nobody reconstructs as an object unless asked to."""

from __future__ import annotations

# Of NYU40: wall, floor, door, window, picture, blinds, curtain, floor mat, ceiling, other structure.
ROOM_NYU40 = (1, 2, 8, 9, 11, 13, 16, 20, 22, 38)
ROOM_NAMES = (
    *("wall", "floor", "ceiling", "door", "doors", "doorframe", "door frame", "window", "windows", "windowsill"),
    *("window frame", "blinds", "curtain", "curtains", "picture", "pictures", "painting", "poster", "mat"),
    *("floor mat", "rug", "carpet", "column", "pillar", "beam", "baseboard", "structure", "background"),
    *("unknown", "unannotated", "invalid", "remove", "void", "none"),
)


def is_room(nyu40_id: int, label: str) -> bool:
    """Whether a class is part of the room, by its NYU40 id (0 = not known) or by its name."""
    return nyu40_id in ROOM_NYU40 or label.strip().lower() in ROOM_NAMES
