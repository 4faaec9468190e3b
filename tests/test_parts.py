"""Which pretrained parts a run uses, and what stands in: decided once, told in one line, part of every fingerprint."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from parts import choose_parts, extraction_mark, memory_of, preparing_mark, weights_of_fit, without_parts
from scene.config import load
from scene.errors import UserError
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


@pytest.mark.parametrize("mark", [extraction_mark, weights_of_fit])
def test_other_weights_are_another_run(clip_folder: Path, tmp_path: Path, mark: Callable[[Settings], str]) -> None:
    other = tmp_path / "other"
    shutil.copytree(clip_folder, other)
    os.utime(other / "model.safetensors", (1e9, 1e9))
    assert len({mark(published(f"pretrained.clip.id={folder}")) for folder in (clip_folder, other)}) == 2
    unused = [without_parts(published(f"pretrained.clip.id={folder}")) for folder in (clip_folder, other)]
    assert len({mark(settings) for settings in unused}) == 1, "weights that nothing reads do not matter"


def test_views_are_not_looked_at_anew_for_the_fits_network(clip_folder: Path) -> None:
    fast = load(CONFS / "fast.conf", Settings)
    of_fit = load(CONFS / "fast.conf", Settings, ["fit.phases.refinement.losses.clip=0.1"])
    assert extraction_mark(of_fit) == extraction_mark(fast)
    assert weights_of_fit(of_fit) != weights_of_fit(fast)


def test_a_process_is_given_room_for_its_networks(inpainter_folder: Path) -> None:
    fast = load(CONFS / "fast.conf", Settings)
    more = ["prepare.inpaint.painter=diffusion", f"pretrained.inpainter.id={inpainter_folder}"]
    painting = load(CONFS / "fast.conf", Settings, more)
    assert memory_of(fast) == 2 << 30
    weights = sum(path.stat().st_size for path in inpainter_folder.rglob("*.safetensors"))
    assert memory_of(painting) - (4 << 30) == pytest.approx(weights, rel=0.1)


def test_weights_that_somebody_named_are_not_replaced_in_silence() -> None:
    with pytest.raises(UserError, match=r"download_weights.py clip --set pretrained.clip.id=somebody/other-clip"):
        choose_parts(published("pretrained.clip.id=somebody/other-clip"), ("clip",))
    with pytest.raises(UserError, match="/no/such/folder") as refused:
        choose_parts(published("pretrained.clip.id=/no/such/folder"), ("clip",))
    assert "download_weights" not in str(refused.value)


def test_what_is_switched_off_says_what_is_done_instead() -> None:
    def says(*overrides: str) -> dict[str, str]:
        return {one["part"]: one["says"] for one in choose_parts(load(CONFS / "fast.conf", Settings, overrides))[1]}

    assert says()["inpainter"].startswith("hidden pixels stay unknown")
    assert "classical" in says("prepare.inpaint.painter=classical")["inpainter"]
    assert says("prepare.normals=folder")["normals"].startswith("those in the object folders")


def test_what_hides_an_object_depends_on_the_idea_of_its_shape() -> None:
    def mark(painter: str, voxel_m: float) -> str:
        more = [f"prepare.inpaint.painter={painter}", f"fit.evidence.voxel_m={voxel_m}"]
        return preparing_mark(load(CONFS / "fast.conf", Settings, more))

    assert mark("none", 0.01) == mark("none", 0.02)
    assert mark("classical", 0.01) != mark("classical", 0.02)
