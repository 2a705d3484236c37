"""Threads that do long things for tasks: a few at a time, one for a task, again when it fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from poco.errors import PocoError
from poco.orders import TaskId
from poco.worker.journal import Entry

__all__ = ["Lanes"]

_FIRST_PAUSE_SECONDS = 1.0
_LAST_PAUSE_SECONDS = 60.0


class Lanes:
    """Does one kind of work. Safe to use from several threads.

    Args:
        name: of the work, for messages.
        count: how many tasks are worked for at a time.
        work: does it; what it raises is reported, and the task may be offered again after a pause
            that doubles each time.
        done: called after each piece of work, with its task.
        report: called with a line about each failure.
        clock: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        name: str,
        count: int,
        work: Callable[[Entry], None],
        *,
        done: Callable[[Entry], None],
        report: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._count = count
        self._work = work
        self._done = done
        self._report = report
        self._clock = clock
        self._lock = threading.Lock()
        self._threads: dict[TaskId, threading.Thread] = {}
        self._pauses: dict[TaskId, tuple[float, float]] = {}  # length, and end

    def offer(self, entry: Entry) -> bool:
        """Begin to work for a task, unless no lane is free, it is under way, or it must pause.

        Returns:
            Whether work was begun.
        """
        with self._lock:
            _, end = self._pauses.get(entry.taskid, (0.0, 0.0))
            full = len(self._threads) >= self._count
            if full or entry.taskid in self._threads or self._clock() < end:
                return False
            thread = threading.Thread(
                target=self._run, args=(entry,), name=f"{self._name}", daemon=True
            )
            self._threads[entry.taskid] = thread
            thread.start()
        return True

    def run(self, entry: Entry) -> None:
        """Do the work in this thread."""
        try:
            self._work(entry)
        except Exception as error:  # a lane outlives whatever a task does to it
            kind = "" if isinstance(error, PocoError) else f"unexpected {type(error).__name__}: "
            self._report(f"{self._name} of task 0x{entry.taskid.hex()[:8]}…: {kind}{error}")
            self._pause(entry.taskid)
        else:
            self._pauses.pop(entry.taskid, None)

    def join(self, seconds: float) -> bool:
        """Wait for what is under way, up to a number of seconds; return whether it has ended."""
        end = self._clock() + seconds
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(max(0.0, end - self._clock()))
        return not any(thread.is_alive() for thread in threads)

    def _run(self, entry: Entry) -> None:
        try:
            self.run(entry)
        finally:
            with self._lock:
                del self._threads[entry.taskid]
            self._done(entry)

    def _pause(self, taskid: TaskId) -> None:
        last, _ = self._pauses.get(taskid, (0.0, 0.0))
        length = min(max(_FIRST_PAUSE_SECONDS, 2 * last), _LAST_PAUSE_SECONDS)
        self._pauses[taskid] = length, self._clock() + length
