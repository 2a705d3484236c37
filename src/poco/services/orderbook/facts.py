"""What the chain's events say of accounts, entries and orders, and how to undo it.

Four kinds of facts, by key:

========== ============ =====================================
kind       key          value
========== ============ =====================================
stake      account      free stake in the hub, nRLC
owner      entry        its owner, with the kind of registry
consumed   order hash   tasks taken
closed     order hash   "1"
presigned  order hash   "1"
========== ============ =====================================

What is not there is zero, or unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeAlias

from eth_typing import ChecksumAddress
from sqlalchemy import Connection, bindparam, delete, insert, select, tuple_

from poco.contracts.events import (
    ClosedAppOrder,
    ClosedDatasetOrder,
    ClosedRequestOrder,
    ClosedWorkerpoolOrder,
    EntryTransfer,
    Event,
    OrdersMatched,
    SignedAppOrder,
    SignedDatasetOrder,
    SignedRequestOrder,
    SignedWorkerpoolOrder,
    Transfer,
)
from poco.database import Database, upsert
from poco.orders import ZERO_ADDRESS, Asset
from poco.services.orderbook.tables import facts, journal

__all__ = ["FACT_EVENTS", "Fact", "FactKind", "Facts", "undo"]

_CLOSED = (ClosedAppOrder, ClosedDatasetOrder, ClosedWorkerpoolOrder, ClosedRequestOrder)
_SIGNED = (SignedAppOrder, SignedDatasetOrder, SignedWorkerpoolOrder, SignedRequestOrder)
FACT_EVENTS: tuple[type[Event], ...] = (Transfer, EntryTransfer, OrdersMatched, *_CLOSED, *_SIGNED)
"""The events that change facts."""

_CHUNK = 400
_wanted = select(facts).where(
    tuple_(facts.c.kind, facts.c.key).in_(bindparam("wanted", expanding=True))
)


class FactKind(StrEnum):
    """What a fact is about."""

    STAKE = "stake"
    OWNER = "owner"
    CONSUMED = "consumed"
    CLOSED = "closed"
    PRESIGNED = "presigned"


Fact: TypeAlias = tuple[str, str]
"""Kind and key."""


class Facts:
    """Facts that are read together, looked at, and changed.

    Args:
        connection: of the database.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[Fact, str | None] = {}

    def load(self, wanted: Iterable[Fact]) -> None:
        """Read facts that are not known yet."""
        missing = list({fact for fact in wanted if fact not in self._known})
        for begin in range(0, len(missing), _CHUNK):
            part = missing[begin : begin + _CHUNK]
            self._known.update(dict.fromkeys(part))
            for row in self._connection.execute(_wanted, {"wanted": part}):
                self._known[row.kind, row.key] = row.value

    def stake(self, account: str) -> int:
        """Return the free stake of an account, nRLC."""
        return int(self._get(FactKind.STAKE, account) or 0)

    def owner(self, asset: Asset, entry: str) -> str | None:
        """Return the owner of an entry; None when it is not registered as such an asset."""
        kind, _, owner = (self._get(FactKind.OWNER, entry) or "").partition(" ")
        return owner if kind == asset else None

    def consumed(self, order_hash: str) -> int:
        """Return how many tasks of an order are taken by deals."""
        return int(self._get(FactKind.CONSUMED, order_hash) or 0)

    def is_closed(self, order_hash: str) -> bool:
        """Return whether an order was closed."""
        return self._get(FactKind.CLOSED, order_hash) is not None

    def is_presigned(self, order_hash: str) -> bool:
        """Return whether an order was presigned."""
        return self._get(FactKind.PRESIGNED, order_hash) is not None

    def fold(
        self,
        database: Database,
        events: Iterable[Event],
        registries: Mapping[ChecksumAddress, Asset],
        *,
        journal_from: int,
    ) -> set[Fact]:
        """Change facts as events say.

        Args:
            database: where the facts are.
            events: in the order of the chain; only those of `FACT_EVENTS` count.
            registries: what the registries are of, by address.
            journal_from: first block that it must be possible to undo.

        Returns:
            The facts that changed.
        """
        changes = [
            (event.at.block_number, change)
            for event in events
            for change in _changes(event, registries)
        ]
        self.load((kind, key) for _, (kind, key, _) in changes)
        lines: dict[tuple[int, Fact], str | None] = {}
        changed: set[Fact] = set()
        for block, (kind, key, value) in changes:
            old = self._known[kind, key]
            if block >= journal_from:
                lines.setdefault((block, (kind, key)), old)
            new = str(int(old or 0) + value) if isinstance(value, int) else value
            self._known[kind, key] = new
            changed.add((kind, key))
        for kind, key in sorted(changed):
            row = {"kind": kind, "key": key, "value": self._known[kind, key]}
            self._connection.execute(upsert(database, facts, row))
        if lines:
            self._connection.execute(
                insert(journal),
                [
                    {"block": block, "kind": kind, "key": key, "old": old}
                    for (block, (kind, key)), old in lines.items()
                ],
            )
        return changed

    def _get(self, kind: FactKind, key: str) -> str | None:
        self.load([(kind, key)])
        return self._known[kind, key]


def undo(database: Database, connection: Connection, fork: int) -> set[Fact]:
    """Make the facts what they were after a block that the journal reaches back to.

    Returns:
        The facts that changed.
    """
    later = journal.c.block > fork
    query = select(journal).where(later).order_by(journal.c.block.desc(), journal.c.id.desc())
    changed: set[Fact] = set()
    for line in connection.execute(query).all():
        changed.add((line.kind, line.key))
        if line.old is None:
            here = (facts.c.kind == line.kind) & (facts.c.key == line.key)
            connection.execute(delete(facts).where(here))
        else:
            row = {"kind": line.kind, "key": line.key, "value": line.old}
            connection.execute(upsert(database, facts, row))
    connection.execute(delete(journal).where(later))
    return changed


def _changes(
    event: Event, registries: Mapping[ChecksumAddress, Asset]
) -> list[tuple[str, str, int | str]]:
    """Return what an event changes: kind, key, and a difference or a new value."""
    match event:
        case Transfer():
            moves = ((event.source, -event.amount), (event.target, event.amount))
            return [(FactKind.STAKE, who, amount) for who, amount in moves if who != ZERO_ADDRESS]
        case EntryTransfer():
            asset = registries[event.at.address]
            return [(FactKind.OWNER, event.entry, f"{asset} {event.target}")]
        case OrdersMatched():
            hashes = (event.app_hash, event.dataset_hash, event.workerpool_hash, event.request_hash)
            return [(FactKind.CONSUMED, _hexed(found), event.volume) for found in set(hashes)]
    hashed: Any = getattr(event, "order_hash", None)
    if isinstance(event, _CLOSED):
        return [(FactKind.CLOSED, _hexed(hashed), "1")]
    if isinstance(event, _SIGNED):
        return [(FactKind.PRESIGNED, _hexed(hashed), "1")]
    return []


def _hexed(value: bytes) -> str:
    return f"0x{value.hex()}"
