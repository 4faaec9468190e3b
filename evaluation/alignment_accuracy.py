"""Whether a CAD model was placed right in a scan, as Scan2CAD's benchmark counts it.

A pose takes points of the CAD's own frame (ShapeNet's: y up) into the scan's: ``x_scan = t + R (s * x_cad)``, written
as translation in metres, unit quaternion (w, x, y, z) and a scale for each axis of the CAD.  A placement is correct
within 0.20 m, 20 degrees and a scale error of 20 %, and with a CAD of the true one's category (Avetisyan et al.,
Scan2CAD, CVPR 2019).  As in its benchmark the scale error is ``|mean(s / s_true) - 1|`` over the three axes, in which
errors of opposite sign cancel, and rotation is measured to the nearest of the poses that look the same.  For
``ROTATE_UP_INF`` that is exact here, where the benchmark tries 36 turns and is at most 5 degrees off.

Translations compare where the CAD's point ``-center`` comes to lie, ``center`` being the annotation's: so the benchmark
composes the poses that it takes for true, and a line of its CSV tells ``t`` of that point.  A pose taken from such a
line goes with ``"center": [0, 0, 0]`` in the mesh's sidecar; without a ``center`` it is of the CAD's own frame.
A mesh is measured against its own object's CAD, whereas the benchmark looks for any of the category that fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from scene.errors import UserError
from scene.files import read_json

TRANSLATION_M = 0.20
ROTATION_DEG = 20.0
SCALE_ERROR = 0.20
TURNS = {"NONE": 1, "ROTATE_UP_2": 2, "ROTATE_UP_4": 4, "ROTATE_UP_INF": 0}  # turns that look the same; 0: any angle
_SHEAR = 1e-4  # how far from right angles the axes of a pose may be


@dataclass(frozen=True)
class Pose:
    """Where a CAD lies in the scan.  Raises UserError for numbers that are no pose, and for mirror images."""

    translation_m: Float[np.ndarray, " 3"]
    rotation: Float[np.ndarray, " 4"]  # w, x, y, z; of any length but 0
    scale: Float[np.ndarray, " 3"]

    def __post_init__(self) -> None:
        for name in ("translation_m", "rotation", "scale"):
            if not np.isfinite(getattr(self, name)).all():
                raise UserError(f"the pose's {name.removesuffix('_m')} is not finite")
        if np.linalg.norm(self.rotation) < 1e-6:
            raise UserError("the pose's rotation is a quaternion of length 0")
        if not (self.scale > 0).all():
            raise UserError(f"the pose's scale {self.scale.tolist()} mirrors or flattens the CAD; it must be above 0")

    @classmethod
    def read(cls, trs: Any) -> Pose:
        """From ``{"translation": [3], "rotation": [w, x, y, z], "scale": [3]}`` of a file that nobody vouches for."""
        if not isinstance(trs, dict):
            raise UserError("the pose is not an object with translation, rotation and scale")
        counts = {"translation": 3, "rotation": 4, "scale": 3}
        return cls(*(_numbers(trs.get(name), f"pose's {name}", count) for name, count in counts.items()))

    @classmethod
    def of_matrix(cls, matrix: Float[np.ndarray, "4 4"]) -> Pose:
        """The pose that a matrix stands for.  Raises UserError for a mirror image and for sheared axes."""
        scale = np.linalg.norm(matrix[:3, :3], axis=0)
        if not np.linalg.det(matrix[:3, :3]) > 0:
            raise UserError("the pose mirrors or flattens the CAD")
        axes = matrix[:3, :3] / scale
        if np.abs(axes.T @ axes - np.eye(3)).max() > _SHEAR:
            raise UserError("the pose shears the CAD: the scan's own scale differs between its axes")
        return cls(matrix[:3, 3].copy(), Rotation.from_matrix(axes).as_quat(scalar_first=True), scale)

    @property
    def matrix(self) -> Float[np.ndarray, "4 4"]:
        """Scan from CAD."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.turn.as_matrix() * self.scale
        matrix[:3, 3] = self.translation_m
        return matrix

    @property
    def turn(self) -> Rotation:
        return Rotation.from_quat(self.rotation, scalar_first=True)  # which divides by the quaternion's length

    def record(self) -> dict[str, list[float]]:
        """As ``read`` takes it, for a sidecar."""
        rotation = self.turn.as_quat(scalar_first=True)
        return {
            "translation": self.translation_m.tolist(),
            "rotation": rotation.tolist(),
            "scale": self.scale.tolist(),
        }


@dataclass(frozen=True)
class Placement:
    """A CAD as it was placed, and what of the CAD the benchmark asks for; what is None is not known."""

    pose: Pose
    category: str | None = None  # ShapeNet's, as 03001627
    symmetry: str = "NONE"
    center: Float[np.ndarray, " 3"] | None = None  # in the CAD's frame and unit

    def compared_m(self, center: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " 3"]:
        """The point of the scan whose distance counts: where the CAD's ``-center`` lies."""
        return self.pose.translation_m - self.pose.matrix[:3, :3] @ center


def alignment(placed: Placement, truth: Placement) -> dict[str, float]:
    """Errors of a placed CAD and, as 1 or 0, whether it counts: the ``alignment_*`` keys of ``evaluation.records``.

    It never counts where both categories are known and differ.  The symmetry is the truth's, and so is a ``center``
    that ``placed`` does not tell.
    """
    true_center = np.zeros(3) if truth.center is None else truth.center
    placed_center = true_center if placed.center is None else placed.center
    translation_m = float(np.linalg.norm(placed.compared_m(placed_center) - truth.compared_m(true_center)))
    rotation_deg = _rotation_deg(truth.pose.turn.inv() * placed.pose.turn, TURNS[truth.symmetry])
    scale_error = float(abs(np.mean(placed.pose.scale / truth.pose.scale) - 1.0))
    comparable = None in (placed.category, truth.category) or placed.category == truth.category
    near = translation_m <= TRANSLATION_M and rotation_deg <= ROTATION_DEG and scale_error <= SCALE_ERROR
    return {
        "alignment_correct": float(comparable and near),
        "alignment_translation_m": translation_m,
        "alignment_rotation_deg": rotation_deg,
        "alignment_scale_error": scale_error,
    }


def symmetry_of(name: Any) -> str:
    """A symmetry's name without Scan2CAD's ``__SYM_``.  Raises UserError for one that is not known."""
    short = str(name).removeprefix("__SYM_")
    if short not in TURNS:
        raise UserError(f"the symmetry {name!r} is not known; it is one of {', '.join(TURNS)}")
    return short


def read_center(told: dict[str, Any]) -> Float[np.ndarray, " 3"] | None:
    """The ``center`` of an annotation or a sidecar, None where it tells none.  Raises UserError for what is none."""
    return None if told.get("center") is None else _numbers(told["center"], "center", 3)


def read_placement(sidecar: Path) -> Placement | None:
    """What the ``.json`` beside a mesh or a true surface tells: ``pose``, and where they are there ``catid_cad``,
    ``sym`` and ``center``; None where it has no pose.  Raises UserError for values that are none."""
    told = read_json(sidecar) if sidecar.is_file() else {}
    if not isinstance(told, dict) or told.get("pose") is None:
        return None
    try:
        category = told.get("catid_cad")
        if not isinstance(category, str | None):
            raise UserError(f"the catid_cad {category!r} is not the name of a ShapeNet category, as 03001627")
        return Placement(Pose.read(told["pose"]), category, symmetry_of(told.get("sym", "NONE")), read_center(told))
    except UserError as error:
        raise UserError(f"{sidecar}: {error}") from error


def _rotation_deg(between: Rotation, turns: int) -> float:
    """The angle of a rotation in the CAD's frame, less the turn about the CAD's up axis (y) that shortens it most."""
    w, x, y, z = between.as_quat(scalar_first=True)
    # Turning about y by a turns (w, y) by a / 2 and leaves the lengths of (w, y) and (x, z) as they are.
    about_up = 2.0 * np.arctan2(y, w)
    step = 2.0 * np.pi / turns if turns else 0.0
    left = about_up - step * np.round(about_up / step) if turns else 0.0
    upright = np.hypot(w, y)
    sine = np.sqrt(x**2 + z**2 + (upright * np.sin(left / 2.0)) ** 2)
    return float(np.degrees(2.0 * np.arctan2(sine, upright * abs(np.cos(left / 2.0)))))


def _numbers(values: Any, name: str, count: int) -> Float[np.ndarray, " n"]:
    """``count`` finite numbers of a file.  Raises UserError for anything else."""
    if (
        not isinstance(values, list)
        or len(values) != count
        or not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    ):
        raise UserError(f"the {name} is not a list of {count} numbers")
    try:
        numbers = np.array([float(value) for value in values])
    except OverflowError:
        numbers = np.full(count, np.inf)
    if not np.isfinite(numbers).all():
        raise UserError(f"the {name} is not finite")
    return numbers
