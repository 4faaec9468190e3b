"""The report's page for everyone: both themes, a phone, a keyboard, a screen reader, paper."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.report_pages import one_side, two_sides
from tests.browser.test_report_page import differ, go, open_at, picture, settle

pytestmark = pytest.mark.browser
PLACES = ("#all", "#object-3", "#object-5", "#object-7")

# Texts too like the colour behind them, by WCAG's contrast; those over pictures are passed over.
LOW_CONTRAST = """() => {
  const channels = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const style = getComputedStyle(node);
      if (style.backgroundImage !== "none") return null;
      const color = channels(style.backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest("script, style, .visually-hidden, .tag, .skip, svg")) continue;
    const back = behind(node);
    if (!back) continue;
    const [a, b] = [light(channels(getComputedStyle(node).color)), light(back)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) found.push(`${contrast.toFixed(2)} ${node.className} ${node.textContent.trim().slice(0, 40)}`);
  }
  return found;
}"""

# What a screen reader would call each thing that can be worked; "" where it would be at a loss.
NAMELESS = """() => [...document.querySelectorAll(
    "button, a[href], input, canvas, [tabindex], [role=img], summary, svg:not([aria-hidden])")]
  .filter((node) => !node.closest("[hidden]"))
  .filter((node) => {
    const name = node.getAttribute("aria-label") || node.textContent;
    return !name.trim();
  })
  .map((node) => node.outerHTML.slice(0, 120))"""

# What sticks out of a phone and cannot be scrolled by itself.
TOO_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter((node) => node.checkVisibility() && !node.closest(".strip, .scroll, .skip, .visually-hidden, pre, svg"))
  .filter((node) => node.getBoundingClientRect().right > 361)
  .map((node) => node.outerHTML.slice(0, 90))"""

# The height that texts on charts have, from the top of their letters to the foot of the lowest.
SMALLEST_CHART_TEXT_PX = """() => Math.min(...[...document.querySelectorAll("#panel-object-3 .chart text")]
  .map((text) => text.getBoundingClientRect().height))"""
WIDE_PARTS = ("tbody", ".meaning")  # of a table of scores

# What has the focus, and whether that can be seen.
FOCUSED = """() => {
  const at = document.activeElement;
  const name = at.id || at.dataset.mode || at.dataset.layer || at.getAttribute("href") || at.getAttribute("aria-label");
  const seen = getComputedStyle(at).outlineStyle !== "none" && at.getBoundingClientRect().top >= 0;
  return [name || at.textContent.trim(), seen];
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return one_side(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_sides(tmp_path_factory.mktemp("comparison"))


@pytest.mark.parametrize("dark", [False, True])
def test_texts_stand_out_in_both_themes(open_page, report, comparison, dark):
    for page_file in (report, comparison):
        page = open_at(open_page, page_file, dark=dark)
        page.add_style_tag(content="* { transition: none !important }")
        for place in PLACES:
            go(page, place)
            for button in ("[data-mode=error]", "[data-layer=truth]"):
                if page.locator(button).is_visible():
                    page.click(button)
            assert page.evaluate(LOW_CONTRAST) == [], (page_file.name, place)


def test_the_button_changes_the_theme(open_page, report):
    page = open_at(open_page, report, dark=True)
    ground = "getComputedStyle(document.body).backgroundColor"
    dark, before = page.evaluate(ground), picture(page)
    assert page.get_attribute("#theme", "aria-label") == "Light colours"
    page.click("#theme")
    assert page.evaluate(ground) != dark
    assert page.get_attribute("#theme", "aria-label") == "Dark colours"
    assert differ(before, picture(page)) > 0.3


def test_everything_that_can_be_worked_has_a_name(open_page, report, comparison):
    for page_file in (report, comparison):
        page = open_at(open_page, page_file)
        assert page.evaluate(NAMELESS) == []
        assert page.evaluate("[...document.images].every((one) => one.hasAttribute('alt'))")
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
        assert len(ids) == len(set(ids))


def test_a_phone_needs_no_scrolling_sideways(open_page, report, tmp_path):
    for page_file in (report, two_sides(tmp_path, "a_long_name_of_a_run_" * 10)):
        page = open_at(open_page, page_file, viewport=(360, 740))
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        for place in PLACES:
            go(page, place)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            assert page.evaluate(TOO_WIDE) == [], (page_file.name, place)
        go(page, "#object-3")
        assert page.evaluate(SMALLEST_CHART_TEXT_PX) > 9
        table, meaning = (page.locator(f"#panel-object-3 .scores {part}").first.bounding_box() for part in WIDE_PARTS)
        assert meaning["width"] > 0.6 * table["width"]


def test_the_tab_key_goes_from_top_to_bottom(open_page, report):
    page = open_at(open_page, report)
    order = []
    for _ in range(16):
        page.keyboard.press("Tab")
        order.append(page.evaluate(FOCUSED))
    names = [name for name, _ in order]
    assert names == [
        *("#viewer", "#panels", "theme", "#all", "#object-3", "#object-5", "#object-7"),
        *("color", "mesh", "truth", "points", "grid", "reset", "canvas", "Mouse and keys", "Scores of all objects"),
    ]
    assert all(visible for _, visible in order), order


def test_skip_links_lead_there(open_page, report):
    page = open_at(open_page, report)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "panels"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Scores of all objects"


def test_paper_has_every_object_and_the_view(open_page, report):
    page = open_at(open_page, report, "#object-3", dark=True)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.add_style_tag(content="* { transition: none !important }")
    assert page.evaluate(LOW_CONTRAST) == []
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"  # paper is white
    page.emulate_media(media="print")
    assert page.locator("img.print").is_visible()
    assert page.locator("canvas").is_hidden()
    for panel in ("all", "object-3", "object-5", "object-7"):
        assert page.locator(f"#panel-{panel}").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_without_webgl_all_else_is_there(browser, report):
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.goto(report.as_uri())
    page.click('.card[href="#object-3"]')
    assert "WebGL is off" in page.locator(".notice").inner_text()
    assert page.locator("#panel-object-3").is_visible()
    page.click("[data-mode=error]")
    page.click("#reset")
    context.close()


def test_without_scripts_every_panel_is_read(browser, report):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    for place in ("all", "object-3", "object-5", "object-7"):
        assert page.locator(f"#{place}").is_visible()
    assert page.locator("#viewer").is_hidden()
    context.close()


def test_turning_one_of_two_turns_the_other(open_page, comparison):
    page = open_at(open_page, comparison, "#object-3")
    first, second = picture(page), picture(page, "#canvas-b")
    box = page.locator("#canvas-b").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 90, middle[1] + 40, steps=4)
    page.mouse.up()
    page.mouse.move(0, 0)
    assert differ(first, picture(page)) > 0.02
    assert differ(second, picture(page, "#canvas-b")) > 0.02
    page.focus("#canvas")
    before = picture(page, "#canvas-b")
    page.keyboard.press("ArrowUp")
    assert differ(before, picture(page, "#canvas-b")) > 0.01
    poses = page.evaluate("farside.viewers.map((one) => one.camera.matrixWorld.elements)")
    assert poses[0] == poses[1]
    choice = page.locator("#canvas-b").screenshot()
    page.click("[data-mode=seen]")
    settle(page)
    assert choice != page.locator("#canvas-b").screenshot()


def test_two_runs_say_what_became_better_and_worse(open_page, comparison):
    page = open_at(open_page, comparison, "#object-3")
    rows = page.locator("#panel-object-3 .scores tr").all_inner_texts()
    of = {key: " ".join(next(row for row in rows if row.startswith(key)).split()) for key in ("chamfer", "F@2cm")}
    assert "−3.10" in of["chamfer"]
    assert "better" in of["chamfer"]
    assert "worse" in of["F@2cm"]
    page.click('.card[href="#all"]')
    room = page.locator("#panel-all").inner_text()
    assert "fit.steps" in room
    assert "absent" in room
    page.click('.card[href="#object-7"]')
    assert "This run does not know the object." in page.locator("#panel-object-7").inner_text()
