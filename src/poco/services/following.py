"""How a service follows the chain: range by range, and back when blocks were dropped.

A range of blocks changes the database in one transaction, with the place to go on. The hashes of
the last blocks are kept to find where another history begins; when that is further back, all is
read again.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    false,
    insert,
    select,
)

from poco.contracts import Chain, Market
from poco.database import Database, upsert
from poco.errors import ChainError, ConfigurationError, PocoError

__all__ = ["Block", "Follower", "MovedError", "Place", "headers", "moved", "one_line", "place"]

_TRIALS = 5


class MovedError(ChainError):
    """The chain was reorganised while it was read: what was read is of no use."""


@dataclass(frozen=True, slots=True)
class Block:
    """The header of a block.

    Args:
        number: height.
        hash: 0x-hex.
        parent: hash of the block before, 0x-hex.
        timestamp: seconds since 1970.
    """

    number: int
    hash: str
    parent: str
    timestamp: int


class _Batch(Protocol):
    @property
    def blocks(self) -> Mapping[int, Block]: ...


B = TypeVar("B", bound=_Batch)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database keeps how far it is.

    Args:
        chain: which market it is of; one row. Who writes holds a lock on it.
        blocks: the last blocks that were read; the highest is where to go on.
    """

    chain: Table
    blocks: Table

    def locked(self, connection: Connection) -> str | None:
        """Keep others from writing; return the hash of the last block, None before the first."""
        connection.execute(select(self.chain).with_for_update()).one()
        newest = select(self.blocks.c.hash).order_by(self.blocks.c.number.desc()).limit(1)
        return connection.execute(newest).scalar()


def place(metadata: MetaData, *more: Column[Any]) -> Place:
    """Add the two tables to a service's own.

    Args:
        metadata: of the service.
        more: further columns of `chain`, with defaults.
    """
    return Place(
        Table(
            "chain",
            metadata,
            Column("id", Integer, primary_key=True),
            Column("chain_id", String(78), nullable=False),
            Column("hub", String(42), nullable=False),
            *more,
        ),
        Table(
            "blocks",
            metadata,
            Column("number", BigInteger, primary_key=True, autoincrement=False),
            Column("hash", String(66), nullable=False),
            Column("timestamp", BigInteger, nullable=False),
        ),
    )


class Follower(ABC, Generic[B]):
    """Reads a market's history into a database. Several may work on one database.

    Args:
        database: opened with the tables of `place`.
        market: whose events count.
        kept: where the database keeps how far it is.
        read: reads the blocks from its first to its second argument; from its third on all headers
            are read. Raises `MovedError` when it saw more than one history.
        size: blocks in a range.
        history: blocks that can be undone.
        confirmations: how many of the newest blocks to leave out.
        clock: seconds of a clock that only goes forward.

    Raises:
        ConfigurationError: the database is of another market.
    """

    def __init__(
        self,
        database: Database,
        market: Market,
        kept: Place,
        read: Callable[[int, int, int], B],
        *,
        size: int,
        history: int,
        confirmations: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.database = database
        self.history = history
        self._market = market
        self._place = kept
        self._read = read
        self._size = size
        self._confirmations = confirmations
        self._clock = clock
        self._seen = clock()
        self._claim()

    @property
    def silence(self) -> float:
        """How long ago the database was known to be at the newest block, seconds."""
        return self._clock() - self._seen

    def follow(self) -> None:
        """Read up to the newest block.

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
                    report(one_line(error))
            stop.wait(every)

    @property
    @abstractmethod
    def _first(self) -> int:
        """The first block to read."""

    @abstractmethod
    def _write(
        self, connection: Connection, batch: B, last: int, newest: int
    ) -> Callable[[], None]:
        """Write a range that ends with block `last`; return what to do when it is committed."""

    @abstractmethod
    def _erase(self, connection: Connection, fork: int) -> Callable[[], None]:
        """Undo all after block `fork`; return what to do when it is committed."""

    def _step(self) -> bool:
        """Undo, or read one range; return whether there may be more."""
        blocks = self._place.blocks
        with self.database.reading() as connection:
            known = {row.number: row.hash for row in connection.execute(select(blocks))}
        newest = self._market.chain.block_number()
        cursor = max(known, default=self._first - 1)
        if known:
            fork = self._fork(known, newest)
            if fork is None:
                return False
            if fork < cursor:
                self._undo(known[cursor], fork)
                return True
        last = min(cursor + self._size, newest - self._confirmations)
        if last <= cursor:
            return False
        batch = self._read(cursor + 1, last, newest - self.history + 1)
        if not known or batch.blocks[cursor + 1].parent == known[cursor]:
            self._store(batch, known.get(cursor), last, newest)
        return True

    def _fork(self, known: dict[int, str], newest: int) -> int | None:
        """Return the last known block that the chain still has; None when the node is behind."""
        chain, cursor = self._market.chain, max(known)
        here = headers(chain, [cursor]).get(cursor) if cursor <= newest else None
        if here is not None and here.hash == known[cursor]:
            return cursor
        found = headers(chain, (number for number in known if number <= newest))
        same = [number for number, block in found.items() if block.hash == known[number]]
        fork = max(same, default=self._first - 1)
        return None if fork == newest else fork

    def _store(self, batch: B, cursor: str | None, last: int, newest: int) -> None:
        blocks, oldest = self._place.blocks, newest - self.history
        rows = [
            {"number": block.number, "hash": block.hash, "timestamp": block.timestamp}
            for block in batch.blocks.values()
            if block.number == last or block.number > oldest
        ]
        with self.database.writing() as connection:
            if self._place.locked(connection) != cursor:
                return
            committed = self._write(connection, batch, last, newest)
            connection.execute(insert(blocks), rows)
            connection.execute(delete(blocks).where(blocks.c.number < min(oldest, last)))
        committed()

    def _undo(self, cursor: str, fork: int) -> None:
        blocks = self._place.blocks
        with self.database.writing() as connection:
            if self._place.locked(connection) != cursor:
                return
            committed = self._erase(connection, fork)
            connection.execute(delete(blocks).where(blocks.c.number > fork))
        committed()

    def _claim(self) -> None:
        chain, book = self._place.chain, self._market.book
        ours = {"id": 1, "chain_id": str(book.chain_id), "hub": book.hub}
        with self.database.writing() as connection:
            connection.execute(upsert(self.database, chain, ours, where=false()))
            row = connection.execute(select(chain)).one()
        if (row.chain_id, row.hub) != (str(book.chain_id), book.hub):
            raise ConfigurationError(
                f"it is of the market at {row.hub} on chain {row.chain_id}",
                field="database",
                value=f"{book.hub} on chain {book.chain_id}",
                remedy="give each market a database of its own",
            )


def headers(chain: Chain, numbers: Iterable[int]) -> dict[int, Block]:
    """Return the headers of those blocks that the chain has, by number.

    Raises:
        ChainError: the node does not answer.
    """
    wanted = list(numbers)
    calls = [("eth_getBlockByNumber", (hex(number), False)) for number in wanted]
    return {
        number: Block(number, found["hash"], found["parentHash"], int(found["timestamp"], 16))
        for number, found in zip(wanted, chain.batch(calls), strict=True)
        if found is not None
    }


def moved(block: object) -> MovedError:
    """Return the error of a reader that saw more than one history."""
    return MovedError(
        "the chain must stay the same while it is read",
        field="block",
        value=block,
        remedy="nothing is lost: it is read again",
    )


def one_line(error: Exception) -> str:
    """Return what an operator is told of a failure."""
    known = isinstance(error, PocoError)
    return " ".join((str(error) if known else f"unexpected {error!r}").split())
