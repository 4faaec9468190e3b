"""The page of a small run: whole in one file, every object told of, words that cannot break it; and small enough."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh

from evaluation.measures import MEASURES
from evaluation.page.html import stage_bars, write_page
from evaluation.page.meshes import data_url
from evaluation.page.records import PageSide
from evaluation.page.three_js import three_js
from evaluation.records import ObjectScore
from evaluation.report import build_report
from evaluation.settings import ReportSettings
from scene.mesh import save_mesh
from tests.evaluation.ball_run import BALL, NASTY, UP, scan_of_ball, side_of, the_object, write_run


class Page(HTMLParser):
    """Collects what a browser would load, the scripts and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.scripts: dict[str, str] = {}
        self.ids: list[str] = []
        self.text = ""
        self._script: str | None = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.addresses += [named[key] for key in ("src", "href", "srcset", "poster", "data") if named.get(key)]
        self.ids += [named["id"]] if "id" in named else []
        if tag == "script":
            self._script = named.get("id", f"script-{len(self.scripts)}")
            self.scripts[self._script] = ""

    def handle_endtag(self, tag):
        if tag == "script":
            self._script = None

    def handle_data(self, data):
        if self._script is None:
            self.text += data
        else:
            self.scripts[self._script] += data


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a good object, one that failed, and scores and times."""
    scores = {measure.key: 0.5 for measure in MEASURES}
    good, failed = ObjectScore(3, NASTY, "m", "t", scores), ObjectScore(4, "lamp", None, "t", {}, ["there is no mesh"])
    stages = [{"stage": "fit", "seconds": s, "peak_memory_mb": 10 * s} for s in (2.0, 4.0)]
    stages.append({"stage": "mesh", "seconds": 3.0, "peak_memory_mb": 70.0, "earlier_run": True})
    record = {
        "seed": 5,
        "settings": {"fit": {"note": NASTY}},
        "provenance": {"python": "3.11", "packages": {"torch": "2"}},
        "stages": stages,
        "objects": [
            {"instance_id": 3, "label": "ball", "marks": ["seen from one side"]},
            {"instance_id": 4, "label": "lamp", "error": "no view shows it"},
        ],
    }
    return write_run(tmp_path_factory.mktemp("run"), [good, failed], record)


@pytest.fixture(scope="module")
def page(run_folder: Path) -> Page:
    path = build_report(run_folder, scan_of_ball(), ReportSettings(faces=800))
    assert path == run_folder / "report" / "index.html"
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_needs_nothing_but_itself(page: Page) -> None:
    assert page.addresses
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert any("THREE.GLTFLoader=GLTFLoader" in source for source in page.scripts.values())
    assert re.findall(r"url\(|@import", page.text) == []


def test_every_object_is_on_the_page_with_scores_and_reasons(page: Page) -> None:
    assert {"all", "object-3", "object-4"} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    words = " ".join(page.text.split())
    for told in (NASTY, "no view shows it", "seen from one side", "there is no mesh", "50.0", "frame 10", '"note"'):
        assert told in words


def test_the_pictures_are_pictures(page: Page) -> None:
    images = [address for address in page.addresses if address.startswith("data:image")]
    assert len(images) >= 2 + 2 * 4  # thumbnails of ball and room, four views beside their renders
    for address in images:
        data = np.frombuffer(base64.b64decode(address.partition("base64,")[2]), np.uint8)
        assert cv2.imdecode(data, cv2.IMREAD_UNCHANGED) is not None


def test_a_run_without_scores_or_record_still_has_a_page(tmp_path: Path) -> None:
    save_mesh(tmp_path / "meshes" / "room_obj_3.ply", BALL, None, {})
    (tmp_path / "meshes" / "room_obj_4.ply").write_text("rubbish")
    page = Page(build_report(tmp_path, scan_of_ball(), ReportSettings(views=1)).read_text())
    assert "cannot be read as a mesh" in page.text
    assert {"object-3", "object-4"} <= set(page.ids)


def test_twelve_heavy_objects_stay_below_15_mb(tmp_path: Path) -> None:
    """Each with a rough, many-coloured mesh, a true one, points, and pictures full of noise."""
    random = np.random.default_rng(0)
    rough = trimesh.creation.icosphere(6, 0.3)
    rough.visual.vertex_colors = random.integers(0, 256, (len(rough.vertices), 4)).astype(np.uint8)
    rough.vertex_attributes["confidence"] = random.random(len(rough.vertices)).astype(np.float32)
    rough.export(tmp_path / "obj_2.ply")
    rough.vertices += random.normal(0.0, 0.001, rough.vertices.shape)
    save_mesh(tmp_path / "meshes" / "room_obj_3.ply", rough, UP, {})
    score = ObjectScore(3, "ball", "m", str(tmp_path / "obj_2.ply"), {"f_0.02": 1.0})
    (tmp_path / "scores.json").write_text(json.dumps({"scenes": [{"scene": "room", "objects": [vars(score)]}]}))
    of_one = ReportSettings().faces_in_all // 12
    side = side_of(tmp_path, scan_of_ball(wall=True), views=4, faces=of_one, room_points=40_000)
    one = the_object(side)
    assert one.glb
    assert one.truth
    assert one.points
    pictures = sum(len(view.photo) + len(view.render) for view in one.views)
    noise = len(_noisy_picture())
    weight = len(one.glb) + len(one.truth) + len(one.points) + len(one.thumbnail) + max(pictures, 8 * noise) + 9 * noise
    write_page(tmp_path / "empty.html", "room", [PageSide("", side.room, [], side.run)])
    assert 12 * weight + (tmp_path / "empty.html").stat().st_size < 15e6


def _noisy_picture() -> str:
    """A picture of a view that weighs about what a photograph does."""
    settings = ReportSettings()
    width, height = settings.view_width, round(settings.view_width * 0.75)
    ramp = np.add.outer(np.linspace(0, 200, height), np.linspace(0, 50, width))[..., None]
    noise = np.random.default_rng(0).normal(0.0, 10.0, (height, width, 3))
    return data_url((ramp + noise).clip(0, 255).astype(np.uint8))


def test_runs_of_one_stage_are_added_up():
    bars = stage_bars(
        [{"stage": s, "seconds": t, "peak_memory_mb": m} for s, t, m in (("a", 1, 5), ("b", 8, 9), ("a", 3, 4))]
    )
    assert not any(bar.earlier for bar in bars)
    assert [(bar.stage, bar.runs, bar.seconds, bar.peak_memory_mb) for bar in bars] == [
        ("a", 2, 4, 5),
        ("b", 1, 8, 9),
    ]


def test_three_js_is_whole():
    source = three_js()
    assert source.lstrip().startswith("/**")
    assert "Three.js Authors" in source[:300]
    assert "</script" not in source
    assert "init()" not in source[-50:]
