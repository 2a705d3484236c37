"""Deals and tasks that people watch: a live line on a terminal, a line for each change in a log."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from poco.cli.shell import Shell

if TYPE_CHECKING:
    from poco.market.states import DealState, TaskState
    from poco.orders import DealId, TaskId

__all__ = ["watch_deal", "watch_task"]


def watch_deal(shell: Shell, dealid: DealId) -> DealState:
    """Follow a deal until all its tasks are over, and return its last state."""
    from poco.market.following import follow_deal

    market = shell.reader
    with shell.progress("watching the deal") as tell:
        for state in follow_deal(market, dealid):
            counts = Counter(task.name for task in state.tasks)
            told = ", ".join(f"{count} {name}" for name, count in counts.items())
            tell(f"deal 0x{dealid.hex()[:8]}…: tasks {told}")
    return state


def watch_task(shell: Shell, taskid: TaskId) -> TaskState:
    """Follow a task until it is over, and return its last state."""
    from poco.market.following import follow_task

    market = shell.reader
    with shell.progress("watching the task") as tell:
        for state in follow_task(market, taskid):
            tell(f"task 0x{taskid.hex()[:8]}…: {state.name}")
    return state
