"""Markets, untouched and full of life, and indexers of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from indexer_views import MakeIndexer
from market_day import Day
from sqlalchemy import MetaData
from support.anvil import start_anvil
from support.postgresql import start_postgresql

from poco.contracts import Chain
from poco.database import Database
from poco.services.indexer import TABLES, Follower, Indexer


@pytest.fixture(scope="session")
def anvil() -> Iterator[str]:
    """A chain of this folder's own: markets of other folders have the same addresses."""
    with start_anvil() as url:
        yield url


@pytest.fixture(scope="session")
def own_anvil() -> Iterator[str]:
    """A chain for these tests only: they reorganise it and let its time pass."""
    with start_anvil() as url:
        yield url


@pytest.fixture(scope="session")
def opened_day(own_anvil: str) -> Day:
    return Day(Chain.connect(own_anvil))


@pytest.fixture(scope="session")
def lived_day() -> Iterator[Day]:
    """A market in which everything has happened, for tests that only look at it."""
    with start_anvil() as url:
        made = Day(Chain.connect(url))
        made.whole()
        yield made


@pytest.fixture
def day(opened_day: Day) -> Iterator[Day]:
    """A market in which nothing has happened yet; it is put back afterwards."""
    snapshot = opened_day.chain.request("evm_snapshot")
    opened_day.meet()
    opened_day.deals.clear()
    opened_day.boosts.clear()
    yield opened_day
    opened_day.chain.request("evm_revert", snapshot)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with start_postgresql() as url:
        yield url


@pytest.fixture
def postgresql(server: str) -> Iterator[str]:
    """An empty database; its server is shared."""
    yield server
    database = Database(server, MetaData())
    with database.writing() as connection:
        TABLES.drop_all(connection)
    database.close()


@pytest.fixture
def make_indexer(day: Day, tmp_path: Path) -> Iterator[MakeIndexer]:
    """Make an indexer of the market; its follower is moved by hand."""
    opened = []

    def make(url: str = "", *, max_rows: int = 20_000, **settings: Any) -> Indexer:
        database = Database(url or f"sqlite:///{tmp_path}/{len(opened)}.sqlite", TABLES)
        opened.append(database)
        return Indexer(Follower(database, day.market, **settings), max_rows=max_rows)

    yield make
    for database in opened:
        database.close()


@pytest.fixture
def indexer(make_indexer: MakeIndexer) -> Indexer:
    return make_indexer()
