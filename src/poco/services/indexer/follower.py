"""Follows the chain: keeps the view at the newest block, and undoes what a reorganisation dropped.

A range of blocks changes the view and the place to go on in one transaction. The hashes of the last
blocks are kept to find where another history begins; when that is further back, all is read again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection, delete, false, insert, select

from poco.contracts import Market
from poco.database import Database, upsert
from poco.errors import ConfigurationError, PocoError
from poco.services.indexer.facts import Batch, BlockHeader, ChainReader, MovedError
from poco.services.indexer.projection import apply
from poco.services.indexer.tables import blocks, chain
from poco.services.indexer.view import View, forget, undo

__all__ = ["Follower", "Head", "line", "locked"]

_RANGE = 10_000
_TRIALS = 5


@dataclass(frozen=True, slots=True)
class Head:
    """The block that the view is of.

    Args:
        number: height.
        hash: 0x-hex.
        timestamp: seconds since 1970.
    """

    number: int
    hash: str
    timestamp: int


class Follower:
    """Reads a market's events into the database. Several may work on one database.

    Args:
        database: opened with `poco.services.indexer.TABLES`.
        market: whose events count.
        confirmations: how many of the newest blocks to leave out.
        history: blocks that can be undone, and looked at.
        first_block: where to begin; by default where the oldest registry was made.
        clock: seconds of a clock that only goes forward.

    Raises:
        ConfigurationError: the database is of another market.
    """

    def __init__(
        self,
        database: Database,
        market: Market,
        *,
        confirmations: int = 0,
        history: int = 256,
        first_block: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.database = database
        self.history = history
        self._market = market
        self._reader = ChainReader(market)
        self._confirmations = confirmations
        self._clock = clock
        self._seen = clock()
        self._first_block = first_block
        self._claim()

    @cached_property
    def _first(self) -> int:
        """The first block to read."""
        return self._reader.first_block() if self._first_block is None else self._first_block

    @property
    def market_name(self) -> str:
        """Chain id and hub of the market."""
        return f"{self._market.book.chain_id}-{self._market.book.hub}"

    @property
    def silence(self) -> float:
        """How long ago the view was known to be that of the newest block, seconds."""
        return self._clock() - self._seen

    def head(self, connection: Connection) -> Head | None:
        """Return the block that the view is of; None before the first one."""
        newest = select(blocks).order_by(blocks.c.number.desc()).limit(1)
        row = connection.execute(newest).one_or_none()
        return None if row is None else Head(row.number, row.hash, row.timestamp)

    def follow(self) -> None:
        """Bring the view to the newest block.

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
            except Exception as error:  # whatever it is, the next trial may succeed
                if repr(error) != told:
                    told = repr(error)
                    report(line(error))
            stop.wait(every)

    def _step(self) -> bool:
        """Undo, or read one range; return whether there may be more."""
        with self.database.reading() as connection:
            known = connection.execute(select(blocks).order_by(blocks.c.number)).all()
        cursor = known[-1] if known else None
        newest = self._market.chain.block_number()
        if cursor is not None:
            stored = {row.number: row.hash for row in known}
            fork = self._fork(stored, newest)
            if fork is None:
                return False
            if fork < cursor.number:
                return self._undo(cursor.hash, fork)
        first = self._first if cursor is None else cursor.number + 1
        last = min(first + _RANGE - 1, newest - self._confirmations)
        if last < first:
            return False
        linked_from = newest - self.history + 1
        batch = self._reader.read(first, last, linked_from=linked_from)
        if cursor is not None and batch.blocks[first].parent != cursor.hash:
            return True
        return self._store(batch, cursor.hash if cursor else None, last, linked_from)

    def _fork(self, stored: dict[int, str], newest: int) -> int | None:
        """Return the last stored block that the chain still has; None when the node is behind."""
        cursor = max(stored)
        compared = min(cursor, newest)
        if compared in stored:
            header = self._reader.headers([compared]).get(compared)
            if header is not None and header.hash == stored[compared]:
                return cursor if compared == cursor else None
        headers = self._reader.headers(number for number in stored if number <= newest)
        same = [number for number, header in headers.items() if header.hash == stored[number]]
        return max(same, default=self._first - 1)

    def _undo(self, cursor: str, fork: int) -> bool:
        with self.database.writing() as connection:
            if locked(connection) == cursor:
                undo(connection, fork)
                connection.execute(delete(blocks).where(blocks.c.number > fork))
        return True

    def _store(self, batch: Batch, cursor: str | None, last: int, linked_from: int) -> bool:
        kept = [
            _row(header)
            for number, header in batch.blocks.items()
            if number == last or number >= linked_from
        ]
        with self.database.writing() as connection:
            if locked(connection) != cursor:
                return True
            view = View(connection)
            apply(batch, view, self._market.book)
            view.flush()
            connection.execute(insert(blocks), kept)
            oldest = last - self.history
            connection.execute(delete(blocks).where(blocks.c.number < oldest))
            forget(connection, oldest)
        return True

    def _claim(self) -> None:
        book = self._market.book
        ours = {"id": 1, "chain_id": book.chain_id, "hub": book.hub}
        with self.database.writing() as connection:
            unless_there = upsert(self.database, chain, ours, where=false())
            connection.execute(unless_there)
            row = connection.execute(select(chain)).one()
            if (row.chain_id, row.hub) != (book.chain_id, book.hub):
                raise ConfigurationError(
                    f"it is of the market at {row.hub} on chain {row.chain_id}",
                    field="database",
                    value=self.market_name,
                    remedy="give each market a database of its own",
                )


def locked(connection: Connection) -> str | None:
    """Keep others from changing the view; return the hash of its block, None before the first."""
    connection.execute(select(chain).with_for_update()).one()
    newest = select(blocks.c.hash).order_by(blocks.c.number.desc()).limit(1)
    return connection.execute(newest).scalar()


def line(error: Exception) -> str:
    """Return what an operator is told of a failure, in one line."""
    known = isinstance(error, PocoError)
    return " ".join((str(error) if known else f"unexpected {error!r}").split())


def _row(header: BlockHeader) -> dict[str, object]:
    return {"number": header.number, "hash": header.hash, "timestamp": header.timestamp}
