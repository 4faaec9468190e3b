"""Coordinates of a room: height above its floor, and two axes across "up" for plans.  Metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64


@dataclass(frozen=True)
class RoomFrame:
    """World points taken apart into plan coordinates (*, 2) and heights above the floor."""

    up: Float64[np.ndarray, " 3"]
    across: Float64[np.ndarray, "2 3"]  # unit vectors across ``up`` and each other
    floor_m: float  # of the floor along ``up``, from the world's origin

    @staticmethod
    def of(up: Float64[np.ndarray, " 3"], floor_m: float) -> RoomFrame:
        first = np.cross(up, np.eye(3)[int(np.argmin(np.abs(up)))])
        first /= np.linalg.norm(first)
        return RoomFrame(up, np.stack([first, np.cross(up, first)]), floor_m)

    def height_m(self, points: Float[np.ndarray, "*n 3"]) -> Float64[np.ndarray, "*n"]:
        return points.astype(np.float64) @ self.up - self.floor_m

    def plan_m(self, points: Float[np.ndarray, "*n 3"]) -> Float64[np.ndarray, "*n 2"]:
        return points.astype(np.float64) @ self.across.T

    def point(
        self, plan_m: Float[np.ndarray, "*n 2"], height_m: Float[np.ndarray, "*n"]
    ) -> Float64[np.ndarray, "*n 3"]:
        return plan_m @ self.across + (height_m + self.floor_m)[..., None] * self.up
