"""Nodes and blocks that fail under a whole market: it completes all the same, and nobody loses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fault_stage import Twice, Village, village
from support.reorg import mine, reorg
from worker_stage import Town, founded

from poco.contracts import TaskStatus
from poco.orders import task_id

GWEI = 10**9


@pytest.fixture(scope="module")
def one_town() -> Iterator[Town]:
    """On a chain that is nobody's own, where blocks are final after 12 others."""
    with founded("--chain-id", "424242") as town:
        yield town


@pytest.fixture
def town(one_town: Town) -> Iterator[Town]:
    snapshot = one_town.chain.request("evm_snapshot")
    yield one_town
    assert one_town.chain.request("evm_revert", snapshot) is True
    one_town.chain.request("anvil_setNextBlockBaseFeePerGas", "0x0")  # which is not undone


@pytest.fixture
def found(town: Town, tmp_path: Path) -> Callable[..., Any]:
    return partial(village, town, tmp_path)


def completes(one: Village) -> None:
    one.drive(one.is_at_rest)
    assert set(one.statuses()) == {TaskStatus.COMPLETED}
    assert one.losses() == []


@pytest.mark.parametrize("depths", [range(1, 7), range(7, 13)], ids=["1 to 6", "7 to 12"])
def test_reorganisation__after_all_is_done__is_done_again(found: Any, depths: range) -> None:
    with found(workers=2) as one:
        one.buy(trust=1)
        one.buy(trust=3)
        for depth in depths:
            one.drive(one.is_over)
            reorg(one.town.chain, depth)
        completes(one)
        assert one.witness.runs == 3


@pytest.mark.parametrize("depth", [1, 4])
def test_reorganisation__again_and_again_on_the_way__is_outlived(found: Any, depth: int) -> None:
    with found(workers=2) as one:
        one.buy(trust=3)
        for _ in range(8):
            one.turn()
            reorg(one.town.chain, depth)
        completes(one)


def test_transactions__every_other_is_dropped__are_sent_again(found: Any) -> None:
    with found(workers=2) as one:
        one.buy(trust=3, volume=2)
        one.node.drop_sends(range(1, 40, 2))
        completes(one)
        assert len(one.node.sent) > len(set(one.node.sent))


def test_transactions__price_rises_while_they_wait__are_replaced(found: Any) -> None:
    with found(workers=2) as one:
        chain = one.town.chain
        one.buy(trust=3)
        one.drive(lambda: one.statuses() == [TaskStatus.ACTIVE])
        chain.request("evm_setAutomine", False)
        for _ in range(20):
            one.turn()
        cheap = set(one.node.sent)
        chain.request("anvil_setNextBlockBaseFeePerGas", hex(500 * GWEI))
        mine(chain)
        assert [task.contributors for task in one.tasks()] == [()]
        chain.request("evm_setAutomine", True)
        completes(one)
        assert [task.winner_counter for task in one.tasks()] == [2]
        assert len(set(one.node.sent) - cheap) >= 4
        assert one.witness.reverted() == 0


def test_node__three_blocks_behind__is_waited_for(found: Any) -> None:
    with found(workers=2) as one:
        one.buy(trust=3)
        one.node.lag = 3
        completes(one)


@pytest.mark.parametrize("fault", ["down", "lose_answers"])
def test_node__fails_in_each_phase__is_outlived(found: Any, fault: str) -> None:
    """It goes away after 3 requests, then after 4 more, and so on, and is back after each turn."""
    with found(workers=2) as one:
        deal = one.buy(trust=3, volume=3)
        taskids = [task_id(deal.dealid, index) for index in deal.indices]
        one.drive(lambda: bool(one.pool.scheduler.step()))  # it knows the deal
        answer, phases = one.node.answer, set()
        left, gap = 3, 3

        def failing(body: Any) -> tuple[int, Any]:
            nonlocal left, gap
            if not getattr(one.node, fault):
                left -= 1
            if left < 0:
                phases.update(map(one.pool.stage, taskids))
                gap += 1
                left = gap
                setattr(one.node, fault, 4)
            return answer(body)

        one.node.answer = failing  # type: ignore[method-assign]
        one.drive(lambda: one.node.heal() or one.is_over())  # type: ignore[func-returns-value]
        one.node.answer = answer  # type: ignore[method-assign]
        completes(one)
    assert one.faults
    assert len(phases) >= 3


def test_delivery__of_every_message_and_transaction_twice__does_nothing_twice(found: Any) -> None:
    with found(workers=2, through=Twice) as one:
        one.node.doubles = True
        one.buy(trust=3, volume=2)
        one.buy(trust=1, volume=2)
        completes(one)
        assert one.witness.runs == 6
        assert one.witness.reverted() == 0
