"""The report's page where things go wrong or differently: a lost view, an old browser, foreign scripts, paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.browser.report_pages import one_side
from tests.browser.test_report_page import differ, go, open_at, picture, said

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return one_side(tmp_path_factory.mktemp("report"))


def test_a_view_that_the_driver_lost_says_so_and_comes_back(open_page, report):
    page = open_at(open_page, report, "#object-3")
    page.mouse.move(0, 0)
    before = picture(page)
    page.evaluate("farside.viewers[0].renderer.forceContextLoss()")
    page.locator(".notice", has_text="has lost this view").wait_for()
    page.evaluate("farside.viewers[0].renderer.forceContextRestore()")
    page.wait_for_function("() => !document.querySelector('.notice').textContent")
    assert differ(before, picture(page)) < 0.002


def test_an_old_browser_is_not_told_that_the_page_is_damaged(browser, report):
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(report.as_uri())
    page.click('.card[href="#object-3"]')
    assert "too old" in page.locator(".notice").inner_text()
    assert page.locator("#panel-object-3").is_visible()
    context.close()


def test_scripts_that_are_not_the_pages_own_do_not_run(browser, report):
    context = browser.new_context()
    page = context.new_page()
    page.goto(report.as_uri())
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.foreign = true";
          document.body.append(script);
          const image = document.createElement("img");
          image.setAttribute("onerror", "window.foreign = true");
          image.src = "data:,";
          document.body.append(image);
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.foreign") is None
    assert page.evaluate("Boolean(window.farside)")
    context.close()


def test_the_wheel_scrolls_the_page_until_the_view_is_chosen(open_page, report):
    page = open_at(open_page, report, "#object-3")
    box = page.locator("#canvas").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    distance = "farside.orbit.distance"
    first = page.evaluate(distance)
    page.mouse.move(*middle)
    page.mouse.wheel(0, 60)
    page.wait_for_function("() => scrollY > 0")
    assert page.evaluate(distance) == first
    page.keyboard.down("Control")
    page.mouse.wheel(0, 60)
    page.wait_for_function(f"() => {distance} > {first}")
    page.keyboard.up("Control")
    touch = "getComputedStyle(document.getElementById('canvas')).touchAction"
    assert page.evaluate(touch) == "pan-y"
    page.mouse.click(*middle)
    assert page.evaluate(touch) == "none"
    first, scrolled = page.evaluate(distance), page.evaluate("scrollY")
    page.mouse.wheel(0, 60)
    page.wait_for_function(f"() => {distance} > {first}")
    assert page.evaluate("scrollY") == scrolled


def test_enter_reads_the_middle_of_the_view(open_page, report):
    page = open_at(open_page, report, "#object-3")
    page.focus("#canvas")
    page.keyboard.press("ArrowLeft")
    assert "middle" not in said(page)  # turning is not announced
    page.keyboard.press("Enter")
    assert "In the middle: chair · " in said(page)
    assert "confidence" in page.locator(".here").inner_text()
    page.click("[data-layer=mesh]")
    page.focus("#canvas")
    page.keyboard.press("Enter")
    assert said(page) == "In the middle: nothing."


def test_paper_is_white_grid_and_all_and_the_screen_dark_again(open_page, report):
    """Though a print is announced twice before it is over, as some browsers do."""
    page = open_at(open_page, report, "#object-3", dark=True)
    grid = "farside.viewers[0].groups.grid.children[0].material.color.getHexString()"
    dark = page.evaluate(grid)
    page.evaluate("dispatchEvent(new Event('beforeprint')), dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(grid) != dark
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(grid) == dark
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_forced_colours_leave_bars_scales_and_what_is_chosen(open_page, report):
    page = open_at(open_page, report, "#object-3")
    page.emulate_media(forced_colors="active")
    page.click("[data-mode=confidence]")
    assert len(np.unique(picture(page, "[data-legend=confidence] .bands").reshape(-1, 3), axis=0)) >= 5
    outline = "getComputedStyle(document.querySelector('.card[href=\"{}\"]')).outlineStyle"
    assert page.evaluate(outline.format("#object-3")) == "solid"
    assert page.evaluate(outline.format("#all")) == "none"
    go(page, "#all")
    bar = picture(page, ".bar.memory span >> nth=0")
    assert np.abs(bar[bar.shape[0] // 2, bar.shape[1] // 2] - 255).max() > 60
