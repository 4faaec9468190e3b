"""What a page shows, as records: ``evaluation.report`` fills them, ``evaluation.page.html`` turns them into HTML.

Pictures are data URLs, meshes and points are GLB (+y up, metres), gzipped, in base64; "" where there is none.  A mesh's
vertices carry ``COLOR_0``, ``_SEEN`` and, where known, ``_CONFIDENCE`` and ``_ERROR_M`` (distance to the true surface;
that of points of the true surface: to the mesh).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evaluation.records import Verdict


@dataclass(frozen=True)
class PageView:
    """An input view, cut to the object with its mask outlined, beside a render of the mesh from the same camera."""

    caption: str
    photo: str
    render: str


@dataclass(frozen=True)
class PageFit:
    """A view as the fit read it: before and after in-painting ("" where nothing was painted), and its normals."""

    caption: str
    before: str
    after: str
    normals: str


@dataclass(frozen=True)
class Curve:
    """One loss over the steps of a fit, thinned; ``values`` are raw losses as logged (without weights)."""

    name: str
    steps: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True)
class PageObject:
    """All that the page tells of one object."""

    instance_id: int
    label: str
    scores: Mapping[str, float] = field(default_factory=dict)
    verdict: Verdict | None = None  # None where nothing is known of it
    marks: Sequence[str] = ()  # sentences: what failed or is doubtful, as its maker and its scores said
    notes: Sequence[str] = ()  # sentences: what to know when reading its scores, though nothing is wrong
    size_m: Sequence[float] = ()
    faces: int = 0  # of the mesh as saved
    seen: float | None = None  # share of its surface, as measured, else as its maker told; None where neither
    confidence: float | None = None  # mean over its surface
    glb: str = ""
    truth: str = ""  # the true mesh, or points where the truth is a cloud
    missed: str = ""  # points of the true surface that the mesh is far from, with their ``_ERROR_M``
    points: str = ""  # coloured points that the scan has of it
    thumbnail: str = ""
    yaw: float = 0.0  # of the first look at it, radians about +y
    views: Sequence[PageView] = ()
    fit_views: Sequence[PageFit] = ()
    curves: Sequence[Curve] = ()

    @property
    def name(self) -> str:
        return self.label or f"object {self.instance_id}"


@dataclass(frozen=True)
class PageRoom:
    """All objects together: their picture, the first look's yaw in radians, and points of the rest of the room."""

    thumbnail: str = ""
    yaw: float = 0.0
    points: str = ""


@dataclass(frozen=True)
class StageBar:
    """Seconds and peak memory of all runs of one stage; ``earlier``: all or part of it is the work of an earlier run of
    the same command.
    """

    stage: str
    runs: int
    seconds: float
    peak_memory_mb: float
    earlier: bool = False


@dataclass(frozen=True)
class PageRun:
    """How the meshes were made: what a run's record tells of it."""

    stages: Sequence[StageBar] = ()
    seed: int | None = None
    device: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)  # pretrained networks: which was used, or what stood in


@dataclass(frozen=True)
class PageSide:
    """One run's part of the page; a page that compares has two, told apart by their names."""

    name: str
    room: PageRoom
    objects: Sequence[PageObject]
    run: PageRun
    remark: str = ""  # a sentence: what to know of this run beside the other one
