"""What furniture goes together: lists of families from which a room's pieces are drawn."""

from __future__ import annotations

import numpy as np

from scene.furniture import FAMILIES, Furniture
from scene.furniture.draw import chance, pick

# One slot a line: the families it may be filled from, and how often it is filled.
_Slot = tuple[tuple[str, ...], float]

_CORNER: tuple[_Slot, ...] = (
    (("floor lamp", "plant"), 1.0),
    (("plant", "carton", "basket", "floor lamp"), 0.7),
    (("trash can", "basket", "carton"), 0.6),
)

THEMES: dict[str, tuple[_Slot, ...]] = {
    "living": (
        (("couch",), 1.0),
        (("tv stand", "cabinet", "dresser"), 1.0),
        (("bookcase", "rack"), 0.8),
        (("coffee table",), 1.0),
        (("armchair",), 0.9),
        (("ottoman", "stool", "armchair"), 0.5),
        (("side table",), 0.7),
        *_CORNER,
        (("table lamp", "small plant"), 0.7),
        (("book pile", "small box"), 0.6),
    ),
    "study": (
        (("desk",), 1.0),
        (("bookcase",), 1.0),
        (("cabinet", "file cabinet", "dresser", "rack"), 1.0),
        (("office chair",), 1.0),
        (("armchair", "chair", "shell chair", "stool"), 1.0),
        (("coffee table", "side table"), 0.6),
        (("trash can",), 0.9),
        *_CORNER[:2],
        (("monitor",), 0.9),
        (("table lamp", "small plant"), 0.6),
        (("small box", "book pile"), 0.7),
    ),
    "dining": (
        (("dining table",), 1.0),
        (("cabinet", "dresser"), 1.0),
        (("bookcase", "rack", "tv stand"), 0.8),
        (("bench", "armchair", "stool"), 0.7),
        *_CORNER,
        (("table lamp", "small plant"), 0.8),
        (("book pile", "small box", "small plant"), 0.5),
    ),
    "bedroom": (
        (("bed",), 1.0),
        (("night stand",), 1.0),
        (("wardrobe", "dresser"), 1.0),
        (("desk", "dresser", "bookcase"), 0.8),
        (("chair", "shell chair", "armchair", "office chair"), 1.0),
        (("ottoman", "bench", "stool"), 0.5),
        *_CORNER,
        (("table lamp",), 0.9),
        (("book pile", "small box", "monitor"), 0.5),
    ),
}


def draw_pieces(rng: np.random.Generator) -> list[Furniture]:
    """The pieces of one room, no family twice; but a dining table comes with two to four chairs of one make."""
    theme = pick(rng, tuple(THEMES))
    chosen: list[str] = []
    for families, often in THEMES[theme]:
        left = [family for family in families if family not in chosen]
        if left and chance(rng, often):
            chosen.append(pick(rng, left))
    pieces = [FAMILIES[family](rng) for family in chosen]
    if theme == "dining":
        make, seed = pick(rng, ("chair", "shell chair")), int(rng.integers(2**31))
        pieces += [FAMILIES[make](np.random.default_rng(seed)) for _ in range(int(rng.integers(2, 5)))]
    return pieces
