"""The page itself: typed contents in, one HTML file out (``templates/``)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evaluation.measures import measured
from evaluation.page.charts import HEIGHT, WIDTH
from evaluation.page.records import PageSide, StageBar
from evaluation.page.scores import column_cells, explained, histogram
from evaluation.page.sides import Payloads, differing, in_common, script_data, things_of
from evaluation.page.three_js import three_js
from evaluation.records import Means
from scene.files import write_text

_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPTS = ("orbit.js", "controls.js", "layers.js", "viewer.js", "choices.js", "reading.js", "page.js")  # in order
# What a light says: a sign and words, for those who do not tell its colours apart.
_LIGHTS = {"green": ("✓", "looks sound"), "amber": ("!", "use with care"), "red": ("✕", "do not use")}


def stage_bars(stages: Sequence[Mapping[str, Any]]) -> list[StageBar]:
    """The stages in the order they first ran, runs of the same stage (one an object) added up."""
    total: dict[str, list[float]] = {}
    for entry in stages:
        seconds, memory_mb, runs = total.get(entry["stage"], [0.0, 0.0, 0])
        memory_mb = max(memory_mb, float(entry["peak_memory_mb"]))
        total[entry["stage"]] = [seconds + float(entry["seconds"]), memory_mb, runs + 1]
    earlier = {entry["stage"] for entry in stages if entry.get("earlier_run")}
    return [
        StageBar(stage, int(runs), seconds, memory_mb, stage in earlier)
        for stage, (seconds, memory_mb, runs) in total.items()
    ]


def write_page(path: Path, scene: str, sides: Sequence[PageSide]) -> None:
    """Write the page of a scene, of one run or of two beside each other; it needs nothing but itself and a browser."""
    if len(sides) not in (1, 2):
        raise ValueError(f"a page shows one run or two, not {len(sides)}")
    things = things_of(sides)
    payloads = Payloads()
    data = script_data(sides, payloads)
    scores = in_common(things)
    columns = measured(one for thing in things for one in thing.scores)
    scripts = [three_js(), *(_source(name) for name in _SCRIPTS)]
    bars = [bar for side in sides for bar in side.run.stages]
    means = [Means.of(run) for run in scores]
    html = (
        _environment()
        .get_template("report.html.j2")
        .render(
            scene=scene,
            sides=sides,
            letters=[""] if len(sides) == 1 else ["A", "B"],
            things=things,
            columns=columns,
            lines={thing.instance_id: column_cells(columns, thing.scores) for thing in things},
            means=means,
            mean_line=column_cells(columns, [mean.values for mean in means]),
            glossary=explained(one for thing in things for one in thing.scores),
            settings_texts=[
                json.dumps(side.run.settings, indent=2, ensure_ascii=False) if side.run.settings else ""
                for side in sides
            ],
            other_settings=differing([side.run.settings for side in sides]),
            # Bars of all runs on one scale, so that they can be compared.
            longest_s=max((bar.seconds for bar in bars), default=0.0) or 1.0,
            largest_mb=max((bar.peak_memory_mb for bar in bars), default=0.0) or 1.0,
            told={name for side in data["sides"] for one in side["objects"] for name in one["tells"]},
            kinds={name.partition("-")[0] for name in payloads.texts},
            data=_script_json(data),
            payloads=payloads.texts,
            scripts=[Markup(text) for text in scripts],
            # Only these very scripts may run, whatever else got into the page.
            script_hashes=" ".join(map(_hash, scripts)),
        )
    )
    write_text(path, html)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "source": lambda name: Markup(_source(name)),
        "lights": _LIGHTS,
        "histogram": histogram,
        "chart_size": (WIDTH, HEIGHT),
    }
    return environment


def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """As a Content-Security-Policy names a script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode('ascii')}'"


def _script_json(value: Any) -> Markup:
    """JSON that may stand inside a script element whatever its strings hold."""
    return Markup(json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"))
