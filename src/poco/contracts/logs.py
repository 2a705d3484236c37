"""Logs of a market's contracts, decoded into the records of `poco.contracts.events`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from eth_typing import ChecksumAddress

from poco.contracts import events
from poco.contracts.chain import to_bytes, to_int
from poco.contracts.events import Event, Events, Position
from poco.contracts.interface import Interface, interface
from poco.orders import (
    AnyOrder,
    AppOrder,
    DatasetOrder,
    RequestOrder,
    WorkerpoolOrder,
    checked_address,
)

__all__ = ["EventReader"]


def _kinds() -> dict[str, type[Event]]:
    records = (getattr(events, name) for name in events.__all__)
    return {
        record.__name__: record
        for record in records
        if isinstance(record, type) and issubclass(record, Event)
    }


_ORDERS: dict[str, type[AnyOrder]] = {
    "BroadcastAppOrder": AppOrder,
    "BroadcastDatasetOrder": DatasetOrder,
    "BroadcastWorkerpoolOrder": WorkerpoolOrder,
    "BroadcastRequestOrder": RequestOrder,
}
# An ERC-721 has the same event names as an ERC-20, with one more topic.
_OF_ENTRIES: dict[str, type[Event]] = {
    "Transfer": events.EntryTransfer,
    "Approval": events.EntryApproval,
}


@cache
def _interface() -> Interface:
    return interface(
        "PocoHub", "PocoHubExtension", "PocoHubBoost", "RLC", "AppRegistry", "Workerpool"
    )


def _record(name: str, arguments: Mapping[str, Any], topics: int, at: Position) -> Event | None:
    if topics == 4 and name in _OF_ENTRIES:
        source, target, token = arguments.values()
        entry = checked_address("entry", f"0x{token:040x}")
        return _made(_OF_ENTRIES[name], (source, target, entry), at)
    kind = _KINDS.get(name)
    if kind is None:
        return None
    values = tuple(arguments.values())
    if name in _ORDERS:
        values = (_ORDERS[name].from_abi(values[0]),)
    return _made(kind, values, at)


def _made(kind: Any, values: tuple[Any, ...], at: Position) -> Event:
    event: Event = kind(*values, at=at)
    return event


_KINDS = _kinds()


class EventReader:
    """Decodes the logs of the contracts of one market.

    Args:
        addresses: the hub, its registries and its token. Logs of others do not count: anybody can
            emit anything.
    """

    def __init__(self, addresses: Iterable[ChecksumAddress]) -> None:
        self.addresses = tuple(addresses)

    def decode(
        self, logs: Iterable[Mapping[str, Any]], *, also: ChecksumAddress | None = None
    ) -> Events:
        """Decode logs in their JSON form.

        Args:
            logs: in the order of the chain.
            also: one more emitter, the entry that was called.
        """
        known = {*self.addresses, also}
        found = []
        for log in logs:
            address = checked_address("address", log["address"])
            topics = [to_bytes(topic) for topic in log["topics"]]
            if address not in known or log.get("removed"):
                continue
            decoded = _interface().decode_log(topics, to_bytes(log["data"]))
            if decoded is None:
                continue
            at = Position(
                to_int(log["blockNumber"]), to_int(log["logIndex"]), log["transactionHash"], address
            )
            event = _record(*decoded, len(topics), at)
            if event is not None:
                found.append(event)
        return Events(found)

    @staticmethod
    def topics(kinds: Iterable[type[Event]]) -> list[str]:
        """Return topic 0 of kinds of events, for a filter."""
        names = {kind: name for name, kind in _OF_ENTRIES.items()}
        return [f"0x{_interface().topic(names.get(kind, kind.__name__)).hex()}" for kind in kinds]
