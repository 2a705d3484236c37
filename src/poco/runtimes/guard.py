"""Hold a run to its limits from outside: time, output, log size, and whether it is wanted."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from poco.appio import MAX_DEPTH, Cause
from poco.runtimes.measuring import RESERVE, Meter
from poco.runtimes.spec import RunLimits

__all__ = ["BoundedLog", "Run", "Runs", "Watchdog", "out_of_time"]

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


class Run:
    """A run in progress, as other threads see it.

    Attributes:
        stopped: whether it was stopped.
        wake: set whenever its watchdog has to look.
    """

    def __init__(self) -> None:
        self.stopped = False
        self.wake = threading.Event()

    def stop(self) -> None:
        """Ask for its end."""
        self.stopped = True
        self.wake.set()


class Runs:
    """The runs in progress by name, for those who stop them."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()

    @contextmanager
    def entered(self, name: str) -> Iterator[Run]:
        """Keep a run while it lasts."""
        run = Run()
        with self._lock:
            self._runs[name] = run
        try:
            yield run
        finally:
            with self._lock:
                del self._runs[name]

    def stop(self, name: str) -> None:
        """Stop a run; without one of that name nothing happens."""
        with self._lock:
            run = self._runs.get(name)
        if run:
            run.stop()

    def __contains__(self, name: str | None) -> bool:
        return name in self._runs


class Watchdog:
    """End a run that outlives its time, outgrows its output folders or is stopped.

    Use it as a context around the run; afterwards `cause` and `detail` say whether it barked.

    Args:
        limits: what the run may use.
        folders: the folders the app can write to.
        kill: ends the run at once; called at most once, from another thread.
        run: the run as others see it.
        processes: finds the app's processes, by their ids.
        elapsed: seconds that it has lasted already.
    """

    def __init__(
        self,
        limits: RunLimits,
        folders: Sequence[Path],
        kill: Callable[[], None],
        run: Run,
        *,
        processes: Callable[[], Iterable[int]],
        elapsed: float = 0.0,
    ) -> None:
        self._limits = limits
        self._meter = Meter(folders, limits.output, processes)
        self._kill = kill
        self._run = run
        self._elapsed = elapsed
        self._over = False
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._started = 0.0
        self.cause: Cause | None = None
        self.detail = ""

    def __enter__(self) -> Self:
        self._started = time.monotonic() - self._elapsed
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        self._run.wake.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """Time since the run began."""
        return time.monotonic() - self._started

    def _watch(self) -> None:
        pause = _SHORTEST_PAUSE
        while True:
            self._rest(pause)
            if self._over:
                return
            begun = time.monotonic()
            verdict = self._verdict()
            if verdict:
                self.cause, self.detail = verdict
                self._kill()
                return
            pause = max(_SHORTEST_PAUSE, _REST_FACTOR * (time.monotonic() - begun))

    def _rest(self, seconds: float) -> None:
        """Wait until it is time to look again, at once when the disk fills up meanwhile."""
        end = min(self.seconds + seconds, self._limits.seconds)
        while (left := end - self.seconds) > 0:
            if self._run.wake.wait(min(_SHORTEST_PAUSE, left)) or self._meter.is_rushed():
                return

    def _verdict(self) -> tuple[Cause, str] | None:
        if self._run.stopped:
            return Cause.ABORTED_BY_WORKER, "the worker has ended it"
        if self.seconds >= self._limits.seconds:
            return out_of_time(self._limits)
        allowed = self._limits.output
        usage = self._meter.measure()
        if usage.size > allowed.size or usage.entries > allowed.entries:
            return (
                Cause.APP_OUTPUT_TOO_LARGE,
                f"output of {usage.size} bytes in {usage.entries} entries "
                f"(limit {allowed.size} bytes, {allowed.entries} entries)",
            )
        if usage.deep:
            return Cause.OUTPUT_TREE_INVALID, f"output may nest {MAX_DEPTH} folders deep"
        if usage.closed:  # another worker, one that is root, can measure it
            return Cause.ABORTED_BY_WORKER, f"the worker may not look into its {usage.closed!r}"
        if (free := self._meter.free()) < RESERVE:  # whoever has filled it
            return Cause.ABORTED_BY_WORKER, f"{free} bytes of disk are left (of {RESERVE} at least)"
        return None


def out_of_time(limits: RunLimits) -> tuple[Cause, str]:
    """Return the verdict on a run that has lasted too long."""
    return Cause.APP_COMPUTE_TIMEOUT, f"out of time (limit {limits.seconds:g} s)"
