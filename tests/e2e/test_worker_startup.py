"""What keeps a worker from starting, and what it tells of its host."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from worker_stage import DEPOSIT, Town, founded

from poco.errors import ChainError, ConfigurationError
from poco.fetching import Fetcher
from poco.orders import GPU
from poco.worker.computation import Equipment
from poco.worker.startup import (
    MAX_SKEW_SECONDS,
    alone_in,
    capability_of,
    check_host,
    check_market,
)


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """A market on a chain that is nobody's own."""
    with founded("--chain-id", "4242") as town:
        yield town


def equipment(town: Town, workdir: Path, **changes: object) -> Equipment:
    return Equipment(
        **{"runtimes": town.runtimes, "fetcher": Fetcher(), "workdir": workdir} | changes
    )  # type: ignore[arg-type]


def test_check_host__everything_is_there__says_nothing(town: Town, tmp_path: Path) -> None:
    check_host(equipment(town, tmp_path / "new"), disk=1)
    assert (tmp_path / "new").is_dir()


def test_check_host__no_runtime__says_what_to_install(town: Town, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="start a Docker engine, or pip install wasmtime"):
        check_host(equipment(town, tmp_path, runtimes={}), disk=0)


def test_check_host__disk_too_full__names_both_sizes(town: Town, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\d+ bytes'.*1152921504606846976 bytes of disk"):
        check_host(equipment(town, tmp_path), disk=2**60)


def test_check_market__fresh_node_and_money__says_nothing(town: Town) -> None:
    told: list[str] = []
    check_market(town.workers[0], clock=lambda: town.chain.timestamp() + 5, report=told.append)
    assert told == []


def test_check_market__node_is_behind__is_not_believed(town: Town) -> None:
    with pytest.raises(ChainError, match="must be younger than 60 s"):
        check_market(town.workers[0], clock=lambda: town.chain.timestamp() + 61)


def test_check_market__clock_is_slow__says_by_how_much(town: Town) -> None:
    with pytest.raises(ConfigurationError, match="clock = '31 s behind'"):
        check_market(town.workers[0], clock=lambda: town.chain.timestamp() - MAX_SKEW_SECONDS - 1)


def test_check_market__no_gas__says_what_a_task_may_cost(town: Town) -> None:
    town.chain.request("anvil_setBalance", town.workers[1].account, "0x1")
    with pytest.raises(ConfigurationError, match=r"1 wei.*must be able to pay 1000000 gas"):
        check_market(town.workers[1], clock=town.chain.timestamp)


def test_check_market__no_stake__is_told_and_goes_on(town: Town) -> None:
    market = town.workers[2]
    market.hub.withdraw(DEPOSIT)
    told: list[str] = []
    check_market(market, clock=town.chain.timestamp, report=told.append)
    assert told == ["has no stake: it can only take tasks of trust 1 (deposit some with --deposit)"]


def test_capability__of_this_host__is_what_the_scheduler_hears(town: Town, tmp_path: Path) -> None:
    able = capability_of(equipment(town, tmp_path), "my worker", slots=3, tags=GPU)
    assert (able.name, able.slots, able.tags) == ("my worker", 3, 0x100)
    assert able.app_types == ("WASM",)
    assert able.cpus == os.cpu_count()
    assert able.memory > 0
    assert able.disk > 0


def test_alone_in__second_worker__is_refused_until_the_first_ends(tmp_path: Path) -> None:
    with (
        alone_in(tmp_path),
        pytest.raises(ConfigurationError, match="only one worker may work in a folder"),
        alone_in(tmp_path),
    ):
        pass
    with alone_in(tmp_path):
        pass
