"""The rows, told to people: tasks with the reason why they wait, deals, workers, logs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from eth_typing import ChecksumAddress
from sqlalchemy import ColumnElement, Connection, Row, func, select, true

from poco.contracts import ContributionStatus
from poco.database import Database
from poco.orders import ZERO_ADDRESS, DealId, TaskId
from poco.scheduler.models import (
    ComputeLogs,
    DatedStatus,
    DealModel,
    ReplicateModel,
    TaskLogsModel,
    TaskModel,
    TaskPage,
    WorkerModel,
)
from poco.scheduler.moment import Moment
from poco.scheduler.reasons import blocked_reason
from poco.scheduler.settings import Settings
from poco.scheduler.state import Entry, crew, load, shortage
from poco.scheduler.statuses import FAILURES
from poco.scheduler.tables import (
    deals,
    logs,
    replicate_events,
    replicates,
    task_events,
    tasks,
    workers,
)
from poco.transactions import TransactionQueue, TransactionState
from poco.web import HttpError

__all__ = ["Views"]

_MOST_SORTED = 10_000
"""Of so many tasks of a status at the most all are sorted to show the first."""


class Views:
    """Answers questions about the state of a scheduler.

    Args:
        database: of the scheduler.
        settings: of the scheduler.
        moment: the time.
        transactions: what tasks may wait for.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        moment: Moment,
        transactions: TransactionQueue,
    ) -> None:
        self._database = database
        self._settings = settings
        self._moment = moment
        self._transactions = transactions

    def task(self, taskid: TaskId, base: str) -> TaskModel:
        """Return a task.

        Args:
            taskid: the task.
            base: root URL for links, without a slash at the end.

        Raises:
            HttpError: 404, this scheduler does not know it.
        """
        found = self._tasks([taskid], base)
        if not found:
            raise _missing("task", taskid)
        return found[0]

    def tasks(self, *, stage: str, limit: int, offset: int, base: str) -> TaskPage:
        """Return tasks, those of one status or all, the ones of the last deals first."""
        condition = tasks.c.stage == stage if stage else true()
        with self._database.reading() as connection:
            count = connection.execute(
                select(func.count()).select_from(tasks).where(condition)
            ).scalar_one()
            dealid: ColumnElement[bytes] = deals.c.dealid
            if count > _MOST_SORTED:  # go through the deals in their order, by hiding other ways
                dealid = func.coalesce(dealid, dealid)
                condition = tasks.c.stage + "" == stage if stage else condition
            wanted = connection.scalars(
                select(tasks.c.taskid)
                .join(deals, dealid == tasks.c.dealid)
                .where(condition)
                .order_by(deals.c.start.desc(), deals.c.dealid.desc(), tasks.c.idx)
                .limit(limit)
                .offset(offset)
            ).all()
        return TaskPage(count=count, tasks=self._tasks([TaskId(one) for one in wanted], base))

    def replicate(self, taskid: TaskId, worker: ChecksumAddress, base: str) -> ReplicateModel:
        """Return one worker's part in a task.

        Raises:
            HttpError: 404, there is no such thing.
        """
        for found in self.task(taskid, base).replicates:
            if found.wallet_address == worker:
                return found
        raise _missing("replicate", taskid)

    def logs(
        self, taskid: TaskId, reader: ChecksumAddress, worker: ChecksumAddress | None = None
    ) -> TaskLogsModel:
        """Return what the app wrote, to the requester of the task only.

        Raises:
            HttpError: 404, there is no such task or no logs of it; 403, the reader is another.
        """
        mine = logs.c.taskid == taskid
        with self._database.reading() as connection:
            requester = connection.execute(
                select(deals.c.requester)
                .join(tasks, tasks.c.dealid == deals.c.dealid)
                .where(tasks.c.taskid == taskid)
            ).scalar_one_or_none()
            found = connection.execute(
                select(logs).where(mine if worker is None else mine & (logs.c.worker == worker))
            ).all()
        if requester is None:
            raise _missing("task", taskid)
        if requester != reader:
            raise HttpError(
                HTTPStatus.FORBIDDEN,
                "only the requester of a task may read its logs",
                field="address",
                value=reader,
                remedy=f"sign as {requester}",
            )
        if not found:
            raise _missing("logs of the task", taskid)
        return TaskLogsModel(
            chain_task_id=_hex(taskid),
            compute_logs_list=[
                ComputeLogs(wallet_address=row.worker, stdout=row.stdout, stderr=row.stderr)
                for row in found
            ],
        )

    def deal(self, dealid: DealId) -> DealModel:
        """Return how far a deal has come.

        Raises:
            HttpError: 404, this scheduler does not know it.
        """
        with self._database.reading() as connection:
            deal = connection.execute(select(deals).where(deals.c.dealid == dealid)).one_or_none()
            counts = self._counts(connection, tasks.c.dealid == dealid)
        if deal is None:
            raise _missing("deal", dealid)
        return DealModel(
            chain_deal_id=_hex(dealid),
            requester=deal.requester,
            app_type=deal.app_type,
            trust=deal.trust,
            tag=f"0x{deal.tag:064x}",
            bot_first=deal.bot_first,
            bot_size=deal.bot_size,
            expanded=deal.expanded,
            refusal=deal.refusal,
            task_statuses=counts,
        )

    def workers(self) -> list[WorkerModel]:
        """Return all workers that ever registered."""
        with self._database.reading() as connection:
            rows = connection.execute(select(workers).order_by(workers.c.wallet)).all()
            busy = self.computing(connection)
        at = self._moment.wall()
        return [
            WorkerModel(
                wallet_address=row.wallet,
                name=row.name,
                alive=not row.is_silent,
                slots=row.slots,
                computing=busy.get(row.wallet, 0),
                app_types=row.app_types.split(),
                tags=hex(row.tags),
                version=row.version,
                quarantine_until=_date(row.quarantine) if row.quarantine > at else None,
            )
            for row in rows
        ]

    def computing(self, connection: Connection) -> dict[str, int]:
        """Return how many tasks each worker is computing."""
        found = connection.execute(
            select(replicates.c.worker, func.count().label("total"))
            .where(
                replicates.c.is_over.is_(False),
                replicates.c.contribution == ContributionStatus.UNSET,
                replicates.c.status.not_in(FAILURES),
            )
            .group_by(replicates.c.worker)
        )
        return {row.worker: row.total for row in found}

    def counts(self) -> dict[str, int]:
        """Return the number of tasks by status."""
        with self._database.reading() as connection:
            return self._counts(connection, tasks.c.stage != "")

    def _counts(self, connection: Connection, condition: ColumnElement[bool]) -> dict[str, int]:
        found = connection.execute(
            select(tasks.c.stage, func.count().label("total"))
            .where(condition)
            .group_by(tasks.c.stage)
        )
        return {row.stage: row.total for row in found}

    # ONE TASK

    def _tasks(self, ids: Sequence[TaskId], base: str) -> list[TaskModel]:
        with self._database.reading() as connection:
            people = crew(connection)
            now, height = self._moment.now(), self._moment.height()
            entries = load(connection, ids, now, height, people, self._settings)
            history = _grouped(
                connection.execute(
                    select(task_events)
                    .where(task_events.c.taskid.in_(ids))
                    .order_by(task_events.c.id)
                ).all()
            )
            steps = _grouped(
                connection.execute(
                    select(replicate_events)
                    .where(replicate_events.c.taskid.in_(ids))
                    .order_by(replicate_events.c.id)
                ).all()
            )
            parts = _grouped(
                connection.execute(select(replicates).where(replicates.c.taskid.in_(ids))).all()
            )
        states = self._transactions.states(
            {entry.task.tx_key for entry in entries.values() if entry.task.tx_key}
        )
        shown = []
        for entry in (entries[taskid] for taskid in ids if taskid in entries):
            state = states.get(entry.task.tx_key or "")
            reason = blocked_reason(
                entry.situation,
                transaction=_told(state),
                shortage=shortage(people, entry.deal, self._moment.wall()),
            )
            replicas = [
                _replicate(row, steps.get(entry.taskid, []), base)
                for row in parts.get(entry.taskid, [])
            ]
            shown.append(_task(entry, history.get(entry.taskid, []), replicas, reason))
        return shown


def _task(
    entry: Entry, history: Sequence[Row[Any]], replicas: list[ReplicateModel], reason: str
) -> TaskModel:
    task, deal, terms = entry.task, entry.deal, entry.situation.terms
    received = [DatedStatus(status="RECEIVED", date=_date(deal.start))]
    data = task.callback_data
    return TaskModel(
        chain_task_id=_hex(entry.taskid),
        chain_deal_id=_hex(deal.dealid),
        index=task.idx,
        current_status=task.stage,
        blocked_reason=reason,
        date_status_list=received
        + [DatedStatus(status=row.stage, date=_date(row.at)) for row in history],
        replicates=replicas,
        max_execution_time=deal.clock * 1000,
        tag=f"0x{deal.tag:064x}",
        dapp_type=deal.app_type,
        dapp_name=deal.app_name,
        command_line=deal.params,
        trust=deal.trust,
        consensus=_hex(task.consensus) if any(task.consensus) else None,
        contribution_deadline=_date(terms.contribution_deadline),
        reveal_deadline=_date(task.reveal_deadline) if task.reveal_deadline else None,
        final_deadline=_date(terms.final_deadline),
        result_link=task.link.decode(errors="replace") if task.link else None,
        chain_callback_data=_hex(data) if data and deal.callback != ZERO_ADDRESS else None,
    )


def _replicate(row: Row[Any], events: Sequence[Row[Any]], base: str) -> ReplicateModel:
    own = f"{base}/tasks/{_hex(row.taskid)}/replicates/{row.worker}"
    return ReplicateModel(
        self_=own,
        chain_task_id=_hex(row.taskid),
        wallet_address=row.worker,
        current_status=row.status,
        status_update_list=[
            DatedStatus(status=event.status, date=_date(event.at), cause=event.cause or None)
            for event in events
            if event.worker == row.worker
        ],
        contribution_hash=_hex(row.result_hash) if row.contribution else None,
        app_logs=f"{own}/logs",
        app_exit_code=row.exit_code,
        cause=row.cause or None,
    )


def _grouped(rows: Sequence[Row[Any]]) -> dict[bytes, list[Row[Any]]]:
    groups: dict[bytes, list[Row[Any]]] = {}
    for row in rows:
        groups.setdefault(row.taskid, []).append(row)
    return groups


def _told(state: TransactionState | None) -> str:
    if state is None:
        return ""
    name = f" {state.hash}" if state.hash else ""
    return f"{state.status}{name}{f', {state.reason}' if state.reason else ''}"


def _date(seconds: float) -> str:
    at = datetime.fromtimestamp(min(seconds, 253402300799), UTC)
    return at.isoformat(timespec="milliseconds")


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"


def _missing(what: str, identity: bytes) -> HttpError:
    return HttpError(
        HTTPStatus.NOT_FOUND,
        f"this scheduler has no such {what}",
        field=what,
        value=_hex(identity),
        remedy="ask the scheduler of the deal's workerpool",
    )
