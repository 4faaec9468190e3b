"""The mask editor beside others: a second window, a keyboard that means something else, and the machine's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.mask_pages import Serve, begin, board, brush, count, drag, drawn, near, state

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from preprocess.mask_editor.server import MaskServer
    from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser


def two_windows(server: MaskServer, browser: Browser) -> tuple[Page, Page]:
    """Without ``open_page``: the browser itself logs the server's refusals."""
    context = browser.new_context()
    pages = (context.new_page(), context.new_page())
    for page in pages:
        page.goto(server.url)
        begin(page)
    return pages


def test_a_second_window_is_asked_before_it_overwrites(serve: Serve, browser: Browser) -> None:
    server = serve(mesh=False)
    first, second = two_windows(server, browser)
    brush(first, 9)
    drag(first, (20, 30), (60, 30))
    first.locator("#save").click()
    state(first, "Saved")
    one = near([(20, 30), (60, 30)], 4.5)
    brush(second, 9)
    drag(second, (20, 80), (90, 80))
    second.locator("#save").click()
    second.locator("#stale").wait_for()
    np.testing.assert_array_equal(drawn(server.desk)[0], one)
    assert "Not saved yet" in state(second, "View 0")
    second.locator("#take-saved").click()
    state(second, "Saved")
    assert count(second) == one.sum()
    assert second.locator("#stale").is_hidden()
    second.locator("#undo").click()
    other = near([(20, 80), (90, 80)], 4.5)
    assert count(second) == other.sum()
    second.locator("#save").click()  # with what is saved seen and told
    state(second, "Saved")
    np.testing.assert_array_equal(drawn(server.desk)[0], other)
    first.locator("#remove").click()
    first.locator("#stale").wait_for()
    assert list(drawn(server.desk)) == [0]
    first.locator("#save-over").click()
    first.locator("#stale").wait_for(state="hidden")
    np.testing.assert_array_equal(drawn(server.desk)[0], one)
    first.context.close()


def test_saving_twice_at_once_is_no_conflict(serve: Serve, open_page: OpenPage) -> None:
    desk = (server := serve(mesh=False)).desk
    page = begin(open_page(server.url))
    page.evaluate("() => { for (const _ of [1, 2, 3]) document.getElementById('save').click(); }")
    state(page, "Saved")
    page.wait_for_load_state("networkidle")
    assert page.locator("#stale").is_hidden()
    assert list(drawn(desk)) == [0]


def test_letters_act_on_the_board_alone(serve: Serve, open_page: OpenPage) -> None:
    page = begin(open_page(serve().url))
    whole = count(page)
    for name in ("show-seen", "size", "next"):
        page.locator(f"#{name}").focus()
        for key in ("c", "n", "e", "-", "["):
            page.keyboard.press(key)
        assert page.locator("#paint").get_attribute("aria-pressed") == "true"
        assert count(page) == whole
        assert "View 0" in page.locator("#state").inner_text()
    board(page).focus()
    page.keyboard.press("Alt+c")
    assert count(page) == whole
    size = int(page.locator("#size").input_value())
    page.keyboard.press("Alt+]")
    assert int(page.locator("#size").input_value()) > size
    page.locator("#erase").click()  # with the mouse the board stays in focus
    page.keyboard.press("c")
    assert count(page) == 0
    page.locator("#size").focus()
    page.keyboard.press("Control+z")
    assert count(page) == whole


COUNT_BITMAPS = """
  window.bitmaps = 0;
  const make = createImageBitmap, close = ImageBitmap.prototype.close;
  window.createImageBitmap = (...given) => make(...given).then((made) => (window.bitmaps++, made));
  ImageBitmap.prototype.close = function () { window.bitmaps--; close.call(this); };
"""


def test_views_that_were_left_take_no_memory(serve: Serve, browser: Browser) -> None:
    server = serve()
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(server.url)))
    page.add_init_script(COUNT_BITMAPS)
    page.goto(server.url)
    begin(page)
    drag(page, (5, 5), (20, 5))
    page.keyboard.press("n")
    state(page, "View 1")
    computed = count(page)
    page.keyboard.press("c")
    page.keyboard.press("s")
    state(page, "Saved")
    page.keyboard.press("n")
    state(page, "View 2")
    assert page.evaluate("bitmaps") == 1
    asked.clear()
    page.keyboard.press("p")
    state(page, "View 1")
    assert count(page) == 0
    assert sorted(asked) == [f"view/1/{name}" for name in ("color.jpg", "drawn.png", "proposed.png", "seen.png")]
    page.locator("#undo").click()
    assert count(page) == computed
    asked.clear()
    page.keyboard.press("p")
    assert "Not saved yet" in state(page, "View 0")
    assert sorted(asked) == ["view/0/color.jpg", "view/0/seen.png"]
    page.context.close()


def test_it_tells_frames_and_the_next_command(serve: Serve, open_page: OpenPage) -> None:
    page = begin(open_page(serve().url))
    assert "View 0 · frame 10: " in state(page, "View 0")
    assert page.locator("#views button").nth(1).inner_text().split("\n")[-2:] == ["frame 14", "computed"]
    told = page.locator("#command").inner_text()
    assert told == "python reconstruct.py SCAN --out DIR --set prepare.inpaint.painter=classical"
