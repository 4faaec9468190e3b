"""GLB for a page: as few bytes as the format allows a viewer without extensions, gzipped, in base64.

Positions are floats snapped to a grid of a quarter of a millimetre, and attributes to steps that no eye tells apart:
what is left of them is short and repeats, which gzip halves.  Indices take two bytes where they can.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float, UInt8
from numpy.typing import ArrayLike

from evaluation.shading import vertex_colors
from scene.camera import transform
from scene.mesh import rotation_between

_SNAP = 4096.0  # positions a metre; a power of two leaves the floats' last bits zero
_STEPS = {"error_m": 1024.0}  # values of an attribute from one whole number to the next ...
_OTHER_STEPS = 128.0  # ... and of those that are shares
_EFFORT = 6  # of gzip; 9 takes twice as long for a hundredth less
_POINTS, _TRIANGLES = 0, 4  # glTF's modes
_KINDS = {"f4": 5126, "u1": 5121, "u2": 5123, "u4": 5125}  # glTF's names of number formats
_SIZES = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}
_VERTICES, _INDICES = 34962, 34963  # glTF's targets of buffer views


def glb_base64(mesh: trimesh.Trimesh, up: Float[np.ndarray, " 3"]) -> str:
    """The mesh (+y up) with its colours and attributes; a ``name`` becomes ``_NAME``."""
    colors = np.rint(vertex_colors(mesh) * 255.0).astype(np.uint8)
    return _packed(np.asarray(mesh.vertices), colors, up, mesh.vertex_attributes, np.asarray(mesh.faces))


def points_base64(
    points: Float[np.ndarray, "n 3"],
    colors: UInt8[np.ndarray, "n 3"],
    up: Float[np.ndarray, " 3"],
    attributes: Mapping[str, ArrayLike] | None = None,
) -> str:
    """Coloured points (+y up), with attributes as a mesh's; "" where there are none."""
    return _packed(points, colors, up, attributes or {}) if len(points) else ""


def _packed(
    points: Float[np.ndarray, "n 3"],
    colors: UInt8[np.ndarray, "n 3"],
    up: Float[np.ndarray, " 3"],
    attributes: Mapping[str, ArrayLike],
    faces: np.ndarray | None = None,
) -> str:
    turned = transform(rotation_between(up, np.array([0.0, 1.0, 0.0])), points.astype(np.float64))
    opaque = np.full((len(colors), 1), 255, np.uint8)  # vertices must start at multiples of four bytes
    arrays = {
        "POSITION": _snapped(turned, _SNAP),
        "COLOR_0": np.concatenate([colors, opaque], axis=1),
        **{f"_{k.upper()}": _snapped(np.asarray(v), _STEPS.get(k, _OTHER_STEPS)) for k, v in attributes.items()},
    }
    indices = None
    if faces is not None:
        indices = faces.reshape(-1).astype(np.uint16 if len(points) < 65535 else np.uint32)
    return base64.b64encode(gzip.compress(_glb(arrays, indices), _EFFORT, mtime=0)).decode("ascii")


def _snapped(values: np.ndarray, steps: float) -> np.ndarray:
    return (np.rint(values.astype(np.float64) * steps) / steps).astype(np.float32)


def _glb(arrays: dict[str, np.ndarray], indices: np.ndarray | None) -> bytes:
    """One primitive in one buffer."""
    data, views, accessors = bytearray(), [], []
    for array in [*arrays.values(), *([indices] if indices is not None else [])]:
        target = _INDICES if array is indices else _VERTICES
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": array.nbytes, "target": target})
        data += array.tobytes() + bytes(-array.nbytes % 4)
        accessors.append(_accessor(len(views) - 1, array))
    accessors[0] |= {"min": arrays["POSITION"].min(0).tolist(), "max": arrays["POSITION"].max(0).tolist()}
    primitive: dict[str, Any] = {"attributes": {name: k for k, name in enumerate(arrays)}, "mode": _POINTS}
    if indices is not None:
        primitive |= {"indices": len(arrays), "mode": _TRIANGLES}
    tree = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(data)}],
    }
    text = json.dumps(tree, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(data), b"BIN\0") + bytes(data)
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _accessor(view: int, array: np.ndarray) -> dict[str, Any]:
    size = 1 if array.ndim == 1 else array.shape[1]
    about = {
        "bufferView": view,
        "componentType": _KINDS[array.dtype.str[1:]],
        "count": len(array),
        "type": _SIZES[size],
    }
    return about | ({"normalized": True} if array.dtype == np.uint8 else {})
