"""Who looks at the chain, and so knows what a story may claim."""

from __future__ import annotations

from eth_typing import ChecksumAddress

from poco.contracts import Contribution, Deal, Market, TaskStatus
from poco.contracts.events import FaultyContribution, TaskInitialize
from poco.demo.cast import Person
from poco.orders import TaskId

__all__ = ["Witness"]


class Witness:
    """Reads what anybody can read.

    Args:
        market: the market.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._hub = market.hub

    def locked(self, person: Person) -> int:
        """Return what somebody has at stake, nRLC."""
        return self._hub.account(person.address).locked

    def status(self, taskid: TaskId) -> TaskStatus:
        """Return where a task is in its life."""
        return self._hub.task(taskid).status

    def contribution(self, taskid: TaskId, worker: Person) -> Contribution:
        """Return what a worker contributed to a task."""
        return self._hub.contribution(taskid, worker.address)

    def begun(self, deal: Deal, worker: Person) -> tuple[list[TaskId], int]:
        """Return the tasks a worker has contributed to, and what it has at stake, at one block."""
        hub = self._hub.at(self._market.chain.block_number())
        tasks = hub.tasks(deal.dealid).items()
        begun = [taskid for taskid, task in tasks if worker.address in task.contributors]
        return begun, hub.account(worker.address).locked

    def slashed(self) -> list[tuple[ChecksumAddress, TaskId]]:
        """Return who lost the stake of which task."""
        events = self._market.events(kinds=[FaultyContribution])
        return [
            (event.worker, event.taskid)
            for event in events
            if isinstance(event, FaultyContribution)
        ]

    def transactions(self, taskid: TaskId) -> int:
        """Count the transactions from the first contribution to the end of a task."""
        return len(
            {
                event.at.transaction_hash
                for event in self._market.events()
                if getattr(event, "taskid", None) == taskid
                and not isinstance(event, TaskInitialize)
            }
        )
