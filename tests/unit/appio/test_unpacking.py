"""A zip of a stranger: nothing leaves the folder, nothing exceeds its limits (spec §1.6)."""

from __future__ import annotations

import hashlib
import resource
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poco.appio import ArchiveLimits, ArchiveTooLargeError, unpack_archive

ROOMY = ArchiveLimits(size=10**6, entries=100)


def zipped(path: Path, files: dict[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    created = tmp_path / "folder"
    created.mkdir()
    return created


def test_unpack__files_and_folders__are_all_there_with_their_digests(
    tmp_path: Path, folder: Path
) -> None:
    archive = zipped(tmp_path / "a.zip", {"a/b/c.txt": b"deep", "d.txt": b"", "e/": b""})
    assert unpack_archive(archive, folder, ROOMY) == {
        "a/b/c.txt": hashlib.sha256(b"deep").digest(),
        "d.txt": hashlib.sha256(b"").digest(),
    }
    assert (folder / "a/b/c.txt").read_bytes() == b"deep"
    assert (folder / "e").is_dir()


def test_unpack__program__stays_one_and_everybody_may_write(tmp_path: Path, folder: Path) -> None:
    unpack_archive(zipped(tmp_path / "a.zip", {"d/x": b""}, stat.S_IFREG | 0o755), folder, ROOMY)
    modes = [stat.S_IMODE((folder / name).stat().st_mode) for name in ("d", "d/x")]
    assert modes == [0o777, 0o777]


@pytest.mark.parametrize(
    "name",
    ["../evil", "/evil", "a/../../evil", "..", "a\\..\\evil", ".", "n" * 300, "d/" * 70 + "x"],
)
def test_unpack__name_that_leads_elsewhere__is_refused(
    tmp_path: Path, folder: Path, name: str
) -> None:
    with pytest.raises(ValueError, match="must"):
        unpack_archive(zipped(tmp_path / "a.zip", {name: b"x"}), folder, ROOMY)
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "folder"}


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK]
)
def test_unpack__link_or_device__is_refused(tmp_path: Path, folder: Path, kind: int) -> None:
    with pytest.raises(ValueError, match="files and folders only"):
        unpack_archive(
            zipped(tmp_path / "a.zip", {"x": b"/etc/passwd"}, kind | 0o777), folder, ROOMY
        )


@pytest.mark.parametrize("names", [["x", "x"], ["x", "x/y"], ["x/y", "x"]])
def test_unpack__two_entries_in_one_place__are_refused(
    tmp_path: Path, folder: Path, names: list[str]
) -> None:
    archive = zipped(tmp_path / "a.zip", {names[0]: b"1"})
    with zipfile.ZipFile(archive, "a") as more:
        if len(set(names)) == 1:
            with pytest.warns(UserWarning, match="Duplicate"):
                more.writestr(names[1], b"2")
        else:
            more.writestr(names[1], b"2")
    with pytest.raises(ValueError, match="sound zip") as refused:
        unpack_archive(archive, folder, ROOMY)
    assert str(tmp_path) not in str(refused.value)


def test_unpack__disk_that_takes_no_more__is_not_the_requesters_fault(
    tmp_path: Path, folder: Path
) -> None:
    archive = zipped(tmp_path / "a.zip", {"a": bytes(10**6)})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            unpack_archive(archive, folder, ROOMY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_unpack__too_many_entries__are_refused(tmp_path: Path, folder: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"a": b"", "b": b""})
    with pytest.raises(ArchiveTooLargeError, match="1 entries"):
        unpack_archive(archive, folder, ArchiveLimits(size=10, entries=1))


def test_unpack__directory_that_would_fill_the_memory__is_not_read(
    tmp_path: Path, folder: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(1025):
            entry = zipfile.ZipInfo(str(number))
            entry.comment = bytes(2**16 - 1)
            archive.writestr(entry, b"")
    with pytest.raises(ValueError, match="its directory may have 67108864 bytes"):
        unpack_archive(tmp_path / "a.zip", folder, ArchiveLimits(size=1000, entries=2000))


def test_unpack__bomb__ends_at_the_ratio_or_the_size(tmp_path: Path, folder: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"bomb": bytes(10**6)})
    packed = archive.stat().st_size
    with pytest.raises(ArchiveTooLargeError, match=f"{200 * packed} bytes"):
        unpack_archive(archive, folder, ArchiveLimits(size=10**9, entries=1, ratio=200))
    assert (folder / "bomb").stat().st_size <= 200 * packed
    with pytest.raises(ArchiveTooLargeError, match="999999 bytes"):
        unpack_archive(archive, tmp_path, ArchiveLimits(size=999_999, entries=1))


def test_unpack__size_that_the_header_lies_about__does_not_help(
    tmp_path: Path, folder: Path
) -> None:
    archive = zipped(tmp_path / "a.zip", {"bomb": bytes(10**6)})
    forged = archive.read_bytes().replace((10**6).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    archive.write_bytes(forged)
    with pytest.raises(ValueError, match="zip archive"):
        unpack_archive(archive, folder, ROOMY)
    assert (folder / "bomb").stat().st_size <= 10


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_unpack__any_bytes__are_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "a.zip").write_bytes(b"PK\x03\x04" + content)
    with pytest.raises(ValueError, match="zip"):
        unpack_archive(folder / "a.zip", folder, ROOMY)


@pytest.mark.parametrize("damage", ["encrypted", "checksum"])
def test_unpack__encrypted_or_damaged__is_refused(
    tmp_path: Path, folder: Path, damage: str
) -> None:
    archive = zipped(tmp_path / "a.zip", {"a": b"content" * 99})
    content = bytearray(archive.read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[6 if damage == "encrypted" else 14] ^= 1
    content[directory + (8 if damage == "encrypted" else 16)] ^= 1
    archive.write_bytes(content)
    with pytest.raises(ValueError, match="sound zip"):
        unpack_archive(archive, folder, ROOMY)
