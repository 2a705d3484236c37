"""The scheduler closes a task with its results (spec contracts §4.8)."""

from __future__ import annotations

import pytest
from eth_utils import keccak
from market import Market, reverts, travel_to
from tasks import (
    OTHER,
    PRICE,
    SCHEDULER_STAKE,
    TASK_COST,
    WORKER_STAKE,
    Status,
    Vote,
    block_time,
    gains,
    hash_of,
    open_task,
    settled,
    workers_of,
)

SIZES = (0, 1, 13, 31, 32, 33, 64, 90, 20_000)
LONGEST = 24_501


def test_finalize__one_worker__pays_everybody(each_market: Market) -> None:
    market = each_market
    (worker,), scheduler = workers_of(market, 1), market.cast["pool_owner"]
    before = market.balances()
    task = open_task(market).agree([worker])
    receipt = task.finalize(b"result")
    assert receipt.events == [
        *settled(task),
        *market.unlocked(worker, WORKER_STAKE),
        *market.rewarded(worker, 990_000_000, task.id),
        *market.rewarded(scheduler, 10_000_000, task.id),
        market.hub.TaskFinalize(taskid=task.id, results=b"result"),
    ]
    assert gains(before, market.balances()) == {
        "requester": (-TASK_COST, 0),
        "app_owner": (1_000, 0),
        "dataset_owner": (1_000_000, 0),
        "pool_owner": (10_000_000, 0),
        "worker_1": (990_000_000, 0),
    }
    assert market.hub.viewScore(worker) == 0
    view = task.view()
    assert (view.status, view.results, view.resultsCallback) == (Status.COMPLETED, b"result", b"")
    assert (view.consensusValue, view.resultsTimestamp) == (hash_of(task), 0)
    assert (view.revealCounter, view.winnerCounter) == (1, 1)
    assert market.hub.resultFor(task.id) == b""


def test_finalize__winners_and_a_loser__events_in_contribution_order(each_market: Market) -> None:
    market = each_market
    one, mallory, two, three = workers_of(market, 4)
    task = open_task(market, trust=3)
    task.contribute(one)
    task.contribute(mallory, OTHER)
    task.contribute(two)
    task.contribute(three)
    for worker in (one, two, three):
        task.reveal(worker)
    before = market.balances()
    receipt = task.finalize(b"result")
    reward = 429_000_000  # spec contracts §4.8, example

    def won(worker: object) -> list[object]:
        return [
            *market.unlocked(worker, WORKER_STAKE),
            *market.rewarded(worker, reward, task.id),
            market.hub.AccurateContribution(worker=worker, taskid=task.id),
        ]

    assert receipt.events == [
        *settled(task),
        *won(one),
        *market.seized(mallory, WORKER_STAKE, task.id),
        market.hub.FaultyContribution(worker=mallory, taskid=task.id),
        *won(two),
        *won(three),
        *market.rewarded(market.cast["pool_owner"], 13_000_000, task.id),
        market.hub.TaskFinalize(taskid=task.id, results=b"result"),
    ]
    stake = (WORKER_STAKE + reward, -WORKER_STAKE)
    assert gains(before, market.balances()) == {
        "requester": (0, -TASK_COST),
        "app_owner": (1_000, 0),
        "dataset_owner": (1_000_000, 0),
        "pool_owner": (13_000_000 + SCHEDULER_STAKE, -SCHEDULER_STAKE),
        "worker_1": stake,
        "worker_2": (0, -WORKER_STAKE),
        "worker_3": stake,
        "worker_4": stake,
        "hub": (-4 * WORKER_STAKE - TASK_COST - SCHEDULER_STAKE, 0),
    }
    assert [market.hub.viewScore(w) for w in (one, mallory, two, three)] == [1, 0, 1, 1]


@pytest.mark.parametrize("size", SIZES)
def test_finalize__results_of_any_size__are_kept_and_told(market: Market, size: int) -> None:
    results = bytes(range(1, 256)) * 80
    task = open_task(market).agree(workers_of(market, 1))
    receipt = task.finalize(results[:size])
    assert receipt.events[-1] == market.hub.TaskFinalize(taskid=task.id, results=results[:size])
    assert task.view().results == results[:size]
    assert market.hub.viewTaskABILegacy(task.id)[11] == results[:size]


@pytest.mark.parametrize(("size", "callback_size"), [(0, 1), (31, 1), (5, 96), (100, 20_000)])
def test_finalize__callback_data_without_a_callback__are_kept_when_they_hash_to_the_digest(
    market: Market, size: int, callback_size: int
) -> None:
    results, data = b"r" * size, b"\7" * callback_size
    (worker,), task = workers_of(market, 1), open_task(market)
    task.contribute(worker, keccak(data))
    task.reveal(worker, keccak(data))
    task.finalize(results, data)
    view = task.view()
    assert (view.results, view.resultsCallback) == (results, data)
    assert market.hub.resultFor(task.id) == data


def test_finalize__callback_data_of_another_hash__reverts(market: Market) -> None:
    (worker,), task = workers_of(market, 1), open_task(market)
    task.contribute(worker, keccak(b"data"))
    task.reveal(worker, keccak(b"data"))
    error = ("Task_CallbackDataMismatch", keccak(b"data"), keccak(b"other"))
    with reverts(market.hub, *error):
        task.finalize(b"", b"other")


def test_finalize__longest_results__fit_and_one_byte_more_does_not(market: Market) -> None:
    task = open_task(market).agree(workers_of(market, 1))
    with reverts(market.hub, "Task_ResultsTooLong", LONGEST, LONGEST + 1):
        task.finalize(b"\1" * (LONGEST + 1))
    task.finalize(b"\1" * LONGEST)
    assert task.view().results == b"\1" * LONGEST


def test_finalize__some_winners_silent__reverts_before_the_reveal_deadline(market: Market) -> None:
    one, two = workers_of(market, 2)
    task = open_task(market, trust=3).agree([one, two], reveal=False)
    task.reveal(one)
    travel_to(task.reveal_deadline - 1)
    with reverts(market.hub, "Task_RevealsMissing", 2, 1):
        task.finalize()


def test_finalize__some_winners_silent__punishes_them_from_the_deadline_on(market: Market) -> None:
    one, two = workers_of(market, 2)
    task = open_task(market, trust=3).agree([one, two], reveal=False)
    task.reveal(one)
    deadline = task.reveal_deadline
    travel_to(deadline)
    before = market.balances()
    task.finalize()
    assert block_time() == deadline
    changes = gains(before, market.balances())
    share = (PRICE + WORKER_STAKE) * 99 // 100
    assert changes["worker_1"] == (WORKER_STAKE + share, -WORKER_STAKE)
    assert changes["worker_2"] == (0, -WORKER_STAKE)
    view = task.view()
    assert (view.status, view.revealCounter, view.winnerCounter) == (Status.COMPLETED, 1, 2)
    assert (task.vote(one).status, task.vote(two).status) == (Vote.PROVED, Vote.CONTRIBUTED)


def test_finalize__nobody_revealed__reverts_after_the_reveal_deadline(market: Market) -> None:
    task = open_task(market).agree(workers_of(market, 1), reveal=False)
    travel_to(task.reveal_deadline)
    with reverts(market.hub, "Task_RevealsMissing", 1, 0):
        task.finalize()


def test_finalize__at_the_final_deadline__reverts_and_claim_is_taken(market: Market) -> None:
    task = open_task(market).agree(workers_of(market, 1))
    deadline = task.final_deadline
    travel_to(deadline)
    with reverts(market.hub, "Task_FinalDeadlineReached", deadline, deadline):
        task.finalize()
    task.claim()
    assert task.view().status == Status.FAILED


def test_finalize__last_second__is_taken(market: Market) -> None:
    task = open_task(market).agree(workers_of(market, 1))
    travel_to(task.final_deadline - 1)
    task.finalize()
    assert block_time() == task.final_deadline - 1


@pytest.mark.parametrize("caller", ["worker_1", "requester", "owner"])
def test_finalize__by_somebody_else__reverts(market: Market, caller: str) -> None:
    task, sender = open_task(market).agree(workers_of(market, 1)), market.cast[caller]
    with reverts(market.hub, "Task_CallerNotScheduler", market.cast["pool_owner"], sender):
        task.finalize(sender=sender)


def test_finalize__twice__reverts(market: Market) -> None:
    task = open_task(market).agree(workers_of(market, 1))
    task.finalize()
    with reverts(market.hub, "Task_WrongStatus", Status.REVEALING, Status.COMPLETED):
        task.finalize()


def test_finalize__no_consensus__reverts(market: Market) -> None:
    task = open_task(market, trust=3)
    task.contribute(market.cast["worker_1"])
    with reverts(market.hub, "Task_WrongStatus", Status.REVEALING, Status.ACTIVE):
        task.finalize()
