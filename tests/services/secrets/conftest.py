"""A market, and a secret service for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from secrets_stage import Host, Keeper, Stage, Start
from support.anvil import account, start_anvil

from poco.contracts import Chain, EventReader, Market, Wallet
from poco.deployment import deploy
from poco.services.secrets import (
    Gate,
    KeyFile,
    KeyRing,
    SecretsService,
    SecretStore,
    secrets_application,
)
from poco.web import serving


@pytest.fixture(scope="session")
def anvil() -> Iterator[str]:
    """A chain of this folder's own: markets of other folders have the same addresses."""
    with start_anvil() as url:
        yield url


@pytest.fixture(scope="session")
def stage(anvil: str) -> Stage:
    chain = Chain.connect(anvil)
    wallet = Wallet(chain, account(0), EventReader(()))
    return Stage(Market(chain, deploy(wallet).book))


@pytest.fixture
def undone(stage: Stage) -> Iterator[None]:
    """What the test does to the chain is undone."""
    chain = stage.market.chain
    snapshot = chain.request("evm_snapshot")
    yield
    chain.request("evm_revert", snapshot)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "master.key"
    KeyFile(path).create()
    return path


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    made, outer = Host(), FastAPI()
    outer.mount("/", made)
    with serving(outer) as made.url:
        yield made


@pytest.fixture
def start(stage: Stage, host: Host, tmp_path: Path, key_file: Path) -> Iterator[Start]:
    """Start the service; arguments are those of `Gate` and `SecretsService`."""
    running: list[Keeper] = []

    def starting(
        *,
        market: Market = stage.market,
        simulated: bool = False,
        software: bool = False,
        gate: Any = None,
        **service: Any,
    ) -> Keeper:
        store = SecretStore(f"sqlite:///{tmp_path}/secrets.sqlite", KeyRing.load(key_file))
        made = SecretsService(
            Gate(market, simulated=simulated, software=software, **gate or {}), store, **service
        )
        host.app = secrets_application(made)
        running.append(Keeper(stage, made, host.url))
        return running[-1]

    yield starting
    for keeper in running:
        keeper.close()


@pytest.fixture
def keeper(start: Start) -> Keeper:
    """A service that plays an enclave."""
    return start(simulated=True)
