"""Follows the chain: keeps facts, deals and orders true, and undoes what a reorganisation dropped.

A range of blocks changes everything in one transaction, with the place to go on.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from poco.contracts import Deal, Market
from poco.contracts.events import CreateCategory, OrdersMatched
from poco.database import Database
from poco.errors import ConfigurationError, PocoError
from poco.services.orderbook.facts import Facts, undo
from poco.services.orderbook.feed import Feed
from poco.services.orderbook.history import ChainReader, History, MovedError
from poco.services.orderbook.judgement import Change, judge, judge_all
from poco.services.orderbook.records import deal_record, order_record
from poco.services.orderbook.tables import blocks, categories, chain, deals, facts, journal, orders

__all__ = ["Follower", "announce", "head", "locked"]

_RANGE = 2_000
_TRIALS = 5


class Follower:
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
        self._database = database
        self._market = market
        self._reader = ChainReader(market)
        self._feed = feed
        self._history = history
        self._clock = clock
        self._seen = clock()
        self._claim()

    @property
    def silence(self) -> float:
        """How long ago the book was known to be that of the newest block, seconds."""
        return self._clock() - self._seen

    def follow(self) -> None:
        """Bring the book to the newest block.

        Raises:
            ChainError: the node does not answer, or the chain does not come to rest; nothing is
                lost.
        """
        for trial in range(_TRIALS):
            try:
                while self._step():
                    pass
            except MovedError:
                if trial == _TRIALS - 1:
                    raise
            else:
                self._seen = self._clock()
                return

    def run(self, stop: threading.Event, every: float, report: Callable[[str], None]) -> None:
        """Follow until stopped.

        Args:
            stop: ends it.
            every: pause after the newest block, seconds.
            report: called with a line when following fails, once for the same failure.
        """
        told = ""
        while not stop.is_set():
            try:
                self.follow()
                told = ""
            except PocoError as error:
                if str(error) != told:
                    told = str(error)
                    report(told)
            stop.wait(every)

    def _step(self) -> bool:
        """Undo, or read one range; return whether there may be more."""
        with self._database.reading() as connection:
            known = {row.number: row.hash for row in connection.execute(select(blocks))}
        newest = self._market.chain.block_number()
        cursor = max(known, default=self._market.book.deploy_block - 1)
        if known:
            fork = self._fork(known, newest)
            if fork is None:
                return False
            if fork < cursor:
                self._undo(known[cursor], fork)
                return True
        last = min(cursor + _RANGE, newest)
        if last <= cursor:
            return False
        linked_from = newest - self._history + 1
        history = self._reader.read(cursor + 1, last, linked_from=linked_from)
        if known and history.blocks[cursor + 1].parent != known[cursor]:
            return True
        self._store(history, known.get(cursor), last, newest)
        return True

    def _fork(self, known: dict[int, str], newest: int) -> int | None:
        """Return the last known block that the chain still has; None when the node is behind."""
        cursor = max(known)
        here = self._reader.headers([cursor]).get(cursor) if cursor <= newest else None
        if here is not None and here.hash == known[cursor]:
            return cursor
        headers = self._reader.headers(number for number in known if number <= newest)
        same = [number for number, header in headers.items() if header.hash == known[number]]
        fork = max(same, default=self._market.book.deploy_block - 1)
        return None if fork == newest else fork

    def _store(self, history: History, cursor: str | None, last: int, newest: int) -> None:
        oldest = newest - self._history + 1
        with self._database.writing() as connection:
            if locked(connection) != cursor:
                return
            known = Facts(connection)
            changed = known.fold(
                self._database, history.events, self._reader.registries, journal_from=oldest
            )
            self._add(connection, history)
            kept = (block for block in history.blocks.values() if block.number >= oldest)
            headers = {last: history.blocks[last]} | {block.number: block for block in kept}
            rows = [
                {"number": block.number, "hash": block.hash, "timestamp": block.timestamp}
                for block in headers.values()
            ]
            connection.execute(insert(blocks), rows)
            connection.execute(delete(blocks).where(blocks.c.number < min(oldest, last)))
            connection.execute(delete(journal).where(journal.c.block < oldest))
            changes: list[Change] = []
            if last < newest:
                connection.execute(update(chain).values(stale=True))
            elif connection.execute(select(chain.c.stale)).scalar():
                changes = judge_all(connection, known, last)
                connection.execute(update(chain).values(stale=False))
            else:
                changes = judge(connection, known, changed, last, undone=False)
            told = announce(connection, changes)
        for name, data in told:
            self._feed.tell("orders", name, data)
        if last == newest:
            for event, deal in history.deals:
                self._feed.tell("deals", "deal_created", self._record(event, deal))

    def _undo(self, cursor: str, fork: int) -> None:
        with self._database.writing() as connection:
            if locked(connection) != cursor:
                return
            changes: list[Change] = []
            for table in (deals, categories, blocks):
                column = table.c.number if table is blocks else table.c.block
                connection.execute(delete(table).where(column > fork))
            if fork < self._market.book.deploy_block:
                connection.execute(delete(facts))
                connection.execute(delete(journal))
                connection.execute(update(chain).values(stale=True))
            else:
                changed = undo(self._database, connection, fork)
                changes = judge(connection, Facts(connection), changed, fork, undone=True)
            told = announce(connection, changes)
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

    def _claim(self) -> None:
        book = self._market.book
        with self._database.writing() as connection:
            row = connection.execute(select(chain)).one_or_none()
            if row is None:
                ours = {"id": 1, "chain_id": str(book.chain_id), "hub": book.hub, "stale": True}
                connection.execute(insert(chain).values(ours))
            elif (row.chain_id, row.hub) != (str(book.chain_id), book.hub):
                raise ConfigurationError(
                    f"it is of the market at {row.hub} on chain {row.chain_id}",
                    field="database",
                    value=f"{book.hub} on chain {book.chain_id}",
                    remedy="give each market a database of its own",
                )


def head(connection: Connection) -> int:
    """Return the number of the block that the book is of; 0 before the first."""
    newest = select(blocks.c.number).order_by(blocks.c.number.desc()).limit(1)
    return connection.execute(newest).scalar() or 0


def locked(connection: Connection) -> str | None:
    """Keep others from changing the book; return the hash of its block, None before the first."""
    connection.execute(select(chain).with_for_update()).one()
    newest = select(blocks.c.hash).order_by(blocks.c.number.desc()).limit(1)
    return connection.execute(newest).scalar()


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
