"""Values that make no sense are refused when a configuration is read, with the setting's whole name."""

from __future__ import annotations

from pathlib import Path

import pytest

from scene.config import load
from scene.errors import UserError
from settings import Settings

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("mesh=3", "fast.conf or --set: mesh must be a section in braces, not 3"),
        ("nonsense=1", "unknown setting nonsense; known here: pretrained, segment, extract"),
        ("segment.surface.voxel_m=0", "segment.surface.voxel_m must be positive, not 0.0"),
        ("segment.surface.max_views=0", "segment.surface.max_views must be at least 1, not 0"),
        ("segment.structure.min_plane_m2=0", "segment.structure.min_plane_m2 must be positive"),
        ("segment.structure.max_open=1.1", "segment.structure.max_open must lie from 0 to 1, not 1.1"),
        ("segment.objects.patch_m=-1", "segment.objects.patch_m must be positive"),
        ("segment.objects.sharp_rad_m=1.5", "segment.objects.sharp_rad_m must be more than flat_rad_m"),
        ("segment.masks.min_frames=0", "segment.masks.min_frames must be at least 1"),
        ("extract.cell_m=0", "extract.cell_m must be positive"),
        ("extract.views_share=40", "extract.views_share must lie from 0 to 1"),
        ("extract.seed=-1", "extract.seed must not be negative"),
        ("prepare.margin=0.5", "prepare.margin must be at least 1"),
        ("prepare.normal_radius_px=0", "prepare.normal_radius_px must be at least 1"),
        ("score.samples=0", "score.samples must be at least 1"),
        ("score.thresholds_m=[]", "score.thresholds_m must hold at least one number"),
        ("score.thresholds_m=[0.02, -0.05]", "score.thresholds_m must hold at least one number, and positive"),
        ("report.views=-4", "report.views must be at least 1"),
    ],
)
def test_nonsense_is_refused(setting: str, sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        load(ROOT / "confs" / "fast.conf", Settings, [setting])
    assert sentence in str(refused.value)


@pytest.mark.parametrize("path", sorted((ROOT / "confs").glob("*.conf")), ids=lambda path: path.name)
def test_the_configurations_that_come_along_are_sound(path: Path) -> None:
    settings = load(path, Settings)
    if path.name in ("pretrained.conf", "priors.conf"):  # parts that the others include
        return
    assert settings.fit.phases
    assert settings.fit.priors
    assert all(weights.id for weights in vars(settings.pretrained).values())
