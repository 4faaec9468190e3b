"""Procedural furniture: every call another piece, each one complete, watertight outer surface in metres.

``sample_furniture(rng)`` draws any piece; ``FAMILIES`` names the kinds, one function of a generator each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from scene.furniture import (
    beds,
    cabinets,
    chairs,
    containers,
    desks,
    devices,
    lamps,
    plants,
    shelves,
    sofas,
    stools,
    tables,
)
from scene.furniture.assembly import Furniture, Top
from scene.furniture.draw import pick
from scene.furniture.finishes import Finish

FAMILIES: Mapping[str, Callable[[np.random.Generator], Furniture]] = {
    "chair": chairs.chair,
    "shell chair": chairs.shell_chair,
    "office chair": chairs.office_chair,
    "stool": stools.stool,
    "bench": stools.bench,
    "ottoman": stools.ottoman,
    "armchair": sofas.armchair,
    "couch": sofas.couch,
    "dining table": tables.dining_table,
    "coffee table": tables.coffee_table,
    "side table": tables.side_table,
    "desk": desks.desk,
    "cabinet": cabinets.cabinet,
    "dresser": cabinets.dresser,
    "night stand": cabinets.night_stand,
    "tv stand": cabinets.tv_stand,
    "wardrobe": cabinets.wardrobe,
    "file cabinet": cabinets.file_cabinet,
    "bookcase": shelves.bookcase,
    "rack": shelves.rack,
    "floor lamp": lamps.floor_lamp,
    "table lamp": lamps.table_lamp,
    "trash can": containers.trash_can,
    "basket": containers.basket,
    "carton": containers.carton,
    "small box": containers.small_box,
    "bed": beds.bed,
    "plant": plants.plant,
    "small plant": plants.small_plant,
    "monitor": devices.monitor,
    "book pile": devices.book_pile,
}

__all__ = ["FAMILIES", "Finish", "Furniture", "Top", "sample_furniture"]


def sample_furniture(rng: np.random.Generator, families: Sequence[str] = tuple(FAMILIES)) -> Furniture:
    """A piece of one of ``families``, each as likely: ``.mesh`` (watertight, metres, z up) and ``.label``.

    The same generator state gives the same vertices and faces, bit for bit.
    """
    return FAMILIES[pick(rng, families)](rng)
