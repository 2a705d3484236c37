"""A market in each mode on one chain; what a test does to it is undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eth_account.signers.local import LocalAccount
from support.anvil import account, start_anvil
from support.client_stage import ROLES, Stage

from poco.contracts import Chain, EventReader, Market, Mode, Wallet
from poco.deployment import deploy


@pytest.fixture(scope="session")
def anvil() -> Iterator[str]:
    """A chain of this folder's own: markets of other folders have the same addresses."""
    with start_anvil() as url:
        yield url


@pytest.fixture(scope="session")
def compiled() -> None:
    """The compiled contracts are those of the sources."""
    from poco.toolchain.export import ensure_built

    ensure_built()


@pytest.fixture(scope="session")
def chain(anvil: str, compiled: None) -> Chain:
    return Chain.connect(anvil)


@pytest.fixture(scope="session")
def keys() -> dict[str, LocalAccount]:
    return {name: account(index) for index, name in enumerate(ROLES)}


@pytest.fixture(scope="session")
def stages(chain: Chain, keys: dict[str, LocalAccount]) -> dict[Mode, Stage]:
    wallet = Wallet(chain, keys["owner"], EventReader(()))
    return {mode: Stage(Market(chain, deploy(wallet, mode).book), keys) for mode in Mode}


@pytest.fixture(autouse=True)
def untouched(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test does to the chain is undone."""
    if "stages" not in request.fixturenames:
        yield
        return
    chain: Chain = request.getfixturevalue("chain")
    request.getfixturevalue("stages")
    snapshot = chain.request("evm_snapshot")
    yield
    chain.request("evm_revert", snapshot)


@pytest.fixture
def stage(stages: dict[Mode, Stage]) -> Stage:
    """A market in token mode."""
    return stages[Mode.TOKEN]


@pytest.fixture(params=list(Mode))
def any_stage(request: pytest.FixtureRequest, stages: dict[Mode, Stage]) -> Stage:
    """A market in each mode in turn."""
    return stages[request.param]
