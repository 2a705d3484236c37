"""Futures of tasks: one thread buys, one watches the chain, a few fetch results."""

from __future__ import annotations

import queue
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from poco.contracts import TaskStatus
from poco.errors import ChainError, PeerError
from poco.local.outcome import (
    TaskExpiredError,
    TaskGivenUpError,
    TaskResult,
    require_success,
)
from poco.local.purchasing import MOST_TASKS, Purchase, Work, buy_all
from poco.local.venue import Venue
from poco.local.watching import BoughtTask, TaskFuture, Watch
from poco.market import collect_result

__all__ = ["Trader"]

_TOGETHER = 32
"""Deals that are under way at a time."""
_FETCHERS = 4
_SILENCE_SECONDS = 60.0
"""After so long without a word from the node, nobody waits any more."""


_Lot: TypeAlias = tuple[Work, Sequence[TaskFuture]]


class Trader:
    """Buys what is to be computed, and settles a future for each task.

    Args:
        venue: where.
        poll_seconds: pause between two looks at the chain.
    """

    def __init__(self, venue: Venue, *, poll_seconds: float) -> None:
        self._venue = venue
        self._poll_seconds = poll_seconds
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Work, TaskFuture]] = deque()
        self._unsettled: set[TaskFuture] = set()
        self._bought: list[BoughtTask] = []
        self._finished: queue.SimpleQueue[BoughtTask | None] = queue.SimpleQueue()
        self._is_closing = False
        self._stop = threading.Event()
        loops = (self._buy, self._watch, *[self._fetch] * _FETCHERS)
        self._threads = [
            threading.Thread(target=loop, name=f"market {loop.__name__}", daemon=True)
            for loop in loops
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, works: Sequence[Work]) -> list[TaskFuture]:
        """Take up work; equal pieces of it become tasks of one deal.

        Raises:
            RuntimeError: it is closed, as of every executor.
        """
        futures = [TaskFuture() for _ in works]
        with self._changed:
            if self._is_closing:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._unsettled.update(futures)
            self._waiting.extend(zip(works, futures, strict=True))
            self._changed.notify_all()
        for future in futures:
            future.add_done_callback(self._settled)
        return futures

    def refuse(self, *, cancel: bool) -> None:
        """Take up nothing more.

        Args:
            cancel: whether to cancel what was not bought yet.
        """
        with self._changed:
            self._is_closing = True
            waiting = [future for _, future in self._waiting] if cancel else []
        for future in waiting:
            future.cancel()

    def wait(self) -> None:
        """Wait until every future is settled."""
        with self._changed:
            self._changed.wait_for(lambda: not self._unsettled)

    def close(self) -> None:
        """End at once; what is not settled fails."""
        self.refuse(cancel=True)
        self._stop.set()
        for _ in range(_FETCHERS):
            self._finished.put(None)
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        for future in list(self._unsettled):
            _fail(
                future,
                PeerError(
                    "the market was closed before the task was done",
                    remedy="wait for the future within the market's `with` block",
                ),
            )

    # THE BUYER

    def _buy(self) -> None:
        while not self._stop.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stop.is_set())
                taken = list(self._waiting)
                self._waiting.clear()
            lots = _lots(
                (work, future) for work, future in taken if future.set_running_or_notify_cancel()
            )
            while (some := list(islice(lots, _TOGETHER))) and not self._stop.is_set():
                try:
                    self._deal(some)
                except Exception as error:  # a defect must not leave anybody waiting
                    for future in (future for _, futures in some for future in futures):
                        _fail(future, error)

    def _deal(self, lots: Sequence[_Lot]) -> None:
        done = buy_all(self._venue, [(work, len(futures)) for work, futures in lots])
        for (work, futures), bought in zip(lots, done, strict=True):
            rest = self._follow(work, bought.deals, futures)
            if bought.error is not None:
                for future in rest:
                    _fail(future, bought.error)
            elif rest:  # somebody else was faster
                self._deal([(work, rest)])

    def _follow(
        self, work: Work, deals: Sequence[Purchase], futures: Sequence[TaskFuture]
    ) -> Sequence[TaskFuture]:
        """Give tasks to futures; return those that are left without one."""
        waiting = deque(futures)
        tasks = []
        for deal in deals:
            for index, taskid in deal.tasks:
                future = waiting.popleft()
                future.set_deal(deal.dealid, taskid)
                tasks.append(BoughtTask(taskid, index, deal, future, work.result_key))
        with self._changed:
            self._bought += tasks
            self._changed.notify_all()
        return tuple(waiting)

    # THE WATCHER

    def _watch(self) -> None:
        watch = Watch(self._venue)
        heard = 0.0
        while not self._stop.wait(self._poll_seconds):
            with self._changed:
                self._changed.wait_for(lambda: watch.open or self._bought or self._stop.is_set())
                bought, self._bought = self._bought, []
            if not watch.open:
                heard = time.monotonic()
            watch.add(bought)
            try:
                for task in watch.look():
                    self._finished.put(task)
                for task, reason in watch.given_up():
                    _fail(task.future, TaskGivenUpError(task.taskid, reason))
                heard = time.monotonic()
            except Exception as error:  # a node that is away for a moment, or a defect
                if not isinstance(error, ChainError) or time.monotonic() - heard > _SILENCE_SECONDS:
                    for task in watch.open.values():
                        _fail(task.future, error)
                    watch.open.clear()

    # THE FETCHERS

    def _fetch(self) -> None:
        for task in iter(self._finished.get, None):
            try:
                result = self._result(task)
            except Exception as error:  # the future is where it is waited for
                _fail(task.future, error)
            else:
                task.future.set_result(result)

    def _result(self, task: BoughtTask) -> TaskResult:
        venue, taskid, key = self._venue, task.taskid, task.result_key
        found = venue.market.hub.task(taskid)
        if found.status is TaskStatus.FAILED:
            raise TaskExpiredError(taskid, found, task.deal.price)
        with tempfile.TemporaryDirectory(prefix="poco-result-") as folder:
            result = TaskResult(
                collect_result(
                    venue.market,
                    taskid,
                    Path(folder),
                    gateway=venue.gateway,
                    private_key=None if key is None else key.reveal().encode(),
                ),
                taskid=taskid,
                dealid=task.deal.dealid,
                index=task.index,
                digest=found.digest,
                cost=task.deal.price,
                callback_data=found.results_callback,
            )
        return require_success(result, lambda: venue.exit_code(taskid))

    def _settled(self, future: Future[TaskResult]) -> None:
        with self._changed:
            self._unsettled.discard(future)
            self._changed.notify_all()


def _lots(taken: Iterable[tuple[Work, TaskFuture]]) -> Iterator[_Lot]:
    """Put equal work together, in the order in which it came."""
    equal: dict[Work, list[TaskFuture]] = {}
    for work, future in taken:
        equal.setdefault(work, []).append(future)
    for work, futures in equal.items():
        for begin in range(0, len(futures), MOST_TASKS):
            yield work, futures[begin : begin + MOST_TASKS]


def _fail(future: TaskFuture, error: BaseException) -> None:
    with suppress(InvalidStateError):  # settled or cancelled meanwhile
        future.set_exception(error)
