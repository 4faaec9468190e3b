"""three.js with its GLTF loader, taken from the installed trimesh: nothing vendored, nothing fetched."""

from __future__ import annotations

import zipfile
from pathlib import Path

import trimesh

from scene.errors import UserError

_ARCHIVE = Path(trimesh.__file__).parent / "resources" / "templates" / "viewer.zip"
_PAGE = "viewer.html.template"
# In trimesh's one-page viewer the library comes first, then trimesh's own few lines, which begin so.
_BEGIN, _END = "<script>", "var camera,controls,scene"


def three_js() -> str:
    """The source that defines ``THREE`` and ``THREE.GLTFLoader`` (MIT, its licence comment at the head).

    Raises UserError when the installed trimesh does not carry it where the pinned one does.
    """
    try:
        with zipfile.ZipFile(_ARCHIVE) as archive:
            page = archive.read(_PAGE).decode("utf-8")
        begin = page.index(_BEGIN) + len(_BEGIN)
        return page[begin : page.index(_END, begin)]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{_ARCHIVE}: holds no three.js ({error}); install trimesh as requirements.txt pins it"
        ) from error
