"""Files that are whole or absent: atomic writes, and fingerprints of what a stage was made from."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from scene.errors import UserError
from scene.runlog import peak_memory_mb

_FINGERPRINT_NAME = "fingerprint.json"
_MARKS = {_FINGERPRINT_NAME, "instances.json", "views.json", "semantic.txt"}  # one of them lies in every stage's folder
# A temporary's name: its target's, whose it is (machine and process), and what makes it unique.
_TEMPORARY = re.compile(r"\..+\.([0-9a-f]{8})-(\d+)\.[a-z0-9_]{8}(?:\.[^.]*)?")
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG)


@contextmanager
def told_plainly(path: Path) -> Iterator[None]:
    """Turn the operating system's errors on writing ``path`` into a sentence with the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(f"{path}: the disk is full; free some space and run the same command again") from error
        at_target = error.filename is None or str(error.filename).startswith(str(path.parent))
        if at_target and error.errno in _UNWRITABLE:
            raise UserError(f"{path}: cannot be written ({error.strerror}); choose another output folder") from error
        raise


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path of the same suffix in the same folder; it becomes ``path`` when the block ends well."""
    with told_plainly(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.{_owner()}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            with open(temporary, "rb") as stream:
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling folder; it takes the place of ``path`` when the block ends well.

    Only a folder that the project made (or an empty one) is replaced; raises UserError on any other.
    """
    if path.is_symlink() or (path.exists() and not _may_be_replaced(path)):
        raise UserError(f"{path}: is there already and was not made by this program; choose another folder")
    with told_plainly(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.{_owner()}.", dir=path.parent))
        try:
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o777 & ~umask)
            if path.exists():
                shutil.rmtree(path)
            os.replace(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@cache  # once a folder: another process's death in the meantime can wait for the next run
def _sweep(folder: Path) -> None:
    """Remove the temporaries that killed processes of this machine left in a folder that is written to.

    Those of another machine on a shared disk stay: whether they are still written cannot be told from here.
    """
    for entry in folder.iterdir():
        match = _TEMPORARY.fullmatch(entry.name)
        if match is None or match[1] != _machine() or _is_running(int(match[2])):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _owner() -> str:
    """Whose a temporary is, as its name says it."""
    return f"{_machine()}-{os.getpid()}"


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)  # signal 0 only asks
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


def folders_in(folder: Path) -> list[Path]:
    """The folders in ``folder`` by name, less the hidden ones: those are temporaries."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _may_be_replaced(path: Path) -> bool:
    """Whether a folder is empty or carries a mark of a stage, and is no scan."""
    names = {entry.name for entry in path.iterdir()} if path.is_dir() else {""}
    return not names or (bool(names & _MARKS) and "color" not in names)


def write_text(path: Path, text: str) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` indented, with a final newline; NaN becomes an error rather than invalid JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.  Raises UserError naming the file when it is absent, not text or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from error


def fingerprint(settings: Any, inputs: Iterable[Path] = ()) -> str:
    """A hex digest of settings (anything JSON can hold) and of the inputs' names, sizes and contents.

    Folders stand for all files below them.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for path in inputs:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            digest.update(f"{file.relative_to(path) if path.is_dir() else file.name}:{file.stat().st_size}:".encode())
            with open(file, "rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def is_current(folder: Path, mark: str) -> bool:
    """Whether ``folder`` was completed by a stage whose fingerprint was ``mark``."""
    try:
        return json.loads((folder / _FINGERPRINT_NAME).read_text()).get("fingerprint") == mark
    except (OSError, ValueError, AttributeError):
        return False


def stage_folder(folder: Path, mark: str, make: Callable[[Path], object]) -> bool:
    """Have ``make(temporary_folder)`` fill ``folder`` unless it is current.  Returns whether it was made now."""
    if is_current(folder, mark):
        return False
    with atomic_folder(folder) as temporary:
        start = time.perf_counter()
        make(temporary)
        seconds = round(time.perf_counter() - start, 3)
        cost = {"seconds": seconds, "peak_memory_mb": round(peak_memory_mb(), 1)}
        write_json(temporary / _FINGERPRINT_NAME, {"fingerprint": mark, **cost})
    return True


def stage_cost(folder: Path) -> dict[str, float] | None:
    """Seconds and peak memory (MB) that ``stage_folder`` took to make ``folder``; None where they are not known."""
    try:
        record = read_json(folder / _FINGERPRINT_NAME)
        return {key: float(record[key]) for key in ("seconds", "peak_memory_mb")}
    except (UserError, KeyError, TypeError, ValueError):
        return None
