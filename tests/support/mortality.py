"""Processes that are gone in the middle of their work: SIGKILL at a point that a test names.

A point is passed when a step that lasts is done. Workers and queues call a hook at theirs. Whoever
keeps its state in a `MortalDatabase` passes two at each transaction of it, ``before`` and ``after``
the commit, named after the function that wrote; so no persisted step of it can be forgotten.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

from sqlalchemy import Connection, MetaData

from poco.database import Database


@dataclass(frozen=True, slots=True)
class Crash:
    """Where a process is to die.

    Args:
        point: name of the point.
        occurrence: at which passing of it, counted from 1 in the life of the process.
    """

    point: str
    occurrence: int = 1

    def __str__(self) -> str:
        return self.point if self.occurrence == 1 else f"{self.point} #{self.occurrence}"


class Reaper:
    """Writes down which points a process passes, and ends it at one. Safe from several threads.

    Args:
        crash: where; None never.
        log: file for the points, a line each.
    """

    def __init__(self, crash: Crash | None, log: Path) -> None:
        self._crash = crash
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._passed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, point: str) -> None:
        with self._lock:
            self._passed[point] += 1
            os.write(self._log, f"{point}\n".encode())
            if self._crash == Crash(point, self._passed[point]):
                os.kill(os.getpid(), signal.SIGKILL)


class MortalDatabase(Database):
    """A database whose process may die before and after each commit.

    Args:
        url: see `Database`.
        tables: see there.
        crash_point: called with ``before`` or ``after`` and the name of the function that writes.
    """

    def __init__(self, url: str, tables: MetaData, crash_point: Callable[[str], None]) -> None:
        super().__init__(url, tables)
        self._crash_point = crash_point

    def writing(self, *, lasting: bool = True) -> AbstractContextManager[Connection]:
        return self._writing(_writer(), lasting)

    @contextmanager
    def _writing(self, writer: str, lasting: bool) -> Iterator[Connection]:
        with super().writing(lasting=lasting) as connection:
            yield connection
            self._crash_point(f"before {writer}")
        self._crash_point(f"after {writer}")


def _writer() -> str:
    """Return the function that opened a transaction; a table's keeper writes for its caller."""
    frame = sys._getframe(2)
    while frame.f_code.co_qualname.startswith(("Store.", "Catalog.")) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_qualname


def die_with_parent() -> None:
    """End this process when the test that started it is gone."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
