"""The mask editor's page in a browser: served, drawn on, and what it says.

Import it as ``from tests.browser.mask_pages import ...``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np

from preprocess.hidden import drawn_masks
from preprocess.mask_editor.desk import MaskDesk, open_desk
from preprocess.mask_editor.run_folder import mesh_of
from preprocess.mask_editor.server import MaskServer
from tests.preprocess.boarded_run import HEIGHT, WIDTH, write_run

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Serve = Callable[..., MaskServer]


@contextmanager
def serving(out: Path) -> Iterator[Serve]:
    """Serves the object behind a board, with its mesh or without."""
    running: list[tuple[MaskServer, Thread]] = []

    def served(mesh: bool = True) -> MaskServer:
        folder = write_run(out, mesh)
        server = MaskServer(lambda: open_desk(folder, mesh_of(folder)))
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        running.append((server, thread))
        return server

    yield served
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


def drawn(desk: MaskDesk) -> dict[int, np.ndarray]:
    """As the in-painting reads them."""
    return drawn_masks(desk.object_folder, desk.loaded.source_camera)


def begin(page: Page) -> Page:
    state(page, "hidden")
    return page


def state(page: Page, words: str) -> str:
    """What the page says of the view, once it says these words."""
    line = page.locator("#state").filter(has_text=re.compile(re.escape(words)))
    line.wait_for()
    return line.inner_text()


def count(page: Page) -> int:
    word = page.locator("#state").inner_text().split("· ")[-1].split()[0].replace(",", "")
    return 0 if word == "no" else int(word)


def board(page: Page) -> Locator:
    return page.locator("#board")


def drag(page: Page, *points: tuple[float, float]) -> None:
    """Press the mouse and draw through pixels of the view, which is shown as a whole."""
    box = board(page).bounding_box()
    assert box is not None
    zoom = min((box["width"] - 2) / WIDTH, (box["height"] - 2) / HEIGHT)
    left = box["x"] + (box["width"] - zoom * WIDTH) / 2
    top = box["y"] + (box["height"] - zoom * HEIGHT) / 2
    screen = [(left + zoom * (x + 0.5), top + zoom * (y + 0.5)) for x, y in points]
    page.mouse.move(*screen[0])
    page.mouse.down()
    for point in screen[1:]:
        page.mouse.move(*point)
    page.mouse.up()


def brush(page: Page, pixels: int) -> None:
    page.locator("#size").fill(str(pixels))


def near(points: list[tuple[int, int]], radius: float) -> np.ndarray:
    """The pixels whose centres are at most ``radius`` from the line through some."""
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    found = np.zeros((HEIGHT, WIDTH), bool)
    for a, b in pairwise(points):
        direction = np.subtract(b, a)
        along = ((u - a[0]) * direction[0] + (v - a[1]) * direction[1]) / max(1, direction @ direction)
        share = np.clip(along, 0, 1)
        away2 = (u - a[0] - share * direction[0]) ** 2 + (v - a[1] - share * direction[1]) ** 2
        found |= away2 <= radius**2
    return found
