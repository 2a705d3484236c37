"""Wakes those who wait for news: workers in a long poll, and the reconciler."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

__all__ = ["Bell"]


class Bell:
    """Who waits names what was heard before, so that nothing rung in between is missed.

    Args:
        nap: longest sleep in one go, seconds: what another process wrote rings no bell here.
    """

    def __init__(self, nap: float) -> None:
        self._nap = nap
        self._condition = threading.Condition()
        self._rung: Counter[str] = Counter()
        self._supply = 0
        self._closed = False
        self._work = threading.Event()

    def ring(self, workers: Iterable[str] = (), *, supply: bool = False) -> None:
        """Wake some workers, and with `supply` all that have a free slot."""
        with self._condition:
            self._rung.update(workers)
            self._supply += supply
            self._condition.notify_all()

    def heard(self, worker: str, *, is_free: bool) -> tuple[int, int]:
        """Return what to hand to `wait`."""
        with self._condition:
            return self._rung[worker], self._supply if is_free else 0

    def wait(self, worker: str, heard: tuple[int, int], timeout: float, *, is_free: bool) -> bool:
        """Wait for something new; return whether waiting longer makes sense."""
        with self._condition:
            self._condition.wait_for(
                lambda: (
                    self._closed or (self._rung[worker], self._supply if is_free else 0) != heard
                ),
                min(timeout, self._nap),
            )
            return not self._closed

    def nudge(self) -> None:
        """Have the reconciler look at once."""
        self._work.set()

    def wait_for_work(self, timeout: float) -> None:
        """Sleep until `nudge`, or the bell is closed, or the time is over."""
        self._work.wait(timeout)
        if not self._closed:
            self._work.clear()

    def close(self) -> None:
        """Wake everybody for good."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._work.set()
