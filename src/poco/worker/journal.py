"""The worker's journal: what it must not forget, whatever happens to its process (spec §8.6).

One row for each task, written before what it announces is done. Its status is one of spec §2.7 and
is what the scheduler hears. The tables of `poco.transactions` are in the same database, so that a
status and the transaction that follows from it are stored together or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    select,
)
from sqlalchemy.dialects import sqlite

from poco import transactions
from poco.contracts import Market
from poco.database import Database, storable
from poco.errors import ConfigurationError
from poco.orders import TaskId
from poco.scheduler.protocol import Assignment, TaskLogs
from poco.scheduler.statuses import ReplicateStatus

__all__ = ["Entry", "Journal", "TaskResult"]

_metadata = MetaData()
transactions.declare(_metadata)

_tasks = Table(
    "tasks_local",
    _metadata,
    Column("taskid", LargeBinary(32), primary_key=True),
    Column("assignment", Text, nullable=False),  # JSON as the scheduler sent it
    Column("status", String(40), nullable=False),
    Column("cause", String(200), nullable=False),
    Column("message", Text, nullable=False),
    Column("exit_code", Integer),
    Column("accepted_at", Float, nullable=False),  # seconds since 1970
    Column("stake", BigInteger, nullable=False),  # nRLC it will lock, once it is started
    Column("digest", LargeBinary),  # this and the next five: once it is computed
    Column("callback_data", LargeBinary),
    Column("archive", Text),
    Column("archive_sha256", LargeBinary),
    Column("archive_size", BigInteger),  # bytes
    Column("enclave_signature", LargeBinary),
    Column("link", LargeBinary),  # once it is uploaded
)

_logs = Table(
    "logs_local",
    _metadata,
    Column("taskid", LargeBinary(32), primary_key=True),
    Column("stdout", Text, nullable=False),
    Column("stderr", Text, nullable=False),
    Column("exit_code", Integer),
)


_belongs = Table(
    "belongs_to",
    _metadata,
    Column("worker", String(42), primary_key=True),
    Column("hub", String(42), nullable=False),
    Column("genesis", String(66), nullable=False),  # hash of the chain's first block
)

# Kept, because to build and compile a statement takes longer than to run it.
_ALL = select(_tasks).order_by(_tasks.c.accepted_at, _tasks.c.taskid)
_ONE = select(_tasks).where(_tasks.c.taskid == bindparam("task"))
_MOVE = _tasks.update().where(
    _tasks.c.taskid == bindparam("task"),
    _tasks.c.status.in_(bindparam("expected", expanding=True)),
)
_LOGS = select(_logs).limit(bindparam("most"))
_HAS_LOGS = select(_logs.c.taskid).where(_logs.c.taskid == bindparam("task"))
_KEEP_LOGS = sqlite.insert(_logs)
_KEEP_LOGS = _KEEP_LOGS.on_conflict_do_update(
    index_elements=[_logs.c.taskid],
    set_={name: _KEEP_LOGS.excluded[name] for name in ("stdout", "stderr", "exit_code")},
)


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What a worker commits to; stored before anybody hears of it.

    Args:
        digest: 32 bytes.
        callback_data: for the callback contract, empty without one.
        archive: what is to be uploaded.
        archive_sha256: of the archive, 32 bytes.
        archive_size: bytes.
        enclave_signature: of `poco.orders.enclave_digest`, empty without enclave.
    """

    digest: bytes
    callback_data: bytes
    archive: Path
    archive_sha256: bytes
    archive_size: int
    enclave_signature: bytes = b""


@dataclass(frozen=True, slots=True)
class Entry:
    """A task in the journal.

    Args:
        assignment: the leave to contribute.
        status: where the worker is with it.
        accepted_at: seconds since 1970.
        cause: name of what went wrong (spec appendix A), else empty.
        message: the same in a sentence.
        exit_code: of the app, once it ended.
        stake: what the contribution will lock, nRLC; 0 until it is started.
        result: what was computed; None before.
        link: where it was uploaded, for the chain; empty before.
    """

    assignment: Assignment
    status: ReplicateStatus
    accepted_at: float
    cause: str = ""
    message: str = ""
    exit_code: int | None = None
    stake: int = 0
    result: TaskResult | None = None
    link: bytes = b""

    @property
    def taskid(self) -> TaskId:
        """The task."""
        return self.assignment.taskid


class Journal:
    """The journal of one worker. Safe to use from several threads.

    Args:
        url: of its database, see `Database`.

    Raises:
        ConfigurationError: the database does not answer.
    """

    def __init__(self, url: str) -> None:
        self.database = Database(url, _metadata)

    def claim(self, market: Market) -> None:
        """Check that the journal is that of a worker on a market; one that is new becomes it.

        What is in it is read on that chain only, and sent with the numbers of that account: with
        another key nobody would reveal what was contributed.

        Args:
            market: acting as the worker.

        Raises:
            ConfigurationError: it is another one's.
            ChainError: the node does not answer.
        """
        genesis = market.chain.genesis_hash()
        row = {"worker": market.account, "hub": market.hub.address, "genesis": genesis}
        with self.writing() as connection:
            found = connection.execute(select(_belongs)).one_or_none()
            if found is None:
                connection.execute(_belongs.insert(), row)
            elif found._asdict() != row:
                raise ConfigurationError(
                    f"the journal belongs to worker {found.worker} of hub {found.hub} on the chain "
                    f"that begins with {found.genesis[:10]}…",
                    field="workdir",
                    value=f"worker {market.account}, hub {market.hub.address}, {genesis[:10]}…",
                    remedy="choose another --workdir: each worker has its own on each chain; keep "
                    "this one until its tasks are settled",
                )

    @contextmanager
    def writing(self, *, lasting: bool = True) -> Iterator[Connection]:
        """Open a transaction; see `Database.writing`."""
        with self.database.writing(lasting=lasting) as connection:
            yield connection

    def accept(self, assignments: Sequence[Assignment], now: float) -> list[TaskId]:
        """Write down tasks.

        Args:
            assignments: the leaves to contribute.
            now: seconds since 1970.

        Returns:
            The ones that are new; those that are known stay as they are.
        """
        statement = sqlite.insert(_tasks).on_conflict_do_nothing().returning(_tasks.c.taskid)
        rows = [
            {
                "taskid": assignment.taskid,
                "assignment": json.dumps(assignment.to_json()),
                "status": ReplicateStatus.CREATED,
                "cause": "",
                "message": "",
                "accepted_at": now,
                "stake": 0,
            }
            for assignment in assignments
        ]
        with self.writing(lasting=False) as connection:  # what is not here is assigned again
            new = connection.execute(statement, rows).scalars() if rows else ()
            return [TaskId(taskid) for taskid in new]

    def entries(self) -> list[Entry]:
        """Return all tasks, the oldest first."""
        with self.database.reading() as connection:
            return [_entry(row) for row in connection.execute(_ALL)]

    def entry(self, taskid: TaskId) -> Entry | None:
        """Return a task; None when it is unknown."""
        with self.database.reading() as connection:
            row = connection.execute(_ONE, {"task": taskid}).one_or_none()
        return None if row is None else _entry(row)

    def move(
        self,
        connection: Connection,
        taskid: TaskId,
        expected: Collection[ReplicateStatus],
        status: ReplicateStatus,
        *,
        result: TaskResult | None = None,
        **values: Any,
    ) -> bool:
        """Change the status of a task, if it is still one of those expected.

        Args:
            connection: of `writing`.
            taskid: the task.
            expected: the statuses it may have.
            status: the new one.
            result: what was computed, to be stored with it.
            values: further fields of `Entry` to set; texts may repeat words of strangers.

        Returns:
            Whether it was changed: False when another thread was quicker.
        """
        columns = {
            name: storable(value) if isinstance(value, str) else value
            for name, value in values.items()
        }
        columns |= {"status": status} | ({} if result is None else _columns(result))
        here = {"task": taskid, "expected": list(expected)}
        return bool(connection.execute(_MOVE, here | columns).rowcount)

    def forget(self, taskids: Sequence[TaskId]) -> None:
        """Remove tasks, and their logs."""
        with self.writing(lasting=False) as connection:
            for table in (_tasks, _logs):
                connection.execute(table.delete().where(table.c.taskid.in_(taskids)))

    # LOGS

    def keep_logs(self, connection: Connection, logs: TaskLogs) -> None:
        """Store what an app wrote until the scheduler has it."""
        row = {
            "taskid": logs.task_id,
            "stdout": logs.stdout,
            "stderr": logs.stderr,
            "exit_code": logs.exit_code,
        }
        connection.execute(_KEEP_LOGS, row)

    def logs(self, most: int) -> list[TaskLogs]:
        """Return logs that the scheduler does not have yet.

        Args:
            most: how many at the most.
        """
        with self.database.reading() as connection:
            return [
                TaskLogs(
                    task_id=TaskId(row.taskid),
                    stdout=row.stdout,
                    stderr=row.stderr,
                    exit_code=row.exit_code,
                )
                for row in connection.execute(_LOGS, {"most": most})
            ]

    def has_logs(self, taskid: TaskId) -> bool:
        """Return whether there are logs of a task that the scheduler does not have yet."""
        with self.database.reading() as connection:
            return connection.execute(_HAS_LOGS, {"task": taskid}).first() is not None

    def drop_logs(self, taskids: Sequence[TaskId]) -> None:
        """Forget logs: the scheduler has them."""
        with self.writing(lasting=False) as connection:
            connection.execute(_logs.delete().where(_logs.c.taskid.in_(taskids)))

    def close(self) -> None:
        """Close all connections."""
        self.database.close()


@lru_cache(maxsize=1024)
def _leave(text: str) -> Assignment:
    return Assignment.from_json(json.loads(text))


def _columns(result: TaskResult) -> dict[str, Any]:
    return {
        "digest": result.digest,
        "callback_data": result.callback_data,
        "archive": str(result.archive),
        "archive_sha256": result.archive_sha256,
        "archive_size": result.archive_size,
        "enclave_signature": result.enclave_signature,
    }


def _entry(row: Any) -> Entry:
    result = None
    if row.digest is not None:
        result = TaskResult(
            row.digest,
            row.callback_data,
            Path(row.archive),
            row.archive_sha256,
            row.archive_size,
            row.enclave_signature,
        )
    return Entry(
        _leave(row.assignment),
        ReplicateStatus(row.status),
        row.accepted_at,
        row.cause,
        row.message,
        row.exit_code,
        row.stake,
        result,
        row.link or b"",
    )
