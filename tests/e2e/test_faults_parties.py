"""Parties of a market that are away when they are needed: tasks complete, or are refunded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from crash_process import SCHEDULER, Story, open_results, worker
from crash_stage import Troupe, free_port
from scheduler_stage import purchase
from support.mortality import Crash
from witness import Witness
from worker_stage import DEPOSIT, Town, founded, result_store

from poco.contracts import ContributionStatus, Deal, Task, TaskStatus
from poco.local_chain import travel
from poco.services.results import ResultsPort

FIRST, SECOND = worker(0), worker(1)
REVEAL_WINDOW, TO_FINAL_DEADLINE = 2 * 300, 10 * 300


@pytest.fixture(scope="module")
def one_town() -> Iterator[Town]:
    with founded() as town:
        yield town


@pytest.fixture
def town(one_town: Town) -> Iterator[Town]:
    snapshot = one_town.chain.request("evm_snapshot")
    yield one_town
    one_town.chain.request("evm_setAutomine", True)
    assert one_town.chain.request("evm_revert", snapshot) is True


@dataclass
class Play:
    """One deal of one task, and the processes that deal with it."""

    town: Town
    troupe: Troupe
    deal: Deal
    witness: Witness
    folder: Path

    @property
    def task(self) -> Task:
        """The task, on chain."""
        (task,) = self.town.hub.tasks(self.deal.dealid).values()
        return task

    def until(self, holds: Callable[[], bool], seconds: float = 90.0) -> None:
        """Wait; who dies stays dead."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, self.troupe.told()
            time.sleep(0.02)

    def becomes(self, status: TaskStatus) -> None:
        """Wait until the task has a status."""
        self.until(lambda: self.task.status is status)

    def losses(self, results: ResultsPort | None = None) -> list[str]:
        """See `Witness.losses`."""
        kept = results or open_results(self.town.market, self.folder, lambda _: None)
        return self.witness.losses([self.deal], kept)


@pytest.fixture
def begin(town: Town, tmp_path: Path) -> Iterator[Callable[..., Play]]:
    troupes: list[Troupe] = []

    def beginning(honest: tuple[int, ...], **story: Any) -> Play:
        told = Story(**story)
        witness = Witness(town, honest, tmp_path / "runs")
        deal, _ = purchase(town, trust=told.trust)
        troupe = Troupe(town, told, tmp_path)
        troupes.append(troupe)
        troupe.start()
        return Play(town, troupe, deal, witness, tmp_path)

    yield beginning
    for troupe in troupes:
        troupe.end()


def test_scheduler__offline_from_consensus_on__workers_reveal_without_it(
    town: Town, begin: Callable[..., Play]
) -> None:
    play = begin((0, 1), trust=3, workers=2, late=(FIRST, SECOND))
    play.becomes(TaskStatus.ACTIVE)
    town.chain.request("evm_setAutomine", False)
    play.troupe.enter(FIRST)
    play.troupe.enter(SECOND)
    play.until(lambda: int(town.chain.request("txpool_status")["pending"], 16) == 2)
    play.troupe.leave(SCHEDULER)
    town.chain.request("evm_setAutomine", True)
    town.chain.request("evm_mine")
    play.until(lambda: play.task.reveal_counter == 2)
    assert play.task.status is TaskStatus.REVEALING
    play.troupe.enter(SCHEDULER)
    play.becomes(TaskStatus.COMPLETED)
    assert play.losses() == []


@pytest.mark.parametrize("trust", [1, 3])
def test_result_store__offline_at_upload__is_waited_for(
    town: Town, begin: Callable[..., Play], tmp_path: Path, trust: int
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    play = begin((0, 1), trust=trust, workers=2, store=url)
    if trust == 1:
        play.until(lambda: "the result store does not answer" in play.troupe.told())
        assert play.task.status is TaskStatus.ACTIVE
    else:
        play.until(lambda: play.task.reveal_counter == 2)
        play.until(lambda: "the result store does not answer" in play.troupe.told())
        assert play.task.status is TaskStatus.REVEALING
    with result_store(town, tmp_path / "elsewhere", port=port) as results:
        play.becomes(TaskStatus.COMPLETED)
        assert play.losses(results) == []
    assert play.witness.runs == (1 if trust == 1 else 2)


def test_worker__lost_after_contributing__the_others_get_the_task_done(
    town: Town, begin: Callable[..., Play]
) -> None:
    lost = (Crash("CONTRIBUTED"),)
    play = begin((1,), trust=3, workers=2, late=(SECOND,), crashes={FIRST: lost})
    play.until(lambda: FIRST in play.troupe.dead())
    play.troupe.leave(FIRST)
    play.troupe.enter(SECOND)
    play.until(lambda: play.task.reveal_counter == 1)
    travel(town.chain, REVEAL_WINDOW)
    play.becomes(TaskStatus.COMPLETED)
    assert play.losses() == []
    assert town.hub.account(town.workers[1].account).stake > DEPOSIT


def test_worker__only_one_and_lost_after_contributing__the_task_is_opened_again(
    town: Town, begin: Callable[..., Play]
) -> None:
    lost = (Crash("transaction sent"),)
    play = begin((1,), workers=2, one_step=False, late=(SECOND,), crashes={FIRST: lost})
    play.until(lambda: FIRST in play.troupe.dead())
    play.troupe.leave(FIRST)
    play.becomes(TaskStatus.REVEALING)
    travel(town.chain, REVEAL_WINDOW)
    play.becomes(TaskStatus.ACTIVE)
    play.troupe.enter(SECOND)
    play.becomes(TaskStatus.COMPLETED)
    assert play.losses() == []
    (taskid,) = town.hub.tasks(play.deal.dealid)
    gone = town.hub.contribution(taskid, town.workers[0].account)
    assert gone.status is ContributionStatus.REJECTED


def test_worker__lost_for_good_and_no_other__the_requester_gets_the_money_back(
    town: Town, begin: Callable[..., Play]
) -> None:
    before = town.hub.account(town.requester.account).stake
    play = begin((), trust=3, crashes={FIRST: (Crash("CONTRIBUTED"),)})
    play.until(lambda: FIRST in play.troupe.dead())
    play.troupe.leave(FIRST)
    travel(town.chain, TO_FINAL_DEADLINE)
    play.becomes(TaskStatus.FAILED)
    account = town.hub.account(town.requester.account)
    assert (account.stake >= before, account.locked) == (True, 0)
    assert town.hub.account(town.workers[0].account).locked == 0


def test_worker__killed_as_it_refuses_a_task__others_do_it(
    town: Town, begin: Callable[..., Play]
) -> None:
    market = town.workers[0]
    market.hub.withdraw(town.hub.account(market.account).stake)
    crashes = {FIRST: (Crash("failed"),)}
    play = begin((0, 1, 2), trust=3, workers=3, late=(SECOND, worker(2)), crashes=crashes)
    play.until(lambda: FIRST in play.troupe.dead())
    play.troupe.leave(FIRST)
    for name in (FIRST, SECOND, worker(2)):
        play.troupe.enter(name)
    play.becomes(TaskStatus.COMPLETED)
    assert play.losses() == []
    assert market.account not in play.task.contributors
