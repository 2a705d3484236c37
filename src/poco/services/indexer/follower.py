"""Follows the chain: keeps the view at the newest block, undoes what a reorganisation dropped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection, select

from poco.contracts import Market
from poco.database import Database
from poco.services.following import Follower as ChainFollower
from poco.services.indexer.facts import Batch, ChainReader
from poco.services.indexer.projection import apply
from poco.services.indexer.tables import PLACE, blocks
from poco.services.indexer.view import View, forget, undo

__all__ = ["Follower", "Head"]

_RANGE = 10_000


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


class Follower(ChainFollower[Batch]):
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
        self._reader = ChainReader(market)
        self._first_block = first_block
        super().__init__(
            database,
            market,
            PLACE,
            self._reader.read,
            size=_RANGE,
            history=history,
            confirmations=confirmations,
            clock=clock,
        )

    @property
    def market_name(self) -> str:
        """Chain id and hub of the market."""
        return f"{self._market.book.chain_id}-{self._market.book.hub}"

    def head(self, connection: Connection) -> Head | None:
        """Return the block that the view is of; None before the first one."""
        newest = select(blocks).order_by(blocks.c.number.desc()).limit(1)
        row = connection.execute(newest).one_or_none()
        return None if row is None else Head(row.number, row.hash, row.timestamp)

    @cached_property
    def _first(self) -> int:
        return self._reader.first_block() if self._first_block is None else self._first_block

    def _write(
        self, connection: Connection, batch: Batch, last: int, newest: int
    ) -> Callable[[], None]:
        view = View(connection)
        apply(batch, view, self._market.book)
        view.flush()
        forget(connection, min(last, newest - self.history))
        return _nothing

    def _erase(self, connection: Connection, fork: int) -> Callable[[], None]:
        undo(connection, fork)
        return _nothing


def _nothing() -> None:
    """Nobody is told."""
