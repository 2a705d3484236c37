"""Hold a run to its limits from outside: time, output and log size."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from poco.appio import Cause
from poco.runtimes.spec import RunLimits

__all__ = ["BoundedLog", "Watchdog"]

_SHORTEST_PAUSE = 0.2
_REST_FACTOR = 10
"""How long the measuring rests, in multiples of what the last measuring took."""


class BoundedLog:
    """Keep the head and the tail of a byte stream.

    Args:
        head: bytes to keep from the beginning.
        tail: bytes to keep from the end.
    """

    def __init__(self, head: int, tail: int) -> None:
        self._head_left = head
        self._tail_size = tail
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._held = 0
        self._omitted = 0

    def write(self, chunk: bytes) -> None:
        """Append a piece of the stream."""
        first, rest = chunk[: self._head_left], chunk[self._head_left :]
        self._head += first
        self._head_left -= len(first)
        if not rest:
            return
        self._tail.append(rest)
        self._held += len(rest)
        while self._held > self._tail_size:
            oldest = self._tail.popleft()
            excess = min(self._held - self._tail_size, len(oldest))
            self._held -= excess
            self._omitted += excess
            if excess < len(oldest):
                self._tail.appendleft(oldest[excess:])

    def content(self) -> bytes:
        """Return what was kept, with a line that says how much is missing, if any."""
        gap = f"\n[{self._omitted} bytes omitted]\n".encode() if self._omitted else b""
        return bytes(self._head) + gap + b"".join(self._tail)


class Watchdog:
    """End a run that outlives its time or outgrows its output folders.

    Use it as a context around the run; afterwards `cause` and `detail` say whether it barked.

    Args:
        limits: what the run may use.
        folders: the folders the app can write to.
        kill: ends the run at once; called at most once, from another thread.
    """

    def __init__(
        self, limits: RunLimits, folders: Sequence[Path], kill: Callable[[], None]
    ) -> None:
        self._limits = limits
        self._folders = folders
        self._kill = kill
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._started = 0.0
        self.cause: Cause | None = None
        self.detail = ""

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """Time since the run began."""
        return time.monotonic() - self._started

    def _watch(self) -> None:
        pause = _SHORTEST_PAUSE
        while not self._over.wait(max(0.0, min(pause, self._limits.seconds - self.seconds))):
            if self.seconds >= self._limits.seconds:
                self._bark(
                    Cause.APP_COMPUTE_TIMEOUT, f"out of time (limit {self._limits.seconds:g} s)"
                )
                return
            begun = time.monotonic()
            size, entries = _usage(self._folders)
            allowed = self._limits.output
            if size > allowed.size or entries > allowed.entries:
                self._bark(
                    Cause.APP_OUTPUT_TOO_LARGE,
                    f"output of {size} bytes in {entries} entries "
                    f"(limit {allowed.size} bytes, {allowed.entries} entries)",
                )
                return
            pause = max(_SHORTEST_PAUSE, _REST_FACTOR * (time.monotonic() - begun))

    def _bark(self, cause: Cause, detail: str) -> None:
        self.cause, self.detail = cause, detail
        self._kill()


def _usage(folders: Sequence[Path]) -> tuple[int, int]:
    """Return the disk space in bytes and the number of entries below some folders."""
    size = entries = 0
    pending = [os.fspath(folder) for folder in folders]
    while pending:
        try:
            with os.scandir(pending.pop()) as listing:
                for entry in listing:
                    status = entry.stat(follow_symlinks=False)
                    entries += 1
                    size += status.st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError:
            continue  # it was removed meanwhile, or is not ours to read; the final scan decides
    return size, entries
