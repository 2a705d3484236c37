"""Read an output folder that an untrusted app wrote (spec offchain §1.9, §1.10).

Nothing here follows a symbolic link: every component of a path is opened relative to its parent
with ``O_NOFOLLOW``, and only regular files and directories are ever opened for reading.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from poco.appio.causes import Cause, ExecutionError

__all__ = [
    "DEFAULT_LIMITS",
    "OutputFile",
    "OutputLimits",
    "OutputTree",
    "open_beneath",
    "scan_output",
]

MAX_NAME_UNITS = 31
"""Longest file name, in UTF-16 code units; part of consensus since the first enclaves."""
MAX_DEPTH = 64


@dataclass(frozen=True, slots=True)
class OutputLimits:
    """How much an app may write.

    Attributes:
        size: bytes of all files together.
        entries: number of files and folders together.
    """

    size: int = 2 * 1024**3
    entries: int = 100_000


DEFAULT_LIMITS = OutputLimits()


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A regular file of the output.

    Attributes:
        path: path below the output folder, with ``/``.
        size: length in bytes.
        executable: whether anybody may execute it.
    """

    path: str
    size: int
    executable: bool


@dataclass(frozen=True, slots=True)
class OutputTree:
    """What of an output folder counts: regular files and the folders that hold them.

    Attributes:
        root: the output folder on the host.
        files: regular files by path below the root.
        folders: paths of the folders below the root, the root itself being the empty path.
        dropped: paths that are left out: symbolic links, and hard links to files elsewhere.
    """

    root: Path
    files: dict[str, OutputFile]
    folders: frozenset[str]
    dropped: tuple[str, ...]

    @contextmanager
    def open(self, path: str) -> Iterator[BufferedReader]:
        """Open one of `files` for reading."""
        with open_beneath(self.root, path) as stream:
            yield stream

    def children(self, folder: str) -> list[OutputFile]:
        """Return the files directly inside a folder, sorted by the UTF-16 order of their names."""
        direct = [file for path, file in self.files.items() if _parent(path) == folder]
        return sorted(direct, key=lambda file: file.path.encode("utf-16-be"))


@contextmanager
def open_beneath(root: Path, path: str) -> Iterator[BufferedReader]:
    """Open a regular file below a folder without following any link.

    Args:
        root: the folder, which is trusted.
        path: normalised relative path with ``/``, none of whose parts is trusted.

    Raises:
        ExecutionError: ``OUTPUT_TREE_INVALID`` when a part of the path is missing, is a link, or
            the path does not end at a regular file.
    """
    descriptors = [os.open(root, os.O_RDONLY | os.O_DIRECTORY)]
    try:
        *folders, name = path.split("/")
        for folder in folders:
            descriptors.append(_open_at(descriptors[-1], folder, path, os.O_DIRECTORY))
        handle = _open_at(descriptors[-1], name, path, os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise _invalid(path, "must be a regular file")
        with os.fdopen(handle, "rb") as stream:
            yield stream
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def scan_output(root: Path, limits: OutputLimits = DEFAULT_LIMITS) -> OutputTree:
    """List what counts of an output folder, and refuse what no result may hold.

    Args:
        root: the output folder on the host, after the app has stopped.
        limits: how much there may be.

    Raises:
        ExecutionError: ``POST_COMPUTE_TOO_LONG_RESULT_FILE_NAME`` for a file name over 31 UTF-16
            units, ``APP_OUTPUT_TOO_LARGE`` beyond a limit, ``OUTPUT_TREE_INVALID`` for a device,
            FIFO, socket, unreadable folder, name that is not UTF-8, or too deep nesting.
    """
    files: dict[str, OutputFile] = {}
    linked: dict[tuple[int, int], list[str]] = {}
    folders: set[str] = set()
    dropped: list[str] = []
    link_counts: dict[tuple[int, int], int] = {}
    size = 0
    for entries, (path, status) in enumerate(_walk(root), start=1):
        mode = status.st_mode
        if stat.S_ISDIR(mode):
            folders.add(path)
        elif stat.S_ISLNK(mode):
            dropped.append(path)
        elif stat.S_ISREG(mode):
            _check_name(path)
            size += status.st_size
            files[path] = OutputFile(path, status.st_size, bool(mode & 0o111))
            if status.st_nlink > 1:
                inode = (status.st_dev, status.st_ino)
                linked.setdefault(inode, []).append(path)
                link_counts[inode] = status.st_nlink
        else:
            raise _invalid(path, "must be a regular file, a folder or a link, not a device or pipe")
        if entries > limits.entries or size > limits.size:
            raise ExecutionError(
                Cause.APP_OUTPUT_TOO_LARGE,
                f"output may hold {limits.entries} entries and {limits.size} bytes",
                field="output",
                value=f"{entries} entries, {size} bytes",
                remedy="write less, or delete scratch files before the app ends",
            )
    for inode, paths in linked.items():
        if link_counts[inode] > len(paths):
            for path in paths:
                del files[path]
                dropped.append(path)
    return OutputTree(root, files, frozenset(folders | {""}), tuple(sorted(dropped)))


def _walk(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the relative path and status of everything below root, parents first."""
    pending = [""]
    while pending:
        folder = pending.pop()
        if folder.count("/") >= MAX_DEPTH:
            raise _invalid(folder, f"may nest {MAX_DEPTH} folders deep")
        descriptor = _open_folder(root, folder)
        try:
            with os.scandir(descriptor) as listing:
                for entry in listing:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    _check_encoding(path)
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        pending.append(path)
                    yield path, status
        finally:
            os.close(descriptor)


def _open_folder(root: Path, folder: str) -> int:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for name in filter(None, folder.split("/")):
        try:
            below = _open_at(descriptor, name, folder, os.O_DIRECTORY)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def _open_at(parent: int, name: str, path: str, flags: int) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
            raise _invalid(path, "must not lead through a link or a file") from error
        if error.errno in (errno.ENOENT, errno.EACCES, errno.ENXIO, errno.ENAMETOOLONG):
            raise _invalid(path, "must exist and be readable for the worker") from error
        raise


def _check_encoding(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise _invalid(os.fsencode(path), "name must be UTF-8") from error


def _check_name(path: str) -> None:
    name = path.rpartition("/")[2]
    units = len(name.encode("utf-16-be")) // 2
    if units > MAX_NAME_UNITS:
        raise ExecutionError(
            Cause.POST_COMPUTE_TOO_LONG_RESULT_FILE_NAME,
            f"a result file's name may have {MAX_NAME_UNITS} characters, not {units}",
            field="output",
            value=path,
            remedy="shorten the name, folders may carry the rest",
        )


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _invalid(path: str | bytes, rule: str) -> ExecutionError:
    return ExecutionError(Cause.OUTPUT_TREE_INVALID, rule, field="output", value=path)
