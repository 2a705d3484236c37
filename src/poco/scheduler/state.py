"""Rows to situations: the one place that reads tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eth_typing import ChecksumAddress
from sqlalchemy import BindParameter, Connection, Row, bindparam, select, update
from sqlalchemy.sql.elements import ColumnElement

from poco.contracts import ContributionStatus, Deal, TaskStatus
from poco.database import storable
from poco.orders import TEE, Tag, TaskId, task_id
from poco.scheduler.settings import Settings
from poco.scheduler.situation import Replica, Situation, Snapshot, Terms
from poco.scheduler.statuses import ReplicateStatus, Stage
from poco.scheduler.tables import MAX_INTEGER, deals, replicates, tasks, workers

__all__ = [
    "Entry",
    "crew",
    "deal_row",
    "expand",
    "load",
    "lock",
    "mark",
    "mark_tasks",
    "qualifies",
    "shortage",
]

_OPEN_TASKS = 500
"""Of a large deal so many tasks are under way at a time (spec §3.2)."""

# Kept, because to build and compile a statement takes longer than to run it.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_WORKERS = select(workers).where(workers.c.is_silent.is_(False))
_TASKS = select(tasks).where(tasks.c.taskid.in_(_IDS)).order_by(tasks.c.taskid)
_LOCKED_TASKS = _TASKS.with_for_update()
_LOCK = _TASKS.with_only_columns(tasks.c.taskid).with_for_update()
_MARK = update(tasks).where(tasks.c.taskid.in_(_IDS), tasks.c.is_over.is_(False)).values(check_at=0)
_DEALS = select(deals).where(deals.c.dealid.in_(_IDS))
_REPLICATES = select(replicates).where(replicates.c.taskid.in_(_IDS)).order_by(replicates.c.since)


@dataclass(frozen=True, slots=True)
class Entry:
    """A task with its deal and what there is to decide.

    Args:
        task: row of `tasks`.
        deal: row of `deals`.
        situation: what follows from the rows.
    """

    task: Row[Any]
    deal: Row[Any]
    situation: Situation

    @property
    def taskid(self) -> TaskId:
        """The task."""
        return TaskId(self.task.taskid)

    def with_worker(self, worker: ChecksumAddress, weight: int, now: int) -> Entry:
        """Return the entry as it is when one of those that are capable is admitted."""
        newcomer = Replica(
            worker=worker,
            status=ReplicateStatus.CREATED,
            since=now,
            weight=weight,
        )
        replicas = (*self.situation.replicas, newcomer)
        capable = self.situation.capable - 1
        return replace(self, situation=replace(self.situation, replicas=replicas, capable=capable))


def deal_row(deal: Deal, block: int, clock: int, app: tuple[str, str], refusal: str) -> Any:
    """Return the row of a new deal.

    Args:
        deal: as the chain has it.
        block: where it was matched.
        clock: time reference of its category, seconds.
        app: name and type of its app.
        refusal: why it is not done, or empty.
    """
    return {
        "dealid": deal.dealid,
        "block": block,
        "requester": deal.requester,
        "callback": deal.callback,
        "app_name": storable(app[0]),
        "app_type": storable(app[1])[:64],
        "params": storable(deal.params),
        "trust": min(deal.trust, MAX_INTEGER),
        "tag": min(int(deal.tag), MAX_INTEGER),
        "clock": clock,
        "start": deal.start_time,
        "bot_first": deal.bot_first,
        "bot_size": min(deal.bot_size, MAX_INTEGER),
        "expanded": 0,
        "refusal": refusal,
    }


def expand(connection: Connection) -> int:
    """Make rows for tasks of large deals as their earlier tasks end; return how many."""
    made = 0
    pending = connection.execute(
        select(deals).where(deals.c.expanded < deals.c.bot_size).with_for_update()
    ).all()
    for deal in pending:
        open_ = connection.execute(
            select(tasks.c.idx)
            .where(tasks.c.dealid == deal.dealid, tasks.c.is_over.is_(False))
            .limit(_OPEN_TASKS)
        ).all()
        count = min(_OPEN_TASKS - len(open_), deal.bot_size - deal.expanded)
        if count <= 0:
            continue
        first = deal.bot_first + deal.expanded
        rows = [
            {
                "taskid": task_id(deal.dealid, index),
                "dealid": deal.dealid,
                "idx": index,
                "stage": Stage.RECEIVED,
            }
            for index in range(first, first + count)
        ]
        connection.execute(tasks.insert(), rows)
        connection.execute(
            update(deals)
            .where(deals.c.dealid == deal.dealid)
            .values(expanded=deal.expanded + count)
        )
        made += count
    return made


def mark(connection: Connection, condition: ColumnElement[bool]) -> None:
    """Have the reconciler look at tasks that are not over, soon."""
    concerned = condition & tasks.c.is_over.is_(False)
    connection.execute(
        select(tasks.c.taskid).where(concerned).order_by(tasks.c.taskid).with_for_update()
    )
    connection.execute(update(tasks).where(concerned).values(check_at=0))


def mark_tasks(connection: Connection, ids: Sequence[bytes]) -> None:
    """Have the reconciler look at some tasks, unless they are over, soon; see `mark`."""
    lock(connection, ids)
    connection.execute(_MARK, {"ids": ids})


def lock(connection: Connection, ids: Iterable[bytes]) -> None:
    """Keep others from changing tasks until the transaction ends.

    Everybody locks tasks in the order of their ids, so that nobody waits in a circle.
    """
    connection.execute(_LOCK, {"ids": list(ids)})


def crew(connection: Connection) -> list[Row[Any]]:
    """Return the rows of the workers that are heard of."""
    return list(connection.execute(_WORKERS).all())


def qualifies(worker: Row[Any], deal: Row[Any]) -> bool:
    """Return whether a worker covers the app type and every tag bit of a deal (spec §3.4)."""
    return deal.app_type in worker.app_types.split() and not deal.tag & ~worker.tags


def shortage(people: Sequence[Row[Any]], deal: Row[Any], now: float) -> str:
    """Return why nobody can be admitted, in words; empty when somebody can."""
    able = [worker for worker in people if qualifies(worker, deal)]
    if not people:
        return "no worker is connected"
    if not able:
        flags = f" with the tag {Tag(deal.tag)}" if deal.tag else ""
        return f"none of {len(people)} connected workers runs {deal.app_type} apps{flags}"
    if all(worker.quarantine > now for worker in able):
        return f"the {len(able)} workers that qualify are in quarantine after repeated failures"
    return ""


def load(
    connection: Connection,
    ids: Iterable[TaskId],
    now: int,
    head: int,
    people: Sequence[Row[Any]],
    settings: Settings,
    *,
    lock: bool = False,
) -> dict[TaskId, Entry]:
    """Read tasks with all that decides about them.

    Args:
        connection: a transaction of the database.
        ids: which tasks.
        now: seconds since 1970.
        head: number of the chain's last block.
        people: of `crew`.
        settings: of the scheduler.
        lock: whether nobody else may change them until the transaction ends.
    """
    wanted = sorted(set(ids))
    rows = connection.execute(_LOCKED_TASKS if lock else _TASKS, {"ids": wanted}).all()
    dealids = {row.dealid for row in rows}
    of_deals = {row.dealid: row for row in connection.execute(_DEALS, {"ids": list(dealids)})}
    able = {
        dealid: {worker.wallet for worker in people if qualifies(worker, deal)}
        for dealid, deal in of_deals.items()
    }
    heard = {worker.wallet for worker in people}
    replicas: dict[bytes, list[Replica]] = {}
    for row in connection.execute(_REPLICATES, {"ids": wanted}):
        replicas.setdefault(row.taskid, []).append(_replica(row, is_silent=row.worker not in heard))
    return {
        TaskId(row.taskid): Entry(
            row,
            of_deals[row.dealid],
            _situation(
                row,
                of_deals[row.dealid],
                tuple(replicas.get(row.taskid, ())),
                now,
                head,
                able[row.dealid],
                settings,
            ),
        )
        for row in rows
    }


def _replica(row: Row[Any], *, is_silent: bool) -> Replica:
    return Replica(
        worker=row.worker,
        status=ReplicateStatus(row.status),
        since=row.since,
        weight=row.weight,
        cause=row.cause,
        exit_code=row.exit_code,
        contribution=ContributionStatus(row.contribution),
        result_hash=row.result_hash,
        is_silent=is_silent,
    )


def _situation(
    task: Row[Any],
    deal: Row[Any],
    replicas: tuple[Replica, ...],
    now: int,
    head: int,
    able: set[str],
    settings: Settings,
) -> Situation:
    used = {replica.worker for replica in replicas}
    return Situation(
        stage=Stage(task.stage),
        terms=Terms(
            trust=deal.trust,
            start=deal.start,
            clock=deal.clock,
            refusal=deal.refusal,
            is_confirmed=deal.block is not None and head - deal.block >= settings.confirmations,
            failures=settings.failures,
        ),
        chain=Snapshot(
            TaskStatus(task.chain_status),
            task.reveal_deadline,
            task.winners,
            task.reveals,
            task.consensus,
            task.digest,
        ),
        replicas=replicas,
        has_archive=task.link is not None,
        has_challenge=not deal.tag & TEE or bool(task.enclave_challenge),
        capable=len(able - used),
        now=now,
    )
