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
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from poco.contracts import TaskStatus
from poco.contracts.events import TaskClaimed, TaskFinalize
from poco.errors import ChainError, ContractError, PeerError, PocoError
from poco.local.outcome import TaskExpiredError, TaskResult, require_success
from poco.local.purchasing import Purchase, Work, buy_all
from poco.local.venue import Venue
from poco.market import collect_result
from poco.orders import DealId, TaskId

__all__ = ["TaskFuture", "Trader"]

_TOGETHER = 32
"""Deals that are under way at a time."""
_MOST_TASKS = 1000
"""Tasks of one deal: their opening fits into a few blocks."""
_FETCHERS = 4
_SILENCE_SECONDS = 60.0
"""After so long without a word from the node, nobody waits any more."""
_GRACE_SECONDS = 10.0
"""What the scheduler has for its claim, before it is claimed here."""


class TaskFuture(Future[TaskResult]):
    """A future of one task. It can be cancelled until its deal is made.

    Attributes:
        taskid: the task, once its deal is made.
        dealid: its deal.
    """

    def __init__(self) -> None:
        super().__init__()
        self.taskid: TaskId | None = None
        self.dealid: DealId | None = None


_Lot: TypeAlias = tuple[Work, Sequence[TaskFuture]]


@dataclass(frozen=True, slots=True)
class _Task:
    taskid: TaskId
    index: int
    deal: Purchase
    future: TaskFuture


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
        self._bought: list[_Task] = []
        self._finished: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
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
        for (work, futures), deal in zip(lots, done, strict=True):
            if isinstance(deal, PocoError):
                for future in futures:
                    _fail(future, deal)
                continue
            self._follow(deal, futures)
            if rest := futures[deal.volume :]:  # an order had no more
                self._deal([(work, rest)])

    def _follow(self, deal: Purchase, futures: Sequence[TaskFuture]) -> None:
        tasks = []
        for index, (taskid, future) in enumerate(zip(deal.taskids, futures, strict=False)):
            future.taskid, future.dealid = taskid, deal.dealid
            tasks.append(_Task(taskid, index, deal, future))
        with self._changed:
            self._bought += tasks
            self._changed.notify_all()

    # THE WATCHER

    def _watch(self) -> None:
        watch = _Watch(self._venue)
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

    def _result(self, task: _Task) -> TaskResult:
        venue, taskid = self._venue, task.taskid
        found = venue.market.hub.task(taskid)
        if found.status is TaskStatus.FAILED:
            raise TaskExpiredError(taskid, found, task.deal.price)
        with tempfile.TemporaryDirectory(prefix="poco-result-") as folder:
            result = TaskResult(
                collect_result(venue.market, taskid, Path(folder), gateway=venue.gateway),
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


class _Watch:
    """Sees tasks end, by the events of each new block.

    Args:
        venue: where.

    Attributes:
        open: tasks that have not ended, by id.
    """

    def __init__(self, venue: Venue) -> None:
        self.open: dict[TaskId, _Task] = {}
        self._venue = venue
        self._fresh: set[TaskId] = set()
        self._late: dict[TaskId, float] = {}
        self._seen = 0

    def add(self, tasks: Sequence[_Task]) -> None:
        """Begin to watch tasks; some may have ended already."""
        self.open |= {task.taskid: task for task in tasks}
        self._fresh |= {task.taskid for task in tasks}

    def look(self) -> list[_Task]:
        """Return the tasks that have ended since the last look.

        Raises:
            ChainError: the node does not answer; the next look sees all.
        """
        market = self._venue.market
        head, now = market.chain.newest()
        ended = {taskid for taskid in self._fresh if self._is_over(taskid)}
        if len(self._fresh) < len(self.open) and head > self._seen:
            kinds = (TaskFinalize, TaskClaimed)
            ended |= {
                event.taskid
                for event in market.events(self._seen + 1, head, kinds=kinds)
                if isinstance(event, kinds)
            }
        self._claim(self.open.keys() - ended, max(now, int(time.time())))
        self._seen = head
        self._fresh.clear()
        return [self.open.pop(taskid) for taskid in ended if taskid in self.open]

    def _is_over(self, taskid: TaskId) -> bool:
        return self._venue.market.hub.task(taskid).status >= TaskStatus.COMPLETED

    def _claim(self, taskids: Iterable[TaskId], now: int) -> None:
        """Claim what the scheduler has left unclaimed; anybody may."""
        hub = self._venue.market.hub
        for task in (self.open[taskid] for taskid in taskids):
            if now < task.deal.final_deadline:
                continue
            since = self._late.setdefault(task.taskid, time.monotonic())
            if time.monotonic() - since < _GRACE_SECONDS:
                continue
            self._late[task.taskid] = time.monotonic()
            with suppress(ContractError):  # somebody else was faster
                if hub.task(task.taskid).status is TaskStatus.UNSET:
                    hub.initialize_and_claim_all([(task.deal.dealid, task.index)])
                else:
                    hub.claim(task.taskid)


def _lots(taken: Iterable[tuple[Work, TaskFuture]]) -> Iterator[_Lot]:
    """Put equal work together, in the order in which it came."""
    equal: dict[Work, list[TaskFuture]] = {}
    for work, future in taken:
        equal.setdefault(work, []).append(future)
    for work, futures in equal.items():
        for begin in range(0, len(futures), _MOST_TASKS):
            yield work, futures[begin : begin + _MOST_TASKS]


def _fail(future: TaskFuture, error: BaseException) -> None:
    with suppress(InvalidStateError):  # settled or cancelled meanwhile
        future.set_exception(error)
