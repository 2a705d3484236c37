"""A market and a result store for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from results_stage import Archive, Shop, Town, make_archive
from support.anvil import account, start_anvil
from support.client_stage import ROLES

from poco.contracts import Chain, EventReader, Market, Mode, Wallet
from poco.deployment import deploy
from poco.services.results import Quotas, ResultsClient
from poco.web import serving


@pytest.fixture(scope="session")
def anvil() -> Iterator[str]:
    """A chain of this folder's own: markets of other folders have the same addresses."""
    with start_anvil() as url:
        yield url


@pytest.fixture(scope="session")
def chain(anvil: str) -> Chain:
    return Chain.connect(anvil)


@pytest.fixture(scope="session")
def built(chain: Chain) -> Town:
    keys = {name: account(index) for index, name in enumerate(ROLES)}
    wallet = Wallet(chain, keys["owner"], EventReader(()))
    return Town(Market(chain, deploy(wallet, Mode.TOKEN).book), keys)


@pytest.fixture
def town(built: Town) -> Iterator[Town]:
    """The market; what a test does to it is undone."""
    snapshot = built.market.chain.request("evm_snapshot")
    yield built
    built.market.chain.request("evm_revert", snapshot)


@pytest.fixture
def quotas() -> Quotas:
    return Quotas()


@pytest.fixture
def shop(town: Town, tmp_path: Path, quotas: Quotas) -> Iterator[Shop]:
    """A store with the quotas of the module."""
    shop = Shop(town, tmp_path, quotas)
    with serving(shop.app) as url:
        shop.url = url
        shop.client = ResultsClient(url, pause=0.01)
        yield shop
        shop.client.close()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return make_archive(tmp_path / "first", {"result/a.txt": b"alpha\n"})
