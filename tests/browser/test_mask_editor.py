"""The mask editor in a browser: what is painted is what is saved, comes back, and is read by the in-painting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.mask_pages import Serve, begin, board, brush, count, drag, drawn, near, state
from tests.preprocess.boarded_run import COUNT, HEIGHT, WIDTH

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser


def test_painted_saved_reloaded_the_same(serve: Serve, open_page: OpenPage) -> None:
    desk = (server := serve(mesh=False)).desk
    page = begin(open_page(server.url))
    assert "None saved · no pixels hidden" in state(page, "View 0")
    assert page.locator("#hint").is_visible()
    brush(page, 9)
    path = [(20, 30), (60, 30), (90, 80)]
    drag(page, *path)
    assert "Not saved yet" in state(page, "View 0")
    assert drawn(desk) == {}
    page.locator("#save").click()
    state(page, "Saved")
    np.testing.assert_array_equal(drawn(desk)[0], near(path, 4.5))
    assert count(page) == drawn(desk)[0].sum()
    page.mouse.move(0, 0)
    before = board(page).screenshot()
    page.reload()
    assert "Saved" in state(page, "View 0")
    assert count(page) == drawn(desk)[0].sum()
    assert board(page).screenshot() == before


def test_erased_undone_and_done_again(serve: Serve, open_page: OpenPage) -> None:
    desk = (server := serve(mesh=False)).desk
    page = begin(open_page(server.url))
    brush(page, 21)
    drag(page, (40, 60), (120, 60))
    whole = count(page)
    page.keyboard.press("e")
    brush(page, 7)
    drag(page, (80, 40), (80, 80))
    erased = near([(40, 60), (120, 60)], 10.5) & ~near([(80, 40), (80, 80)], 3.5)
    assert count(page) == erased.sum() < whole
    page.locator("#undo").click()
    assert count(page) == whole
    page.keyboard.press("Control+z")
    assert count(page) == 0
    assert page.locator("#undo").is_disabled()
    page.locator("#redo").click()
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("s")
    state(page, "Saved")
    np.testing.assert_array_equal(drawn(desk)[0], erased)


def test_the_computed_mask_is_the_start_and_nothing_is_lost_between_views(serve: Serve, open_page: OpenPage) -> None:
    desk = (server := serve()).desk
    assert desk.proposal is not None
    page = begin(open_page(server.url))
    assert "Computed, none saved" in state(page, "View 0")
    assert count(page) == desk.proposal[0].sum() > 0
    drag(page, (5, 5), (20, 5))
    page.keyboard.press("n")
    state(page, "View 1")
    assert count(page) == desk.proposal[1].sum()
    page.locator("#save").click()  # as it was computed
    state(page, "Saved")
    page.locator("#next").click()
    state(page, "View 2")
    page.keyboard.press("c")
    page.locator("#save-all").click()  # views 0 and 2
    state(page, "Saved")
    page.locator("#next").click()
    assert "Saved" in state(page, "View 0")
    found = drawn(desk)
    assert sorted(found) == list(range(COUNT))
    assert found[0][5, 5:21].all()
    assert (found[0] & desk.proposal[0]).sum() == desk.proposal[0].sum()
    np.testing.assert_array_equal(found[1], desk.proposal[1])
    assert not found[2].any()
    page.keyboard.press("r")
    assert count(page) == desk.proposal[0].sum()


def test_an_empty_mask_and_none_are_told_apart(serve: Serve, open_page: OpenPage) -> None:
    desk = (server := serve()).desk
    page = begin(open_page(server.url + "#view-2"))
    state(page, "View 2")
    page.keyboard.press("c")
    page.keyboard.press("s")
    assert "no pixels hidden" in state(page, "Saved")
    assert list(drawn(desk)) == [2]
    page.locator("#remove").click()
    state(page, "Computed, none saved")
    assert drawn(desk) == {}
    page.reload()
    assert "Computed, none saved" in state(page, "View 2")


def test_pixels_stay_exact_at_any_zoom(serve: Serve, open_page: OpenPage) -> None:
    """With one pixel's brush, zoomed in, by the keyboard alone: exactly the pixels that were passed."""
    desk = (server := serve(mesh=False)).desk
    page = begin(open_page(server.url, viewport=(700, 600)))
    brush(page, 1)
    board(page).focus()
    for _ in range(6):
        page.keyboard.press("+")
    assert int(page.locator("#fit").inner_text().split()[0]) > 800
    page.keyboard.down(" ")  # in the middle
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    page.keyboard.up(" ")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("s")
    state(page, "Saved")
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[60, 80:83] = expected[61, 72:83] = True
    np.testing.assert_array_equal(drawn(desk)[0], expected)


def test_overlays_can_be_put_away(serve: Serve, open_page: OpenPage) -> None:
    page = begin(open_page(serve().url))
    shots = [board(page).screenshot()]
    for name in ("show-hidden", "show-seen"):
        button = page.locator(f"#{name}")
        button.click()
        assert button.get_attribute("aria-pressed") == "false"
        shots.append(board(page).screenshot())
    assert len(set(shots)) == 3
    page.keyboard.press("h")
    page.keyboard.press("o")
    assert page.locator("#show-seen").get_attribute("aria-pressed") == "true"
    assert board(page).screenshot() == shots[0]


def test_fingers_draw_and_zoom(serve: Serve, open_page: OpenPage) -> None:
    """One finger draws; a second takes back what the first drew, and both zoom."""
    page = begin(open_page(serve(mesh=False).url, viewport=(390, 844)))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    touch = page.context.new_cdp_session(page)
    box = board(page).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def fingers(kind: str, *points: tuple[float, float]) -> None:
        ends = [{"x": at[0], "y": at[1], "id": i} for i, at in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": ends})

    fingers("touchStart", (x, y))
    fingers("touchMove", (x + 40, y))
    fingers("touchEnd")
    one = count(page)
    assert one > 0
    zoom = page.locator("#fit").inner_text()
    fingers("touchStart", (x, y))
    fingers("touchMove", (x, y + 40))
    fingers("touchStart", (x, y + 40), (x + 50, y + 40))
    fingers("touchMove", (x - 30, y + 40), (x + 90, y + 40))
    fingers("touchEnd")
    assert count(page) == one
    assert page.locator("#fit").inner_text() != zoom


def test_what_goes_wrong_is_told_and_nothing_is_lost(serve: Serve, browser: Browser) -> None:
    """Without ``open_page``: the browser itself logs every request that fails."""
    server = serve()
    page = browser.new_page()
    page.goto(server.url)
    begin(page)
    page.keyboard.press("c")
    page.route("**/drawn.png", lambda route: route.abort())
    page.keyboard.press("s")
    page.locator("#notice").filter(has_text="The editor does not answer").wait_for()
    assert "Not saved yet" in state(page, "View 0")
    page.unroute("**/drawn.png")
    page.keyboard.press("s")
    state(page, "Saved")
    assert page.locator("#notice").is_hidden()
    assert list(drawn(server.desk)) == [0]
    page.context.close()
