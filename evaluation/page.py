"""The page itself: typed contents in, one HTML file out (``templates/``)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evaluation.measures import MEASURES, Measure, measured
from evaluation.page_records import PageObject, PageSide, StageBar
from evaluation.records import Means
from evaluation.three_js import three_js
from scene.files import write_text

_TEMPLATES = Path(__file__).parent / "templates"


def stage_bars(stages: Sequence[Mapping[str, Any]]) -> list[StageBar]:
    """The stages in the order they first ran, runs of the same stage (one an object) added up."""
    total: dict[str, list[float]] = {}
    for entry in stages:
        seconds, memory_mb, runs = total.get(entry["stage"], [0.0, 0.0, 0])
        memory_mb = max(memory_mb, float(entry["peak_memory_mb"]))
        total[entry["stage"]] = [seconds + float(entry["seconds"]), memory_mb, runs + 1]
    longest = max((seconds for seconds, _, _ in total.values()), default=0.0) or 1.0
    largest = max((memory_mb for _, memory_mb, _ in total.values()), default=0.0) or 1.0
    earlier = {entry["stage"] for entry in stages if entry.get("earlier_run")}
    return [
        StageBar(stage, int(runs), seconds, memory_mb, seconds / longest, memory_mb / largest, stage in earlier)
        for stage, (seconds, memory_mb, runs) in total.items()
    ]


def rows_of(one: PageObject) -> list[tuple[Measure, str]]:
    """An object's measures with their values written out."""
    return [(measure, measure.text(one.scores)) for measure in MEASURES if measure.key in one.scores]


def write_page(path: Path, scene: str, sides: Sequence[PageSide]) -> None:
    """Write the page of a scene, of one run or of two beside each other; it needs nothing but itself and a browser."""
    room, objects, run = sides[0].room, sides[0].objects, sides[0].run
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
        rows_of=rows_of,
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
