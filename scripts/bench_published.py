"""The published configuration at the same cost: so many of its steps as fit into the seconds that an object took."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from parts import without_parts
from scene.config import load, to_dict
from scene.errors import UserError
from scene.files import fingerprint, read_json, write_json
from scene.records import ObjectViews
from scene.workers import worker_pool
from scripts.bench_base import ROOT, Base
from scripts.bench_make import Record, run_program
from settings import Settings
from training.settings import FitSettings, LossSettings, PhaseSettings

CONF = ROOT / "confs" / "scannet-inpainted-default-stage2.conf"  # it holds the first stage too


@dataclass(frozen=True)
class Published:
    """The published fit, on the program's own views and meshed as the program meshes."""

    pace_file: Path  # what a step takes on this machine, measured once
    timed_steps: int = 12  # of each stage

    def make(self, base: Base, out: Path) -> list[Record]:
        """Every object's mesh; its fit gets the seconds that all of the program's work on that object took."""
        seconds = self.pace(base)
        ours = base.job.settings
        settings = replace(ours, prepare=published().prepare, fit=published().fit)

        def adapt(settings: Settings, record: Record) -> Settings:
            return replace(settings, fit=shortened(settings.fit, seconds, sum(record["seconds"].values())))

        return run_program(base, out, settings, adapt)

    def pace(self, base: Base | None = None) -> dict[str, float]:
        """Seconds a step of each stage; measured on the first object of ``base`` unless that was done before."""
        source = [path for name in ("models", "training") for path in sorted((ROOT / name).rglob("*.py"))]
        mark = fingerprint([to_dict(published().fit), self.timed_steps], source)
        if self.pace_file.is_file() and (known := read_json(self.pace_file))["fingerprint"] == mark:
            return known["seconds_a_step"]
        if base is None or not base.made:
            raise UserError("no object came out on which a step of the published configuration could be timed")
        folder = base.training_folder(next(iter(base.made)))
        with worker_pool(1) as pool:  # one thread, as an object's process has
            seconds = pool.submit(seconds_a_step, folder, self.timed_steps).result()
        write_json(self.pace_file, {"fingerprint": mark, "seconds_a_step": seconds})
        return seconds


def published() -> Settings:
    """The configuration without pretrained networks, which no other method here has either."""
    return without_parts(load(CONF, Settings))


def shortened(fit: FitSettings, seconds_a_step: Mapping[str, float], budget_s: float) -> FitSettings:
    """The fit with all phases and their schedules shortened in the same proportion, so that its steps take no more
    than ``budget_s`` (one step a phase at least)."""
    whole_s = sum(phase.steps * seconds_a_step[name] for name, phase in fit.phases.items())
    share = min(1.0, budget_s / whole_s)
    return replace(fit, phases={name: _shortened(phase, share) for name, phase in fit.phases.items()})


def _shortened(phase: PhaseSettings, share: float) -> PhaseSettings:
    losses: dict[str, float | LossSettings] = {}
    for name in phase.losses:
        loss = phase.loss(name)
        losses[name] = replace(
            loss, start_step=int(loss.start_step * share), warm_up_steps=int(loss.warm_up_steps * share)
        )
    return replace(
        phase,
        steps=max(1, int(phase.steps * share)),
        losses=losses,
        warm_up_steps=int(phase.warm_up_steps * share),
        schedule_offset=int(phase.schedule_offset * share),
        open_levels_steps=int(phase.open_levels_steps * share),
        cos_anneal_steps=int(phase.cos_anneal_steps * share),
    )


def seconds_a_step(training_folder: Path, steps: int) -> dict[str, float]:
    """Seconds a step of each stage on one object: the median of ``steps`` steps."""
    import numpy as np

    from scene.object_folder import read_training_folder
    from training.batches import RayBatches
    from training.trainer import fit

    whole = published().fit
    few = replace(whole, phases={name: replace(phase, steps=steps) for name, phase in whole.phases.items()})
    views = with_normals(read_training_folder(training_folder))
    starts: list[float] = []

    class Clocked(RayBatches):
        """Notes when each step begins."""

        def draw(self, count: int, generator: Any) -> Any:
            starts.append(time.perf_counter())
            return super().draw(count, generator)

    with tempfile.TemporaryDirectory() as scratch:
        fit(views, few, Path(scratch), sources={"rays": lambda: Clocked(views, few.rays, "cpu")})
    took = np.diff(starts)
    # The step between two phases writes a checkpoint, too.
    return {name: float(np.median(took[k * steps : (k + 1) * steps - 1])) for k, name in enumerate(few.phases)}


def with_normals(views: ObjectViews) -> ObjectViews:
    """The views with normals from depth, which the fast configuration does not write and the published one reads."""
    import numpy as np

    from preprocess.normals import normals_from_depth
    from preprocess.settings import PrepareSettings

    depth_m = views.depth_mm.astype(np.float32) / 1000.0
    radius_px = PrepareSettings().normal_radius_px
    normal = [normals_from_depth(d, f, views.camera, radius_px) for d, f in zip(depth_m, views.fact, strict=True)]
    return replace(views, normal=np.stack(normal))
