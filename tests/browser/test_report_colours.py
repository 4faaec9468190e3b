"""What stands on the screen at known places is what is known of these places: neither inverted nor displaced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.report_pages import UP, one_side
from tests.browser.test_report_page import choose, legend, open_at, picture

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

CENTER = np.array([-0.5, 0.3, 0.0])  # of the chair, a ball of 30 cm
SCALES = (("confidence", "sure", 5), ("error", "off", 6))  # colourings, and what the style calls their bands
TOWARDS = np.array([np.sin(0.3), 0.0, np.cos(0.3)])  # from where it is looked at


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return one_side(tmp_path_factory.mktemp("report"))


def pixel_of(page: Page, place_m: np.ndarray) -> tuple[int, int]:
    """Row and column of the canvas's picture where this place of the scene is drawn."""
    x, y = page.evaluate(
        """(place) => {
          const {camera, canvas} = farside.viewers[0];
          const at = new THREE.Vector3(...place).project(camera);
          return [(at.x + 1) / 2 * canvas.clientWidth, (1 - at.y) / 2 * canvas.clientHeight];
        }""",
        place_m.tolist(),
    )
    return round(y), round(x)


def shown_at(page: Page, place_m: np.ndarray, shown: np.ndarray | None = None) -> np.ndarray:
    """The colour drawn there, (3,) RGB, in a picture of the canvas or in a new one."""
    row, column = pixel_of(page, place_m)
    shown = picture(page) if shown is None else shown
    return np.median(shown[row - 2 : row + 3, column - 2 : column + 3, ::-1].reshape(-1, 3), axis=0)


def nearest_of(page: Page, color: np.ndarray, names: list[str]) -> str:
    """Which of the style's colours has this one's hue most nearly."""
    styled = [page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('{name}')") for name in names]
    wanted = np.array([[int(text.strip()[k : k + 2], 16) for k in (1, 3, 5)] for text in styled], float)
    off = np.abs(wanted / wanted.max(1, keepdims=True) - color / color.max()).max(1)
    assert off.min() < 0.08, (color, names)
    return names[int(off.argmin())]


def on_the_ball(height_m: float) -> np.ndarray:
    """The place that faces the camera, so much over the ball's middle."""
    return CENTER + height_m * UP + np.sqrt(0.3**2 - height_m**2) * TOWARDS


def test_every_place_has_the_colour_of_its_value(open_page, report):
    """Of the ball of ``report_pages``, where seen, confidence and error go by height alone."""
    page = open_at(open_page, report, "#object-3")
    page.click("[data-layer=grid]")
    bands = {mode: [f"--{name}-{k}" for k in range(count)] for mode, name, count in SCALES}
    wanted = {
        "seen": lambda share: "--seen" if share > 0.5 else "--completed",
        "confidence": lambda share: bands["confidence"][int(5 * share)],
        "error": lambda share: bands["error"][min(5, int(8 * (1 - share)))],  # centimetres
    }
    for mode, band in wanted.items():
        choose(page, mode)
        shown = picture(page)
        for share in (0.3, 0.45, 0.7, 0.9):
            color = shown_at(page, on_the_ball(0.6 * (share - 0.5)), shown)
            assert nearest_of(page, color, bands.get(mode, ["--seen", "--completed"])) == band(share), (mode, share)
    choose(page, "color")
    red, green = (
        shown_at(page, CENTER + 0.2 * np.array(side) + 0.2 * TOWARDS) for side in ([1.0, 0.0, 0.0], [-1.0, 0.0, 0.0])
    )
    assert red.argmax() == 0
    assert green.argmax() == 1


def test_what_the_mesh_misses_is_drawn_where_it_is(open_page, report):
    """A plate before the ball, 3.5 cm from it on its left and 12 cm on its right, has the bands of these distances."""
    page = open_at(open_page, report, "#object-3")
    left, right = (np.array([-0.5 + side * 0.04, 0.5, 0.45]) for side in (-1, 1))
    choose(page, "confidence")
    assert "misses" not in legend(page)
    before = shown_at(page, left)
    choose(page, "error")
    assert "misses by over 2 cm" in legend(page)
    bands = [f"--off-{k}" for k in range(6)]
    assert np.abs(shown_at(page, left) - before).max() > 40
    assert nearest_of(page, shown_at(page, left), bands) == "--off-3"
    assert nearest_of(page, shown_at(page, right), bands) == "--off-5"
    row, column = pixel_of(page, right)
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + column, box["y"] + row)
    page.wait_for_function("() => document.querySelector('.here').textContent")
    assert page.locator(".here").inner_text() == "chair · true surface, 12.0 cm from the mesh"
    page.click("[data-layer=mesh]")
    assert "misses" not in legend(page)


def test_the_true_surface_leaves_the_colours_of_a_scale_as_they_are(open_page, report):
    """The true box is all round the ball: its veil shows beside the ball, and on it only over colours of no scale."""
    page = open_at(open_page, report, "#object-3")
    place, beside = on_the_ball(0.1), CENTER + 0.27 * UP - 0.29 * np.cross(UP, TOWARDS)
    for mode, covered in (("error", False), ("plain", True)):
        choose(page, mode)
        shown = picture(page)
        without = shown_at(page, place, shown), shown_at(page, beside, shown)
        page.click("[data-layer=truth]")
        shown = picture(page)
        within = shown_at(page, place, shown), shown_at(page, beside, shown)
        page.click("[data-layer=truth]")
        assert (np.abs(within[0] - without[0]).max() > 8) == covered, mode
        assert np.abs(within[1] - without[1]).max() > 8, mode


def test_a_closed_mesh_shows_nothing_of_its_inside(open_page, report):
    """Its inner sides lie so near its outer ones along outlines that they might peep out."""
    page = open_at(open_page, report, "#object-3", dark=True)
    choose(page, "error")
    inside = "(on) => { farside.viewers[0].palette.inside.visible = on; farside.viewers[0].redraw(); }"
    page.mouse.move(0, 0)
    shown = picture(page)
    page.evaluate(inside, False)
    without = picture(page)
    assert (np.abs(shown - without).max(-1) > 16).sum() < 12


def test_scan_points_lie_where_they_were_measured(open_page, report):
    """The chair's are yellow, round the ball's middle but 2 cm higher."""
    page = open_at(open_page, report, "#object-3")
    choose(page, "plain")
    page.click("[data-layer=mesh]")
    page.click("[data-layer=points]")
    page.mouse.move(0, 0)
    shown = picture(page)[..., ::-1]
    yellow = np.argwhere((np.abs(shown - [250, 210, 40]) < 40).all(-1))
    assert len(yellow) > 200
    row, column = pixel_of(page, CENTER + 0.02 * UP)
    top = pixel_of(page, CENTER + 0.32 * UP)[0]
    radius_px = abs(row - top)
    middle = (yellow.min(0) + yellow.max(0)) / 2
    np.testing.assert_allclose(middle, [row, column], atol=0.08 * radius_px)


def test_the_wipe_shows_the_picture_that_its_tag_names(open_page, report):
    """Before in-painting the ground is dark, after it is light; it begins with what the fit read."""
    page = open_at(open_page, report, "#object-3")
    pair, slider = page.locator("#panel-object-3 .layers-of"), page.locator("#panel-object-3 .wipe input")
    slider.scroll_into_view_if_needed()

    def state() -> tuple[list[str], int]:
        shot = picture(page, "#panel-object-3 .layers-of")
        h, w = shot.shape[:2]
        ground = np.median(shot[int(0.9 * h) :, int(0.2 * w) : int(0.8 * w)])
        tags = [tag.inner_text() for tag in pair.locator(".tag").all() if tag.is_visible()]
        return tags, round(float(ground) / 10) * 10

    assert slider.get_attribute("aria-valuetext") == "0 % before, 100 % after"
    assert state() == (["after"], 200)
    slider.focus()
    page.keyboard.press("End")
    assert state() == (["before"], 60)
    assert slider.get_attribute("aria-valuetext") == "100 % before, 0 % after"
    slider.fill("30")
    foot = picture(page, "#panel-object-3 .layers-of").max(-1)[-20:-10]
    left, right = foot[:, : int(0.28 * foot.shape[1])], foot[:, int(0.32 * foot.shape[1]) : -10]
    assert (np.median(left), np.median(right)) == pytest.approx((60, 200), abs=6)  # as the tags stand
