"""The report's page in a browser: it shows what it says, to eyes, hands and screen readers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from evaluation.report import build_report
from evaluation.settings import ReportSettings
from tests.browser.conftest import OpenPage
from tests.browser.report_pages import HOSTILE, one_side
from tests.evaluation.ball_run import scan_of_ball, write_run

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

MODES = ("color", "plain", "seen", "confidence", "error")
SETTLED = (
    """() => document.querySelector('#viewer[aria-busy="false"]') && !farside.viewers.some((one) => one.waiting)"""
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return one_side(tmp_path_factory.mktemp("report"))


def settle(page: Page) -> None:
    page.wait_for_function(SETTLED)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def picture(page: Page, canvas: str = "#canvas") -> np.ndarray:
    """What stands on the screen where the canvas is, (h, w, 3)."""
    settle(page)
    return cv2.imdecode(np.frombuffer(page.locator(canvas).screenshot(), np.uint8), cv2.IMREAD_COLOR).astype(int)


def differ(one: np.ndarray, other: np.ndarray) -> float:
    """The share of pixels that are clearly not the same."""
    return float((np.abs(one - other).max(-1) > 24).mean())


def said(page: Page) -> str:
    settle(page)
    return page.locator("#status").inner_text()


def legend(page: Page) -> str:
    return " ".join(page.locator(".legend").inner_text().split())


def choose(page: Page, mode: str) -> None:
    page.click(f"[data-mode={mode}]")
    settle(page)


def go(page: Page, place: str) -> None:
    """To ``#all`` or ``#object-<id>``."""
    page.click(f'.card[href="{place}"]')
    settle(page)


def open_at(
    open_page: OpenPage, report: Path, place: str = "#all", viewport: tuple[int, int] = (720, 860), dark: bool = False
) -> Page:
    page = open_page(report, viewport, dark)
    if place != "#all":
        go(page, place)
    settle(page)
    return page


def test_the_mesh_shows_and_turns_by_mouse_and_by_keyboard(open_page, report):
    page = open_at(open_page, report, "#object-3")
    at_first = picture(page)
    box = page.locator("#canvas").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    red = (at_first[..., 2] > 1.4 * at_first[..., 0]) & (at_first[..., 2] > 90)
    assert red.mean() > 0.02  # half of the ball is red, whatever theme
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 120, middle[1] + 10, steps=4)
    page.mouse.up()
    page.mouse.move(0, 0)
    turned = picture(page)
    assert differ(at_first, turned) > 0.02
    page.focus("#canvas")
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowRight", "+"):
        before = picture(page)
        page.keyboard.press(key)
        assert differ(before, picture(page)) > 0.005, key
    page.mouse.move(*middle)
    before = picture(page)
    page.mouse.wheel(0, 200)
    assert differ(before, picture(page)) > 0.005
    for again in (lambda: page.keyboard.press("0"), lambda: page.click("#reset")):
        page.focus("#canvas")
        page.keyboard.press("ArrowLeft")
        again()
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement.blur()")  # its ring is in the picture
        assert differ(at_first, picture(page)) < 0.002


def test_every_colouring_changes_pixels_and_words(open_page, report):
    page = open_at(open_page, report, "#object-3")
    seen: list[tuple[str, np.ndarray, str, str]] = []
    for mode in MODES:
        choose(page, mode)
        assert page.get_attribute(f"[data-mode={mode}]", "aria-checked") == "true"
        assert page.locator('[role=radio][aria-checked="true"]').count() == 1
        page.mouse.move(0, 0)
        now = mode, picture(page), said(page), legend(page)
        for before in seen:
            assert differ(before[1], now[1]) > 0.02, (before[0], mode)
            assert before[2] != now[2]
            if {before[0], mode} != {"color", "plain"}:
                assert before[3] != now[3]
        seen.append(now)
    told = dict((mode, text) for mode, _, _, text in seen)
    assert "completed" in told["seen"]
    assert "within 2 cm" in told["confidence"]
    assert "20 %" in told["confidence"]
    assert "Distance to the true surface, in cm" in told["error"]
    page.focus("[data-mode=error]")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("[data-mode=color]", "aria-checked") == "true"
    assert page.evaluate("document.activeElement.dataset.mode") == "color"


def test_every_layer_changes_pixels_and_words(open_page, report):
    page = open_at(open_page, report, "#object-3")
    choose(page, "plain")
    for layer, words in (("truth", "True surface"), ("points", "Scan points"), ("grid", "Grid"), ("mesh", "Mesh")):
        button = f"[data-layer={layer}]"
        page.mouse.move(0, 0)
        before, on = picture(page), page.get_attribute(button, "aria-pressed") == "true"
        text = legend(page)
        assert f"{words} {'shown' if on else 'hidden'}" in said(page)
        page.click(button)
        page.mouse.move(0, 0)
        assert differ(before, picture(page)) > 0.003, layer
        assert page.get_attribute(button, "aria-pressed") == str(not on).lower()
        assert f"{words} {'hidden' if on else 'shown'}" in said(page)
        assert legend(page) != text
        page.click(button)
        page.mouse.move(0, 0)
        assert differ(before, picture(page)) < 0.002, layer


def test_what_has_no_data_has_no_button(open_page, report):
    page = open_at(open_page, report, "#object-7")
    assert page.locator(".notice").inner_text() == "There is no mesh to show."
    assert page.locator("[data-mode=confidence]").is_hidden()
    assert page.locator("[data-layer=points]").is_hidden()
    assert page.locator("[data-layer=truth]").is_visible()
    empty = picture(page)
    page.click("[data-layer=truth]")
    page.mouse.move(0, 0)
    assert differ(empty, picture(page)) > 0.02  # what it should have looked like
    assert "failed" in page.locator("#panel-object-7").inner_text()


def test_the_address_chooses_and_the_way_back_works(open_page, report):
    page = open_at(open_page, report, "#object-3")
    assert page.evaluate("location.hash") == "#object-3"
    assert page.get_attribute('.card[href="#object-3"]', "aria-current") == "true"
    assert page.locator("#panel-object-3").is_visible()
    assert page.locator("#panel-all").is_hidden()
    page.go_back()
    page.locator("#panel-all").wait_for()
    assert "Whole room" in said(page)


def test_a_resting_pointer_reads_the_mesh_and_a_double_click_opens_it(open_page, report):
    page = open_at(open_page, report)
    places = page.evaluate(
        """() => farside.viewers[0].groups.mesh.children.map((node) => {
          const at = node.geometry.boundingSphere.center.clone().project(farside.viewers[0].camera);
          const box = document.getElementById("canvas").getBoundingClientRect();
          return [node.userData.name, box.left + (at.x + 1) / 2 * box.width, box.top + (1 - at.y) / 2 * box.height];
        })"""
    )
    x, y = next((x, y) for name, x, y in places if name == 3)
    page.mouse.move(x, y)
    page.wait_for_function("() => document.querySelector('.here').textContent")
    here = page.locator(".here").inner_text()
    assert here.startswith("chair")
    assert "confidence" in here
    assert "cm off" in here
    page.mouse.dblclick(x, y)
    page.locator("#panel-object-3").wait_for()


def test_words_of_others_stay_words(open_page, report):
    page = open_at(open_page, report, "#object-5")
    assert page.evaluate("document.images.length && [...document.images].every((one) => one.src.startsWith('data:'))")
    assert HOSTILE in page.locator("#panel-object-5 h2").inner_text(), "the name as it was given"
    assert HOSTILE in said(page)
    assert "49" not in page.locator("h1").inner_text()


def test_a_mesh_is_decoded_once_and_drawn_only_when_something_changes(open_page, report):
    page = open_at(open_page, report, "#object-3")
    page.evaluate("farside.kept = farside.decoded.get('glb-3')")
    page.click('.card[href="#all"]')
    page.click('.card[href="#object-3"]')
    settle(page)
    assert page.evaluate("farside.decoded.get('glb-3') === farside.kept")
    frame = page.evaluate("farside.viewers[0].renderer.info.render.frame")
    page.wait_for_timeout(300)
    assert page.evaluate("farside.viewers[0].renderer.info.render.frame") == frame
    geometries = page.evaluate("farside.viewers[0].renderer.info.memory.geometries")
    for _ in range(3):
        page.click('.card[href="#all"]')
        settle(page)
        page.click('.card[href="#object-3"]')
        settle(page)
    assert page.evaluate("farside.viewers[0].renderer.info.memory.geometries") <= geometries + 1


def test_the_page_of_a_run_folder(open_page, tmp_path):
    report = build_report(write_run(tmp_path), scan_of_ball(), ReportSettings(views=1, faces=800))
    page = open_at(open_page, report, "#object-3")
    shown = picture(page)
    page.click("[data-layer=mesh]")
    page.mouse.move(0, 0)
    assert differ(shown, picture(page)) > 0.02
    page.click("[data-mode=seen]")
    assert "completed" in said(page)
    assert page.locator("#panel-object-3 img").count() == 2
