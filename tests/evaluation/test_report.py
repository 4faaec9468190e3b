"""The page of a small run: whole in one file, every object told of, meshes and words that cannot break it."""

import base64
import dataclasses
import gzip
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh

from evaluation.measures import MEASURES
from evaluation.page import stage_bars
from evaluation.page_meshes import simplified
from evaluation.page_views import pick_views, pictures_of
from evaluation.records import ObjectScore, SceneScores
from evaluation.report import build_report
from evaluation.run_folder import read_run
from evaluation.score_files import write_scores
from evaluation.settings import ReportSettings
from evaluation.three_js import three_js
from evaluation.views import View
from evaluation.visibility import mark_seen
from scene.camera import Intrinsics
from scene.errors import UserError
from scene.mesh import rotation_between, save_mesh
from scene.raycast import RayCaster
from scene.records import Frame, Instance, Scan

CAMERA = Intrinsics(160, 120, 150.0, 150.0, 79.5, 59.5)
BALL = trimesh.creation.icosphere(4, 0.3)
BALL.visual.vertex_colors = np.tile(np.array([200, 60, 60, 255], np.uint8), (len(BALL.vertices), 1))
NASTY = '</script><b>"x" & y'


def looking_at_origin(x: float, z: float) -> np.ndarray:
    """A camera at (x, 0, z) that looks at the origin, y down."""
    forward = -np.array([x, 0.0, z]) / np.hypot(x, z)
    down = np.array([0.0, 1.0, 0.0])
    world_from_camera = np.eye(4)
    world_from_camera[:3, :3] = np.stack([np.cross(down, forward), down, forward], axis=1)
    world_from_camera[:3, 3] = x, 0.0, z
    return world_from_camera


POSES = np.stack([looking_at_origin(2 * np.sin(a), -2 * np.cos(a)) for a in np.linspace(-0.9, 0.9, 7)])


def scan_of_ball() -> Scan:
    """Seven views of the ball (id 3); thing 4 is named but never seen."""
    caster = RayCaster(BALL)

    def load_frame(k: int) -> Frame:
        depth_m, triangle = caster.render(CAMERA, POSES[k])
        color = np.full((120, 160, 3), 90, np.uint8)
        return Frame(100 + k, CAMERA, POSES[k], color, depth_m.astype(np.float32), np.where(triangle >= 0, 3, 0))

    things = (Instance(3, NASTY), Instance(4, "lamp"))
    return Scan("room", [100 + k for k in range(7)], POSES, CAMERA, load_frame, things, np.array([0.0, -1.0, 0.0]))


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
def run_folder(tmp_path_factory) -> Path:
    """A run with a good object, one that failed, and scores and times."""
    folder = tmp_path_factory.mktemp("run")
    save_mesh(folder / "meshes" / "room_obj_3.ply", BALL, np.array([0.0, -1.0, 0.0]), {})
    scores = {measure.key: 0.5 for measure in MEASURES}
    good, failed = ObjectScore(3, NASTY, "m", "t", scores), ObjectScore(4, "lamp", None, "t", {}, ["there is no mesh"])
    write_scores(folder, [SceneScores("room", [good, failed])])
    stages = [{"stage": "fit", "seconds": s, "peak_memory_mb": 10 * s} for s in (2.0, 4.0)]
    stages.append({"stage": "mesh", "seconds": 3.0, "peak_memory_mb": 70.0, "earlier_run": True})
    run = {
        "seed": 5,
        "settings": {"fit": {"note": NASTY}},
        "provenance": {"python": "3.11", "packages": {"torch": "2"}},
        "stages": stages,
        "objects": [
            {"instance_id": 3, "label": "ball", "marks": ["seen from one side"]},
            {"instance_id": 4, "label": "lamp", "error": "no view shows it"},
        ],
    }
    (folder / "run.json").write_text(json.dumps(run))
    return folder


@pytest.fixture(scope="module")
def page(run_folder) -> Page:
    path = build_report(run_folder, scan_of_ball(), ReportSettings(faces=800))
    assert path == run_folder / "report" / "index.html"
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_needs_nothing_but_itself(page):
    assert page.addresses
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    inline = "".join(source for name, source in page.scripts.items() if name.startswith("script-"))
    assert "THREE.GLTFLoader=GLTFLoader" in inline
    assert "class Viewer" in inline
    styles = re.findall(r"url\(|@import", page.text)
    assert styles == []


def test_every_object_is_on_the_page_with_scores_and_reasons(page):
    assert {"all", "object-3", "object-4"} <= set(page.ids)
    assert {"#all", "#object-3", "#object-4"} <= set(page.addresses)
    assert len(page.ids) == len(set(page.ids))
    for measure in MEASURES:
        assert measure.meaning in page.text
    for words in (
        NASTY,
        "failed",
        "no view shows it",
        "seen from one side",
        "(earlier run)",
        "50.0",
        "frame 10",
        '"note"',
    ):
        assert words in page.text
    data = json.loads(page.scripts["page-data"])["objects"]
    assert [one["id"] for one in data] == [3, 4]
    assert [one["mesh"] for one in data] == [True, False]
    assert data[0]["name"] == NASTY
    np.testing.assert_allclose(data[0]["size_m"], 0.6, atol=0.01)


def test_the_mesh_on_the_page_is_the_simplified_one_turned_up(page):
    scene = trimesh.load(io.BytesIO(gzip.decompress(base64.b64decode(page.scripts["glb-3"]))), file_type="glb")
    mesh = scene.to_mesh()
    assert 400 < len(mesh.faces) <= 800
    np.testing.assert_allclose(mesh.extents, 0.6, atol=0.02)
    assert (mesh.visual.vertex_colors[:, :3] == [200, 60, 60]).all()
    geometry = next(iter(scene.geometry.values()))
    seen = geometry.vertex_attributes["_SEEN"].reshape(-1) > 0.5
    glb_from_scan = rotation_between(np.array([0.0, -1.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    towards_cameras = glb_from_scan[:3, :3] @ [0.0, 0.0, -1.0]
    assert geometry.vertices[seen].mean(0) @ towards_cameras > 0.05
    assert geometry.vertices[~seen].mean(0) @ towards_cameras < -0.05


def test_the_pictures_are_pictures(page):
    images = [address for address in page.addresses if address.startswith("data:image")]
    assert len(images) == 2 + 2 * 4  # thumbnails of ball and room, four views beside their renders
    for address in images:
        data = np.frombuffer(base64.b64decode(address.partition("base64,")[2]), np.uint8)
        assert cv2.imdecode(data, cv2.IMREAD_UNCHANGED) is not None


def test_a_run_without_scores_or_record_still_has_a_page(tmp_path):
    save_mesh(tmp_path / "meshes" / "room_obj_3.ply", BALL, None, {})
    (tmp_path / "meshes" / "room_obj_4.ply").write_text("rubbish")
    page = Page(build_report(tmp_path, scan_of_ball(), ReportSettings(views=1)).read_text())
    assert "There are no scores in this run." in page.text
    assert "cannot be read as a mesh" in page.text
    assert "glb-3" in page.scripts


def test_the_meshes_tell_the_up_vector_that_the_scan_does_not(tmp_path):
    tall = BALL.copy().apply_scale([1.0, 2.0, 1.0])
    save_mesh(tmp_path / "meshes" / "room_obj_3.ply", tall, np.array([1.0, 0.0, 0.0]), {})
    scan = dataclasses.replace(scan_of_ball(), up=None)
    page = Page(build_report(tmp_path, scan, ReportSettings(views=1)).read_text())
    mesh = trimesh.load(io.BytesIO(gzip.decompress(base64.b64decode(page.scripts["glb-3"]))), file_type="glb").to_mesh()
    assert mesh.extents[1] == pytest.approx(0.6, abs=0.01)  # what lay along x now stands


def test_what_is_no_run_is_told_in_a_sentence(tmp_path):
    with pytest.raises(UserError, match="holds no mesh and no score of room"):
        read_run(tmp_path, scan_of_ball())
    for broken in ('{"objects": [{}]}', '{"stages": [{"stage": "fit"}]}', "[]", '{"settings": 3}'):
        (tmp_path / "run.json").write_text(broken)
        with pytest.raises(UserError, match=r"run\.json: is not a run's record"):
            read_run(tmp_path, scan_of_ball())


def test_runs_of_one_stage_are_added_up():
    bars = stage_bars(
        [{"stage": s, "seconds": t, "peak_memory_mb": m} for s, t, m in (("a", 1, 5), ("b", 8, 9), ("a", 3, 4))]
    )
    assert not any(bar.earlier for bar in bars)
    assert [(bar.stage, bar.runs, bar.seconds, bar.peak_memory_mb, bar.share) for bar in bars] == [
        ("a", 2, 4, 5, 0.5),
        ("b", 1, 8, 9, 1.0),
    ]


def test_three_js_is_whole():
    source = three_js()
    assert source.lstrip().startswith("/**")
    assert "Three.js Authors" in source[:300]
    assert "</script" not in source
    assert "init()" not in source[-50:]


def test_simplifying_keeps_shape_and_colours():
    halves = BALL.copy()
    left = halves.vertices[:, 0] < 0
    halves.visual.vertex_colors[left] = [0, 0, 255, 255]
    light = simplified(halves, 600)
    assert len(light.faces) <= 600
    assert light.volume == pytest.approx(BALL.volume, rel=0.03)
    far = np.abs(light.vertices[:, 0]) > 0.05
    blue = light.visual.vertex_colors[:, 2] > 200
    np.testing.assert_array_equal(blue[far], light.vertices[far, 0] < 0)
    assert len(simplified(BALL, 10**6).faces) == len(BALL.faces)


def views_of_ball() -> list[View]:
    frames = [scan_of_ball().load_frame(k) for k in range(7)]
    return [View(f.camera, f.world_from_camera, f.depth_m, f.instance, f.color, k) for k, f in enumerate(frames)]


def test_seen_vertices_face_the_cameras():
    ball = BALL.copy()
    mark_seen(ball, views_of_ball())
    seen = ball.vertex_attributes["seen"] > 0
    assert seen[ball.vertices[:, 2] < -0.1].all()
    assert not seen[ball.vertices[:, 2] > 0.28].any()


def test_picked_views_are_far_apart_and_show_the_object():
    views = views_of_ball()
    views[2] = View(CAMERA, views[2].world_from_camera, views[2].depth_m, np.zeros((120, 160), int), index=2)
    picked = [view.index for view in pick_views(views, 3, np.zeros(3), 3)]
    assert len(picked) == 3
    assert {0, 6} <= set(picked)  # the ends of the arc
    assert 2 not in picked
    assert pick_views(views, 9, np.zeros(3), 3) == []


def test_a_view_and_the_render_of_a_right_mesh_show_it_in_the_same_place():
    view = views_of_ball()[3]
    photo, render = pictures_of(view, 3, BALL, 200)
    assert photo.shape == render.shape == (150, 200, 3)
    drawn = np.argwhere(render[..., 0].astype(int) - render[..., 2] > 40)  # the red ball before the grey photograph
    outline = np.argwhere(photo[..., 0].astype(int) - photo[..., 2] > 100)
    np.testing.assert_allclose(drawn.min(0), outline.min(0), atol=4)
    np.testing.assert_allclose(drawn.max(0), outline.max(0), atol=4)
    assert pictures_of(view, 3, None, 200)[1] is None


def test_the_command_names_what_is_missing(tmp_path):
    command = [sys.executable, "-m", "evaluation.report", str(tmp_path / "no"), "--scan", str(tmp_path)]
    run = subprocess.run(command, cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True)
    assert run.returncode == 2
    assert "there is no such folder" in run.stderr
    assert "Traceback" not in run.stderr
