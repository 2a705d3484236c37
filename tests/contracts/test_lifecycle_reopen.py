"""A consensus that nobody proves is thrown away (spec contracts §4.7)."""

from __future__ import annotations

from typing import Any

import pytest
from market import Market, reverts, travel_to
from tasks import (
    CLOCK,
    DIGEST,
    OTHER,
    Played,
    Status,
    Vote,
    block_time,
    hash_of,
    open_task,
    seal_of,
    workers_of,
)


def test_reopen__nobody_revealed__rejects_the_winners(each_market: Market) -> None:
    market = each_market
    loser, one, two, three = workers = workers_of(market, 4)
    task = open_task(market, trust=3)
    task.contribute(loser, OTHER)
    task.agree(workers[1:], reveal=False)
    deadline = task.reveal_deadline
    travel_to(deadline)
    before = market.balances()
    receipt = task.reopen()
    assert block_time() == deadline
    assert receipt.events == [market.hub.TaskReopen(taskid=task.id)]
    assert market.balances() == before
    view = task.view()
    assert (view.status, view.consensusValue, view.revealDeadline) == (Status.ACTIVE, bytes(32), 0)
    assert (view.revealCounter, view.winnerCounter, view.resultDigest) == (0, 0, bytes(32))
    assert view.contributors == workers
    assert task.vote(loser).status == Vote.CONTRIBUTED
    for worker in (one, two, three):
        vote = task.vote(worker)
        assert (vote.status, vote.resultHash) == (Vote.REJECTED, hash_of(task))
        assert vote.resultSeal == seal_of(task, worker)


def test_reopen__before_the_reveal_deadline__reverts(market: Market) -> None:
    task = open_task(market).agree(workers_of(market, 1), reveal=False)
    deadline = task.reveal_deadline
    travel_to(deadline - 1)
    with reverts(market.hub, "Task_RevealWindowOpen", deadline, deadline - 1):
        task.reopen()


def test_reopen__somebody_revealed__reverts(market: Market) -> None:
    one, two = workers_of(market, 2)
    task = open_task(market, trust=3).agree([one, two], reveal=False)
    task.reveal(two)
    travel_to(task.reveal_deadline)
    with reverts(market.hub, "Task_AlreadyRevealed", 1):
        task.reopen()


def test_reopen__by_somebody_else__reverts(market: Market) -> None:
    task = open_task(market).agree(workers_of(market, 1), reveal=False)
    travel_to(task.reveal_deadline)
    scheduler, requester = market.cast["pool_owner"], market.cast["requester"]
    with reverts(market.hub, "Task_CallerNotScheduler", scheduler, requester):
        task.reopen(requester)


def test_reopen__at_the_final_deadline__reverts(market: Market) -> None:
    task = open_task(market).agree(workers_of(market, 1), reveal=False)
    travel_to(task.final_deadline)
    with reverts(market.hub, "Task_FinalDeadlineReached", task.final_deadline, task.final_deadline):
        task.reopen()


@pytest.mark.parametrize("state", [Status.ACTIVE, Status.COMPLETED])
def test_reopen__not_revealing__reverts(market: Market, state: Status) -> None:
    task, workers = open_task(market), workers_of(market, 1)
    if state is Status.COMPLETED:
        task.agree(workers).finalize()
    with reverts(market.hub, "Task_WrongStatus", Status.REVEALING, state):
        task.reopen()


def reopened(market: Market, trust: int, silent: int) -> tuple[Played, list[Any]]:
    """A task whose first `silent` workers agreed and were rejected."""
    workers = workers_of(market)
    task = open_task(market, trust=trust).agree(workers[:silent], reveal=False)
    travel_to(task.reveal_deadline)
    task.reopen()
    return task, workers


def test_reopen__rejected_worker__can_neither_return_nor_reveal(market: Market) -> None:
    task, (rejected, *_) = reopened(market, 1, 1)
    for digest in (DIGEST, OTHER):
        with reverts(market.hub, "Task_AlreadyContributed", task.id, rejected):
            task.contribute(rejected, digest)
    task.contribute(market.cast["worker_2"])
    with reverts(market.hub, "Task_WrongContributionStatus", Vote.CONTRIBUTED, Vote.REJECTED):
        task.reveal(rejected)
    task.reveal(market.cast["worker_2"])
    with reverts(market.hub, "Task_WrongContributionStatus", Vote.CONTRIBUTED, Vote.REJECTED):
        task.reveal(rejected)


def test_reopen__same_value_wins_again__needs_as_many_new_workers(market: Market) -> None:
    task, (one, two, three, four, _) = reopened(market, 3, 2)
    task.contribute(three)
    assert task.view().status == Status.ACTIVE
    task.contribute(four)
    view = task.view()
    assert (view.status, view.winnerCounter, view.consensusValue) == (2, 2, hash_of(task))
    task.reveal(three)
    task.reveal(four)
    task.finalize()
    assert (task.view().revealCounter, task.view().winnerCounter) == (2, 2)
    states = [task.vote(worker).status for worker in (one, two, three, four)]
    assert states == [Vote.REJECTED, Vote.REJECTED, Vote.PROVED, Vote.PROVED]
    assert [task.vote(w).resultSeal for w in (one, three)] == [
        seal_of(task, one),
        seal_of(task, three),
    ]


def test_reopen__another_value_wins__rejected_ones_still_lose_their_stake(market: Market) -> None:
    task, (_, _, three, four, _) = reopened(market, 3, 2)
    for worker in (three, four):
        task.contribute(worker, OTHER)
    for worker in (three, four):
        task.reveal(worker, OTHER)
    before = market.balances()
    task.finalize()
    after = market.balances()
    for name in ("worker_1", "worker_2"):
        assert after[name] == (before[name][0], before[name][1] - 300_000_000)
    gain = (10**9 + 600_000_000) * 99 // 100 // 2
    for name in ("worker_3", "worker_4"):
        assert after[name][0] - before[name][0] == 300_000_000 + gain


def test_reopen__minority_keeps_its_weight(market: Market) -> None:
    """One vote for OTHER stays: at trust 3 a second and a third for it are still needed."""
    loser, one, two, three, four = workers_of(market)
    task = open_task(market, trust=3)
    task.contribute(loser, OTHER)
    task.agree([one, two, three], reveal=False)
    travel_to(task.reveal_deadline)
    task.reopen()
    task.contribute(four, OTHER)
    view = task.view()
    assert (view.status, view.winnerCounter, view.consensusValue) == (2, 2, hash_of(task, OTHER))


def test_reopen__deadline_of_contributions__is_not_extended(market: Market) -> None:
    (one, two), task = workers_of(market, 2), open_task(market)
    travel_to(task.contribution_deadline - 1)
    task.contribute(one)
    assert task.reveal_deadline == task.contribution_deadline - 1 + 2 * CLOCK
    travel_to(task.reveal_deadline)
    task.reopen()
    deadline = task.contribution_deadline
    with reverts(market.hub, "Task_ContributionClosed", deadline, deadline + 2 * CLOCK):
        travel_to(deadline + 2 * CLOCK)
        task.contribute(two)


def test_reopen__then_contribute_and_finalize__reverts(market: Market) -> None:
    task, workers = reopened(market, 1, 1)
    with reverts(market.hub, "Task_HasContributions", 1):
        task.complete_at_once(workers[1])
