"""Unpacking what others packed: what is whole comes out as it went in, and nothing comes out of what is hostile."""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from scene.archives import UnpackLimits, open_archive
from scene.errors import UserError


def packed(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def unpack(path: Path, folder: Path, limits: UnpackLimits | None = None) -> None:
    with open_archive(path, limits or UnpackLimits()) as archive:
        for name in archive.sizes:
            archive.write(name, folder / name)


def test_what_went_in_comes_out(tmp_path: Path) -> None:
    content = {
        "a/0_class_inpaint mask.png": bytes(range(256)) * 9000,
        "a/b/c.txt": b"",
        "./d": b"1",
        "Größe/ü.txt": b"2",
    }
    packed(tmp_path / "some.zip", {"a/": b"", "empty/": b"", **content})
    with open_archive(tmp_path / "some.zip") as archive:
        assert archive.sizes == {PurePosixPath(name): len(value) for name, value in content.items()}
    unpack(tmp_path / "some.zip", tmp_path / "out")
    came = {p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert came == {Path(name) for name in content}
    assert all((tmp_path / "out" / name).read_bytes() == value for name, value in content.items())


HOSTILE = [
    *("../evil", "a/../../evil", "a/..", "/etc/evil", "//evil", "C:/evil", "c:evil"),
    *("..\\evil", "a\\evil", "a/\n/evil", "a\0b", "."),
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_leads_elsewhere_refuses_the_whole_archive(tmp_path: Path, name: str) -> None:
    """The names are written into the bytes: the library would clean some of them on the way."""
    honest = "x" * len(name.encode())
    path = packed(tmp_path / "evil.zip", {"good": b"good", honest: b"evil"})
    path.write_bytes(path.read_bytes().replace(honest.encode(), name.encode()))
    with pytest.raises(UserError, match=r"named .* may lead anywhere; nothing of it was unpacked"):
        unpack(path, tmp_path / "deep" / "out")
    assert [p.name for p in tmp_path.rglob("*")] == ["evil.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match="'link', which is a link or no common file"):
        unpack(tmp_path / "evil.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a/b", "a/b"], "'a/b' twice"),
        (["a/b", "a/./b"], "'a/b' twice"),
        (["a//b", "a/b"], "'a/b' twice"),
        (["a", "a/b"], "'a' as a file and as a folder"),
        (["a/b/c", "a/b"], "'a/b' as a file and as a folder"),
        (["a/", "a"], "'a' as a file and as a folder"),
    ],
)
def test_two_for_one_place_are_refused(tmp_path: Path, names: list[str], says: str) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    with pytest.raises(UserError, match=says):
        unpack(tmp_path / "evil.zip", tmp_path / "out")


def test_bombs_are_refused_before_they_are_opened(tmp_path: Path) -> None:
    zeros = packed(tmp_path / "zeros.zip", {"zeros": bytes(1 << 22)})
    with pytest.raises(UserError, match=r"would unpack to 0.0 GB out of"):
        unpack(zeros, tmp_path / "out", UnpackLimits(harmless_bytes=1 << 20))
    many = packed(tmp_path / "many.zip", {str(i): b"" for i in range(101)})
    with pytest.raises(UserError, match="holds 101 files, more than 100"):
        unpack(many, tmp_path / "out", UnpackLimits(most_files=100))
    large = packed(tmp_path / "large.zip", {"a": bytes(600), "b": bytes(600)}, zipfile.ZIP_STORED)
    with pytest.raises(UserError, match="would unpack to"):
        unpack(large, tmp_path / "out", UnpackLimits(most_bytes=1000))
    assert not (tmp_path / "out").exists()
    unpack(zeros, tmp_path / "out")  # little enough to do no harm, whatever its ratio
    unpack(many, tmp_path / "out", UnpackLimits(most_files=101))
    unpack(large, tmp_path / "out", UnpackLimits(most_bytes=1200))


@pytest.mark.parametrize("told", [10, 1 << 20, (1 << 24) + 10])
def test_no_more_comes_out_than_was_told(tmp_path: Path, told: int) -> None:
    """16 MiB of zeros whose directory tells another size: never more than that is written, and it is no whole file."""
    path = packed(tmp_path / "liar.zip", {"zeros": bytes(1 << 24)})
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, entry + 24, told)
    path.write_bytes(content)
    with pytest.raises(UserError, match="is no whole zip archive"):
        unpack(path, tmp_path / "out")
    assert (tmp_path / "out" / "zeros").stat().st_size <= told


def cut(content: bytearray) -> bytearray:
    return content[:-30]


def cut_in_the_middle(content: bytearray) -> bytearray:
    """As what is left when the middle of a file never came."""
    return content[:40] + content[400:]


def flip(content: bytearray) -> bytearray:
    content[60] ^= 0xFF
    return content


def spoil_directory(content: bytearray) -> bytearray:
    content[content.rindex(b"PK\x01\x02")] = 0
    return content


@pytest.mark.parametrize("spoil", [cut, cut_in_the_middle, flip, spoil_directory, lambda content: bytearray()])
def test_damage_is_one_sentence(tmp_path: Path, spoil: Callable[[bytearray], bytearray]) -> None:
    path = packed(tmp_path / "some.zip", {"a": bytes(range(256)) * 4, "b": b"b"}, zipfile.ZIP_STORED)
    path.write_bytes(spoil(bytearray(path.read_bytes())))
    with pytest.raises(UserError, match=r"some.zip: is no whole zip archive \([^\n]+\); delete .*some.zip and fetch"):
        unpack(path, tmp_path / "out")


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    packed(tmp_path / "other.zip", {"a": b"a" * 100}, zipfile.ZIP_LZMA)
    with pytest.raises(UserError, match="'a', which is encrypted or packed by a method not read here"):
        unpack(tmp_path / "other.zip", tmp_path / "out")
    path = packed(tmp_path / "secret.zip", {"a": b"a" * 100})
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="'a', which is encrypted"):
        unpack(path, tmp_path / "out")


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    (tmp_path / "precious").write_text("precious")
    with open_archive(packed(tmp_path / "some.zip", {"a": b"new"})) as archive, pytest.raises(FileExistsError):
        archive.write(PurePosixPath("a"), tmp_path / "link")
    assert (tmp_path / "precious").read_text() == "precious"
