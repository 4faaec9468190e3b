"""On what grounds an object's surface stands, voxel by voxel: what cameras decided, and how sure a prior is elsewhere.

It is kept in the fit's folder when the evidence is gathered, so that a mesh made later, in another run, can still tell
how sure it is of every vertex (``training.confidence``).
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int8, UInt8

from scene.files import atomic_file, fingerprint
from scene.records import ObjectViews
from training.evidence import Evidence, gather
from training.painted import with_painted
from training.priors import apply_priors
from training.settings import FitSettings

GROUNDS = "grounds.npz"
_UNKNOWN = -128  # in ``decided``
_FAR = 127  # as far from any sensed surface as distances are told


@dataclass(frozen=True)
class Grounds:
    """Voxel (i, j, k) has its centre at ``origin_m + voxel_m * (i, j, k)``; in bytes, as it lies on disk."""

    origin_m: Float[np.ndarray, " 3"]
    voxel_m: float
    band_m: float
    decided: Int8[np.ndarray, "x y z"]  # by cameras: the signed distance in 127ths of band_m (+127: free); else -128
    supposed: UInt8[np.ndarray, "x y z"]  # by priors: how sure, in 255ths; 0 where none speaks

    @staticmethod
    def of(evidence: Evidence) -> Grounds:
        """What the evidence, priors applied, knows and supposes."""
        by_cameras = evidence.confidence == 1.0
        distance = np.rint(evidence.sdf_m * np.float32(_FAR / evidence.band_m)).clip(-_FAR, _FAR)
        return Grounds(
            np.asarray(evidence.origin_m, np.float64),
            evidence.voxel_m,
            evidence.band_m,
            np.where(by_cameras, distance, _UNKNOWN).astype(np.int8),
            np.where(by_cameras, 0, np.rint(255 * evidence.confidence)).astype(np.uint8),
        )

    def sensed(self) -> Bool[np.ndarray, "x y z"]:
        """Near enough to a sensed surface of the object for its distance to be known."""
        return (self.decided > -_FAR) & (self.decided < _FAR)

    def free(self) -> Bool[np.ndarray, "x y z"]:
        """Seen to be outside the object."""
        return self.decided > 0

    def distance_m(self) -> Float[np.ndarray, "x y z"]:
        """To the sensed surface, where ``sensed``."""
        return self.decided * np.float32(self.band_m / _FAR)


def gather_evidence(views: ObjectViews, settings: FitSettings, folder: Path | None = None) -> Evidence:
    """What the views sensed, then what was in-painted, then what every prior supposes; its grounds are kept in
    ``folder``, if one is given."""
    painted = with_painted(gather(views, settings.evidence), settings.evidence)
    evidence = apply_priors(painted, settings.priors)
    if folder is not None:
        _write(folder / GROUNDS, Grounds.of(evidence), _mark(views, settings))
    return evidence


def grounds_of(views: ObjectViews, settings: FitSettings, folder: Path) -> Grounds:
    """What ``gather_evidence`` kept in ``folder`` of these views and settings; gathered now where it kept nothing.

    A fit that draws no points gathers no evidence.  Raises UserError when no view has depth on the object.
    """
    kept = _read(folder / GROUNDS, _mark(views, settings))
    return Grounds.of(gather_evidence(views, settings)) if kept is None else kept


def _mark(views: ObjectViews, settings: FitSettings) -> str:
    """A digest of all that evidence and priors look at, which no colour is."""
    priors = [(name, asdict(chosen)) for name, chosen in settings.priors.items()]
    about = [views.label, repr(views.camera), asdict(settings.evidence), priors]
    digest = hashlib.sha256(fingerprint(about).encode())
    hidden = () if views.hidden is None else (views.hidden.confidence, views.hidden.depth_mm)
    images = (views.depth_mm, views.fact, *hidden)
    for array in (views.world_from_camera, views.world_from_normalized, views.up, *images):
        if array is not None:
            digest.update(f"{array.shape}{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _write(path: Path, grounds: Grounds, mark: str) -> None:
    with atomic_file(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, values in {**vars(grounds), "mark": mark}.items():
            with file.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, np.asarray(values), allow_pickle=False)


def _read(path: Path, mark: str) -> Grounds | None:
    """The grounds in a file, unless there is none, it is damaged, or it was made from something else."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["mark"]) != mark:
                return None
            numbers = float(file["voxel_m"]), float(file["band_m"])
            return Grounds(file["origin_m"], *numbers, file["decided"], file["supposed"])
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
