"""What CLIP does with views: crops, order of scores, names; with planted features and with a tiny random CLIP."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.pretrained.clip import load_clip
from models.pretrained.register import read_register
from models.pretrained.settings import Weights
from preprocess.clip_views import TOP, VOCABULARY, clip_namer, clip_scorer, image_features, read_vocabulary, square_crop
from preprocess.object_mask_with_clip import PUBLISHED, extract, main, settings_of
from preprocess.settings import ExtractSettings
from preprocess.views import ViewCrop, sharpness_times_area
from scene.errors import UserError
from scene.object_source import open_object_source
from scene.records import Instance, Scan
from scene.scannet import open_scan
from scene.view_notes import ViewNotes, read_notes, write_notes
from tests.planted_features import PlantedEncoder
from tests.scene.tiny_scan import write_tiny_scan

RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
SETTINGS = ExtractSettings(min_views=4, min_area_share=0.01)


def crop_of(color: tuple[float, float, float], label: str = "chair", side: int = 20) -> ViewCrop:
    image = np.empty((60, 80, 3), np.uint8)
    image[:] = np.array(color) * 255
    return ViewCrop(image, np.s_[10 : 10 + side, 30:50], np.ones((side, 20), bool), label)


@pytest.mark.parametrize(
    ("box", "top", "left", "side"),
    [(np.s_[10:20, 30:60], 0, 30, 30), (np.s_[0:8, 0:20], -6, 0, 20), (np.s_[5:55, 70:80], 5, 50, 50)],
)
def test_the_crop_is_the_square_about_the_box(box: tuple[slice, slice], top: int, left: int, side: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    mask = np.ones(image[box].shape[:2], bool)
    square = square_crop(ViewCrop(image, box, mask, "chair"))
    padded = np.pad(image, ((side, side), (side, side), (0, 0)))
    wanted = padded[top + side : top + 2 * side, left + side : left + 2 * side]
    within = np.pad(np.ones((60, 80), bool), side)[top + side : top + 2 * side, left + side : left + 2 * side]
    np.testing.assert_array_equal(square[within], wanted[within])
    assert (square[~within] == (123, 117, 104)).all()


def test_scores_are_the_cosines_with_each_ones_own_name() -> None:
    clip = PlantedEncoder({"chair": RED, "plant": GREEN})
    score = clip_scorer(clip)
    reddish, greenish = (0.9, 0.3, 0.3), (0.2, 0.8, 0.2)
    crops = [crop_of(reddish), crop_of(greenish), crop_of(reddish, "plant", side=33), crop_of(greenish, "plant")]
    scores = score(crops)
    expected = [0.9 / np.sqrt(0.99), 0.2 / np.sqrt(0.72), 0.3 / np.sqrt(0.99), 0.8 / np.sqrt(0.72)]
    np.testing.assert_allclose(scores, expected, atol=0.01)
    assert clip.encoded == [4], "one frame's crops go through the network together, whatever their size"
    score(crops)
    assert clip.read == [["chair"], ["plant"]], "a name is read once"


def test_views_of_what_has_no_name_are_scored_without_one() -> None:
    clip = PlantedEncoder({"chair": RED})
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    chair, thing = (ViewCrop(image, np.s_[5:35, 5:45], np.ones((30, 40), bool), label) for label in ("chair", "object"))
    together = clip_scorer(clip)([thing, chair])
    assert together == [sharpness_times_area([thing])[0], clip_scorer(clip)([chair])[0]]
    assert clip_scorer(clip)([thing]) == together[:1]
    assert clip.encoded == [1, 1]


def test_names_come_from_the_mean_over_prompts_and_views() -> None:
    clip = PlantedEncoder({"chair": RED, "potted plant": GREEN, "lamp": BLUE, "box": (1, 1, 0), "bin": (0, 1, 1)})
    names = ["chair", "potted plant", "lamp", "box", "bin", "bag", "bowl"]
    found = clip_namer(clip, names)([crop_of((0.0, 1.0, 0.0)), crop_of((0.4, 1.0, 0.0))])
    assert len(found) == TOP == 5
    assert list(found)[:2] == ["potted plant", "box"]
    assert list(found.values()) == sorted(found.values(), reverse=True)
    seen = np.array([0.0, 1.0, 0.0]) + np.array([0.4, 1.0, 0.0]) / np.sqrt(1.16)
    assert found["potted plant"] == pytest.approx(seen[1] / np.linalg.norm(seen), abs=0.01)


def test_the_vocabulary_names_things_once_and_not_the_room(tmp_path: Path) -> None:
    names = read_vocabulary(VOCABULARY)
    assert len(names) == len(set(names)) > 150
    assert {"chair", "desk", "lamp", "trash can", "potted plant"} <= set(names)
    assert not set(names) & {"object", *ExtractSettings().background_names}
    (tmp_path / "mine.txt").write_text("# ours\n\nrobot\n robot\n anvil \n")
    assert read_vocabulary(tmp_path / "mine.txt") == ["robot", "anvil"]
    (tmp_path / "none.txt").write_text("# nothing\n")
    for name, complaint in (("none.txt", "holds no name"), ("absent.txt", "cannot be read")):
        with pytest.raises(UserError, match=complaint):
            read_vocabulary(tmp_path / name)


@pytest.fixture(scope="module")
def unnamed_scan(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    """The tiny room, whose box (3) has no name."""
    folder = tmp_path_factory.mktemp("scannet") / "scene0001_00_scannet"
    write_tiny_scan(folder, frames=6)
    return dataclasses.replace(open_scan(folder), instances=[Instance(2, "cabinet", 3), Instance(3, "object")])


def test_only_what_has_no_name_gets_one(unnamed_scan: Scan, tmp_path: Path) -> None:
    clip = PlantedEncoder({"robot": RED, "anvil": BLUE})
    namer = clip_namer(clip, ["anvil", "robot", "cloud"])
    named, found = extract(unnamed_scan, tmp_path, SETTINGS, namer=namer)
    notes = open_object_source(named).notes
    assert (notes.label, dict(notes.names)) == ("cabinet", {})
    assert "names" not in json.loads((named / "views.json").read_text())
    notes = open_object_source(found).notes
    assert notes.label == next(iter(notes.names)) == (found / "semantic.txt").read_text().strip()
    assert set(notes.names) == {"robot", "anvil", "cloud"}


def test_what_looks_like_nothing_is_unknown_and_its_names_are_kept(unnamed_scan: Scan, tmp_path: Path) -> None:
    namer = clip_namer(PlantedEncoder({"robot": (1, 0, 0)}), ["robot"])
    settings = dataclasses.replace(SETTINGS, name_least_score=1.0, name_views=2)
    (found,) = extract(unnamed_scan, tmp_path, settings, [3], namer=namer)
    notes = open_object_source(found).notes
    assert notes.label == "unknown"
    assert 0 < notes.names["robot"] < 1


def test_names_are_found_in_the_best_views(unnamed_scan: Scan, tmp_path: Path) -> None:
    given: list[int] = []

    def namer(crops: list[ViewCrop]) -> dict[str, float]:
        given.extend(int(crop.mask.sum()) for crop in crops)
        return {"robot": 0.9}

    def prefers_large(crops: list[ViewCrop]) -> list[float]:
        return [float(crop.mask.sum()) for crop in crops]

    (found,) = extract(unnamed_scan, tmp_path, dataclasses.replace(SETTINGS, name_views=3), [3], prefers_large, namer)
    notes = open_object_source(found).notes
    assert given == sorted(notes.scores, reverse=True)[:3]
    assert notes.label == "robot"


def test_names_survive_on_disk_and_broken_ones_are_passed_over(tmp_path: Path) -> None:
    notes = ViewNotes("robot", [4], [0.5], None, [], {"robot": 0.31, "anvil": 0.2})
    write_notes(tmp_path, notes)
    read = read_notes(tmp_path, [0])
    assert list(read.names.items()) == [("robot", 0.31), ("anvil", 0.2)]
    (tmp_path / "views.json").write_text('{"frame_ids": [4], "up": null, "marks": [], "names": ["robot"]}')
    assert read_notes(tmp_path, [0]).names == {}


def test_a_real_network_scores_as_its_images_and_texts_say(clip_folder: Path) -> None:
    clip = load_clip(Weights(str(clip_folder)), "cpu")
    random = np.random.default_rng(1)
    crops = [
        ViewCrop(random.integers(0, 256, (60, 80, 3), dtype=np.uint8), box, np.ones((60, 80), bool)[box], label)
        for box, label in ((np.s_[10:30, 30:55], "chair"), (np.s_[0:40, 30:55], "desk"))
    ]
    with torch.no_grad():
        one_by_one = torch.cat([clip.images(torch.from_numpy(square_crop(c)).permute(2, 0, 1)[None]) for c in crops])
        torch.testing.assert_close(image_features(clip, crops), one_by_one, atol=1e-5, rtol=0)
        expected = (one_by_one * clip.texts(["chair", "desk"])).sum(-1)
    np.testing.assert_allclose(clip_scorer(clip)(crops), expected, atol=1e-5)
    assert len(clip_namer(clip)(crops)) == TOP


def test_the_command_uses_clip_where_its_weights_are(
    clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_tiny_scan(tmp_path / "scene0001_00_scannet", frames=4)
    command = ["x", "--scannet_root", str(tmp_path), "--objects", "3"]
    folder = tmp_path / "object_original_with_clip" / "scene0001_00_scannet_obj_3"
    scores = []
    for where, said in ((tmp_path / "nowhere", "without CLIP"), (clip_folder, f"scored by {clip_folder}")):
        monkeypatch.setattr("sys.argv", [*command, "--set", f"pretrained.clip.id={where}"])
        caplog.clear()
        with caplog.at_level("INFO"):
            assert main() == 0
        assert said in caplog.text
        scores.append(list(open_object_source(folder).notes.scores))
    assert all(-1 <= score <= 1 for score in scores[1])
    assert scores[0] != scores[1]


def test_the_command_takes_a_configuration_and_its_settings(
    clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_tiny_scan(tmp_path / "scene0001_00_scannet", frames=4)
    (tmp_path / "mine.conf").write_text(
        f'pretrained.clip.id = "{clip_folder}"\nextract {{ scorer = clip, sure_views = 4 }}\nfit.nonsense = 1'
    )
    command = ["x", "--scannet_root", str(tmp_path), "--objects", "3", "--conf", str(tmp_path / "mine.conf")]
    monkeypatch.setattr("sys.argv", [*command, "--set", "extract.sure_views=9"])
    with caplog.at_level("INFO"):
        assert main() == 0
    assert f"scored by {clip_folder}" in caplog.text
    assert "in 4 views (9 are wanted)" in caplog.text
    monkeypatch.setattr("sys.argv", [*command, "--set", "extract.scorer=sharpness"])
    monkeypatch.setattr("preprocess.object_mask_with_clip.presence", None)  # what is not asked for is not looked for
    assert main() == 0
    monkeypatch.setattr("sys.argv", [*command, "--set", "extract.scorers=clip"])
    with pytest.raises(UserError, match=r"unknown setting extract\.scorers"):
        main()
    monkeypatch.setattr("sys.argv", [*command, "--set", "mesh.voxel_m=1"])
    with pytest.raises(UserError, match=r"--set mesh\.voxel_m=1: only extract\.\* and pretrained\.clip\.\* are read"):
        main()


def test_without_a_configuration_clip_scores_and_names() -> None:
    own, clip = settings_of(None, [])
    assert own == ExtractSettings(scorer="clip", name_by_clip=True)
    assert clip == read_register()["clip"]
    published, _ = settings_of(PUBLISHED, [])
    assert published == dataclasses.replace(own, name_by_clip=False)
