"""What the indexer reads of the chain for a range of blocks: events, and what they do not tell.

Views are read after the newest block, and only for what never changes once it is there: the terms
of a deal, the deadlines of a task, the seal of a contribution, the fields of an entry. So no
archive node is needed, and reading a range again gives the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from eth_typing import ChecksumAddress

from poco.contracts import BoostDeal, Contribution, Deal, EventReader, Market, Task
from poco.contracts.events import (
    AccurateContribution,
    CreateCategory,
    EntryTransfer,
    Event,
    FaultyContribution,
    Lock,
    OrdersMatched,
    PolicyUpdate,
    ResultPushedBoost,
    Reward,
    SchedulerNotice,
    SchedulerNoticeBoost,
    Seize,
    TaskClaimed,
    TaskConsensus,
    TaskContribute,
    TaskFinalize,
    TaskInitialize,
    TaskReopen,
    TaskReveal,
    Transfer,
    Unlock,
)
from poco.contracts.records import AppEntry, DatasetEntry, WorkerpoolEntry
from poco.errors import ChainError
from poco.orders import ZERO_ADDRESS, DealId, TaskId, checked_address
from poco.services.following import Block, headers, moved

__all__ = ["Batch", "ChainReader", "Transaction"]

_KINDS = (
    AccurateContribution,
    CreateCategory,
    EntryTransfer,
    FaultyContribution,
    Lock,
    OrdersMatched,
    ResultPushedBoost,
    Reward,
    SchedulerNotice,
    SchedulerNoticeBoost,
    Seize,
    TaskClaimed,
    TaskConsensus,
    TaskContribute,
    TaskFinalize,
    TaskInitialize,
    TaskReopen,
    TaskReveal,
    Transfer,
    Unlock,
)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction that made events.

    Args:
        sender: who signed it.
        target: what it called; None when it made a contract.
        value: wei.
        gas_limit: most gas that it may use.
        gas_used: gas that it used.
        gas_price: wei that it paid for each.
    """

    sender: ChecksumAddress
    target: ChecksumAddress | None
    value: int
    gas_limit: int
    gas_used: int
    gas_price: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A range of blocks.

    Args:
        blocks: headers by number: of all blocks with events, and of the last ones of the range.
        events: in the order of the chain.
        transactions: by hash.
        deals: by id.
        boost_deals: by id.
        tasks: by id, those that were initialized or finalized.
        contributions: by task and worker.
        entries: new apps, datasets and workerpools by address.
    """

    blocks: Mapping[int, Block]
    events: tuple[Event, ...]
    transactions: Mapping[str, Transaction]
    deals: Mapping[DealId, Deal]
    boost_deals: Mapping[DealId, BoostDeal]
    tasks: Mapping[TaskId, Task]
    contributions: Mapping[tuple[TaskId, ChecksumAddress], Contribution]
    entries: Mapping[ChecksumAddress, AppEntry | DatasetEntry | WorkerpoolEntry]


class ChainReader:
    """Reads ranges of blocks.

    Args:
        market: the market.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        # The base token has events of the same names; it is left out.
        self._emitters = tuple(
            address for address in market.addresses if address != market.book.token
        )
        self._reader = EventReader(self._emitters)
        self._topics = EventReader.topics(_KINDS)
        self._policy = EventReader.topics([PolicyUpdate])

    def first_block(self) -> int:
        """Return the block in which the oldest registry was made; several hubs may share them.

        Returns:
            Its number; 0 when the node keeps no old states.

        Raises:
            ChainError: the node does not answer.
        """
        book = self.market.book
        registries = (book.app_registry, book.dataset_registry, book.workerpool_registry)
        low, high = 0, book.deploy_block
        while low < high:
            middle = (low + high) // 2
            calls = [("eth_getCode", (address, hex(middle))) for address in registries]
            codes = self.market.chain.outcomes(calls)
            if any(isinstance(code, ChainError) for code in codes):
                return 0
            found = any(code != "0x" for code in codes)
            low, high = (low, middle) if found else (middle + 1, high)
        return low

    def read(self, first: int, last: int, linked_from: int) -> Batch:
        """Read a range of blocks, all of one history.

        Args:
            first: its first block.
            last: its last block.
            linked_from: from here on all headers are read, and must follow each other.

        Raises:
            MovedError: there was a reorganisation meanwhile.
            ChainError: the node does not answer.
        """
        end = headers(self.market.chain, [last]).get(last)
        logs = self._logs(first, last)
        numbers = {first, last, *(int(log["blockNumber"], 16) for log in logs)}
        blocks = headers(
            self.market.chain, sorted(numbers.union(range(max(first, linked_from), last + 1)))
        )
        for log in logs:
            header = blocks.get(int(log["blockNumber"], 16))
            if header is None or header.hash != log["blockHash"]:
                raise moved(log["blockNumber"])
        for number, header in blocks.items():
            before = blocks.get(number - 1)
            if before is not None and before.hash != header.parent:
                raise moved(number)
        if end is None or end != blocks.get(last) or first not in blocks:
            raise moved(last)
        events = tuple(
            event
            for log in logs
            for event in self._reader.decode([log], also=checked_address("log", log["address"]))
        )
        batch = self._complete(events, blocks)
        if headers(self.market.chain, [last]).get(last) != end:
            raise moved(last)
        return batch

    def _logs(self, first: int, last: int) -> list[dict[str, Any]]:
        chain = self.market.chain
        logs = [
            *chain.logs(self._emitters, [self._topics], first, last),
            # Workerpools announce their policies by themselves: whose they are is checked later.
            *chain.logs([], [self._policy], first, last),
        ]
        present = (log for log in logs if not log.get("removed"))
        return sorted(
            present, key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16))
        )

    def _complete(self, events: tuple[Event, ...], blocks: Mapping[int, Block]) -> Batch:
        hub = self.market.hub
        boosted = {event.dealid for event in events if isinstance(event, SchedulerNoticeBoost)}
        matched = {event.dealid for event in events if isinstance(event, OrdersMatched)} - boosted
        judged = [
            event.taskid for event in events if isinstance(event, TaskInitialize | TaskFinalize)
        ]
        committed = [
            (event.taskid, event.worker) for event in events if isinstance(event, TaskContribute)
        ]
        tasks = list(dict.fromkeys(judged))
        calls: list[tuple[str, tuple[Any, ...]]] = [
            *(("viewDeal", (dealid,)) for dealid in sorted(matched)),
            *(("viewDealBoost", (dealid,)) for dealid in sorted(boosted)),
            *(("viewTask", (taskid,)) for taskid in tasks),
            *(("viewContribution", place) for place in committed),
        ]
        answers = iter(hub.read_all(calls))
        deals = {dealid: Deal.from_abi(dealid, next(answers)) for dealid in sorted(matched)}
        boost = {dealid: BoostDeal(dealid, *next(answers)) for dealid in sorted(boosted)}
        viewed = {taskid: Task.from_abi(next(answers)) for taskid in tasks}
        contributions = {place: Contribution.from_abi(next(answers)) for place in committed}
        known = {dealid: deal for dealid, deal in deals.items() if deal is not None}
        if (
            len(known) != len(deals)
            or any(deal.requester == ZERO_ADDRESS for deal in boost.values())
            or any(not task.status for task in viewed.values())
            or any(not contribution.status for contribution in contributions.values())
        ):
            raise moved(max(blocks))
        return Batch(
            blocks,
            events,
            self._transactions(event.at.transaction_hash for event in events),
            known,
            boost,
            viewed,
            contributions,
            self._entries(events),
        )

    def _transactions(self, hashes: Iterable[str]) -> dict[str, Transaction]:
        wanted = list(dict.fromkeys(hashes))
        sent = [("eth_getTransactionByHash", (found,)) for found in wanted]
        mined = [("eth_getTransactionReceipt", (found,)) for found in wanted]
        answers = self.market.chain.batch([*sent, *mined])
        found = {}
        for key, transaction, receipt in zip(
            wanted, answers[: len(wanted)], answers[len(wanted) :], strict=True
        ):
            if transaction is None or receipt is None:
                raise moved(key)
            target = transaction["to"]
            found[key] = Transaction(
                checked_address("from", transaction["from"]),
                None if target is None else checked_address("to", target),
                int(transaction["value"], 16),
                int(transaction["gas"], 16),
                int(receipt["gasUsed"], 16),
                int(receipt["effectiveGasPrice"], 16),
            )
        return found

    def _entries(
        self, events: Iterable[Event]
    ) -> dict[ChecksumAddress, AppEntry | DatasetEntry | WorkerpoolEntry]:
        market = self.market
        registries = {
            registry.address: registry
            for registry in (market.apps, market.datasets, market.workerpools)
        }
        return {
            event.entry: registries[event.at.address].view(event.entry)
            for event in events
            if isinstance(event, EntryTransfer) and event.source == ZERO_ADDRESS
        }
