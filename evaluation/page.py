"""The page itself: typed contents in, one HTML file out (``templates/``)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evaluation.measures import MEASURES, Measure, measured
from evaluation.scoring import Means
from evaluation.three_js import three_js
from scene.files import write_text

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class PageView:
    """An input view beside a render from the same camera, both as data URLs ("" without a render)."""

    caption: str
    photo: str
    render: str


@dataclass(frozen=True)
class PageObject:
    """All that the page tells of one object; ``glb`` (base64) and ``thumbnail`` (data URL) are "" without a mesh."""

    instance_id: int
    label: str
    scores: Mapping[str, float] = field(default_factory=dict)
    marks: Sequence[str] = ()
    size_m: Sequence[float] = ()
    faces: int = 0
    seen: float | None = None  # share of its surface; None where the mesh does not tell
    confidence: float | None = None  # mean over its surface
    glb: str = ""
    thumbnail: str = ""
    yaw: float = 0.0  # of the first look at it, radians about +y
    views: Sequence[PageView] = ()

    @property
    def name(self) -> str:
        return self.label or f"object {self.instance_id}"

    @property
    def rows(self) -> list[tuple[Measure, str]]:
        """Its measures with their values written out."""
        return [(measure, measure.text(self.scores)) for measure in MEASURES if measure.key in self.scores]


@dataclass(frozen=True)
class PageRoom:
    """All objects together: their picture (data URL, "" without any mesh) and the first look's yaw in radians."""

    thumbnail: str = ""
    yaw: float = 0.0


@dataclass(frozen=True)
class StageBar:
    """Seconds and peak memory of all runs of one stage; ``share`` of the longest stage's seconds.

    ``earlier``: all or part of it is the work of an earlier run of the same command.
    """

    stage: str
    runs: int
    seconds: float
    peak_memory_mb: float
    share: float
    earlier: bool = False


@dataclass(frozen=True)
class PageRun:
    """How the meshes were made: what a run's record tells of it."""

    stages: Sequence[StageBar] = ()
    seed: int | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)  # pretrained networks: which was used, or what stood in


def stage_bars(stages: Sequence[Mapping[str, Any]]) -> list[StageBar]:
    """The stages in the order they first ran, runs of the same stage (one an object) added up."""
    total: dict[str, list[float]] = {}
    for entry in stages:
        seconds, memory_mb, runs = total.get(entry["stage"], [0.0, 0.0, 0])
        memory_mb = max(memory_mb, float(entry["peak_memory_mb"]))
        total[entry["stage"]] = [seconds + float(entry["seconds"]), memory_mb, runs + 1]
    longest = max((seconds for seconds, _, _ in total.values()), default=0.0) or 1.0
    earlier = {entry["stage"] for entry in stages if entry.get("earlier_run")}
    return [
        StageBar(stage, int(runs), seconds, memory_mb, seconds / longest, stage in earlier)
        for stage, (seconds, memory_mb, runs) in total.items()
    ]


def write_page(path: Path, scene: str, room: PageRoom, objects: Sequence[PageObject], run: PageRun) -> None:
    """Write the page of a scene; it needs nothing but itself and a browser."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["source"] = lambda name: Markup((_TEMPLATES / name).read_text(encoding="utf-8"))
    columns = measured(one.scores for one in objects)
    html = environment.get_template("report.html.j2").render(
        scene=scene,
        objects=objects,
        room=room,
        columns=columns,
        means=Means.of([one.scores for one in objects]),
        run=run,
        settings_text=json.dumps(run.settings, indent=2, ensure_ascii=False) if run.settings else "",
        data=_script_json({"yaw": room.yaw, "objects": [_for_script(one) for one in objects]}),
        three_js=Markup(three_js()),
    )
    write_text(path, html)


def _for_script(one: PageObject) -> dict[str, Any]:
    """What the page's script needs to know of an object besides what stands in the HTML."""
    return {
        "id": one.instance_id,
        "name": one.name,
        "size_m": list(one.size_m),
        "yaw": one.yaw,
        "mesh": bool(one.glb),
    }


def _script_json(value: Any) -> Markup:
    """JSON that may stand inside a script element whatever its strings hold."""
    return Markup(json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"))
