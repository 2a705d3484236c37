"""See bought tasks end: by the events of new blocks, and by what the scheduler says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

from poco.contracts import TaskStatus
from poco.contracts.events import TaskClaimed, TaskFinalize
from poco.errors import ContractError
from poco.local.outcome import TaskResult
from poco.local.purchasing import Purchase
from poco.local.venue import Venue
from poco.orders import DealId, TaskId
from poco.secret import Secret

__all__ = ["BoughtTask", "TaskFuture", "Watch"]

_ASK_SECONDS = 1.0
_ASKED_TOGETHER = 8
"""So often the scheduler is asked for so many tasks whether it has given them up."""
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
        self._decided = threading.Event()
        self.add_done_callback(lambda _: self._decided.set())

    def wait_for_deal(self, timeout: float | None = None) -> DealId:
        """Wait until the task is bought; return its deal.

        Args:
            timeout: longest wait, seconds.

        Raises:
            TimeoutError: it is not bought in time.
            CancelledError: it was cancelled before.
            PocoError: it could not be bought.
        """
        if not self._decided.wait(timeout):
            raise TimeoutError("the deal was not made in time")
        if self.dealid is None:
            self.result()  # raises why
        assert self.dealid is not None
        return self.dealid

    def set_deal(self, dealid: DealId, taskid: TaskId) -> None:
        """Say that the deal is made; for whoever buys."""
        self.dealid, self.taskid = dealid, taskid
        self._decided.set()


@dataclass(frozen=True, slots=True)
class BoughtTask:
    """A task of a deal that was made.

    Args:
        taskid: the task.
        index: its index in the request.
        deal: its deal.
        future: who waits for it.
        result_key: see `Work`.
    """

    taskid: TaskId
    index: int
    deal: Purchase
    future: TaskFuture
    result_key: Secret | None = None


class Watch:
    """Sees tasks end, by the events of each new block.

    Args:
        venue: where.

    Attributes:
        open: tasks that have not ended, by id.
    """

    def __init__(self, venue: Venue) -> None:
        self.open: dict[TaskId, BoughtTask] = {}
        self._venue = venue
        self._fresh: set[TaskId] = set()
        self._late: dict[TaskId, float] = {}
        self._seen = 0
        self._ask_from = 0.0

    def add(self, tasks: Sequence[BoughtTask]) -> None:
        """Begin to watch tasks; some may have ended already."""
        self.open |= {task.taskid: task for task in tasks}
        self._fresh |= {task.taskid for task in tasks}

    def look(self) -> list[BoughtTask]:
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

    def given_up(self) -> list[tuple[BoughtTask, str]]:
        """Return some tasks that the scheduler does nothing more for, and why."""
        if time.monotonic() < self._ask_from:
            return []
        asked = list(self.open)[:_ASKED_TOGETHER]
        found = []
        for taskid in asked:
            task = self.open.pop(taskid)
            if reason := self._venue.why_given_up(taskid):
                found.append((task, reason))
            else:
                self.open[taskid] = task  # at the end: others come first the next time
        self._ask_from = time.monotonic() + _ASK_SECONDS
        return found

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
