"""Deals and tasks that people watch: a live line on a terminal, a line for each change in a log.

When nothing changes for a while, the scheduler is asked why.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from poco.cli.shell import Shell
from poco.errors import PocoError

if TYPE_CHECKING:
    from poco.market.states import DealState, TaskState
    from poco.orders import DealId, TaskId

__all__ = ["Doubts", "watch_deal", "watch_task"]

_PATIENCE_SECONDS = 5.0


class Doubts:
    """Waits between two looks at the chain, and asks why when nothing has changed for long.

    Args:
        ask: returns why a task waits, in words; empty when nobody says.
        tell: is told the reason, once for the same one.
        sleep: waits some seconds.
    """

    def __init__(
        self,
        ask: Callable[[TaskState], str],
        tell: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ask, self._tell, self._sleep = ask, tell, sleep
        self._quiet_seconds = 0.0
        self._told = ""
        self._open: TaskState | None = None

    def note(self, *tasks: TaskState) -> None:
        """Remember what has changed just now."""
        self._quiet_seconds = 0.0
        self._open = next((task for task in tasks if not task.is_over), None)

    def wait(self, seconds: float) -> None:
        """Wait, and ask when it has been long."""
        self._sleep(seconds)
        self._quiet_seconds += seconds
        if self._quiet_seconds < _PATIENCE_SECONDS or self._open is None:
            return
        self._quiet_seconds = 0.0
        reason = ""
        with suppress(PocoError):  # the task goes on whether or not somebody explains it
            reason = self._ask(self._open)
        same = re.sub(r"\d+", "", reason)  # the seconds that remain are no news
        if reason and same != self._told:
            self._told = same
            self._tell(f"task 0x{self._open.taskid.hex()[:8]}… waits: {reason}")


def watch_deal(shell: Shell, dealid: DealId) -> DealState:
    """Follow a deal until all its tasks are over, and return its last state."""
    from poco.market.following import follow_deal

    market = shell.reader
    with shell.progress("watching the deal") as tell:
        doubts = Doubts(lambda task: _reason(shell, task), tell)
        for state in follow_deal(market, dealid, sleep=doubts.wait):
            doubts.note(*state.tasks)
            counts = Counter(task.name for task in state.tasks)
            told = ", ".join(f"{count} {name}" for name, count in counts.items())
            tell(f"deal 0x{dealid.hex()[:8]}…: tasks {told}")
    return state


def watch_task(shell: Shell, taskid: TaskId) -> TaskState:
    """Follow a task until it is over, and return its last state."""
    from poco.market.following import follow_task

    market = shell.reader
    with shell.progress("watching the task") as tell:
        doubts = Doubts(lambda task: _reason(shell, task), tell)
        for state in follow_task(market, taskid, sleep=doubts.wait):
            doubts.note(state)
            tell(f"task 0x{taskid.hex()[:8]}…: {state.name}")
    return state


def _reason(shell: Shell, task: TaskState) -> str:
    """Return why the scheduler of a task says that it waits; empty when nobody says."""
    from poco.market.reports import Reporter, find_scheduler

    if shell.compass is None:
        return ""
    pool = task.deal.workerpool.pointer
    url = find_scheduler(shell.compass, shell.reader.book.chain_id, pool)
    if url is None:
        return ""
    with Reporter(url) as reporter:
        report = reporter.report(task.taskid)
    return "" if report is None else report.blocked_reason
