"""A task of trust 1 in one transaction (spec contracts §4.4)."""

from __future__ import annotations

import pytest
from eth_utils import keccak
from market import Market, reverts, travel_to
from tasks import (
    APP_PRICE,
    CLOCK,
    DATASET_PRICE,
    DIGEST,
    SCHEDULER_STAKE,
    TASK_COST,
    Status,
    Vote,
    block_time,
    gains,
    hash_of,
    open_task,
    seal_of,
    settled,
    workers_of,
)

from poco.orders import ZERO_ADDRESS, authorization_digest

LONGEST = 24_501


def test_contribute_and_finalize__alone__completes_and_pays(each_market: Market) -> None:
    market = each_market
    worker, scheduler = market.cast["worker_1"], market.cast["pool_owner"]
    task, before = open_task(market), market.balances()
    receipt = task.complete_at_once(worker, b"result")
    assert receipt.events == [
        *settled(task),
        *market.rewarded(worker, 990_000_000, task.id),
        *market.rewarded(scheduler, 10_000_000, task.id),
        market.hub.TaskContribute(taskid=task.id, worker=worker, hash=hash_of(task)),
        market.hub.TaskConsensus(taskid=task.id, consensus=hash_of(task)),
        market.hub.TaskReveal(taskid=task.id, worker=worker, digest=DIGEST),
        market.hub.TaskFinalize(taskid=task.id, results=b"result"),
    ]
    assert gains(before, market.balances()) == {
        "requester": (0, -TASK_COST),
        "app_owner": (APP_PRICE, 0),
        "dataset_owner": (DATASET_PRICE, 0),
        "pool_owner": (10_000_000 + SCHEDULER_STAKE, -SCHEDULER_STAKE),
        "worker_1": (990_000_000, 0),
        "hub": (-TASK_COST - SCHEDULER_STAKE, 0),
    }
    view = task.view()
    assert (view.status, view.consensusValue) == (Status.COMPLETED, hash_of(task))
    assert (view.resultDigest, view.results, view.resultsCallback) == (DIGEST, b"result", b"")
    assert (view.revealCounter, view.winnerCounter, view.contributors) == (1, 1, [worker])
    assert view.revealDeadline == block_time() + 2 * CLOCK
    assert (view.idx, view.dealid, view.timeref) == (0, task.deal.dealid, CLOCK)
    assert tuple(task.vote(worker)) == (
        Vote.PROVED,
        hash_of(task),
        seal_of(task, worker),
        ZERO_ADDRESS,
        0,
    )
    assert task.vote(market.cast["worker_2"]).status == Vote.UNSET
    assert market.hub.viewScore(worker) == 0


def test_contribute_and_finalize__worker_without_a_deposit__needs_no_stake(market: Market) -> None:
    task, newcomer = open_task(market), market.cast["stranger"]
    task.complete_at_once(newcomer)
    assert market.hub.balanceOf(newcomer) == 990_000_000


@pytest.mark.parametrize("size", [0, 13, 31, 32, 64, 90, 20_000, LONGEST])
def test_contribute_and_finalize__results_of_any_size__are_kept(market: Market, size: int) -> None:
    results = (bytes(range(1, 256)) * 100)[:size]
    task = open_task(market)
    receipt = task.complete_at_once(market.cast["worker_1"], results)
    assert receipt.events[-1] == market.hub.TaskFinalize(taskid=task.id, results=results)
    assert task.view().results == results


def test_contribute_and_finalize__results_too_long__reverts(market: Market) -> None:
    task, data = open_task(market), b"\1" * 10_000
    with reverts(market.hub, "Task_ResultsTooLong", LONGEST, LONGEST + 1):
        task.complete_at_once(
            market.cast["worker_1"], b"\1" * (LONGEST - 9_999), callback=data, digest=keccak(data)
        )


def test_contribute_and_finalize__callback_data_without_a_callback__is_kept(market: Market) -> None:
    task = open_task(market)
    task.complete_at_once(
        market.cast["worker_1"], b"text", callback=b"data", digest=keccak(b"data")
    )
    assert (task.view().results, task.view().resultsCallback) == (b"text", b"data")
    assert market.hub.resultFor(task.id) == b"data"


def test_contribute_and_finalize__callback_data_of_another_hash__reverts(market: Market) -> None:
    task = open_task(market)
    with reverts(market.hub, "Task_CallbackDataMismatch", DIGEST, keccak(b"data")):
        task.complete_at_once(market.cast["worker_1"], callback=b"data")


@pytest.mark.parametrize("trust", [2, 3])
def test_contribute_and_finalize__trust_above_one__reverts(market: Market, trust: int) -> None:
    task = open_task(market, trust=trust)
    with reverts(market.hub, "Task_TrustNotOne", trust):
        task.complete_at_once(market.cast["worker_1"])


def test_contribute_and_finalize__trust_zero__counts_as_one(market: Market) -> None:
    task = open_task(market, trust=0)
    task.complete_at_once(market.cast["worker_1"])
    assert task.view().status == Status.COMPLETED


@pytest.mark.parametrize("state", [Status.UNSET, Status.REVEALING, Status.COMPLETED])
def test_contribute_and_finalize__not_active__reverts(market: Market, state: Status) -> None:
    worker = market.cast["worker_1"]
    if state is Status.UNSET:
        taskid = market.match().task()
    else:
        task = open_task(market)
        taskid = task.id
        if state is Status.REVEALING:
            task.contribute(worker)
        else:
            task.complete_at_once(worker)
    with reverts(market.hub, "Task_WrongStatus", Status.ACTIVE, state):
        market.contribute_and_finalize(worker, taskid, DIGEST)


def test_contribute_and_finalize__last_second__is_taken(market: Market) -> None:
    task = open_task(market)
    travel_to(task.contribution_deadline - 1)
    task.complete_at_once(market.cast["worker_1"])
    assert block_time() == task.contribution_deadline - 1


def test_contribute_and_finalize__at_the_deadline__reverts(market: Market) -> None:
    task = open_task(market)
    deadline = task.contribution_deadline
    travel_to(deadline)
    with reverts(market.hub, "Task_ContributionClosed", deadline, deadline):
        task.complete_at_once(market.cast["worker_1"])


def test_contribute_and_finalize__not_authorized__reverts(market: Market) -> None:
    task, worker = open_task(market), market.cast["worker_1"]
    digest = authorization_digest(worker.address, task.id, ZERO_ADDRESS)
    with reverts(market.hub, "Task_AuthorizationInvalid", market.cast["pool_owner"], digest):
        task.complete_at_once(worker, signer="worker_1")


def test_contribute_and_finalize__completed__nothing_more_happens(market: Market) -> None:
    task, (worker, *_) = open_task(market), workers_of(market)
    task.complete_at_once(worker)
    with reverts(market.hub, "Task_WrongStatus", Status.REVEALING, Status.COMPLETED):
        task.finalize()
    with reverts(market.hub, "Task_WrongStatus", Status.REVEALING, Status.COMPLETED):
        task.reveal(worker)
    travel_to(task.final_deadline)
    with reverts(market.hub, "Task_NotClaimable", Status.COMPLETED):
        task.claim()
