"""A task that did not end in time: refunds, and a stake for the kitty (spec §4.10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from market import KITTY, Market, reverts, travel_to
from tasks import (
    CLOCK,
    OTHER,
    SCHEDULER_STAKE,
    TASK_COST,
    WORKER_STAKE,
    Played,
    Status,
    Vote,
    block_time,
    gains,
    hash_of,
    open_task,
    workers_of,
)


def fresh(task: Played, workers: list[Any]) -> list[Any]:
    return []


def contributed(task: Played, workers: list[Any]) -> list[Any]:
    task.contribute(workers[0])
    task.contribute(workers[1], OTHER)
    return workers[:2]


def agreed(task: Played, workers: list[Any]) -> list[Any]:
    task.agree(workers[:2], reveal=False)
    return workers[:2]


def partly_revealed(task: Played, workers: list[Any]) -> list[Any]:
    task.agree(workers[:2], reveal=False).reveal(workers[0])
    return workers[:2]


def reopened(task: Played, workers: list[Any]) -> list[Any]:
    task.agree(workers[:2], reveal=False)
    travel_to(task.reveal_deadline)
    task.reopen()
    task.contribute(workers[2], OTHER)
    return workers[:3]


def expected(task: Played, staked: list[Any]) -> list[Any]:
    """The events of a claim."""
    market = task.market
    events = [
        *market.unlocked(task.deal.orders.request.requester, TASK_COST),
        *market.seized(market.cast["pool_owner"], SCHEDULER_STAKE, task.id),
        market.hub.Reward(owner=KITTY, amount=SCHEDULER_STAKE, ref=task.id),
        market.hub.Lock(owner=KITTY, amount=SCHEDULER_STAKE),
    ]
    for worker in staked:
        events += market.unlocked(worker, WORKER_STAKE)
    return [*events, market.hub.TaskClaimed(taskid=task.id)]


@pytest.mark.parametrize("play", [fresh, contributed, agreed, partly_revealed, reopened])
def test_claim__in_any_open_state__refunds_all_but_the_scheduler(
    market: Market, play: Callable[[Played, list[Any]], list[Any]]
) -> None:
    before = market.balances()
    task = open_task(market, trust=3)
    staked = play(task, workers_of(market))
    view = task.view()
    travel_to(task.final_deadline)
    receipt = task.claim()
    assert receipt.events == expected(task, staked)
    assert gains(before, market.balances()) == {
        "pool_owner": (-SCHEDULER_STAKE, 0),
        "kitty": (0, SCHEDULER_STAKE),
        "hub": (SCHEDULER_STAKE, 0),
    }
    after = task.view()
    assert (after.status, after.results, after.resultsCallback) == (Status.FAILED, b"", b"")
    for field in ("consensusValue", "revealDeadline", "revealCounter", "winnerCounter"):
        assert getattr(after, field) == getattr(view, field)
    assert (after.resultDigest, after.contributors) == (view.resultDigest, view.contributors)
    assert [market.hub.viewScore(worker) for worker in staked] == [0] * len(staked)


def test_claim__native_mode__refunds_all_but_the_scheduler(native_market: Market) -> None:
    market, before = native_market, native_market.balances()
    task = open_task(market, trust=3)
    staked = contributed(task, workers_of(market))
    travel_to(task.final_deadline)
    assert task.claim().events == expected(task, staked)
    assert gains(before, market.balances()) == {
        "pool_owner": (-SCHEDULER_STAKE, 0),
        "kitty": (0, SCHEDULER_STAKE),
        "hub": (SCHEDULER_STAKE, 0),
    }


def test_claim__one_second_early__reverts(market: Market) -> None:
    task = open_task(market)
    travel_to(task.final_deadline - 1)
    with reverts(
        market.hub, "Task_FinalDeadlineNotReached", task.final_deadline, task.final_deadline - 1
    ):
        task.claim()


def test_claim__at_the_final_deadline__is_taken(market: Market) -> None:
    task = open_task(market)
    travel_to(task.final_deadline)
    task.claim()
    assert block_time() == task.final_deadline


def test_claim__twice__reverts(market: Market) -> None:
    task = open_task(market)
    travel_to(task.final_deadline)
    task.claim()
    with reverts(market.hub, "Task_NotClaimable", Status.FAILED):
        task.claim()


def test_claim__unknown_task__reverts(market: Market) -> None:
    with reverts(market.hub, "Task_NotClaimable", Status.UNSET):
        market.hub.claim(b"\5" * 32, sender=market.cast["stranger"])


def test_claim__sponsored__refunds_the_sponsor(market: Market) -> None:
    before, sponsor = market.balances(), market.cast["sponsor"]
    task = open_task(market, sponsor=sponsor)
    assert market.balances()["sponsor"][1] == TASK_COST
    travel_to(task.final_deadline)
    task.claim()
    assert gains(before, market.balances()).keys() == {"pool_owner", "kitty", "hub"}


def test_finalize__sponsored__takes_the_sponsors_money(market: Market) -> None:
    before, sponsor = market.balances(), market.cast["sponsor"]
    task = open_task(market, sponsor=sponsor).agree(workers_of(market, 1))
    receipt = task.finalize()
    assert receipt.events[0] == market.seized(sponsor, TASK_COST, task.id)[0]
    changes = gains(before, market.balances())
    assert changes["sponsor"] == (-TASK_COST, 0)
    assert "requester" not in changes


def test_claim__rejected_workers__are_refunded_and_views_stay(market: Market) -> None:
    workers, task = workers_of(market), open_task(market, trust=3)
    reopened(task, workers)
    travel_to(task.final_deadline)
    task.claim()
    states = [task.vote(worker).status for worker in workers[:4]]
    assert states == [Vote.REJECTED, Vote.REJECTED, Vote.CONTRIBUTED, Vote.UNSET]
    assert task.vote(workers[0]).resultHash == hash_of(task)


def test_claim_array__all_due__claims_each_in_order(market: Market) -> None:
    one, two = open_task(market), open_task(market)
    travel_to(two.final_deadline)
    receipt = market.hub.claimArray([two.id, one.id], sender=market.cast["stranger"])
    assert receipt.events == [*expected(two, []), *expected(one, [])]


def test_claim_array__one_not_due__claims_none(market: Market) -> None:
    one, two = open_task(market), open_task(market)
    deadline = one.final_deadline
    assert two.final_deadline > deadline
    travel_to(deadline)
    with reverts(market.hub, "Task_FinalDeadlineNotReached", two.final_deadline, deadline):
        market.hub.claimArray([one.id, two.id], sender=market.cast["stranger"])
    assert one.view().status == Status.ACTIVE


def test_claim_array__same_task_twice__claims_none(market: Market) -> None:
    task = open_task(market)
    travel_to(task.final_deadline)
    with reverts(market.hub, "Task_NotClaimable", Status.FAILED):
        market.hub.claimArray([task.id, task.id], sender=market.cast["stranger"])
    assert task.view().status == Status.ACTIVE


def test_initialize_and_claim_array__abandoned_bag__refunds_it(market: Market) -> None:
    before = market.balances()
    deal = market.match(market.orders(request={"volume": 3}))
    start = market.hub.viewDeal(deal.dealid).startTime
    travel_to(start + 10 * CLOCK)
    receipt = market.hub.initializeAndClaimArray(
        [deal.dealid] * 3, [0, 1, 2], sender=market.cast["stranger"]
    )
    events = []
    for position in range(3):
        taskid = deal.task(position)
        task = Played(market, deal, taskid, start)
        initialized = market.hub.TaskInitialize(taskid=taskid, workerpool=market.workerpool)
        events += [initialized, *expected(task, [])]
    assert receipt.events == events
    assert gains(before, market.balances()) == {
        "pool_owner": (-3 * SCHEDULER_STAKE, 0),
        "kitty": (0, 3 * SCHEDULER_STAKE),
        "hub": (3 * SCHEDULER_STAKE, 0),
    }


def test_initialize_and_claim_array__one_initialized_before__claims_none(market: Market) -> None:
    deal = market.match(market.orders(request={"volume": 2}))
    market.initialize(deal, 1)
    travel_to(market.hub.viewDeal(deal.dealid).startTime + 10 * CLOCK)
    with reverts(market.hub, "Task_WrongStatus", Status.UNSET, Status.ACTIVE):
        market.hub.initializeAndClaimArray(
            [deal.dealid] * 2, [0, 1], sender=market.cast["stranger"]
        )
    assert market.hub.viewTask(deal.task(0)).status == Status.UNSET


def test_initialize_and_claim_array__not_due__claims_none(market: Market) -> None:
    deal = market.match()
    deadline = market.hub.viewDeal(deal.dealid).startTime + 10 * CLOCK
    travel_to(deadline - 1)
    with reverts(market.hub, "Task_FinalDeadlineNotReached", deadline, deadline - 1):
        market.hub.initializeAndClaimArray([deal.dealid], [0], sender=market.cast["stranger"])
