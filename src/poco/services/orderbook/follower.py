"""Follows the chain: keeps facts, deals and orders true, undoes what a reorganisation dropped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from poco.contracts import Deal, Market
from poco.contracts.events import CreateCategory, OrdersMatched
from poco.database import Database
from poco.services.following import Follower as ChainFollower
from poco.services.orderbook.facts import Facts, undo
from poco.services.orderbook.feed import Feed
from poco.services.orderbook.history import ChainReader, History
from poco.services.orderbook.judgement import Change, judge, judge_all
from poco.services.orderbook.records import deal_record, order_record
from poco.services.orderbook.tables import PLACE, blocks, categories, deals, facts, journal, orders

__all__ = ["Follower", "announce", "head"]

_RANGE = 2_000


class Follower(ChainFollower[History]):
    """Reads a market's events into the database.

    Args:
        database: opened with `poco.services.orderbook.tables.TABLES`.
        market: whose events count.
        feed: who hears of changes.
        history: blocks that can be undone; when a fork is further back, all is read again.
        clock: seconds of a clock that only goes forward.

    Raises:
        ConfigurationError: the database is of another market.
    """

    def __init__(
        self,
        database: Database,
        market: Market,
        feed: Feed,
        *,
        history: int = 256,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = ChainReader(market)
        self._feed = feed
        super().__init__(
            database, market, PLACE, self._reader.read, size=_RANGE, history=history, clock=clock
        )

    @property
    def _first(self) -> int:
        return self._market.book.deploy_block

    def _write(
        self, connection: Connection, batch: History, last: int, newest: int
    ) -> Callable[[], None]:
        undoable, is_stale = newest - self.history + 1, PLACE.chain.c.stale
        known = Facts(connection)
        changed = known.fold(
            self.database, batch.events, self._reader.registries, journal_from=undoable
        )
        self._add(connection, batch)
        connection.execute(delete(journal).where(journal.c.block < undoable))
        changes: list[Change] = []
        if last < newest:
            connection.execute(update(PLACE.chain).values(stale=True))
        elif connection.execute(select(is_stale)).scalar():
            changes = judge_all(connection, known, last)
            connection.execute(update(PLACE.chain).values(stale=False))
        else:
            changes = judge(connection, known, changed, last, undone=False)
        told = announce(connection, changes)

        def tell() -> None:
            self._tell(told)
            if last == newest:
                for event, deal in batch.deals:
                    self._feed.tell("deals", "deal_created", self._record(event, deal))

        return tell

    def _erase(self, connection: Connection, fork: int) -> Callable[[], None]:
        changes: list[Change] = []
        for table in (deals, categories):
            connection.execute(delete(table).where(table.c.block > fork))
        if fork < self._first:
            connection.execute(delete(facts))
            connection.execute(delete(journal))
            connection.execute(update(PLACE.chain).values(stale=True))
        else:
            changed = undo(self.database, connection, fork)
            changes = judge(connection, Facts(connection), changed, fork, undone=True)
        told = announce(connection, changes)
        return lambda: self._tell(told)

    def _tell(self, told: list[tuple[str, Any]]) -> None:
        for name, data in told:
            self._feed.tell("orders", name, data)

    def _add(self, connection: Connection, history: History) -> None:
        created = [
            {
                "catid": event.category,
                "name": event.name,
                "description": event.description,
                "clock": event.clock,
                "block": event.at.block_number,
                "timestamp": history.blocks[event.at.block_number].timestamp,
                "transaction": event.at.transaction_hash,
            }
            for event in history.events.all(CreateCategory)
        ]
        if created:
            connection.execute(insert(categories), created)
        if history.deals:
            connection.execute(
                insert(deals), [self._deal_row(event, deal) for event, deal in history.deals]
            )

    def _deal_row(self, event: OrdersMatched, deal: Deal) -> dict[str, Any]:
        record = self._record(event, deal)
        hashes = ("appHash", "datasetHash", "workerpoolHash", "requestHash")
        return {
            "dealid": record["dealid"],
            "block": event.at.block_number,
            "timestamp": deal.start_time,
            "category": deal.category,
            "workerpool_price": deal.workerpool.price,
            "volume": deal.bot_size,
            "requester": deal.requester,
            "beneficiary": deal.beneficiary,
            "app": deal.app.pointer,
            "dataset": deal.dataset.pointer,
            "workerpool": deal.workerpool.pointer,
            "appOwner": deal.app.owner,
            "datasetOwner": deal.dataset.owner,
            "workerpoolOwner": deal.workerpool.owner,
            **{name: record[name] for name in hashes},
            "document": json.dumps(record),
        }

    def _record(self, event: OrdersMatched, deal: Deal) -> dict[str, Any]:
        return deal_record(event, deal, self._market.book.chain_id)


def head(connection: Connection) -> int:
    """Return the number of the block that the book is of; 0 before the first."""
    newest = select(blocks.c.number).order_by(blocks.c.number.desc()).limit(1)
    return connection.execute(newest).scalar() or 0


def announce(connection: Connection, changes: list[Change]) -> list[tuple[str, Any]]:
    """Return what the feed says of changes: name of the event, and its data (spec sdk §3.9)."""
    told: list[tuple[str, Any]] = []
    for change in changes:
        if change.gone:
            told.append((f"{change.kind}_unpublished", change.hash))
            continue
        query = select(orders).where(orders.c.hash == change.hash, orders.c.status == "open")
        row = connection.execute(query).one_or_none()
        if row is not None:
            told.append((f"{change.kind}_updated", order_record(row)))
    return told
