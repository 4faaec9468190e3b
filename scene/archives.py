"""Zip archives made by others: looked over as a whole before anything of them is written.

An archive is refused, and nothing of it unpacked, where a member's name leads out of the folder it is unpacked into
(absolute, with a drive, a backslash or ``..``), where two members would take the same place, where a member is a link
or a device, and where so much would come out of so little that it can only be meant to fill the disk.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scene.errors import UserError

_BLOCK = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1  # bit of a member's flags (APPNOTE.TXT 4.4.4)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, ValueError, OverflowError)


@dataclass(frozen=True)
class UnpackLimits:
    """What an archive may hold at most."""

    most_files: int = 1_000_000
    most_bytes: int = 10**12  # unpacked, all together
    most_ratio: float = 100.0  # of what comes out to the archive's own size; scans, meshes and images stay below 20,
    harmless_bytes: int = 1 << 28  # and any ratio will do where no more than this comes out


class Archive:
    """An archive that was looked over.  ``sizes`` are the bytes of each file in it, unpacked; folders are left out."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, members: Mapping[PurePosixPath, zipfile.ZipInfo]) -> None:
        self.path = path
        self._archive, self._members = archive, members
        self.sizes = {name: info.file_size for name, info in members.items()}

    def write(self, name: PurePosixPath, target: Path) -> None:
        """Unpack one file to ``target``, which must not be there yet; its folder is made.

        Raises UserError where it is damaged, or more or less comes out than the archive told.  Then ``target`` is not
        whole: write into a folder that is thrown away in that case (``scene.files.atomic_folder``).
        """
        info = self._members[name]
        written = 0
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "xb") as out, _broken_is_told(self.path), self._archive.open(info) as member:
            while block := member.read(_BLOCK):  # checks the sum of the whole at its end
                written += len(block)
                if written > info.file_size:
                    break
                out.write(block)
            if written != info.file_size:
                raise zipfile.BadZipFile(f"of {name} there are not the {info.file_size} bytes that were told")


@contextmanager
def open_archive(path: Path, limits: UnpackLimits = UnpackLimits()) -> Iterator[Archive]:
    """Open a zip archive.  Raises UserError where it is damaged, hostile, or packed in a way that is not read here."""
    with _broken_is_told(path):
        file = zipfile.ZipFile(path)
        if any(info.header_offset < 0 for info in file.infolist()):
            file.close()
            raise zipfile.BadZipFile("something before its end is missing")
    with file:
        _check_amount(path, file.infolist(), limits)
        yield Archive(path, file, _members(path, file.infolist()))


def _check_amount(path: Path, infos: list[zipfile.ZipInfo], limits: UnpackLimits) -> None:
    """Raise UserError for a bomb, by what the archive itself tells; ``Archive.write`` holds every member to that."""
    if len(infos) > limits.most_files:
        raise _refusal(path, f"holds {len(infos)} files, more than {limits.most_files}")
    total = sum(info.file_size for info in infos)
    most = max(limits.harmless_bytes, limits.most_ratio * path.stat().st_size)
    if total > min(most, limits.most_bytes):
        raise _refusal(path, f"would unpack to {total / 1e9:.1f} GB out of {path.stat().st_size / 1e9:.3f} GB")


def _members(path: Path, infos: list[zipfile.ZipInfo]) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The files by their names, each of which is safe below any folder."""
    files: dict[PurePosixPath, zipfile.ZipInfo] = {}
    folders: set[PurePosixPath] = set()
    for info in infos:
        name = _safe_name(path, info.orig_filename)
        folders.update(name.parents)
        if info.is_dir():
            folders.add(name)
            continue
        kind = stat.S_IFMT(info.external_attr >> 16)  # 0: made where there are no such kinds
        if kind not in (0, stat.S_IFREG):
            raise _refusal(path, f"holds {str(name)!r}, which is a link or no common file")
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
            raise _refusal(path, f"holds {str(name)!r}, which is encrypted or packed by a method not read here")
        if name in files:
            raise _refusal(path, f"holds {str(name)!r} twice")
        files[name] = info
    if both := sorted(folders & files.keys()):
        raise _refusal(path, f"holds {str(both[0])!r} as a file and as a folder")
    return files


def _safe_name(path: Path, name: str) -> PurePosixPath:
    """A member's name as a path that stays below the folder it is joined to.  Raises UserError where it would not."""
    pure = PurePosixPath(name)
    strange = "\\" in name or name[1:2] == ":" or any(ord(letter) < 32 for letter in name)
    if not pure.parts or pure.is_absolute() or ".." in pure.parts or strange:
        raise _refusal(path, f"holds a file named {name!r}, which no archive of data needs and may lead anywhere")
    return pure


def _refusal(path: Path, why: str) -> UserError:
    return UserError(f"{path}: {why}; nothing of it was unpacked, take it from a source that you trust")


@contextmanager
def _broken_is_told(path: Path) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        told = str(error).rstrip(".") or type(error).__name__
        raise UserError(
            f"{path}: is no whole zip archive ({told}); delete {path.resolve()} and fetch it again"
        ) from error
