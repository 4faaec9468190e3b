"""A furnished room to be scanned: building, furniture where it belongs, light, a person's walk, pictures."""

from scene.room.furnish import furnish
from scene.room.records import Placed, Room

__all__ = ["Placed", "Room", "furnish"]
