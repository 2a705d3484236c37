"""How the story ended, for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poco.contracts import Deal, Task
from poco.demo.ledger import Ledger
from poco.orders import TaskId

__all__ = ["Outcome", "TaskOutcome"]


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """What became of a task.

    Args:
        taskid: the task.
        deal: its deal.
        task: its last state on chain.
        archive: the result on disk; None for the expired task.
    """

    taskid: TaskId
    deal: Deal
    task: Task
    archive: Path | None

    def to_json(self) -> dict[str, Any]:
        """Return the outcome for machines."""
        return {
            "taskid": f"0x{self.taskid.hex()}",
            "dealid": f"0x{self.deal.dealid.hex()}",
            "index": self.task.index,
            "trust": self.deal.trust,
            "status": self.task.status.name,
            "workers": list(self.task.contributors),
            "digest": f"0x{self.task.digest.hex()}",
            "archive": None if self.archive is None else str(self.archive),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the story ended.

    Args:
        tasks: in the order of the story.
        before: balances before the first deal.
        after: balances at the end.
    """

    tasks: tuple[TaskOutcome, ...]
    before: Ledger
    after: Ledger
