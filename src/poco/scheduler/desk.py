"""The desk where workers come: registration, reports, assignments and commands (spec §3.4, §8.4).

Each exchange is one short transaction of the database. What is answered follows from the rows, not
from what was answered before, so that no answer can be lost.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from sqlalchemy import Connection, Row, select, update

from poco.appio.causes import PERMANENT
from poco.contracts import Market
from poco.database import Database, upsert
from poco.errors import UserInputError
from poco.orders import ZERO_ADDRESS, DealId, TaskId, sign_authorization
from poco.scheduler.bell import Bell
from poco.scheduler.errands import UPLOADS, is_believed, is_to_be_sent, order, replica_of
from poco.scheduler.machine import wants_worker
from poco.scheduler.moment import Moment
from poco.scheduler.protocol import (
    LONGEST_WAIT_SECONDS,
    MAX_LOG_CHARACTERS,
    Assignment,
    Capability,
    Orders,
    ReplicateReport,
    Report,
    TaskLogs,
)
from poco.scheduler.settings import Settings
from poco.scheduler.state import Entry, crew, load, mark, record_replica, storable
from poco.scheduler.statuses import FAILURES, ReplicateStatus, Stage
from poco.scheduler.supply import weight
from poco.scheduler.tables import MAX_INTEGER, logs, replicates, tasks, workers
from poco.scheduler.waiting import candidates
from poco.web import HttpError

__all__ = ["Desk"]

_WORD = re.compile(r"[!-~]+")
_FRESH_SECONDS = 5.0
_FAILURES_BEFORE_QUARANTINE = 3
_MOST_DOUBLINGS = 10
_LONGEST_QUARANTINE = 3600.0


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
        orders = self._exchange(worker, report)
        while not orders.assignments and (
            not orders.commands or self._answered.get(worker) == (report, orders)
        ):
            left = end - time.monotonic() if self._open.get(worker) is report else 0.0
            if left <= 0 or not self._bell.wait(worker, heard, left, is_free=is_free):
                break
            heard = self._bell.heard(worker, is_free=is_free)
            orders = self._exchange(worker, report)
        self._answered[worker] = (report, orders)
        return orders

    def logs(self, worker: ChecksumAddress, taskid: TaskId, found: TaskLogs) -> None:
        """Keep what an app wrote; see `SchedulerPort.logs`.

        Raises:
            HttpError: 404, the worker has no such task.
        """
        with self._database.writing() as connection:
            entry = self._load(connection, [taskid]).get(taskid)
            if entry is None or replica_of(entry, worker) is None:
                raise HttpError(
                    HTTPStatus.NOT_FOUND,
                    "the worker was not admitted to such a task",
                    field="taskid",
                    value=f"0x{taskid.hex()}",
                    remedy="report only tasks of this scheduler",
                )
            kept = self._settings.log_days * 86400
            row = {
                "taskid": taskid,
                "worker": worker,
                "stdout": storable(found.stdout[-MAX_LOG_CHARACTERS:]),
                "stderr": storable(found.stderr[-MAX_LOG_CHARACTERS:]),
                "expires": entry.situation.terms.final_deadline + kept,
            }
            connection.execute(upsert(self._database, logs, row))
            if found.exit_code is not None:
                here = (replicates.c.taskid == taskid) & (replicates.c.worker == worker)
                connection.execute(update(replicates).where(here).values(exit_code=found.exit_code))

    # ONE EXCHANGE

    def _exchange(self, worker: ChecksumAddress, report: Report) -> Orders:
        listed = {found.task_id: found for found in report.replicates}
        news = False
        with self._database.writing() as connection:
            self._greet(connection, worker, report.head)
            mine = connection.execute(
                select(replicates.c.taskid).where(
                    replicates.c.worker == worker, replicates.c.is_over.is_(False)
                )
            )
            entries = self._load(connection, [*listed, *(TaskId(one.taskid) for one in mine)])
            for taskid in sorted(listed.keys() & entries.keys()):
                news |= self._take(connection, entries[taskid], worker, listed[taskid])
            again = [
                entry
                for taskid, entry in entries.items()
                if taskid not in listed and is_to_be_sent(entry, worker)
            ]
            free = report.free - len(again)
            fresh = self._admit(connection, worker, free) if free > 0 else []
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

    def _load(self, connection: Connection, ids: list[TaskId]) -> dict[TaskId, Entry]:
        if not ids:
            return {}
        moment, settings = self._moment, self._settings
        people = crew(connection)
        return load(connection, ids, moment.now(), moment.height(), people, settings, lock=True)

    def _greet(self, connection: Connection, worker: str, head: int) -> None:
        """Note that a worker is there."""
        here = workers.c.wallet == worker
        row = connection.execute(select(workers).where(here).with_for_update()).one_or_none()
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
            connection.execute(
                update(workers).where(here).values(seen=at, head=head, is_silent=False)
            )

    def _take(
        self, connection: Connection, entry: Entry, worker: str, found: ReplicateReport
    ) -> bool:
        """Believe what a worker says of a task as far as it can know; return whether it is news."""
        replica = replica_of(entry, worker)
        if replica is None or not is_believed(replica, found.status):
            return False
        record_replica(
            connection,
            entry.taskid,
            worker,
            found.status,
            at=self._moment.wall(),
            modifier="WORKER",
            cause=storable(found.cause),
            message=storable(found.message),
            exit_code=found.exit_code,
        )
        self._judge(connection, worker, found)
        begins = entry.situation.stage is Stage.INITIALIZED
        if not (begins or found.status in FAILURES or found.status in UPLOADS):
            return False
        mark(connection, tasks.c.taskid == entry.taskid)
        return True

    def _judge(self, connection: Connection, worker: str, found: ReplicateReport) -> None:
        """Count the failures that are a worker's own, and let it rest after some in a row."""
        here = workers.c.wallet == worker
        known = connection.execute(select(workers.c.failures).where(here)).scalar_one()
        count = known
        if found.status is ReplicateStatus.COMPUTED:
            count = 0
        elif found.status in FAILURES and found.status is not ReplicateStatus.ABORTED:
            count += found.cause not in PERMANENT
        if count == known:
            return
        values: dict[str, Any] = {"failures": count}
        if count >= _FAILURES_BEFORE_QUARANTINE:
            doublings = min(count - _FAILURES_BEFORE_QUARANTINE, _MOST_DOUBLINGS)
            pause = min(self._settings.quarantine * 2.0**doublings, _LONGEST_QUARANTINE)
            values["quarantine"] = self._moment.wall() + pause
            self._report(f"worker {worker} failed {count} times: rests {pause:g} s")
        connection.execute(update(workers).where(here).values(values))

    def _admit(self, connection: Connection, wallet: str, free: int) -> list[Entry]:
        """Admit a worker to tasks that need one, as many as it has free slots."""
        worker = connection.execute(select(workers).where(workers.c.wallet == wallet)).one()
        if worker.quarantine > self._moment.wall():
            return []
        picks = candidates(connection, worker, free, distinct_hosts=self._settings.distinct_hosts)
        if not picks:
            return []
        locked = connection.execute(
            select(tasks.c.taskid)
            .where(tasks.c.taskid.in_(picks), tasks.c.wants.is_(True))
            .order_by(tasks.c.taskid)
            .with_for_update(skip_locked=True)
        )
        entries = self._load(connection, [TaskId(row.taskid) for row in locked])
        admitted: list[Entry] = []
        for taskid in picks:
            entry = entries.get(taskid)
            if entry is None or len(admitted) == free or not wants_worker(entry.situation):
                continue
            self._reserve(connection, entry, worker)
            admitted.append(entry)
        return admitted

    def _reserve(self, connection: Connection, entry: Entry, worker: Row[Any]) -> None:
        now = self._moment.now()
        row = {"taskid": entry.taskid, "worker": worker.wallet, "weight": worker.weight}
        connection.execute(
            replicates.insert(), [row | {"status": ReplicateStatus.CREATED, "since": now}]
        )
        record_replica(
            connection,
            entry.taskid,
            worker.wallet,
            ReplicateStatus.CREATED,
            at=self._moment.wall(),
            modifier="POOL_MANAGER",
        )
        after = self._load(connection, [entry.taskid])[entry.taskid]
        again = min(after.task.check_at, now + after.deal.clock)
        connection.execute(
            update(tasks)
            .where(tasks.c.taskid == entry.taskid)
            .values(wants=wants_worker(after.situation), check_at=again)
        )

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
