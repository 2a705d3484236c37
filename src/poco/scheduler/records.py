"""Decisions and reports to rows: the one place that writes what becomes of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, Text, bindparam, func, update

from poco.orders import TaskId
from poco.scheduler.machine import Decision
from poco.scheduler.state import Entry
from poco.scheduler.statuses import ReplicateStatus, Stage
from poco.scheduler.tables import replicate_events, replicates, task_events, tasks

__all__ = ["Move", "admit", "apply", "change_tasks", "record"]

# Kept, because to build and compile a statement takes longer than to run it.
_TASK = update(tasks).where(tasks.c.taskid == bindparam("task"))
_REPLICATE = replicates.insert()
_TASK_EVENT = task_events.insert()
_REPLICATE_EVENT = replicate_events.insert()
_END = (
    update(replicates)
    .where(
        replicates.c.taskid.in_(bindparam("ids", expanding=True)),
        replicates.c.is_over != bindparam("over"),
    )
    .values(is_over=bindparam("over"))
)
_MOVE = (
    update(replicates)
    .where(
        replicates.c.taskid == bindparam("of_task"), replicates.c.worker == bindparam("of_worker")
    )
    .values(
        status=bindparam("now_status"),
        cause=bindparam("now_cause"),
        message=func.coalesce(bindparam("now_message", type_=Text), replicates.c.message),
        exit_code=func.coalesce(bindparam("now_code", type_=BigInteger), replicates.c.exit_code),
    )
)


@dataclass(frozen=True, slots=True)
class Move:
    """A worker comes to another point of a task.

    Args:
        taskid: the task.
        worker: the worker.
        status: where it is now.
        cause: name of what went wrong, else empty.
        message: what it says of it; None leaves what is there.
        exit_code: of the app; None likewise.
    """

    taskid: TaskId
    worker: str
    status: ReplicateStatus
    cause: str = ""
    message: str | None = None
    exit_code: int | None = None


def apply(
    connection: Connection,
    decided: Sequence[tuple[Entry, Decision, dict[str, Any]]],
    *,
    at: float,
    head: int,
) -> None:
    """Write what was decided.

    Args:
        connection: a transaction that has the tasks locked.
        decided: tasks, decisions about them, and other columns to set.
        at: seconds since 1970.
        head: number of the chain's last block.
    """
    changes: dict[TaskId, dict[str, Any]] = {}
    events: list[dict[str, Any]] = []
    moves: list[Move] = []
    ends: dict[bool, list[TaskId]] = {True: [], False: []}
    for entry, decision, extra in decided:
        stage = decision.stages[-1] if decision.stages else entry.situation.stage
        values = extra | {
            "stage": stage,
            "is_over": stage.is_final,
            "wants": decision.wants,
            "check_at": decision.check_at,
        }
        if Stage.RUNNING in decision.stages:  # another round has another result
            values |= {"link": None}
        old = entry.task._mapping
        changes[entry.taskid] = {
            name: value for name, value in values.items() if old[name] != value
        }
        events += [
            {"taskid": entry.taskid, "at": at, "stage": passed, "block": head}
            for passed in decision.stages
        ]
        moves += [
            Move(entry.taskid, replica.worker, replica.status, replica.cause)
            for replica in decision.replicas
        ]
        if decision.stages:
            ends[stage.is_final].append(entry.taskid)
    change_tasks(connection, changes)
    if events:
        connection.execute(_TASK_EVENT, events)
    record(connection, moves, at=at, modifier="POOL_MANAGER")
    for is_over, ids in ends.items():
        if ids:
            connection.execute(_END, {"ids": ids, "over": is_over})


def admit(
    connection: Connection, entries: Sequence[Entry], worker: Row[Any], *, now: int, at: float
) -> None:
    """Write that a worker is admitted to tasks.

    Args:
        connection: a transaction that has the tasks locked.
        entries: the tasks.
        worker: row of `workers`.
        now: time of the chain, seconds since 1970.
        at: time of the wall clock, seconds since 1970.
    """
    if not entries:
        return
    part = {"worker": worker.wallet, "status": ReplicateStatus.CREATED}
    row = part | {"weight": worker.weight, "since": now}
    connection.execute(_REPLICATE, [row | {"taskid": entry.taskid} for entry in entries])
    event = part | {"at": at, "modifier": "POOL_MANAGER"}
    connection.execute(_REPLICATE_EVENT, [event | {"taskid": entry.taskid} for entry in entries])


def change_tasks(connection: Connection, changes: Mapping[TaskId, Mapping[str, Any]]) -> None:
    """Set columns of tasks, as many tasks at a time as change in the same columns."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for taskid, values in changes.items():
        if values:
            groups.setdefault(tuple(values), []).append({"task": taskid, **values})
    for rows in groups.values():
        connection.execute(_TASK, rows)


def record(connection: Connection, moves: Sequence[Move], *, at: float, modifier: str) -> None:
    """Write where workers are with tasks, and that they came there."""
    if not moves:
        return
    connection.execute(
        _MOVE,
        [
            {
                "of_task": move.taskid,
                "of_worker": move.worker,
                "now_status": move.status,
                "now_cause": move.cause,
                "now_message": move.message,
                "now_code": move.exit_code,
            }
            for move in moves
        ],
    )
    connection.execute(
        _REPLICATE_EVENT,
        [
            {
                "taskid": move.taskid,
                "worker": move.worker,
                "at": at,
                "status": move.status,
                "modifier": modifier,
                "cause": move.cause,
            }
            for move in moves
        ],
    )
