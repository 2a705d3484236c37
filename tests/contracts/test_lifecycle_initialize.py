"""A task comes into being (spec contracts §4.1, §4.2, §4.10)."""

from __future__ import annotations

import pytest
from market import Market, reverts, travel_to
from tasks import CLOCK, Status, hash_of, open_task, started

from poco.orders import ZERO_ADDRESS, task_id


def test_initialize__by_anybody__opens_the_task(each_market: Market) -> None:
    market = each_market
    deal = market.match()
    taskid = task_id(deal.dealid, 0)
    assert market.hub.initialize.call(deal.dealid, 0) == taskid
    receipt = market.hub.initialize(deal.dealid, 0, sender=market.cast["stranger"])
    assert receipt.events == [
        market.hub.TaskInitialize(taskid=taskid, workerpool=market.workerpool)
    ]
    view, start = market.hub.viewTask(taskid), started(market, deal)
    assert (view.status, view.dealid, view.idx, view.timeref) == (1, deal.dealid, 0, CLOCK)
    assert (view.contributionDeadline, view.finalDeadline) == (start + 2100, start + 3000)
    assert (view.consensusValue, view.resultDigest) == (bytes(32), bytes(32))
    assert (view.revealDeadline, view.revealCounter, view.winnerCounter) == (0, 0, 0)
    assert view.contributors == []
    assert (view.results, view.resultsTimestamp, view.resultsCallback) == (b"", 0, b"")


def test_initialize__in_a_later_deal_of_the_request__index_goes_on(market: Market) -> None:
    request = market.request_order(volume=5)
    first = market.orders(workerpool={"volume": 2})._replace(request=request)
    second = market.orders(workerpool={"volume": 3})._replace(request=request)
    market.match(first)
    deal = market.match(second)
    assert (deal.first, deal.volume) == (2, 3)
    market.hub.initialize(deal.dealid, 4, sender=market.cast["stranger"])
    assert market.hub.viewTask(task_id(deal.dealid, 4)).idx == 4
    for index in (1, 5):
        with reverts(market.hub, "Task_IndexOutOfDeal", 2, 3, index):
            market.hub.initialize(deal.dealid, index, sender=market.cast["stranger"])


def test_initialize__unknown_deal__reverts(market: Market) -> None:
    with reverts(market.hub, "Deal_Unknown", b"\1" * 32):
        market.hub.initialize(b"\1" * 32, 0, sender=market.cast["stranger"])


def test_initialize__twice__reverts(market: Market) -> None:
    task = open_task(market)
    with reverts(market.hub, "Task_WrongStatus", Status.UNSET, Status.ACTIVE):
        market.initialize(task.deal)


def test_initialize__long_after_all_deadlines__makes_the_task_claimable(market: Market) -> None:
    deal = market.match()
    travel_to(started(market, deal) + 100 * CLOCK)
    taskid = market.initialize(deal)
    market.hub.claim(taskid, sender=market.cast["stranger"])
    assert market.hub.viewTask(taskid).status == Status.FAILED


def test_initialize_array__all_good__opens_each(market: Market) -> None:
    one, two = market.match(market.orders(request={"volume": 2})), market.match()
    arguments = ([one.dealid, two.dealid, one.dealid], [1, 0, 0])
    assert market.hub.initializeArray.call(*arguments) is True
    receipt = market.hub.initializeArray(*arguments, sender=market.cast["stranger"])
    tasks = [one.task(1), two.task(0), one.task(0)]
    assert receipt.events == [
        market.hub.TaskInitialize(taskid=taskid, workerpool=market.workerpool) for taskid in tasks
    ]


def test_initialize_array__one_bad__opens_none(market: Market) -> None:
    deal = market.match()
    with reverts(market.hub, "Task_IndexOutOfDeal", 0, 1, 1):
        market.hub.initializeArray([deal.dealid] * 2, [0, 1], sender=market.cast["stranger"])
    assert market.hub.viewTask(deal.task()).status == Status.UNSET


@pytest.mark.parametrize("method", ["initializeArray", "initializeAndClaimArray"])
def test_initialize_arrays__lengths_differ__reverts(market: Market, method: str) -> None:
    deal = market.match()
    with reverts(market.hub, "Task_LengthMismatch", 1, 2):
        getattr(market.hub, method)([deal.dealid], [0, 0], sender=market.cast["stranger"])


def test_view_task__unknown__is_all_zeros(market: Market) -> None:
    view = market.hub.viewTask(b"\7" * 32)
    assert (view.status, view.dealid, view.idx, view.timeref) == (0, bytes(32), 0, 0)
    assert (view.contributionDeadline, view.finalDeadline, view.contributors) == (0, 0, [])
    vote = market.hub.viewContribution(b"\7" * 32, market.cast["worker_1"])
    assert tuple(vote) == (0, bytes(32), bytes(32), ZERO_ADDRESS, 0)


def test_views__legacy__show_the_same_task_and_contribution(market: Market) -> None:
    task = open_task(market, trust=3)
    worker = market.cast["worker_1"]
    task.contribute(worker)
    view, vote = task.view(), task.vote(worker)
    assert tuple(market.hub.viewTaskABILegacy(task.id)) == (
        view.status,
        view.dealid,
        view.idx,
        view.timeref,
        view.contributionDeadline,
        view.revealDeadline,
        view.finalDeadline,
        view.consensusValue,
        view.revealCounter,
        view.winnerCounter,
        view.contributors,
        view.results,
    )
    assert tuple(market.hub.viewContributionABILegacy(task.id, worker)) == tuple(vote)[:4]
    assert vote.resultHash == hash_of(task)
