"""Folders of files named by frame number, and matrices as plain text: what RGB-D exports are made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


def numbered(folder: Path, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> dict[int, Path]:
    """The files of a folder by their number, in order; {} when there is no such folder."""
    if not folder.is_dir():
        return {}
    found = [p for p in folder.iterdir() if p.suffix.lower() in suffixes and p.stem.isdecimal()]
    return {int(p.stem): p for p in sorted(found, key=lambda p: int(p.stem))}


def listed(numbers: Sequence[int], most: int = 20) -> str:
    """Frame numbers for a message, cut short when there are many."""
    return ", ".join(map(str, numbers[:most])) + (", ..." if len(numbers) > most else "")


def read_matrix(path: Path) -> Float[np.ndarray, "_ _"] | None:
    """A matrix of numbers in a text file; None when there is none that parses."""
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return np.array(rows, dtype=np.float64) if rows else None
    except (OSError, ValueError):  # ValueError: not numbers, rows of different lengths, or not text
        return None


def write_matrix(path: Path, matrix: Float[np.ndarray, "_ _"]) -> None:
    """Write a matrix so that reading it gives the same numbers."""
    path.write_text("\n".join(" ".join(repr(float(x)) for x in row) for row in matrix) + "\n", encoding="utf-8")


def is_rigid(matrix: Float[np.ndarray, "4 4"]) -> bool:
    """Whether a matrix is a finite rotation and translation (exports round to about six digits)."""
    rotation = matrix[:3, :3]
    return bool(
        np.isfinite(matrix).all()
        and np.allclose(matrix[3], [0, 0, 0, 1], atol=1e-4)
        and np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-2)
        and np.linalg.det(rotation) > 0
    )


def nearest_rigid(matrix: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
    """The rigid motion closest to one that was rounded in a text file: its rotation made exactly orthonormal."""
    left, _, right = np.linalg.svd(matrix[:3, :3])
    rigid = np.eye(4)
    rigid[:3, :3], rigid[:3, 3] = left @ right, matrix[:3, 3]
    return rigid
