"""Which pretrained parts a run uses, and what stands in: decided once, told in one line, part of every fingerprint."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import pytest

from parts import choose_parts, mark_of, preparing_mark, without_parts
from scene.config import load
from settings import Settings

CONFS = Path(__file__).resolve().parents[1] / "confs"


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights but those that a test names."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def published(*overrides: str) -> Settings:
    return load(CONFS / "scannet-inpainted-default-stage2.conf", Settings, overrides)


def test_without_weights_every_stand_in_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        settings, records = choose_parts(published())
    lines = [record.getMessage() for record in caplog.records]
    assert [line.partition(":")[0] for line in lines] == ["clip", "inpainter", "normals"]
    for line, record in zip(lines, records, strict=True):
        assert f"python scripts/download_weights.py {record['part']}" in line
        assert "was not downloaded" in line
        assert record["wanted"]
        assert not record["used"]
        assert record["says"] in line
    assert settings == without_parts(published())
    assert settings.extract.scorer == "sharpness"
    assert settings.prepare.inpaint.painter == "none"
    assert settings.prepare.normals == "depth"
    assert all("clip" not in phase.losses and phase.losses for phase in settings.fit.phases.values())


def test_the_default_asks_for_none_and_is_left_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    fast = load(CONFS / "fast.conf", Settings)
    with caplog.at_level(logging.INFO):
        settings, records = choose_parts(fast)
    assert settings == fast == without_parts(fast)
    assert not caplog.records
    assert {record["part"] for record in records} == {"clip", "inpainter", "normals"}
    assert not any(record["wanted"] or record["used"] for record in records)
    assert all(record["says"] for record in records)


def test_a_local_folder_takes_the_place_of_the_hub(clip_folder: Path) -> None:
    settings, records = choose_parts(published(f"pretrained.clip.id={clip_folder}"))
    assert settings.extract.scorer == "clip"
    assert all("clip" in phase.losses for phase in settings.fit.phases.values())
    assert [record["used"] for record in records] == [True, False, False]
    assert str(clip_folder) in records[0]["says"]


def test_only_the_parts_asked_about_are_decided() -> None:
    settings, records = choose_parts(published(), ("inpainter", "normals"))
    assert [record["part"] for record in records] == ["inpainter", "normals"]
    assert settings.extract.scorer == "clip"


def test_other_weights_are_another_run(clip_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(clip_folder, other)
    os.utime(other / "model.safetensors", (1e9, 1e9))
    marks = {mark_of(published(f"pretrained.clip.id={folder}"), ["clip"]) for folder in (clip_folder, other)}
    assert len(marks) == 2
    unused = [without_parts(published(f"pretrained.clip.id={folder}")) for folder in (clip_folder, other)]
    assert len({mark_of(settings, ["clip"]) for settings in unused}) == 1, "weights that nothing reads do not matter"


def test_what_hides_an_object_depends_on_the_idea_of_its_shape() -> None:
    def mark(painter: str, voxel_m: float) -> str:
        more = [f"prepare.inpaint.painter={painter}", f"fit.evidence.voxel_m={voxel_m}"]
        return preparing_mark(load(CONFS / "fast.conf", Settings, more))

    assert mark("none", 0.01) == mark("none", 0.02)
    assert mark("classical", 0.01) != mark("classical", 0.02)
