"""What a worker and its scheduler say to each other: all that is in the journal, and orders.

No order endangers a stake: what the chain has seen of a task is finished, whatever the scheduler
wants, and nothing is deleted that may still be needed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from poco.errors import PeerError
from poco.orders import TaskId
from poco.scheduler.protocol import (
    LONGEST_WAIT_SECONDS,
    MAX_LOGS,
    Assignment,
    Capability,
    Command,
    Order,
    ReplicateReport,
    Report,
    SchedulerPort,
    TaskLogs,
)
from poco.scheduler.statuses import FAILURES, ReplicateStatus
from poco.worker.journal import Entry, Journal
from poco.worker.settlement import OVER, Settlement
from poco.worker.steps import KEEP_SECONDS, UNFINISHED, waits_for_upload

__all__ = ["HARMLESS", "Liaison"]

_BUSY_SECONDS = 1.0
_MOST_TOLD = 5_000
_ABORTABLE = UNFINISHED | {ReplicateStatus.COMPUTED}
HARMLESS = (
    FAILURES
    | OVER
    | {ReplicateStatus.RESULT_UPLOADED, ReplicateStatus.CONTRIBUTE_AND_FINALIZE_DONE}
)
"""A worker may leave tasks of these statuses without any loss, its own or others'."""


class Liaison:
    """Keeps in touch with the scheduler; one thread at a time.

    Args:
        journal: where tasks are written down.
        scheduler: whom to talk to.
        capability: what the worker can do.
        settlement: knows what is still needed.
        backlog: how many results may wait for their upload before they keep tasks away.
        stop: ends the computation of a task.
        head: returns the number of the last block that was seen.
        clock: seconds since 1970.
        report: called with a line about each thing done.
        crash_point: called after each step that lasts, for tests that die there.

    Attributes:
        heard: when the scheduler answered last, seconds since 1970; None before it ever did.
        is_draining: whether no more tasks are taken.
        is_drained: whether, besides, none is on its way.
        is_full: whether the scheduler was told that no slot is free.
    """

    def __init__(
        self,
        journal: Journal,
        scheduler: SchedulerPort,
        capability: Capability,
        settlement: Settlement,
        *,
        backlog: int,
        stop: Callable[[TaskId], None],
        head: Callable[[], int],
        clock: Callable[[], float],
        report: Callable[[str], None],
        crash_point: Callable[[str], None],
    ) -> None:
        self.heard: float | None = None
        self.is_draining = False
        self.is_drained = False
        self.is_full = False
        self._syncing = threading.Lock()
        self._journal = journal
        self._scheduler = scheduler
        self._capability = capability
        self._settlement = settlement
        self._backlog = backlog
        self._stop = stop
        self._head = head
        self._clock = clock
        self._report = report
        self._crash_point = crash_point
        self._registered = False

    def patience(self) -> float | None:
        """Return how long the next answer may take, in seconds; None when no slot is free.

        A worker with tasks under way has news soon, so that it waits for orders only a moment.
        """
        entries = self._journal.entries()
        self.is_full = self._free(entries) == 0
        if self.is_full:
            return None
        is_idle = all(entry.status in HARMLESS for entry in entries)
        return LONGEST_WAIT_SECONDS if is_idle else _BUSY_SECONDS

    def register_again(self) -> None:
        """Register anew with the next sync: the scheduler may have been started anew."""
        self._registered = False

    def drain(self) -> None:
        """Take no more tasks; returns when none is on its way. For a thread of its own.

        The report that no slot is free ends the sync that is open, and its answer is noted.
        """
        self.is_draining = True
        with suppress(PeerError):  # a scheduler that does not answer assigns nothing
            self._scheduler.sync(self._told(self._journal.entries()))
        with self._syncing:
            self.is_drained = True

    def sync(self, wait: float = 0.0) -> int:
        """Tell the scheduler everything, and note what it orders.

        Args:
            wait: how long its answer may take when there is nothing new, seconds.

        Returns:
            How much of the answer was new.

        Raises:
            PeerError: the scheduler does not answer, or refuses.
        """
        with self._syncing:
            return self._sync(wait)

    def _sync(self, wait: float) -> int:
        if not self._registered:
            self._scheduler.register(self._capability)
            self._registered = True
        logs = self._journal.logs(MAX_LOGS)
        entries = self._journal.entries()  # later: they know the exit codes of what is in the logs
        patience = wait if len(logs) < MAX_LOGS else 0.0  # there may be more
        orders = self._scheduler.sync(self._told(entries, logs), patience)
        self.heard = self._clock()
        if logs:
            self._journal.drop_logs([found.task_id for found in logs])
        self._forget(entries)
        accepted = self._accept(orders.assignments)
        obeyed = 0
        for taskid, order in orders.commands.items():
            if (entry := self._journal.entry(taskid)) is not None:
                obeyed += self._obey(entry, order)
        return accepted + obeyed

    def _accept(self, assignments: Sequence[Assignment]) -> int:
        if not assignments:
            return 0
        new = self._journal.accept(assignments, self._clock())
        for taskid in new:
            self._report(f"task 0x{taskid.hex()[:8]}…: accepted")
            self._crash_point("accepted")
        return len(new)

    def _told(self, entries: list[Entry], logs: Sequence[TaskLogs] = ()) -> Report:
        return Report(
            head=self._head(),
            free=self._free(entries),
            replicates=tuple(map(_replicate, entries[-_MOST_TOLD:])),
            logs=tuple(logs),
        )

    def _free(self, entries: list[Entry]) -> int:
        taken = sum(entry.status in UNFINISHED for entry in entries)
        late = max(0, sum(map(waits_for_upload, entries)) - self._backlog)
        return 0 if self.is_draining else max(0, self._capability.slots - taken - late)

    def _obey(self, entry: Entry, order: Order) -> bool:
        """Follow a command as far as it endangers no stake; return whether it changed anything."""
        if order.command is Command.ABORT and entry.status in _ABORTABLE:
            with self._journal.writing() as connection:
                moved = self._journal.move(
                    connection,
                    entry.taskid,
                    _ABORTABLE,
                    ReplicateStatus.ABORTED,
                    cause=order.cause,
                    message="the scheduler gave the task up",
                )
            if moved:
                self._stop(entry.taskid)
                self._report(f"task 0x{entry.taskid.hex()[:8]}…: aborted, {order.cause}")
                self._crash_point("aborted")
            return moved
        if order.command is Command.PURGE and self._settlement.is_spent(entry):
            if self._journal.has_logs(entry.taskid):  # made while the scheduler answered: next time
                return False
            self._settlement.remove_files(entry.taskid)
            self._journal.forget([entry.taskid])
            return True
        return False

    def _forget(self, entries: list[Entry]) -> None:
        """Forget what is over and told, and what the scheduler has forgotten itself."""
        aged = self._clock() - KEEP_SECONDS
        old = [one.taskid for one in entries if one.status in OVER and one.accepted_at < aged]
        if old:
            self._journal.forget(old)


def _replicate(entry: Entry) -> ReplicateReport:
    return ReplicateReport(
        task_id=entry.taskid,
        status=entry.status,
        cause=entry.cause[:200],
        message=entry.message[:2000],
        exit_code=entry.exit_code,
    )
