"""The result is pushed to a contract of the requester (EIP-1154, spec contracts §4.9)."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import ape
import pytest
from eth_utils import keccak
from market import Market, decode_revert, fund, revert_data, reverts, travel_to
from tasks import CLOCK, Played, Status, gains, open_task, workers_of

DATA = b"\x2a".rjust(32, b"\0")
DIGEST = keccak(DATA)
CALLBACK_GAS = 200_000


class Mode(IntEnum):
    """How the consumer behaves."""

    RECORD = 0
    REVERT = 1
    BURN_GAS = 2
    RETURN_BOMB = 3
    REENTER = 4


@pytest.fixture
def consumer(project: Any, owner: Any) -> Any:
    """A callback target."""
    return owner.deploy(project.OracleConsumer)


def revealed(market: Market, target: Any) -> Played:
    """A task with a callback that is ready to be finalized."""
    (worker,), task = workers_of(market, 1), open_task(market, callback=str(target))
    task.contribute(worker, DIGEST)
    task.reveal(worker, DIGEST)
    return task


@pytest.mark.parametrize("at_once", [False, True])
def test_callback__good_consumer__gets_the_data_and_its_gas(
    each_market: Market, consumer: Any, at_once: bool
) -> None:
    market = each_market
    if at_once:
        task = open_task(market, callback=str(consumer))
        receipt = task.complete_at_once(
            market.cast["worker_1"], b"text", callback=DATA, digest=DIGEST
        )
    else:
        task = revealed(market, consumer)
        receipt = task.finalize(b"text", DATA)
    *_, finalized, received = receipt.events
    assert finalized == market.hub.TaskFinalize(taskid=task.id, results=b"text")
    assert (received.id, received.result) == (task.id, DATA)
    assert received.gas > CALLBACK_GAS - 5_000
    assert consumer.results(task.id) == DATA
    assert market.hub.resultFor(task.id) == DATA
    assert (task.view().results, task.view().resultsCallback) == (b"text", DATA)


@pytest.mark.parametrize("mode", [Mode.REVERT, Mode.BURN_GAS, Mode.RETURN_BOMB])
def test_callback__bad_consumer__does_not_stop_the_settlement(
    market: Market, consumer: Any, mode: Mode
) -> None:
    consumer.setMode(mode, sender=market.cast["owner"])
    task = revealed(market, consumer)
    before = market.balances()
    task.finalize(b"", DATA)
    assert task.view().status == Status.COMPLETED
    assert gains(before, market.balances())["worker_1"] == (1_290_000_000, -300_000_000)
    assert market.hub.resultFor(task.id) == DATA


@pytest.mark.parametrize("mode", [Mode.BURN_GAS, Mode.RETURN_BOMB])
def test_callback__hostile_consumer__costs_the_finalizer_its_gas_and_no_more(
    market: Market, consumer: Any, mode: Mode
) -> None:
    """W9: nothing of the answer is copied."""
    stranger = str(market.cast["stranger"])
    quiet = revealed(market, stranger).finalize(b"", DATA).gas_used
    consumer.setMode(mode, sender=market.cast["owner"])
    used = revealed(market, consumer).finalize(b"", DATA).gas_used
    assert used - quiet < CALLBACK_GAS + 5_000


def test_callback__account_without_code__is_fine(market: Market) -> None:
    task = revealed(market, market.cast["stranger"])
    task.finalize(b"", DATA)
    assert task.view().status == Status.COMPLETED


def test_callback__data_of_another_hash__reverts(market: Market, consumer: Any) -> None:
    task = revealed(market, consumer)
    for data in (b"", b"other"):
        with reverts(market.hub, "Task_CallbackDataMismatch", DIGEST, keccak(data)):
            task.finalize(b"", data)


def test_callback__empty_data_of_the_digest_of_nothing__is_pushed(
    market: Market, consumer: Any
) -> None:
    task = open_task(market, callback=str(consumer))
    receipt = task.complete_at_once(market.cast["worker_1"], digest=keccak(b""))
    assert receipt.events[-1].result == b""


def test_callback__any_gas_limit__consumer_has_the_result_or_the_finalize_reverts(
    market: Market, consumer: Any
) -> None:
    task = revealed(market, consumer)
    snapshot = ape.chain.snapshot()
    used = task.finalize(b"", DATA).gas_used
    ape.chain.restore(snapshot)
    scheduler, refused = market.cast["pool_owner"], 0
    for limit in range(used, used + CALLBACK_GAS + 40_000, 8_000):
        try:
            market.hub.finalize(task.id, b"", DATA, sender=scheduler, gas_limit=limit)
        except ape.exceptions.OutOfGasError:
            continue
        except ape.exceptions.ContractLogicError as error:
            name, (needed, left) = decode_revert(market.hub, revert_data(error))
            assert (name, needed) == ("Task_CallbackGasTooLow", CALLBACK_GAS // 63)
            assert left <= needed
            refused += 1
            continue
        assert consumer.results(task.id) == DATA
        break
    else:
        raise AssertionError("no limit sufficed")
    assert refused > 0


def test_callback__allowance_of_the_owner__is_what_the_consumer_gets(
    market: Market, consumer: Any
) -> None:
    market.hub.setCallbackGas(900_000, sender=market.cast["owner"])
    receipt = revealed(market, consumer).finalize(b"", DATA)
    assert 890_000 < receipt.events[-1].gas < 900_000


# ---- reentrancy


def reenter(market: Market, consumer: Any, task: Played, payload: bytes) -> bool:
    """Finalize with a consumer that makes a call of the hub; tell whether that succeeded."""
    owner = market.cast["owner"]
    market.hub.setCallbackGas(1_000_000, sender=owner)
    consumer.setMode(Mode.REENTER, sender=owner)
    consumer.arm(market.hub, payload, sender=owner)
    task.finalize(b"", DATA)
    assert consumer.strikes() == 1
    return bool(consumer.lastSuccess())


@pytest.mark.parametrize("call", ["finalize", "claim", "reopen", "reveal"])
def test_callback__reentering_the_task__finds_it_closed(
    market: Market, consumer: Any, call: str
) -> None:
    task = revealed(market, consumer)
    arguments: dict[str, tuple[Any, ...]] = {
        "finalize": (task.id, b"", DATA),
        "claim": (task.id,),
        "reopen": (task.id,),
        "reveal": (task.id, DIGEST),
    }
    payload = getattr(market.hub, call).encode_input(*arguments[call])
    before = market.balances()
    assert not reenter(market, consumer, task, payload)
    name = "Task_NotClaimable" if call == "claim" else "Task_WrongStatus"
    assert decode_revert(market.hub, bytes(consumer.lastReturn())).name == name
    assert gains(before, market.balances())["worker_1"] == (1_290_000_000, -300_000_000)


def test_callback__reentering_with_a_match__makes_a_sound_deal(
    market: Market, consumer: Any
) -> None:
    task, orders = revealed(market, consumer), market.orders()
    payload = market.hub.matchOrders.encode_input(*orders.to_abi())
    assert reenter(market, consumer, task, payload)
    dealid = bytes(consumer.lastReturn())
    assert market.hub.viewDeal(dealid).requester == market.cast["requester"]
    frozen = sum(frozen for _, frozen in market.balances().values())
    assert market.hub.balanceOf(market.hub) == frozen == 1_301_001_000


def test_callback__reentering_with_a_withdrawal__pays_it_once(
    market: Market, consumer: Any
) -> None:
    assert market.token is not None
    task = revealed(market, consumer)
    fund(market, [consumer], 500)
    payload = market.hub.withdraw.encode_input(500)
    assert reenter(market, consumer, task, payload)
    assert market.token.balanceOf(consumer) == 500
    assert market.hub.balanceOf(consumer) == 0
    assert market.hub.totalSupply() == market.token.balanceOf(market.hub)


# ---- pulling the result


def test_result_for__not_completed__reverts(market: Market, consumer: Any) -> None:
    deal = market.match()
    with reverts(market.hub, "Task_ResultPending", Status.UNSET):
        market.hub.resultFor(deal.task())
    task = Played(market, deal, market.initialize(deal), 0)
    with reverts(market.hub, "Task_ResultPending", Status.ACTIVE):
        market.hub.resultFor(task.id)
    task.contribute(market.cast["worker_1"])
    with reverts(market.hub, "Task_ResultPending", Status.REVEALING):
        market.hub.resultFor(task.id)
    travel_to(market.hub.viewDeal(deal.dealid).startTime + 10 * CLOCK)
    task.claim()
    with reverts(market.hub, "Task_ResultPending", Status.FAILED):
        market.hub.resultFor(task.id)
