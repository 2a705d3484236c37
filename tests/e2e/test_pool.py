"""A whole pool on a chain: scheduler, result store, workers and a requester, told as stories."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from scheduler_stage import Pool, opened, purchase
from worker_stage import Town, founded

from poco.actors.worker import other_digest
from poco.contracts import TaskStatus
from poco.errors import PeerError, UserInputError
from poco.local_chain import travel
from poco.market import (
    Role,
    buy,
    collect_result,
    development_account,
    sign_request,
    wait_for_tasks,
)
from poco.scheduler.protocol import Capability
from poco.worker.agent import WorkerAgent


@pytest.fixture(scope="module")
def one_town() -> Iterator[Town]:
    with founded() as town:
        yield town


@pytest.fixture
def town(one_town: Town) -> Iterator[Town]:
    """The town on a clean morning: whatever a test does is undone."""
    snapshot = one_town.chain.request("evm_snapshot")
    yield one_town
    assert one_town.chain.request("evm_revert", snapshot) is True


@pytest.fixture
def pool(town: Town, tmp_path: Path) -> Iterator[Pool]:
    with opened(town, tmp_path) as pool:
        yield pool


def hire(pool: Pool, folder: Path, number: int, **options: object) -> WorkerAgent:
    port = pool.scheduler.port(pool.town.workers[number].account)
    able = Capability(name=f"worker {number}", app_types=("WASM",))
    return pool.town.agent(port, folder, number, capability=able, **options)


def work(pool: Pool, *agents: WorkerAgent, rounds: int = 12) -> None:
    """Let everybody do what is due, again and again."""
    for _ in range(rounds):
        pool.scheduler.settle()
        for agent in agents:
            agent.step()


def test_app_that_fails__on_every_worker__becomes_an_error_result(
    town: Town, pool: Pool, tmp_path: Path
) -> None:
    deal, taskid = purchase(town, trust=3, line="--column nonsense")
    work(pool, *(hire(pool, tmp_path, number) for number in range(2)))
    assert list(wait_for_tasks(town.requester, deal, patience=0)) == [taskid]
    archive = collect_result(town.requester, taskid, tmp_path / "mine", gateway=pool.url)
    with zipfile.ZipFile(archive) as opened_:
        assert opened_.read("error.txt") == b"[IEXEC] COMPUTE_FAILED APP_COMPUTE_FAILED\n"


def test_cheat__alone_at_trust_1__has_no_archive_and_another_completes_the_task(
    town: Town, pool: Pool, tmp_path: Path
) -> None:
    """The chain would believe it, but without an archive that proves the digest nothing is sent."""
    _, taskid = purchase(town)
    cheat = hire(pool, tmp_path, 0, falsify=other_digest)
    work(pool, cheat)
    assert town.status(taskid) is TaskStatus.ACTIVE
    travel(town.chain, 600)  # the chain may lag behind the wall clock after a revert
    work(pool, hire(pool, tmp_path, 1))
    assert town.status(taskid) is TaskStatus.COMPLETED
    assert town.hub.task(taskid).contributors == (town.workers[1].account,)


def test_wait__tasks_are_not_done__says_how_to_get_the_money_back(town: Town) -> None:
    deal, _ = purchase(town)
    with pytest.raises(PeerError, match="claim your money back"):
        wait_for_tasks(town.requester, deal, patience=0)


def test_buy__orders_do_not_match__names_every_rule(town: Town) -> None:
    account = development_account(Role.REQUESTER)
    request = sign_request(town.requester, account, town.offer, "", trust=4)
    with pytest.raises(UserInputError, match=r"Match_TrustTooLow"):
        buy(town.requester, town.offer, replace(request, appmaxprice=0))
