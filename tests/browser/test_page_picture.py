"""The picture of a page is taken when its mesh is drawn, and not before."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from scene.errors import UserError
from scripts.page_picture import take_picture
from tests.browser.report_pages import one_side

pytestmark = pytest.mark.browser
# Draws late, as a large room does, and says so only then.
SLOW = """<!doctype html><title>t</title><a href="#all">all</a>
<section id="viewer"><canvas width="300" height="200"></canvas><p class="notice">{notice}</p></section>
<p id="status"></p>
<script>setTimeout(() => {{
  const context = document.querySelector("canvas").getContext("2d");
  context.fillStyle = "rgb(250, 10, 20)";
  context.fillRect(0, 0, 300, 200);
  document.getElementById("status").textContent = "Whole room: drawn";
}}, 700)</script>"""


def slow_run(folder: Path, notice: str = "") -> Path:
    (folder / "report").mkdir()
    (folder / "report" / "index.html").write_text(SLOW.format(notice=notice))
    return folder


def picture(path: Path) -> np.ndarray:
    image = cv2.imread(str(path))
    assert image is not None
    return image


def test_it_waits_for_the_mesh(tmp_path: Path) -> None:
    take_picture(slow_run(tmp_path), tmp_path / "new" / "page.png", None, False, (400, 300))
    image = picture(tmp_path / "new" / "page.png")
    assert image.shape == (450, 600, 3)
    red = (image == (20, 10, 250)).all(axis=2)
    assert red.sum() == 450 * 300


def test_a_page_without_what_is_asked_for_is_named(tmp_path: Path) -> None:
    out = tmp_path / "page.png"
    with pytest.raises(UserError, match="there is no such page"):
        take_picture(tmp_path, out, None, False, (400, 300))
    run = slow_run(tmp_path, "There is no mesh to show.")
    with pytest.raises(UserError, match="has no object 9"):
        take_picture(run, out, 9, False, (400, 300))
    with pytest.raises(UserError, match=r"shows no mesh: There is no mesh to show\."):
        take_picture(run, out, None, False, (400, 300))
    assert not out.exists()


def test_a_real_page_light_and_dark(tmp_path: Path) -> None:
    """The balls of these pages are red above, in the middle of what is shown."""
    (tmp_path / "report").mkdir()
    one_side(tmp_path).rename(tmp_path / "report" / "index.html")
    light, dark = tmp_path / "light.png", tmp_path / "dark.png"
    take_picture(tmp_path, light, 3, False, (900, 700))
    take_picture(tmp_path, dark, 3, True, (900, 700))
    for path in (light, dark):
        blue, _, red = np.moveaxis(picture(path).astype(int), 2, 0)
        assert (red > blue + 60).sum() > 5000
    assert picture(light)[5, 5].min() > 200
    assert picture(dark)[5, 5].max() < 60
