"""A picture of a run's report page as a browser shows it, such as README's.

    python -m scripts.page_picture DIR --out docs/pictures/page.png [--object ID] [--dark]

DIR is what reconstruct.py wrote; it is the top of the page that is taken, once its meshes are drawn.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from scene.errors import UserError
from scene.files import atomic_file
from scene.runlog import run_cli
from scripts.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

_DRAWN_S = 60.0  # that a page may take to draw its meshes: without a GPU, and of a large room, that is long
_LOOKS = 40  # at the view until two are the same


def main() -> None:
    arguments = parse_arguments()
    take_picture(arguments.run, arguments.out, arguments.object, arguments.dark, (arguments.width, arguments.height))
    print(arguments.out)


def take_picture(run: Path, out: Path, instance_id: int | None, dark: bool, window_px: tuple[int, int]) -> None:
    """Write ``out`` (PNG): the room, or one object, on the page of a run.

    Raises UserError where there is no such page or object, where the page shows no mesh, or without a browser.
    """
    report = run / "report" / "index.html"
    if not report.is_file():
        raise UserError(f"{report}: there is no such page; give a folder that reconstruct.py wrote")
    choice = "#all" if instance_id is None else f"#object-{instance_id}"
    with chromium() as browser:
        width, height = window_px
        page = browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            device_scale_factor=1.5,
        )
        page.goto(f"{report.resolve().as_uri()}{choice}")
        if not page.locator(f'a[href="{choice}"]').count():
            raise UserError(f"{report}: has no object {instance_id}; give one of those on it")
        wait_until_drawn(page, report)
        with atomic_file(out) as temporary:
            page.screenshot(path=temporary, type="png")


def wait_until_drawn(page: Page, report: Path) -> None:
    """Return when the page has said what it shows, and its view stands still.  Raises UserError where it never does."""
    from playwright.sync_api import TimeoutError as TookTooLong

    try:
        said = page.locator("#status").filter(has_text=re.compile(r"\S"))
        said.wait_for(state="attached", timeout=1000 * _DRAWN_S)
        view = page.locator("#viewer canvas").first
        before = view.screenshot()
    except TookTooLong as error:
        raise UserError(f"{report}: draws no mesh; make it anew by running reconstruct.py again") from error
    for _ in range(_LOOKS):
        page.wait_for_timeout(100)
        after = view.screenshot()
        if after == before:
            break
        before = after
    told = [words for notice in page.locator("#viewer .notice").all() if (words := notice.inner_text().strip())]
    if told:
        raise UserError(f"{report}: shows no mesh: {told[0]}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="what reconstruct.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="the picture, a PNG")
    parser.add_argument("--object", type=int, help="the instance id of the object to show; the room by default")
    parser.add_argument("--dark", action="store_true", help="as in a browser set to dark")
    parser.add_argument("--width", type=int, default=1280, help="of the window (CSS pixels)")
    parser.add_argument("--height", type=int, default=860, help="of the window (CSS pixels)")
    return parser.parse_args()


if __name__ == "__main__":
    run_cli(main)
