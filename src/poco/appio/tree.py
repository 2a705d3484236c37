"""Read an output folder that an untrusted app wrote (spec offchain §1.9, §1.10).

Nothing here follows a symbolic link: every component of a path is opened relative to its parent
with ``O_NOFOLLOW``, and only regular files and directories are ever opened for reading.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from types import MappingProxyType

from poco.appio.causes import Cause, ExecutionError

__all__ = [
    "DEFAULT_LIMITS",
    "MAX_DEPTH",
    "OutputFile",
    "OutputLimits",
    "OutputTree",
    "open_beneath",
    "scan_output",
    "survey_output",
]

MAX_NAME_UNITS = 31
"""Longest file name, in UTF-16 code units; part of consensus since the first enclaves."""
MAX_DEPTH = 64
"""Most folders one in the other below the output folder."""


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
        inputs: paths of inputs in the same folder, as they were given; they are left out, too.
    """

    root: Path
    files: dict[str, OutputFile]
    folders: frozenset[str]
    dropped: tuple[str, ...]
    inputs: frozenset[str] = frozenset()

    @contextmanager
    def open(self, path: str) -> Iterator[BufferedReader]:
        """Open one of `files` for reading."""
        with open_beneath(self.root, path) as stream:
            yield stream

    def children(self, folder: str) -> list[OutputFile]:
        """Return the files directly inside a folder, sorted by the UTF-16 order of their names."""
        direct = [file for path, file in self.files.items() if _parent(path) == folder]
        return sorted(direct, key=lambda file: file.path.encode("utf-16-be"))

    def below(self, folder: str) -> list[str]:
        """Return the paths of the files in a folder and its subfolders."""
        return [path for path in self.files if not folder or path.startswith(f"{folder}/")]

    def has(self, name: str) -> bool:
        """Return whether the app left anything of this name in the root, if only a link."""
        return name not in self.inputs and os.path.lexists(self.root / name)


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


def scan_output(
    root: Path,
    limits: OutputLimits = DEFAULT_LIMITS,
    given: Mapping[str, bytes] = MappingProxyType({}),
) -> OutputTree:
    """List what counts of an output folder, and refuse what no result may hold.

    Args:
        root: the output folder on the host, after the app has stopped.
        limits: how much there may be.
        given: SHA-256 of the inputs that were put into the same folder, by their path; those that
            are still the same are no output (spec offchain §1.1).

    Raises:
        ExecutionError: ``POST_COMPUTE_TOO_LONG_RESULT_FILE_NAME`` for a file name over 31 UTF-16
            units, ``APP_OUTPUT_TOO_LARGE`` beyond a limit, ``OUTPUT_TREE_INVALID`` for a device,
            FIFO, socket, unreadable folder, name that is not UTF-8, or too deep nesting.
    """
    return _scan(root, limits, given, _raise)


def survey_output(
    root: Path,
    limits: OutputLimits = DEFAULT_LIMITS,
    given: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[OutputTree, tuple[ExecutionError, ...]]:
    """List what `scan_output` would, and everything it would refuse, not only the first thing.

    Args:
        root: as for `scan_output`.
        limits: likewise.
        given: likewise.
    """
    refused: list[ExecutionError] = []
    tree = _scan(root, limits, given, refused.append)
    return tree, tuple(refused)


def _raise(error: ExecutionError) -> None:
    raise error


def _scan(
    root: Path,
    limits: OutputLimits,
    given: Mapping[str, bytes],
    refuse: Callable[[ExecutionError], None],
) -> OutputTree:
    files: dict[str, OutputFile] = {}
    linked: dict[tuple[int, int], list[str]] = {}
    folders: set[str] = set()
    dropped: list[str] = []
    link_counts: dict[tuple[int, int], int] = {}
    inputs: set[str] = set()
    entries = size = 0
    for path, status in _walk(root, refuse):
        mode = status.st_mode
        if path in given and stat.S_ISREG(mode) and _sha256(root, path) == given[path]:
            inputs.add(path)
            continue
        entries += 1
        if stat.S_ISDIR(mode):
            folders.add(path)
        elif stat.S_ISLNK(mode):
            dropped.append(path)
        elif stat.S_ISREG(mode):
            _check_name(path, refuse)
            size += status.st_size
            files[path] = OutputFile(path, status.st_size, bool(mode & 0o111))
            if status.st_nlink > 1:
                inode = (status.st_dev, status.st_ino)
                linked.setdefault(inode, []).append(path)
                link_counts[inode] = status.st_nlink
        else:
            refuse(
                _invalid(path, "must be a file, a folder or a link, not a device, pipe or socket")
            )
        if entries > limits.entries or size > limits.size:
            refuse(
                ExecutionError(
                    Cause.APP_OUTPUT_TOO_LARGE,
                    f"output may hold {limits.entries} entries and {limits.size} bytes",
                    field="output",
                    value=f"{entries} entries, {size} bytes",
                    remedy="write less, or delete scratch files before the app ends",
                )
            )
            break
    for inode, paths in linked.items():
        if link_counts[inode] > len(paths):
            for path in paths:
                del files[path]
                dropped.append(path)
    return OutputTree(
        root, files, frozenset(folders | {""}), tuple(sorted(dropped)), frozenset(inputs)
    )


def _sha256(root: Path, path: str) -> bytes:
    with open_beneath(root, path) as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _walk(
    root: Path, refuse: Callable[[ExecutionError], None]
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the relative path and status of everything below root, parents first."""
    pending = [""]
    while pending:
        folder = pending.pop()
        if folder.count("/") >= MAX_DEPTH:
            refuse(_invalid(folder, f"may nest {MAX_DEPTH} folders deep"))
            continue
        try:
            descriptor = _open_folder(root, folder)
        except ExecutionError as error:
            refuse(error)
            continue
        try:
            with os.scandir(descriptor) as listing:
                for entry in listing:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if not _is_unicode(path):
                        refuse(_invalid(os.fsencode(path), "name must be UTF-8"))
                        continue
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


def _is_unicode(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_name(path: str, refuse: Callable[[ExecutionError], None]) -> None:
    name = path.rpartition("/")[2]
    units = len(name.encode("utf-16-be")) // 2
    if units > MAX_NAME_UNITS:
        refuse(
            ExecutionError(
                Cause.POST_COMPUTE_TOO_LONG_RESULT_FILE_NAME,
                f"a result file's name may have {MAX_NAME_UNITS} characters, not {units}",
                field="output",
                value=path,
                remedy="shorten the name, folders may carry the rest",
            )
        )


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _invalid(path: str | bytes, rule: str) -> ExecutionError:
    return ExecutionError(Cause.OUTPUT_TREE_INVALID, rule, field="output", value=path)
