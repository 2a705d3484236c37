"""The kitty fills with the stakes of failed tasks and is paid out by completed ones (spec §4.8)."""

from __future__ import annotations

import pytest
from market import KITTY, RLC, Market, travel_to
from reference_model import kitty_share
from tasks import CLOCK, Played, open_task, settled, started, workers_of


def fill_kitty(market: Market, amount: int) -> None:
    """Let one task fail whose scheduler staked `amount` nRLC."""
    price = -(-amount * 100 // 30)
    assert price * 30 // 100 == amount
    orders = market.orders(
        workerpool={"workerpoolprice": price}, request={"workerpoolmaxprice": price}
    )
    deal = market.match(orders)
    travel_to(started(market, deal) + 10 * CLOCK)
    market.hub.initializeAndClaimArray([deal.dealid], [0], sender=market.cast["stranger"])


@pytest.mark.parametrize(
    ("kitty", "share"),
    [
        (10_000_000_010, 1_000_000_001),
        (RLC, RLC),
        (RLC - 1, RLC - 1),
        (RLC + 1, RLC),
        (1, 1),
    ],
)
def test_kitty__completed_task__takes_a_tenth_and_at_least_one_rlc(
    market: Market, kitty: int, share: int
) -> None:
    fill_kitty(market, kitty)
    assert market.hub.frozenOf(KITTY) == kitty
    assert kitty_share(kitty) == share
    scheduler, worker = market.cast["pool_owner"], market.cast["worker_1"]
    task = open_task(market)
    receipt = task.complete_at_once(worker)
    assert receipt.events[:-4] == [
        *settled(task),
        *market.seized(KITTY, share, task.id),
        *market.rewarded(scheduler, share, task.id),
        *market.rewarded(worker, 990_000_000, task.id),
        *market.rewarded(scheduler, 10_000_000, task.id),
    ]
    assert market.hub.frozenOf(KITTY) == kitty - share
    assert market.hub.balanceOf(KITTY) == 0


def test_kitty__finalize__pays_the_scheduler_before_the_workers(market: Market) -> None:
    fill_kitty(market, 20 * RLC)
    (worker,), scheduler = workers_of(market, 1), market.cast["pool_owner"]
    task = open_task(market).agree([worker])
    receipt = task.finalize()
    assert receipt.events[:-1] == [
        *settled(task),
        *market.seized(KITTY, 2 * RLC, task.id),
        *market.rewarded(scheduler, 2 * RLC, task.id),
        *market.unlocked(worker, 300_000_000),
        *market.rewarded(worker, 990_000_000, task.id),
        *market.rewarded(scheduler, 10_000_000, task.id),
    ]


def test_kitty__many_completions__drain_it_to_nothing(native_market: Market) -> None:
    market = native_market
    fill_kitty(market, 11 * RLC)
    kitty, worker = 11 * RLC, market.cast["worker_1"]
    while kitty:
        open_task(market).complete_at_once(worker)
        kitty -= kitty_share(kitty)
        assert market.hub.frozenOf(KITTY) == kitty
    task = open_task(market)
    receipt = task.complete_at_once(worker)
    assert receipt.events[: len(settled(task))] == settled(task)
    assert len(receipt.events) == len(settled(task)) + 4 + 4


def test_kitty__free_task__collects_it_too(market: Market) -> None:
    """W5: the share does not depend on the price of the task."""
    fill_kitty(market, 20 * RLC)
    orders = market.orders(
        dataset=False,
        app={"appprice": 0},
        workerpool={"workerpoolprice": 0},
        request={"appmaxprice": 0},
    )
    deal = market.match(orders)
    task = Played(market, deal, market.initialize(deal), started(market, deal))
    scheduler, worker = market.cast["pool_owner"], market.cast["worker_1"]
    receipt = task.complete_at_once(worker)
    assert receipt.events[:-4] == [
        *market.seized(market.cast["requester"], 0, task.id),
        *market.unlocked(scheduler, 0),
        *market.seized(KITTY, 2 * RLC, task.id),
        *market.rewarded(scheduler, 2 * RLC, task.id),
        *market.rewarded(worker, 0, task.id),
        *market.rewarded(scheduler, 0, task.id),
    ]
