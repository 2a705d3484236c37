"""Unpack a zip that a stranger made: regular files, below one folder, up to limits.

Used for the ``dirinuri`` of v2 (spec offchain §1.6) and for result archives (§5.5).
"""

from __future__ import annotations

import errno
import hashlib
import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

__all__ = [
    "BROKEN_ZIP",
    "INPUT_LIMITS",
    "ArchiveLimits",
    "ArchiveTooLargeError",
    "open_zip",
    "unpack_archive",
]

_CHUNK_BYTES = 1024 * 1024
_MAX_NAME_BYTES = 255
_MAX_DIRECTORY_BYTES = 64 * 1024**2
_MAX_DEPTH = 64

BROKEN_ZIP = (
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    UnicodeDecodeError,
)
"""What a zip made by an enemy can raise in the library, but for `OSError`."""
_BROKEN_PLACES = (errno.EEXIST, errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG)
"""What it can make the system answer: names twice or too long, offsets before the beginning."""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may unpack to.

    Attributes:
        size: bytes of all files together.
        entries: number of files and folders.
        ratio: unpacked bytes per byte of the archive; 0 for any.
    """

    size: int
    entries: int
    ratio: int = 0


INPUT_LIMITS = ArchiveLimits(size=4 * 1024**3, entries=10_000, ratio=200)
"""Limits of an input archive, part of the contract: every worker must refuse the same ones."""


class ArchiveTooLargeError(ValueError):
    """An archive that unpacks to more than its limits."""


@contextmanager
def open_zip(archive: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip that a stranger made, unless its directory would fill the memory.

    Raises:
        zipfile.BadZipFile: its directory is too long, or it is no zip.
        OSError: it cannot be read.
    """
    with _Pieces(io.FileIO(archive)) as file, zipfile.ZipFile(file) as opened:
        yield opened


class _Pieces(io.BufferedReader):
    """A file of which nothing large is read at once; the library does so to directories only."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"its directory may have {_MAX_DIRECTORY_BYTES} bytes")
        return super().read(size)


def unpack_archive(archive: Path, folder: Path, limits: ArchiveLimits) -> dict[str, bytes]:
    """Unpack an archive.

    Folders and files are writable for everybody, as the user of an app is not known; an
    executable file stays one.

    Args:
        archive: a zip file.
        folder: an existing folder to which only the caller writes; existing files are not replaced.
        limits: how much it may hold.

    Returns:
        The SHA-256 of each file by its path below the folder, in the archive's order.

    Raises:
        ArchiveTooLargeError: when it holds more than the limits.
        ValueError: when it is no zip, damaged, encrypted, or holds anything but regular files and
            folders by plain relative names, each once.
        OSError: the host's disk does not take it.
    """
    digests: dict[str, bytes] = {}
    try:
        with open_zip(archive) as packed:
            entries = packed.infolist()
            if len(entries) > limits.entries:
                raise ArchiveTooLargeError(f"an archive may have {limits.entries} entries")
            left = limits.size
            if limits.ratio:
                left = min(left, limits.ratio * archive.stat().st_size)
            allowed = left
            for entry in entries:
                path = _checked(entry)
                _create_folders(folder, path if entry.is_dir() else path.parent)
                if entry.is_dir():
                    continue
                target = folder / path
                hashed = hashlib.sha256()
                with packed.open(entry) as source, target.open("xb") as file:
                    while chunk := source.read(_CHUNK_BYTES):
                        left -= len(chunk)
                        if left < 0:
                            raise ArchiveTooLargeError(f"an archive may unpack to {allowed} bytes")
                        hashed.update(chunk)
                        file.write(chunk)
                target.chmod(0o777 if entry.external_attr >> 16 & 0o111 else 0o666)
                digests[str(path)] = hashed.digest()
    except BROKEN_ZIP as error:
        raise ValueError(f"must be a sound zip archive: {error}") from error
    except OSError as error:
        if error.errno not in _BROKEN_PLACES:
            raise
        raise ValueError(f"must be a sound zip archive: {error.strerror}") from error
    return digests


def _checked(entry: zipfile.ZipInfo) -> PurePosixPath:
    """Return the path of an entry that leads nowhere but below the folder."""
    path = PurePosixPath(entry.filename)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ValueError(f"may hold files and folders only, {entry.filename!r} is neither")
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in entry.filename:
        raise ValueError(f"must hold files by relative names, not {entry.filename!r}")
    if len(path.parts) > _MAX_DEPTH or any(
        len(part.encode()) > _MAX_NAME_BYTES for part in path.parts
    ):
        raise ValueError(f"must not nest so deep, or name so long: {entry.filename[:80]!r}")
    return path


def _create_folders(folder: Path, path: PurePosixPath) -> None:
    for below in (*reversed(path.parents), path):
        created = folder / below
        if not created.is_dir():
            created.mkdir()
            created.chmod(0o777)
