"""Rows to situations, and decisions to rows: the one place that reads and writes tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.sql.elements import ColumnElement

from poco.contracts import ContributionStatus, Deal, TaskStatus
from poco.orders import TEE, Tag, TaskId, task_id
from poco.scheduler.machine import Decision
from poco.scheduler.settings import Settings
from poco.scheduler.situation import Replica, Situation, Snapshot, Terms
from poco.scheduler.statuses import ReplicateStatus, Stage
from poco.scheduler.tables import (
    MAX_INTEGER,
    deals,
    replicate_events,
    replicates,
    task_events,
    tasks,
    workers,
)

__all__ = [
    "Entry",
    "apply",
    "crew",
    "deal_row",
    "expand",
    "load",
    "mark",
    "qualifies",
    "record_replica",
    "shortage",
    "storable",
]

_OPEN_TASKS = 500
"""Of a large deal so many tasks are under way at a time (spec §3.2)."""


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


def storable(text: str) -> str:
    """Return a text of a stranger as every database takes it."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


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
    # Everybody locks tasks in the order of their ids, so that nobody waits in a circle.
    connection.execute(
        select(tasks.c.taskid).where(concerned).order_by(tasks.c.taskid).with_for_update()
    )
    connection.execute(update(tasks).where(concerned).values(check_at=0))


def crew(connection: Connection) -> list[Row[Any]]:
    """Return the rows of the workers that are heard of."""
    return list(connection.execute(select(workers).where(workers.c.is_silent.is_(False))).all())


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
    query = select(tasks).where(tasks.c.taskid.in_(wanted)).order_by(tasks.c.taskid)
    rows = connection.execute(query.with_for_update() if lock else query).all()
    of_deals = {
        row.dealid: row
        for row in connection.execute(
            select(deals).where(deals.c.dealid.in_({row.dealid for row in rows}))
        )
    }
    heard = {worker.wallet for worker in people}
    replicas: dict[bytes, list[Replica]] = {}
    found = connection.execute(
        select(replicates).where(replicates.c.taskid.in_(wanted)).order_by(replicates.c.since)
    )
    for row in found:
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
                people,
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
    people: Sequence[Row[Any]],
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
        capable=sum(worker.wallet not in used and qualifies(worker, deal) for worker in people),
        now=now,
    )


def apply(
    connection: Connection,
    entry: Entry,
    decision: Decision,
    values: dict[str, Any],
    *,
    at: float,
    head: int,
) -> None:
    """Write what was decided about a task.

    Args:
        connection: a transaction that has the task locked.
        entry: the task.
        decision: about it.
        values: other columns to set.
        at: seconds since 1970.
        head: number of the chain's last block.
    """
    stage = decision.stages[-1] if decision.stages else entry.situation.stage
    values = values | {
        "stage": stage,
        "is_over": stage.is_final,
        "wants": decision.wants,
        "check_at": decision.check_at,
    }
    if Stage.RUNNING in decision.stages:  # another round has another result
        values |= {"link": None}
    old = entry.task._mapping
    changed = {name: value for name, value in values.items() if old[name] != value}
    if changed:
        connection.execute(update(tasks).where(tasks.c.taskid == entry.taskid).values(changed))
    if decision.stages:
        connection.execute(
            task_events.insert(),
            [
                {"taskid": entry.taskid, "at": at, "stage": passed, "block": head}
                for passed in decision.stages
            ],
        )
    for replica in decision.replicas:
        record_replica(
            connection,
            entry.taskid,
            replica.worker,
            replica.status,
            at=at,
            modifier="POOL_MANAGER",
            cause=replica.cause,
        )
    if decision.stages:
        connection.execute(
            update(replicates)
            .where(replicates.c.taskid == entry.taskid, replicates.c.is_over != stage.is_final)
            .values(is_over=stage.is_final)
        )


def record_replica(
    connection: Connection,
    taskid: TaskId,
    worker: str,
    status: ReplicateStatus,
    *,
    at: float,
    modifier: str,
    cause: str = "",
    message: str | None = None,
    exit_code: int | None = None,
) -> None:
    """Write where a worker is with a task, and that it came there."""
    values: dict[str, Any] = {"status": status, "cause": cause}
    if message is not None:
        values["message"] = message
    if exit_code is not None:
        values["exit_code"] = exit_code
    connection.execute(
        update(replicates)
        .where(replicates.c.taskid == taskid, replicates.c.worker == worker)
        .values(values)
    )
    event = {"taskid": taskid, "worker": worker, "at": at, "status": status}
    connection.execute(replicate_events.insert(), [event | {"modifier": modifier, "cause": cause}])
