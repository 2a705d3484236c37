"""A market and its order book for each test."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from bazaar import Bazaar
from eth_account.signers.local import LocalAccount
from sqlalchemy import select
from support.anvil import account, start_anvil
from support.client_stage import ROLES, Stage
from support.postgresql import start_postgresql

from poco.contracts import Chain, EventReader, Market, Mode, Wallet
from poco.deployment import deploy
from poco.services.orderbook import Limits, Orderbook, orderbook_application
from poco.services.orderbook.tables import SHAPE, orders, shapes
from poco.web import serving

_numbers = itertools.count()


@pytest.fixture(scope="session")
def anvil() -> Iterator[str]:
    """A chain of this folder's own: markets of other folders have the same addresses."""
    with start_anvil() as url:
        yield url


@pytest.fixture(scope="session")
def keys() -> dict[str, LocalAccount]:
    return {name: account(index) for index, name in enumerate(ROLES)}


@pytest.fixture(scope="session")
def built(anvil: str, keys: dict[str, LocalAccount]) -> Stage:
    chain = Chain.connect(anvil)
    wallet = Wallet(chain, keys["owner"], EventReader(()))
    return Stage(Market(chain, deploy(wallet, Mode.TOKEN).book), keys)


@pytest.fixture
def stage(built: Stage) -> Iterator[Stage]:
    """The market; what a test does to it is undone."""
    snapshot = built.market.chain.request("evm_snapshot")
    yield built
    built.market.chain.request("evm_revert", snapshot)


@pytest.fixture
def limits() -> Limits:
    return Limits(requests_per_minute=100_000)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    with start_postgresql() as url:
        yield url


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/market.sqlite"


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Either engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/market.sqlite"
    url: str = request.getfixturevalue("postgresql")
    name = f"book{next(_numbers)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return url.replace("/postgres?", f"/{name}?")


def _bazaar(stage: Stage, database: str, limits: Limits) -> Iterator[Bazaar]:
    book = Orderbook(database, stage.market, limits)
    with (
        serving(orderbook_application(book, every=3600.0)) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        yield Bazaar(stage, book, client)
    require_true_counts(book)
    book.close()


def require_true_counts(book: Orderbook) -> None:
    """Whatever a test did: shapes have the terms of just the open orders, and their number."""
    with book.database.reading() as connection:
        rows = connection.execute(select(orders)).all()
        counted = {row.id: row for row in connection.execute(select(shapes))}
    shaped = [row for row in rows if row.shape is not None]
    assert all((row.status == "open") == (row.shape is not None) for row in rows)
    assert {number: row.open for number, row in counted.items()} == Counter(
        row.shape for row in shaped
    )
    for row in shaped:
        assert [getattr(row, name) for name in SHAPE] == [
            getattr(counted[row.shape], name) for name in SHAPE
        ]


@pytest.fixture
def bazaar(stage: Stage, database: str, limits: Limits) -> Iterator[Bazaar]:
    """A market with an order book over HTTP; it looks at the chain when it is told to."""
    yield from _bazaar(stage, database, limits)


@pytest.fixture
def any_bazaar(stage: Stage, any_database: str, limits: Limits) -> Iterator[Bazaar]:
    """The same on either engine."""
    yield from _bazaar(stage, any_database, limits)
