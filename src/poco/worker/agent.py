"""A worker: takes tasks from a scheduler, computes them, and settles them on chain by itself.

Its threads share the journal and nothing else: *slots* compute, *uploads* hand over results, the
*chain* thread does what is due on chain, and *sync* talks to the scheduler. Each goes on without
the others: a scheduler that is down keeps nobody from revealing, a node that is down keeps nobody
from computing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cache

from eth_account.signers.local import LocalAccount

from poco.contracts import Market
from poco.errors import PocoError
from poco.orders import Tag
from poco.scheduler.protocol import Capability, SchedulerPort
from poco.scheduler.statuses import ReplicateStatus
from poco.services.results.client import ResultsClient
from poco.transactions import Head, TransactionQueue
from poco.worker.admission import Admission, Capacity
from poco.worker.computation import Computation, Equipment
from poco.worker.durations import Durations
from poco.worker.journal import Entry, Journal
from poco.worker.lanes import Lanes
from poco.worker.liaison import HARMLESS, Liaison
from poco.worker.recovery import recover
from poco.worker.settlement import Settlement
from poco.worker.steps import UNFINISHED, Action
from poco.worker.uploads import Uploads

__all__ = ["WorkerAgent"]

_UPLOADS = 2
_LOOK_SECONDS = 10.0
_RETRY_SECONDS = 1.0
_BUSY_SECONDS = 0.5
_REST = 4.0
"""So many times what a look at the chain took, or a talk with the scheduler, passes until the next
one: each has its price, and what happens meanwhile is dealt with together."""
_LONGEST_REST_SECONDS = 1.0
_LONGEST_SILENCE_SECONDS = 0.2
_LAST_PAUSE_SECONDS = 15.0
_TIDY_SECONDS = 3600.0
_HISTORY_SECONDS = 30 * 86_400
_MOST_FORGOTTEN = 500
_STOP_SECONDS = 2.0
_PASSIVE = (Action.EXECUTE, Action.UPLOAD, Action.WAIT)


class WorkerAgent:
    """One worker of one workerpool.

    Args:
        market: acting as the worker.
        account: its key.
        scheduler: whom to ask for work.
        equipment: what it computes with.
        capability: what it tells the scheduler that it can do; `Capability.slots` tasks are
            computed at a time.
        disk: bytes of disk that must be free before a task is started.
        store: makes the client of a result store, given its URL.
        poll_seconds: how often the node is asked for its newest block; also the first pause when
            the scheduler does not answer.
        confirmations: see `TransactionQueue`.
        clock: seconds since 1970.
        report: called with a line about each thing done.
        crash_point: called after each step that lasts, for tests that die there.

    Raises:
        ConfigurationError: the journal cannot be opened, or belongs to another worker or chain.
        ChainError: the node does not answer.
    """

    def __init__(
        self,
        market: Market,
        account: LocalAccount,
        scheduler: SchedulerPort,
        equipment: Equipment,
        capability: Capability,
        *,
        disk: int = 0,
        store: Callable[[str], ResultsClient] = ResultsClient,
        poll_seconds: float = 1.0,
        confirmations: int | None = None,
        clock: Callable[[], float] = time.time,
        report: Callable[[str], None] = lambda _: None,
        crash_point: Callable[[str], None] = lambda _: None,
    ) -> None:
        equipment.workdir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.address = account.address
        self.slots = capability.slots
        self.journal = Journal(f"sqlite:///{equipment.workdir.absolute() / 'worker.sqlite'}")
        self.journal.claim(market)
        self._market = market
        self._equipment = equipment
        self._poll_seconds = poll_seconds
        self._clock = clock
        self._report = report
        self._queue = TransactionQueue(
            self.journal.database,
            market,
            clock=clock,
            confirmations=confirmations,
            effect=lambda key: self._settlement.effect(key),
            crash_point=lambda name: crash_point(f"transaction {name}"),
        )
        hooks = {"report": report, "crash_point": crash_point}
        self._settlement = Settlement(
            self.journal, market, self._queue, equipment.workdir, clock=clock, **hooks
        )
        capacity = Capacity(tuple(equipment.runtimes), Tag(capability.tags), disk)
        admission = Admission(self.journal, market, capacity, equipment.workdir, clock)
        self._computation = Computation(self.journal, admission, account, equipment, **hooks)
        uploads = Uploads(self.journal, account, cache(store), **hooks)
        self._slots = Lanes(
            "computation",
            capability.slots,
            self._computation.run,
            done=self._go_on,
            report=report,
        )
        lanes = _UPLOADS + capability.slots
        self._uploads = Lanes(
            "upload",
            lanes,
            uploads.run,
            done=self._settle_soon,
            report=report,
        )
        self._liaison = Liaison(
            self.journal,
            scheduler,
            capability,
            self._settlement,
            backlog=lanes,
            stop=self._computation.stop,
            head=lambda: self._head,
            clock=clock,
            **hooks,
        )
        self._due = threading.Event()  # for the chain thread
        self._news = threading.Event()  # for the sync thread
        self._halt = threading.Event()
        self._head = 0
        self._looked = 0.0  # at the chain, at all
        self._surveyed = 0.0  # and at all tasks
        self._tidied = -_TIDY_SECONDS
        self._next: list[tuple[Entry, Action]] = []

    # WHAT ITS OPERATOR SEES

    @property
    def block(self) -> int:
        """Number of the last block that was looked at."""
        return self._head

    @property
    def heard(self) -> float | None:
        """When the scheduler answered last, seconds since 1970; None before it ever did."""
        return self._liaison.heard

    @property
    def durations(self) -> Durations:
        """How long the last tasks took."""
        return self._computation.durations

    def block_number(self) -> int:
        """Return the number of the newest block.

        Raises:
            ChainError: the node does not answer.
        """
        return self._market.chain.block_number()

    # LIFE

    def run(self, stop: threading.Event, drain: threading.Event | None = None) -> None:
        """Work until told to stop; what goes wrong is reported and does not end it.

        Args:
            stop: ends it at once; the journal goes on from there at the next start.
            drain: ends it once no accepted task needs this worker any more.
        """
        self.recover()
        threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for name, work in (("chain", self._watch_chain), ("sync", self._follow_scheduler))
        ]
        for thread in threads:
            thread.start()
        is_told = False
        try:
            while not stop.wait(self._poll_seconds):
                if drain is None or not drain.is_set():
                    continue
                if not is_told:
                    is_told = True
                    self._report("takes no more tasks, and ends when those it has are settled")
                    threading.Thread(target=self._liaison.drain, name="drain", daemon=True).start()
                entries = self.journal.entries() if self._liaison.is_drained else None
                if entries is not None and all(entry.status in HARMLESS for entry in entries):
                    break
        finally:
            self._halt.set()
            self._due.set()
            self._news.set()
            self._slots.join(0 if stop.is_set() else _STOP_SECONDS)
            for thread in threads:
                thread.join(_STOP_SECONDS)

    def join(self, seconds: float) -> bool:
        """Wait for computations, up to a number of seconds; return whether all have ended."""
        return self._slots.join(seconds)

    def step(self) -> int:
        """Do one round of everything in this thread, without waiting for anybody.

        Returns:
            How much was done; 0 when there is nothing to do now.

        Raises:
            PocoError: node or scheduler do not answer.
        """
        orders = self._liaison.sync()
        done = self._settle(self._queue.head(), everything=True)
        for entry, action in self._next:
            lanes = self._slots if action is Action.EXECUTE else self._uploads
            lanes.run(entry)
        return orders + done + len(self._next)

    def recover(self) -> None:
        """Go on from the journal after a restart: see `poco.worker.recovery`."""
        recover(self.journal, self._equipment, self.address, self._report)

    # THE CHAIN

    def _watch_chain(self) -> None:
        told = ""
        while not self._halt.is_set():
            moved = 0
            begun = time.monotonic()
            try:
                moved = self._watch()
                told = ""
            except Exception as error:  # the thread that reveals must outlive everything
                told = self._tell_once(error, told)
            if moved:
                self._due.set()
            ended = time.monotonic()
            self._due.wait(self._poll_seconds)
            rest = min(_REST * (ended - begun), _LONGEST_REST_SECONDS)
            self._halt.wait(max(0.0, ended + rest - time.monotonic()))

    def _watch(self) -> int:
        """Look at the chain if something may be different there, and act."""
        woken = self._due.is_set()
        self._due.clear()
        head = self._queue.head()
        now = time.monotonic()
        pause = _RETRY_SECONDS if self._next else _LOOK_SECONDS
        if head.number == self._head and not woken and now < self._looked + pause:
            return 0
        self._looked = 0.0  # unless all goes well
        everything = now >= self._surveyed + _RETRY_SECONDS
        moved = self._settle(head, everything=everything)
        self._head, self._looked = head.number, now
        if everything:
            self._surveyed = now
        if now >= self._tidied + _TIDY_SECONDS:
            before = self._clock() - _HISTORY_SECONDS
            if self._queue.prune(before, _MOST_FORGOTTEN) < _MOST_FORGOTTEN:
                self._tidied = now
        for entry, action in self._next:
            (self._slots if action is Action.EXECUTE else self._uploads).offer(entry)
        return moved

    def _settle(self, head: Head, *, everything: bool) -> int:
        """Do what is due on chain; `_next` then holds what is left to slots and uploads."""
        done = self._queue.watch(head)
        steps = self._settlement.advance(head, everything=everything)
        self._next = [
            (entry, step.action)
            for entry, step in steps
            if step.action in (Action.EXECUTE, Action.UPLOAD)
        ]
        for entry, step in steps:
            if step.action is Action.ABANDON:
                self._news.set()
                if entry.status in UNFINISHED:
                    self._computation.stop(entry.taskid)
        acted = sum(step.action not in _PASSIVE for _, step in steps)
        return done + acted + self._queue.send(head)

    # THE SCHEDULER

    def _follow_scheduler(self) -> None:
        told, pause = "", 0.0
        while not self._halt.is_set():
            try:
                self._talk()
                told, pause = "", 0.0
            except Exception as error:
                self._liaison.register_again()
                told = self._tell_once(error, told)
                pause = min(max(self._poll_seconds, 2 * pause), _LAST_PAUSE_SECONDS)
                self._halt.wait(pause)

    def _talk(self) -> None:
        """Talk to the scheduler once, as soon as there is something to tell or to hear.

        A worker whose slots are all taken waits for its own news.
        """
        patience = self._liaison.patience()
        if patience is None:
            self._news.wait(_BUSY_SECONDS)
            patience = 0.0
        if self._news.is_set():
            self._news.clear()
            patience = 0.0
        begun = time.monotonic()
        is_new = self._liaison.sync(patience)
        took = time.monotonic() - begun
        if is_new:
            self._begin()
        elif took < patience / 2:  # it was told what it knew
            self._news.wait(_BUSY_SECONDS)
        self._halt.wait(min(_REST * took, _LONGEST_SILENCE_SECONDS))

    # FROM ONE TO THE OTHER

    def _begin(self) -> None:
        """Have slots begin at once with what was assigned: they ask the chain themselves."""
        for entry in self.journal.entries():
            if entry.status is ReplicateStatus.CREATED:
                self._slots.offer(entry)

    def _go_on(self, entry: Entry) -> None:
        """Tell the scheduler of a free slot, and do what follows the computation."""
        self._news.set()
        if not (entry.assignment.in_one_step and self._uploads.offer(entry)):
            self._due.set()

    def _settle_soon(self, entry: Entry) -> None:
        """Look at the chain after an upload; where the scheduler waits for news of it, say so."""
        self._due.set()
        if self._liaison.is_full or not entry.assignment.in_one_step:
            self._news.set()

    def _tell_once(self, error: Exception, told: str) -> str:
        """Report an error unless it is the one that was told last; return its text."""
        kind = "" if isinstance(error, PocoError) else f"unexpected {type(error).__name__}: "
        text = f"{kind}{error}"
        if text != told:
            self._report(text)
        return text
