"""Which tasks a worker should do first: fairness across requesters in one query (spec §3.4)."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, case, func, select

from poco.orders import TaskId
from poco.scheduler.statuses import FAILURES, Stage
from poco.scheduler.tables import MAX_INTEGER, deals, replicates, tasks, workers

__all__ = ["candidates"]

_SPARE = 4
"""More than are needed, because another worker may take some at the same moment."""


def candidates(
    connection: Connection, worker: Row[Any], free: int, *, distinct_hosts: bool
) -> list[TaskId]:
    """Return tasks that want a worker and that this one may do, the first to be done first.

    The requester for whom the fewest workers are at work comes first; of the tasks of one
    requester, those that have begun, then those with the earliest deadline.

    Args:
        connection: a transaction of the database.
        worker: its row.
        free: its free slots.
        distinct_hosts: whether tasks on which a worker of the same host is at work are left out.
    """
    is_apart = distinct_hosts and bool(worker.host)
    asked = {
        "types": worker.app_types.split(),
        "others": ~worker.tags & (MAX_INTEGER - 1),
        "wallet": worker.wallet,
        "most": free + _SPARE,
    } | ({"host": worker.host} if is_apart else {})
    found = connection.execute(_query(is_apart=is_apart), asked).all()
    busy = _busy(connection) if len({row.requester for row in found}) > 1 else {}
    ordered = sorted(found, key=lambda row: (busy.get(row.requester, 0) + row.turn, row.deadline))
    return [TaskId(row.taskid) for row in ordered[: free + _SPARE]]


@cache
def _query(*, is_apart: bool) -> Select[Any]:
    """Return the question for `candidates`; built once, because that takes longer than to ask it.

    Args:
        is_apart: whether another worker of the host of this one is in the way.
    """
    own = replicates.alias()
    deadline = deals.c.start + 7 * deals.c.clock
    turn = func.row_number().over(
        partition_by=deals.c.requester,
        order_by=(case((tasks.c.stage == Stage.RUNNING, 0), else_=1), deadline, tasks.c.idx),
    )
    query = (
        select(tasks.c.taskid, deals.c.requester, deadline.label("deadline"), turn.label("turn"))
        .join(deals, deals.c.dealid == tasks.c.dealid)
        .where(
            tasks.c.wants.is_(True),
            deals.c.app_type.in_(bindparam("types", expanding=True)),
            deals.c.tag.bitwise_and(bindparam("others")) == 0,
            ~select(own.c.worker)
            .where(own.c.taskid == tasks.c.taskid, own.c.worker == bindparam("wallet"))
            .exists(),
        )
    )
    if is_apart:
        other, beside = workers.alias(), replicates.alias()
        query = query.where(
            (deals.c.trust == 1)
            | ~select(beside.c.worker)
            .join(other, other.c.wallet == beside.c.worker)
            .where(beside.c.taskid == tasks.c.taskid, other.c.host == bindparam("host"))
            .exists()
        )
    ranked = query.subquery()
    return select(ranked).where(ranked.c.turn <= bindparam("most"))


def _busy(connection: Connection) -> dict[str, int]:
    """Return how many workers are at work for each requester."""
    found = connection.execute(
        select(deals.c.requester, func.count().label("total"))
        .select_from(replicates)
        .join(tasks, tasks.c.taskid == replicates.c.taskid)
        .join(deals, deals.c.dealid == tasks.c.dealid)
        .where(
            replicates.c.is_over.is_(False),
            replicates.c.contribution == 0,
            replicates.c.status.not_in(FAILURES),
        )
        .group_by(deals.c.requester)
    )
    return {row.requester: row.total for row in found}
