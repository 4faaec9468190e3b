"""Draw by hand, in the browser, what something hides of an object in its views.

    python -m preprocess.edit_masks DIR/work/objects/scene0005_00_scannet_obj_3

Opens a page that begins with what is computed from the object's finished mesh (``DIR/meshes``, or ``--mesh``), and
saves masks where the in-painting reads them, in the object folder.  Only this machine can reach it; Ctrl-C ends it.
Then the mesh is made anew from them by the command that made it, with an in-painter (or diffusion, with its weights):

    python reconstruct.py SCAN --out DIR --set prepare.inpaint.painter=classical
"""

from __future__ import annotations

import argparse
import os
import sys
import webbrowser
from pathlib import Path

from scene.runlog import log, run_cli


def main() -> None:
    arguments = parse_arguments()
    from preprocess.mask_editor.desk import open_desk
    from preprocess.mask_editor.run_folder import check_object_folder, mesh_of
    from preprocess.mask_editor.server import MaskServer

    check_object_folder(arguments.object_folder)
    folder: Path = arguments.object_folder.resolve()
    mesh = arguments.mesh or mesh_of(folder)
    if mesh is None:
        log.warning(
            "%s: has no mesh yet, so no mask is proposed; run reconstruct.py first, or name one by --mesh", folder
        )
    with MaskServer(lambda: open_desk(folder, mesh), arguments.port) as server:
        print(server.url, flush=True)
        log.info("draw in the browser, at this address; Ctrl-C here ends it")
        if has_desktop() and not arguments.no_open:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:  # the way it is meant to end
            log.info("%s", farewell(folder, sorted(server.desk.touched)))


def has_desktop() -> bool:
    """Whether a browser would get a window of its own; without one, a browser of text would take this terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def farewell(folder: Path, touched: list[int]) -> str:
    """What was done, and which command goes on from there."""
    from preprocess.mask_editor.run_folder import next_command

    if not touched:
        return f"{folder}: no mask was changed"
    views = f"view{'s' if len(touched) > 1 else ''} {', '.join(map(str, touched))}"
    return (
        f"{folder}: masks of {views} were changed; go on with the same command as before and an in-painter, classical "
        f"or (with its weights) diffusion:\n{next_command(folder)}"
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("object_folder", type=Path, help="<scene>_scannet_obj_<id>, as reconstruct.py leaves it")
    parser.add_argument("--mesh", type=Path, help="the object's finished mesh (metres, the scan's frame)")
    parser.add_argument("--port", type=int, default=0, help="of the page; any that is free by default")
    parser.add_argument("--no-open", action="store_true", help="only print the address")
    return parser.parse_args()


if __name__ == "__main__":
    run_cli(main)
