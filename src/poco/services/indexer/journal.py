"""What all handlers of events do: write down the event, and look after accounts and counters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_typing import ChecksumAddress

from poco.contracts.events import Event
from poco.orders import TaskId
from poco.services.indexer.entities import ENTITIES, PROTOCOL
from poco.services.indexer.facts import Batch
from poco.services.indexer.model import Column
from poco.services.indexer.view import View

__all__ = ["Journal", "contribution_id", "hexed"]

_COUNTERS = {field.name: 0 for field in ENTITIES["Protocol"].fields if isinstance(field, Column)}


def hexed(value: bytes) -> str:
    """Return bytes the way ids are written."""
    return f"0x{value.hex()}"


def contribution_id(taskid: TaskId, worker: ChecksumAddress) -> str:
    """Return the id of what a worker contributed to a task."""
    return f"{hexed(taskid)}-{worker.lower()}"


@dataclass(frozen=True, slots=True)
class Journal:
    """The view as the handler of one event sees it.

    Args:
        view: what is changed.
        batch: the facts that were read with the event.
        event: the event.
        registries: what the registries are of, by address.
    """

    view: View
    batch: Batch
    event: Event
    registries: Mapping[ChecksumAddress, str]

    @property
    def timestamp(self) -> int:
        """Time of the event's block, seconds since 1970."""
        return self.batch.blocks[self.event.at.block_number].timestamp

    def account(self, address: ChecksumAddress) -> str:
        """Return the id of an account, which exists from now on."""
        key = address.lower()
        if self.view.find("Account", key) is None:
            self.view.put("Account", key, balance=0, frozen=0, score=0)
        return key

    def add(self, entity: str, key: str, **amounts: int) -> None:
        """Add to numbers of an entity."""
        old = self.view.get(entity, key)
        sums = {name: old[name] + amount for name, amount in amounts.items()}
        self.view.put(entity, key, **sums)

    def count(self, **amounts: int) -> None:
        """Add to the counters of the protocol."""
        if self.view.find("Protocol", PROTOCOL) is None:
            self.view.put("Protocol", PROTOCOL, **_COUNTERS)
        self.add("Protocol", PROTOCOL, **amounts)

    def record(self, entity: str, **values: Any) -> None:
        """Write down the event with its transaction and time."""
        at = self.event.at
        self.view.make(
            entity,
            f"{at.block_number}-{at.log_index}",
            transaction=self._transaction(),
            timestamp=self.timestamp,
            **values,
        )

    def _transaction(self) -> str:
        key = self.event.at.transaction_hash.lower()
        if not self.view.made("Transaction", key):
            found = self.batch.transactions[self.event.at.transaction_hash]
            target = None if found.target is None else self.account(found.target)
            self.view.make(
                "Transaction",
                key,
                **{"from": self.account(found.sender), "to": target},
                value=found.value,
                gasLimit=found.gas_limit,
                gasUsed=found.gas_used,
                gasPrice=found.gas_price,
                timestamp=self.timestamp,
                blockNumber=self.event.at.block_number,
            )
        return key
