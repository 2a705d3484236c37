"""What the operator of a pool watches: the original's numbers, and tasks that are about to fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from poco.database import Database
from poco.orders import GPU, TaskId
from poco.scheduler.moment import Moment
from poco.scheduler.situation import FINAL_CLOCKS
from poco.scheduler.statuses import Stage
from poco.scheduler.tables import deals, tasks, workers
from poco.scheduler.views import Views

__all__ = ["Census", "LateTask"]

_LOOK_SECONDS = 60.0
_MOST_LATE = 1_000


@dataclass(frozen=True, slots=True)
class LateTask:
    """An open task that has at most one time reference of its category left.

    Args:
        taskid: the task.
        stage: where the scheduler is with it.
        left: seconds to its final deadline; negative after it.
    """

    taskid: TaskId
    stage: Stage
    left: int


class Census:
    """Counts what there is; one thread may `warn`, any may ask.

    Args:
        database: of the scheduler.
        moment: the time.
        views: tells of workers and tasks.
    """

    def __init__(self, database: Database, moment: Moment, views: Views) -> None:
        self._database = database
        self._moment = moment
        self._views = views
        self._looked = 0.0
        self._told: set[TaskId] = set()

    def late(self) -> list[LateTask]:
        """Return tasks that will fail unless something happens, the first to fail first."""
        now = self._moment.now()
        left = deals.c.start + FINAL_CLOCKS * deals.c.clock - now
        is_late = deals.c.clock <= (now - deals.c.start) // (FINAL_CLOCKS - 1)  # never overflows
        statement = (
            select(tasks.c.taskid, tasks.c.stage, left.label("left"))
            .join(deals, deals.c.dealid == tasks.c.dealid)
            .where(tasks.c.is_over.is_(False), deals.c.refusal == "", is_late)
            .order_by("left", tasks.c.taskid)
            .limit(_MOST_LATE)
        )
        with self._database.reading() as connection:
            return [
                LateTask(TaskId(row.taskid), Stage(row.stage), row.left)
                for row in connection.execute(statement)
            ]

    def warn(self, report: Callable[[str], None]) -> None:
        """Report each late task once; looks once a minute, however often it is called.

        Args:
            report: takes a line of text.
        """
        wall = self._moment.wall()
        if wall < self._looked + _LOOK_SECONDS:
            return
        self._looked = wall
        late = self.late()
        for task in late:
            if task.taskid not in self._told:
                report(
                    f"task 0x{task.taskid.hex()[:8]}…: {task.stage}, and its final deadline is in "
                    f"{task.left} s; GET /tasks/0x{task.taskid.hex()} tells what it waits for"
                )
        self._told = {task.taskid for task in late}

    def to_json(self) -> Mapping[str, Any]:
        """Return the metrics of the original scheduler (spec offchain §3.11).

        A processor is a slot there, and a worker with a GPU has one slot for it.
        """
        with self._database.reading() as connection:
            count, last = connection.execute(
                select(func.count(), func.max(deals.c.block)).select_from(deals)
            ).one()
            alive = connection.execute(select(workers).where(workers.c.is_silent.is_(False))).all()
            busy = self._views.computing(connection)
        equipped = [row.wallet for row in alive if row.tags & GPU]
        head = self._moment.head
        return {
            "aliveWorkers": len(alive),
            "aliveComputingCpu": sum(busy.get(row.wallet, 0) for row in alive),
            "aliveRegisteredCpu": sum(row.slots for row in alive),
            "aliveComputingGpu": sum(wallet in busy for wallet in equipped),
            "aliveRegisteredGpu": len(equipped),
            "currentTaskStatusesCount": dict.fromkeys(map(str, Stage), 0) | self._views.counts(),
            "latestBlockMetric": {
                "blockNumber": head.number if head else 0,
                "blockHash": head.hash if head else "",
                "blockTimestamp": head.timestamp if head else 0,
            },
            "dealEventsCount": count,
            "dealsCount": count,
            "latestBlockNumberWithDeal": last or 0,
        }
