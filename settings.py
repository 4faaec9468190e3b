"""All that can be set, by stage; a configuration file names only what differs from these defaults."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from evaluation.settings import ReportSettings, ScoreSettings
from models.pretrained.settings import PretrainedSettings
from preprocess.segment_settings import SegmentSettings
from preprocess.settings import ExtractSettings, PrepareSettings
from training.settings import FitSettings, MeshSettings


@dataclass(frozen=True)
class Settings:
    """One run of the whole way, from a scan to scores."""

    pretrained: PretrainedSettings = dataclasses.field(default_factory=PretrainedSettings)
    segment: SegmentSettings = dataclasses.field(default_factory=SegmentSettings)
    extract: ExtractSettings = dataclasses.field(default_factory=ExtractSettings)
    prepare: PrepareSettings = dataclasses.field(default_factory=PrepareSettings)
    fit: FitSettings = dataclasses.field(default_factory=FitSettings)
    mesh: MeshSettings = dataclasses.field(default_factory=MeshSettings)
    score: ScoreSettings = dataclasses.field(default_factory=ScoreSettings)
    report: ReportSettings = dataclasses.field(default_factory=ReportSettings)
