"""Measure what an app takes of the disk while it goes on writing."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from poco.appio import MAX_DEPTH, OutputLimits
from poco.runtimes.spec import MIB

__all__ = ["RESERVE", "Meter", "Usage"]

RESERVE = 64 * MIB
"""Bytes of the disk that runs leave to everybody else."""

_RUSH = 64 * MIB
"""What others may write, in bytes, before it is taken for a sign of the app."""
_MOST_DESCRIPTORS = 1_000_000
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""What a folder answers that the app has removed, or put something else in the place of."""


@dataclass(slots=True)
class Usage:
    """What an app has on the disk.

    Attributes:
        size: bytes of the disk, not of the files: a hole takes none.
        entries: number of files and folders.
        deep: whether there is a folder deeper than any result may have.
        closed: what this process may not look into and hence not measure, if anything.
    """

    size: int = 0
    entries: int = 0
    deep: bool = False
    closed: str = ""


class Meter:
    """Measures the writable folders of a run.

    A file that was deleted while it is open has no name but takes its room, so when the disk has
    lost more than the folders show, the files that the app's processes hold are counted, too. That
    needs the right to look at these processes. Where it is missing, `RESERVE` remains.

    Args:
        folders: what the app can write to.
        limits: how much of it there may be.
        processes: finds the app's processes, by their ids.
        free: tells the free bytes of the disk of a folder.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        limits: OutputLimits,
        processes: Callable[[], Iterable[int]],
        *,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._folders = folders
        self._limits = limits
        self._processes = processes
        self._free_of = free
        self._room = limits.size
        self._most = self._last = self.free()

    def free(self) -> int:
        """Return the free bytes of the disk, of the fullest if there are several."""
        return min(map(self._free_of, self._folders), default=RESERVE)

    def is_rushed(self) -> bool:
        """Return whether the disk has lost so much that measuring must not wait."""
        free = self.free()
        return free < RESERVE or self._last - free > max(self._room, _RUSH)

    def measure(self) -> Usage:
        """Measure once. Nothing that the app does meanwhile is an error; links are not followed."""
        self._last = self.free()
        usage = Usage()
        for folder in self._folders:
            try:
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            except OSError:  # the app has closed it
                usage.closed = folder.name
                continue
            try:
                self._add(descriptor, folder.name, 0, usage)
            finally:
                os.close(descriptor)
        explained = self._last + usage.size
        self._most = max(self._most, explained)
        if self._most - explained > _RUSH:
            self._add_hidden(usage)
        self._room = max(0, self._limits.size - usage.size)
        return usage

    def _add(self, descriptor: int, name: str, depth: int, usage: Usage) -> None:
        """Add what is in a folder. A path would not do: an app can make it too long to be used."""
        folders = []
        try:
            with os.scandir(descriptor) as listing:
                for entry in listing:
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    usage.entries += 1
                    usage.size += status.st_blocks * 512
                    if stat.S_ISDIR(status.st_mode):
                        folders.append(entry.name)
                    if usage.entries > self._limits.entries:
                        return
        except PermissionError:
            usage.closed = name
        for folder in folders:
            if depth == MAX_DEPTH:
                usage.deep = True
            if usage.deep or usage.closed or usage.entries > self._limits.entries:
                return
            try:
                below = os.open(
                    folder,
                    os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC,
                    dir_fd=descriptor,
                )
            except OSError as error:
                if error.errno not in _GONE:
                    usage.closed = folder
                continue
            try:
                self._add(below, folder, depth + 1, usage)
            finally:
                os.close(below)

    def _add_hidden(self, usage: Usage) -> None:
        """Add the deleted files that the app's processes hold open or have mapped."""
        devices = {folder.stat().st_dev for folder in self._folders}
        hidden: dict[tuple[int, int], int] = {}
        count = 0
        for process in self._processes():
            for kind in ("fd", "map_files"):
                try:
                    descriptors = list(Path(f"/proc/{process}/{kind}").iterdir())
                except OSError:
                    continue  # it has ended, or is not ours to look at
                count += len(descriptors)
                if count > _MOST_DESCRIPTORS:
                    usage.closed = f"{count} open files"
                    return
                for descriptor in descriptors:
                    try:
                        held = descriptor.stat()
                    except OSError:
                        continue
                    if not held.st_nlink and stat.S_ISREG(held.st_mode) and held.st_dev in devices:
                        hidden[held.st_dev, held.st_ino] = held.st_blocks * 512
        usage.size += sum(hidden.values())
