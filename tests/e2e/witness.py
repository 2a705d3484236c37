"""What must hold at the end of every story, whatever went wrong in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from support.recorded_runtime import recorded
from worker_stage import Town

from poco.contracts import Account, Deal, TaskStatus
from poco.contracts.events import TaskContribute
from poco.services.results import ResultsPort


class Witness:
    """Saw how the market was before a story, and compares.

    Args:
        town: the market.
        honest: numbers of the workers that must lose nothing.
        record: of the runs of apps, see `RecordedRuntime`.
    """

    def __init__(self, town: Town, honest: Collection[int], record: Path) -> None:
        self._town = town
        self._record = record
        self._first = town.chain.block_number() + 1
        self._honest = {f"worker {number}": town.workers[number].account for number in honest}
        self._honest["scheduler"] = town.pool_owner.account
        self._before = self._accounts()

    def losses(self, deals: Sequence[Deal], results: ResultsPort) -> list[str]:
        """Return what must never happen and did, in words.

        Args:
            deals: of the story.
            results: the store in which the results must be.
        """
        return [
            *self._lost_stakes(),
            *self._lost_tasks(deals, results),
            *self._double_work(),
        ]

    @property
    def runs(self) -> int:
        """How often an app was run."""
        return len(recorded(self._record))

    def reverted(self) -> int:
        """Return how many transactions were mined in vain."""
        chain = self._town.chain
        blocks = range(self._first, chain.block_number() + 1)
        found = chain.batch([("eth_getBlockReceipts", (hex(block),)) for block in blocks])
        return sum(receipt["status"] == "0x0" for receipts in found for receipt in receipts)

    def _accounts(self) -> dict[str, Account]:
        return {name: self._town.hub.account(one) for name, one in self._honest.items()}

    def _lost_stakes(self) -> Iterator[str]:
        for name, account in self._accounts().items():
            before = self._before[name]
            if account.locked != before.locked or account.stake < before.stake:
                yield f"{name} has {account}, and had {before}"

    def _lost_tasks(self, deals: Sequence[Deal], results: ResultsPort) -> Iterator[str]:
        locked = self._town.hub.account(self._town.requester.account).locked
        if locked:
            yield f"the requester has locked {locked} nRLC"
        for deal in deals:
            for taskid, task in self._town.hub.tasks(deal.dealid).items():
                if task.status is TaskStatus.COMPLETED:
                    if results.find(taskid, task.digest) != task.results:
                        yield f"the result of task 0x{taskid.hex()} is not stored"
                elif task.status is not TaskStatus.FAILED:
                    yield f"task 0x{taskid.hex()} is {task.status.name}"

    def _double_work(self) -> Iterator[str]:
        contributed: dict[tuple[str, str], int] = {}
        for event in self._town.market.events(self._first, kinds=[TaskContribute]):
            assert isinstance(event, TaskContribute)
            key = f"0x{event.taskid.hex()}", event.worker
            if key in contributed:
                yield f"{key} contributed twice"
            contributed[key] = event.at.block_number
        for run in recorded(self._record):
            if run.block >= contributed.get((run.task, run.worker), run.block + 1):
                yield f"{run} began after the contribution"
