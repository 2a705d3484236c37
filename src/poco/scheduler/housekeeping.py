"""What a scheduler forgets, so that its database does not grow for ever.

The chain keeps what became of a task; the rows are needed while it is open, and for those who ask
about it later. Little is deleted at a time: whoever serves workers must not have to wait.
"""

from __future__ import annotations

from sqlalchemy import Connection, and_, delete, select

from poco.database import Database
from poco.scheduler.settings import Settings
from poco.scheduler.situation import FINAL_CLOCKS
from poco.scheduler.state import lock
from poco.scheduler.tables import (
    challenges,
    deals,
    logs,
    replicate_events,
    replicates,
    task_events,
    tasks,
    tokens,
    workers,
)
from poco.transactions import TransactionQueue

__all__ = ["Housekeeper"]

_PAUSE_SECONDS = 3600.0
_MOST = 500
_DAY_SECONDS = 86_400
_GONE_SECONDS = 30 * _DAY_SECONDS
"""A worker that was silent for so long has left; it is welcome back."""


class Housekeeper:
    """Deletes what nobody needs any more, a little with each call.

    Args:
        database: of the scheduler.
        transactions: of the pool's owner.
        settings: say for how long tasks are kept.
    """

    def __init__(
        self, database: Database, transactions: TransactionQueue, settings: Settings
    ) -> None:
        self._database = database
        self._transactions = transactions
        self._kept = settings.history_days * _DAY_SECONDS
        self._next = 0.0

    def tidy(self, now: float) -> int:
        """Delete what is due, at the most once an hour unless there is more of it.

        Args:
            now: seconds since 1970.

        Returns:
            How many tasks and transactions were forgotten.
        """
        if now < self._next:
            return 0
        with self._database.writing() as connection:
            _forget_expired(connection, now)
            count = _forget_tasks(connection, int(now) - self._kept)
        sent = self._transactions.prune(now - self._kept, _MOST)
        self._next = now if max(count, sent) == _MOST else now + _PAUSE_SECONDS
        return count + sent


def _forget_expired(connection: Connection, now: float) -> None:
    for table in (tokens, challenges):
        connection.execute(delete(table).where(table.c.until < now))
    connection.execute(delete(logs).where(logs.c.expires < now))
    busy = select(replicates.c.worker).where(
        replicates.c.is_over.is_(False), replicates.c.worker == workers.c.wallet
    )
    has_left = and_(workers.c.is_silent, workers.c.seen < now - _GONE_SECONDS, ~busy.exists())
    connection.execute(delete(workers).where(has_left))


def _forget_tasks(connection: Connection, before: int) -> int:
    """Delete tasks of deals whose final deadline is past, and deals that have none left.

    Args:
        connection: a transaction that writes.
        before: the latest final deadline that is forgotten, seconds since 1970.

    Returns:
        How many tasks were deleted.
    """
    is_old = and_(deals.c.start < before, deals.c.start + FINAL_CLOCKS * deals.c.clock < before)
    of_old = select(tasks.c.taskid).join(deals, deals.c.dealid == tasks.c.dealid).where(is_old)
    ids = connection.scalars(of_old.where(tasks.c.is_over).limit(_MOST)).all()
    if ids:
        lock(connection, ids)
        for table in (replicate_events, replicates, task_events, logs, tasks):
            connection.execute(delete(table).where(table.c.taskid.in_(ids)))
    has_tasks = select(tasks.c.taskid).where(tasks.c.dealid == deals.c.dealid).exists()
    is_done = and_(is_old, deals.c.expanded == deals.c.bot_size, ~has_tasks)
    connection.execute(delete(deals).where(is_done))
    return len(ids)
