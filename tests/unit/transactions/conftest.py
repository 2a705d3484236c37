"""A stage for the queue: a real chain, a market on it, a database file and a clock that is set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData
from support.anvil import account, start_anvil
from support.faulty_rpc import FaultyNode, faulty_rpc
from support.queue_bench import SENDER, Bench, Clock
from support.reorg import mine

from poco import transactions
from poco.contracts import AddressBook, Chain, EventReader, Market, Mode, Wallet
from poco.database import Database
from poco.deployment import deploy


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """A chain for this directory alone: its blocks are taken back and its mining is stopped."""
    with start_anvil() as url:
        yield url


@pytest.fixture(scope="session")
def book(url: str) -> AddressBook:
    from poco.toolchain.export import ensure_built

    ensure_built()
    chain = Chain.connect(url)
    found = deploy(Wallet(chain, account(0), EventReader(())), Mode.NATIVE).book
    mine(chain, 20)
    return found


@pytest.fixture
def node(url: str, book: AddressBook) -> Iterator[Chain]:
    """The chain; what a test does to it is undone."""
    chain = Chain.connect(url)
    snapshot = chain.request("evm_snapshot")
    yield chain
    chain.request("evm_setAutomine", True)
    chain.request("anvil_dropAllTransactions")
    chain.request("evm_revert", snapshot)
    chain.request("anvil_setNextBlockBaseFeePerGas", hex(10**9))  # which is not undone


@pytest.fixture
def proxy(node: Chain) -> Iterator[FaultyNode]:
    with faulty_rpc(node.url) as faulty:
        yield faulty


@pytest.fixture
def metadata() -> MetaData:
    metadata = MetaData()
    transactions.declare(metadata)
    return metadata


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/queue.sqlite"


@pytest.fixture
def database(database_url: str, metadata: MetaData) -> Iterator[Database]:
    """A database of its own, empty at the end."""
    opened = Database(database_url, metadata)
    yield opened
    with opened.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    opened.close()


@pytest.fixture
def make_bench(
    node: Chain, proxy: FaultyNode, book: AddressBook, database: Database
) -> Callable[..., Bench]:
    """Make queues behind the proxy, on one database."""
    clock = Clock()

    def make(**options: Any) -> Bench:
        market = Market(Chain.connect(proxy.url), book).acting_as(SENDER)
        return Bench(node, market, database, clock, options)

    return make


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """A queue with 12 confirmations."""
    return make_bench(confirmations=12)
