"""What workers say of their tasks, to rows: believed as far as they can know it (spec §3.7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, update

from poco.appio.causes import PERMANENT
from poco.database import storable
from poco.orders import TaskId
from poco.scheduler.errands import UPLOADS, is_believed, replica_of
from poco.scheduler.protocol import MAX_LOG_CHARACTERS, ReplicateReport, TaskLogs
from poco.scheduler.records import Move, change_tasks, record
from poco.scheduler.settings import Settings
from poco.scheduler.state import Entry
from poco.scheduler.statuses import FAILURES, SECRETS_REFUSED, ReplicateStatus, Stage
from poco.scheduler.tables import logs, replicates, workers

__all__ = ["keep_logs", "take_reports"]

_FAILURES_BEFORE_QUARANTINE = 3
_MOST_DOUBLINGS = 10
_LONGEST_QUARANTINE = 3600.0
_DROP_LOGS = delete(logs).where(
    logs.c.taskid == bindparam("task"), logs.c.worker == bindparam("who")
)
_SET_EXIT_CODE = (
    update(replicates)
    .where(replicates.c.taskid == bindparam("task"), replicates.c.worker == bindparam("who"))
    .values(exit_code=bindparam("code"))
)


def take_reports(
    connection: Connection,
    entries: Mapping[TaskId, Entry],
    worker: Row[Any],
    listed: Mapping[TaskId, ReplicateReport],
    settings: Settings,
    at: float,
    report: Callable[[str], None],
) -> bool:
    """Write down what is news; return whether the reconciler has to look.

    Args:
        connection: a transaction that has the tasks locked.
        entries: tasks of the worker.
        worker: row of `workers`.
        listed: what it says, by task.
        settings: of the scheduler.
        at: time of the wall clock, seconds since 1970.
        report: called with a line about a worker that has to rest.
    """
    believed: list[ReplicateReport] = []
    marked: list[TaskId] = []
    for taskid in sorted(listed.keys() & entries.keys()):
        entry, found = entries[taskid], listed[taskid]
        replica = replica_of(entry, worker.wallet)
        if replica is None or not is_believed(replica, found.status):
            continue
        believed.append(found)
        begins = entry.situation.stage is Stage.INITIALIZED
        if begins or found.status in FAILURES or found.status in UPLOADS:
            marked.append(taskid)
    moves = [
        Move(
            found.task_id,
            worker.wallet,
            found.status,
            storable(found.cause),
            storable(found.message),
            found.exit_code,
        )
        for found in believed
    ]
    record(connection, moves, at=at, modifier="WORKER")
    _judge(connection, worker, believed, settings, at, report)
    change_tasks(connection, {taskid: {"check_at": 0} for taskid in marked})
    return bool(marked)


def _judge(
    connection: Connection,
    worker: Row[Any],
    believed: Sequence[ReplicateReport],
    settings: Settings,
    at: float,
    report: Callable[[str], None],
) -> None:
    """Count the failures that are a worker's own, and let it rest after some in a row."""
    values: dict[str, Any] = {}
    count = worker.failures
    for found in believed:
        if found.status is ReplicateStatus.COMPUTED:
            count = 0
        elif found.status in FAILURES and found.status is not ReplicateStatus.ABORTED:
            if found.cause in PERMANENT or found.cause.startswith(SECRETS_REFUSED):
                continue
            count += 1
            if count >= _FAILURES_BEFORE_QUARANTINE:
                doublings = min(count - _FAILURES_BEFORE_QUARANTINE, _MOST_DOUBLINGS)
                pause = min(settings.quarantine * 2.0**doublings, _LONGEST_QUARANTINE)
                values["quarantine"] = at + pause
                report(f"worker {worker.wallet} failed {count} times: rests {pause:g} s")
    if count != worker.failures:
        values["failures"] = count
    if values:
        here = workers.c.wallet == worker.wallet
        connection.execute(update(workers).where(here).values(values))


def keep_logs(
    connection: Connection,
    entries: Mapping[TaskId, Entry],
    worker: str,
    found: Sequence[TaskLogs],
    settings: Settings,
) -> None:
    """Keep what apps wrote, of tasks to which the worker was admitted.

    Args:
        connection: a transaction of the database.
        entries: tasks of the worker, locked.
        worker: its wallet.
        found: what it hands over.
        settings: of the scheduler.
    """
    kept = settings.log_days * 86400
    for one in found:
        entry = entries.get(one.task_id)
        if entry is None or replica_of(entry, worker) is None:
            continue
        row = {
            "taskid": one.task_id,
            "worker": worker,
            "stdout": storable(one.stdout[-MAX_LOG_CHARACTERS:]),
            "stderr": storable(one.stderr[-MAX_LOG_CHARACTERS:]),
            "expires": entry.situation.terms.final_deadline + kept,
        }
        key = {"task": one.task_id, "who": worker}
        connection.execute(_DROP_LOGS, key)  # not an upsert: that is compiled anew each time
        connection.execute(logs.insert(), row)
        if one.exit_code is not None:
            connection.execute(_SET_EXIT_CODE, key | {"code": one.exit_code})
