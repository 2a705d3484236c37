"""The desk where workers come: registration, reports, assignments and commands (spec §3.4, §8.4).

Each exchange is one short transaction of the database. What is answered follows from the rows, not
from what was answered before, so that no answer can be lost.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from sqlalchemy import Connection, Row, bindparam, select, update

from poco.contracts import Market
from poco.database import Database, storable, upsert
from poco.errors import UserInputError
from poco.orders import ZERO_ADDRESS, DealId, TaskId, sign_authorization
from poco.scheduler.bell import Bell
from poco.scheduler.errands import is_to_be_sent, order
from poco.scheduler.machine import wants_worker
from poco.scheduler.moment import Moment
from poco.scheduler.protocol import (
    LONGEST_WAIT_SECONDS,
    Assignment,
    Capability,
    Orders,
    Report,
)
from poco.scheduler.records import admit, change_tasks
from poco.scheduler.reports import keep_logs, take_reports
from poco.scheduler.settings import Settings
from poco.scheduler.state import Entry, crew, load
from poco.scheduler.supply import weight
from poco.scheduler.tables import MAX_INTEGER, replicates, tasks, workers
from poco.scheduler.waiting import candidates
from poco.web import HttpError

__all__ = ["Desk"]

_WORD = re.compile(r"[!-~]+")
_FRESH_SECONDS = 5.0
_WORKER = select(workers).where(workers.c.wallet == bindparam("worker")).with_for_update()
_MINE = select(replicates.c.taskid).where(
    replicates.c.worker == bindparam("worker"), replicates.c.is_over.is_(False)
)
_STILL_WANTING = (
    select(tasks.c.taskid)
    .where(tasks.c.taskid.in_(bindparam("ids", expanding=True)), tasks.c.wants.is_(True))
    .order_by(tasks.c.taskid)
    .with_for_update(skip_locked=True)
)


class Desk:
    """Serves workers. Safe to use from several threads and processes.

    Args:
        database: of the scheduler.
        market: the market.
        account: the pool's owner, whose signature admits workers.
        settings: of the scheduler.
        bell: wakes waiting workers.
        moment: the time.
        report: called with a line about each thing that happened.
    """

    def __init__(
        self,
        database: Database,
        market: Market,
        account: LocalAccount,
        settings: Settings,
        bell: Bell,
        moment: Moment,
        report: Callable[[str], None],
    ) -> None:
        self._database = database
        self._market = market
        self._account = account
        self._settings = settings
        self._bell = bell
        self._moment = moment
        self._report = report
        self._answered: dict[str, tuple[Report, Orders]] = {}
        self._open: dict[str, Report] = {}  # the last sync of each worker that has one open

    def admit(self, worker: ChecksumAddress) -> None:
        """Check that a worker may work for this pool.

        Raises:
            HttpError: 403, it is not on the whitelist.
        """
        if self._settings.whitelist and worker not in self._settings.whitelist:
            raise HttpError(
                HTTPStatus.FORBIDDEN,
                "this pool admits only the workers that its operator has listed",
                field="worker",
                value=worker,
                remedy="ask the operator to start the scheduler with --allow-worker",
            )

    def register(self, worker: ChecksumAddress, capability: Capability) -> None:
        """Note what a worker can do; see `SchedulerPort.register`.

        Raises:
            HttpError: it may not work here.
            UserInputError: an app type cannot be stored.
            ChainError: the node does not answer.
        """
        self.admit(worker)
        if any(len(name) > 64 or not _WORD.fullmatch(name) for name in capability.app_types):
            raise UserInputError(
                "an app type is one word of at most 64 characters",
                field="appTypes",
                value=capability.app_types,
                remedy="for example DOCKER and WASM",
            )
        row = capability.model_dump(include={"slots", "cpus", "memory", "disk"}) | {
            "wallet": worker,
            "name": storable(capability.name),
            "host": storable(capability.host),
            "version": storable(capability.version),
            "app_types": " ".join(capability.app_types),
            "tags": capability.tags & (MAX_INTEGER - 1),
            "weight": min(weight(self._market.hub.score(worker)), MAX_INTEGER),
            "seen": self._moment.wall(),
            "is_silent": False,
        }
        with self._database.writing() as connection:
            connection.execute(upsert(self._database, workers, row))
        self._report(f"worker {capability.name!r} ({worker}) is here with {capability.slots} slots")

    def sync(self, worker: ChecksumAddress, report: Report, wait: float = 0.0) -> Orders:
        """Take a report and say what to do; see `SchedulerPort.sync`.

        A worker has one sync open at a time: the next one ends it.

        Raises:
            HttpError: 409, the worker has to register first.
        """
        self.admit(worker)
        if worker in self._open:
            self._bell.ring([worker])
        self._open[worker] = report
        try:
            return self._attend(worker, report, min(wait, LONGEST_WAIT_SECONDS))
        finally:
            if self._open.get(worker) is report:
                self._open.pop(worker, None)

    def _attend(self, worker: ChecksumAddress, report: Report, wait: float) -> Orders:
        end = time.monotonic() + wait
        is_free = report.free > 0
        heard = self._bell.heard(worker, is_free=is_free)
        orders = self._exchange(worker, report, is_new=True)
        while not orders.assignments and (
            not orders.commands or self._answered.get(worker) == (report, orders)
        ):
            left = end - time.monotonic() if self._open.get(worker) is report else 0.0
            if left <= 0 or not self._bell.wait(worker, heard, left, is_free=is_free):
                break
            heard = self._bell.heard(worker, is_free=is_free)
            orders = self._exchange(worker, report, is_new=False)
        self._answered[worker] = (report, orders)
        return orders

    # ONE EXCHANGE

    def _exchange(self, worker: ChecksumAddress, report: Report, *, is_new: bool) -> Orders:
        """Read and write what a sync is about.

        Args:
            worker: who reports.
            report: what it says.
            is_new: whether its logs were not stored yet.
        """
        listed = {found.task_id: found for found in report.replicates}
        # A report is repeated, and a worker that nobody remembers is adopted when it contributes.
        with self._database.writing(lasting=False) as connection:
            row = self._greet(connection, worker, report.head)
            people = crew(connection)
            mine = connection.scalars(_MINE, {"worker": worker})
            ids = [*listed, *map(TaskId, mine), *(found.task_id for found in report.logs)]
            entries = self._load(connection, ids, people)
            news = take_reports(
                connection, entries, row, listed, self._settings, self._moment.wall(), self._report
            )
            if is_new:
                keep_logs(connection, entries, worker, report.logs, self._settings)
            again = [
                entry
                for taskid, entry in entries.items()
                if taskid not in listed and is_to_be_sent(entry, worker)
            ]
            free = report.free - len(again)
            fresh = self._admit(connection, row, people, free) if free > 0 else []
        if news:
            self._bell.nudge()
        for entry in fresh:
            self._report(f"task 0x{entry.taskid.hex()[:8]}…: admit worker {worker}")
        return Orders(
            tuple(self._assignment(entry, worker) for entry in [*again, *fresh]),
            {
                taskid: one
                for taskid, found in listed.items()
                if taskid in entries and (one := order(entries[taskid], worker, found)) is not None
            },
        )

    def _load(
        self, connection: Connection, ids: Iterable[TaskId], people: Sequence[Row[Any]]
    ) -> dict[TaskId, Entry]:
        moment, settings = self._moment, self._settings
        wanted = list(ids)
        if not wanted:
            return {}
        return load(connection, wanted, moment.now(), moment.height(), people, settings, lock=True)

    def _greet(self, connection: Connection, worker: str, head: int) -> Row[Any]:
        """Note that a worker is there, and return its row."""
        row = connection.execute(_WORKER, {"worker": worker}).one_or_none()
        if row is None:
            raise HttpError(
                HTTPStatus.CONFLICT,
                "a worker says first what it can do",
                field="worker",
                value=worker,
                remedy="POST /workers/register",
            )
        at = self._moment.wall()
        if row.is_silent or at - row.seen >= _FRESH_SECONDS:
            here = workers.c.wallet == worker
            values = {"seen": at, "head": head, "is_silent": False}
            connection.execute(update(workers).where(here).values(values))
        return row

    def _admit(
        self, connection: Connection, worker: Row[Any], people: Sequence[Row[Any]], free: int
    ) -> list[Entry]:
        """Admit a worker to tasks that need one, as many as it has free slots."""
        rests = select(workers.c.quarantine).where(workers.c.wallet == worker.wallet)
        if connection.execute(rests).scalar_one() > self._moment.wall():
            return []
        picks = candidates(connection, worker, free, distinct_hosts=self._settings.distinct_hosts)
        if not picks:
            return []
        locked = set(connection.scalars(_STILL_WANTING, {"ids": picks}))
        entries = self._load(connection, (one for one in picks if one in locked), people)
        wanting = [
            entries[taskid]
            for taskid in picks
            if taskid in entries and wants_worker(entries[taskid].situation)
        ]
        return self._reserve(connection, wanting[:free], worker)

    def _reserve(
        self, connection: Connection, entries: Sequence[Entry], worker: Row[Any]
    ) -> list[Entry]:
        now = self._moment.now()
        after = [entry.with_worker(worker.wallet, worker.weight, now) for entry in entries]
        admit(connection, after, worker, now=now, at=self._moment.wall())
        change_tasks(
            connection,
            {
                entry.taskid: {
                    "wants": wants_worker(entry.situation),
                    "check_at": min(entry.task.check_at, now + entry.deal.clock),
                }
                for entry in after
            },
        )
        return after

    def _assignment(self, entry: Entry, worker: ChecksumAddress) -> Assignment:
        enclave = ChecksumAddress(entry.task.enclave_challenge or ZERO_ADDRESS)
        return Assignment(
            taskid=entry.taskid,
            dealid=DealId(entry.deal.dealid),
            index=entry.task.idx,
            worker=worker,
            authorization=sign_authorization(self._account, worker, entry.taskid, enclave),
            in_one_step=entry.deal.trust == 1 and self._settings.one_step,
            enclave_challenge=enclave,
            block=self._moment.height(),
            results_url=self._settings.results_url,
            secrets_url=self._settings.secrets_url,
        )
