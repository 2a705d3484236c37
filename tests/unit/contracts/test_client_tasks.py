"""Deals and tasks through the client: ids, records, events, refusals."""

from __future__ import annotations

import pytest
from support.client_stage import Stage

from poco.contracts import Account, ContributionStatus, Mode, TaskStatus
from poco.contracts import events as ev
from poco.errors import ContractError
from poco.orders import ZERO_ADDRESS, Tag, deal_id, order_hash, result_hash, result_seal, task_id

APP_PRICE, DATASET_PRICE, POOL_PRICE, FUNDS = 1_000, 2_000, 10_000, 100 * 10**9
DIGEST = b"\x11" * 32
WORKER_STAKE = POOL_PRICE * 30 // 100


def test_match_orders__returns_the_deal_that_the_request_makes(any_stage: Stage) -> None:
    orders = any_stage.orders(volume=2)
    receipt = any_stage.requester.hub.match_orders(*orders)
    hashes = [order_hash(order, any_stage.market.domain) for order in orders]
    assert receipt.value == deal_id(hashes[3], 0)
    assert receipt.events.first(ev.OrdersMatched) == ev.OrdersMatched(receipt.value, *hashes, 2)
    assert receipt.events.first(ev.SchedulerNotice).workerpool == any_stage.pool


def test_deal__has_the_terms_of_the_orders(any_stage: Stage) -> None:
    dealid = any_stage.deal(trust=3, volume=2)
    deal = any_stage.market.hub.deal(dealid)
    assert deal is not None
    assert (deal.app.pointer, deal.app.price) == (any_stage.app, APP_PRICE)
    assert deal.scheduler == any_stage.keys["scheduler"].address
    assert deal.price == APP_PRICE + DATASET_PRICE + POOL_PRICE
    assert (deal.trust, deal.category, deal.tag) == (3, 0, Tag(0))
    assert deal.indices == range(2)
    assert deal.params == '{"iexec_args":"1 2"}'
    assert deal.worker_stake == WORKER_STAKE
    assert deal.sponsor == deal.requester == any_stage.keys["requester"].address


def test_deal__unknown__is_none(stage: Stage) -> None:
    assert stage.market.hub.deal(b"\x01" * 32) is None


def test_match_orders__without_dataset__has_zero_hash(stage: Stage) -> None:
    receipt = stage.requester.hub.match_orders(*stage.orders(with_dataset=False))
    assert receipt.events.first(ev.OrdersMatched).dataset_hash == bytes(32)


def test_sponsor_match_orders__locks_the_money_of_the_sender(any_stage: Stage) -> None:
    receipt = any_stage.sponsor.hub.sponsor_match_orders(*any_stage.orders())
    price = APP_PRICE + DATASET_PRICE + POOL_PRICE
    sponsor = any_stage.keys["sponsor"].address
    assert receipt.events.first(ev.DealSponsored) == ev.DealSponsored(receipt.value, sponsor)
    assert any_stage.market.hub.account(sponsor) == Account(FUNDS - price, price)


def test_match_orders__price_above_the_maximum__names_both(stage: Stage) -> None:
    orders = stage.orders(appmaxprice=APP_PRICE - 1)
    with pytest.raises(ContractError) as caught:
        stage.requester.hub.match_orders(*orders)
    assert caught.value.name == "Match_AppPriceTooHigh"
    assert caught.value.arguments == {"max": APP_PRICE - 1, "asked": APP_PRICE}
    assert "appmaxprice" in caught.value.remedy


def test_initialize__returns_the_task_id(stage: Stage) -> None:
    dealid = stage.deal(volume=3)
    assert stage.stranger.hub.initialize(dealid, 2).value == task_id(dealid, 2)


def test_initialize_all__returns_the_task_ids_in_order(stage: Stage) -> None:
    dealid = stage.deal(volume=3)
    receipt = stage.stranger.hub.initialize_all([(dealid, 2), (dealid, 0)])
    assert receipt.value == (task_id(dealid, 2), task_id(dealid, 0))


def test_tasks__read_all_of_a_deal_at_once(stage: Stage) -> None:
    dealid = stage.deal(volume=3)
    stage.stranger.hub.initialize(dealid, 1)
    found = stage.market.hub.tasks(dealid)
    assert [task.status for task in found.values()] == [
        TaskStatus.UNSET,
        TaskStatus.ACTIVE,
        TaskStatus.UNSET,
    ]
    assert list(found) == [task_id(dealid, index) for index in range(3)]


def test_replicated_task__is_contributed_revealed_and_finalized(any_stage: Stage) -> None:
    hub = any_stage.market.hub
    taskid = any_stage.task(trust=3)
    any_stage.contribute("worker_1", taskid)
    worker = any_stage.keys["worker_1"].address
    contribution = hub.contribution(taskid, worker)
    assert contribution.status is ContributionStatus.CONTRIBUTED
    assert contribution.result_hash == result_hash(taskid, DIGEST)
    assert contribution.seal == result_seal(worker, taskid, DIGEST)
    receipt = any_stage.contribute("worker_2", taskid)
    assert receipt.events.first(ev.TaskConsensus) == ev.TaskConsensus(
        taskid, result_hash(taskid, DIGEST)
    )
    for name in ("worker_1", "worker_2"):
        any_stage.roles[name].hub.reveal(taskid, DIGEST)
    receipt = any_stage.scheduler.hub.finalize(taskid, b"where")
    assert receipt.events.first(ev.TaskFinalize) == ev.TaskFinalize(taskid, b"where")
    task = hub.task(taskid)
    assert task.status is TaskStatus.COMPLETED
    assert task.contributors == (worker, any_stage.keys["worker_2"].address)
    assert (task.digest, task.results) == (DIGEST, b"where")
    assert hub.score(worker) == 1


def test_contribute_and_finalize__completes_and_pays(any_stage: Stage) -> None:
    taskid = any_stage.task()
    receipt = any_stage.worker_1.hub.contribute_and_finalize(
        taskid, DIGEST, b"where", any_stage.authorization("worker_1", taskid)
    )
    worker = any_stage.keys["worker_1"].address
    rewards = {event.owner: event.amount for event in receipt.events.all(ev.Reward)}
    assert rewards[worker] == POOL_PRICE * 99 // 100
    assert rewards[any_stage.keys["app_owner"].address] == APP_PRICE
    assert any_stage.market.hub.task(taskid).status is TaskStatus.COMPLETED


def test_contribute__without_authorization__is_refused(stage: Stage) -> None:
    taskid = stage.task()
    wrong = stage.authorization("worker_2", taskid)
    with pytest.raises(ContractError) as caught:
        stage.worker_1.hub.contribute_and_finalize(taskid, DIGEST, b"", wrong)
    assert caught.value.name == "Task_AuthorizationInvalid"
    assert caught.value.arguments["signer"] == stage.keys["scheduler"].address


def test_claim__before_the_final_deadline__names_the_deadline(stage: Stage) -> None:
    taskid = stage.task()
    with pytest.raises(ContractError) as caught:
        stage.stranger.hub.claim(taskid)
    assert caught.value.name == "Task_FinalDeadlineNotReached"
    assert caught.value.arguments["deadline"] == stage.market.hub.task(taskid).final_deadline


def test_claim__after_the_final_deadline__refunds(any_stage: Stage) -> None:
    taskid = any_stage.task()
    any_stage.pass_time(10 * 300)
    receipt = any_stage.stranger.hub.claim(taskid)
    assert receipt.events.first(ev.TaskClaimed) == ev.TaskClaimed(taskid)
    requester = any_stage.keys["requester"].address
    assert any_stage.market.hub.account(requester) == Account(FUNDS, 0)


def test_claim_all__fails_several_tasks(stage: Stage) -> None:
    dealid = stage.deal(volume=2)
    taskids = stage.stranger.hub.initialize_all([(dealid, 0), (dealid, 1)]).value
    stage.pass_time(10 * 300)
    receipt = stage.stranger.hub.claim_all(taskids)
    assert [event.taskid for event in receipt.events.all(ev.TaskClaimed)] == list(taskids)


def test_initialize_and_claim_all__fails_tasks_nobody_opened(stage: Stage) -> None:
    dealid = stage.deal(volume=2)
    stage.pass_time(10 * 300)
    receipt = stage.stranger.hub.initialize_and_claim_all([(dealid, 0), (dealid, 1)])
    assert receipt.value == (task_id(dealid, 0), task_id(dealid, 1))
    assert stage.market.hub.task(receipt.value[0]).status is TaskStatus.FAILED


def test_reopen__when_nobody_revealed__makes_the_task_active(stage: Stage) -> None:
    taskid = stage.task()
    stage.contribute("worker_1", taskid)
    stage.pass_time(2 * 300)
    receipt = stage.scheduler.hub.reopen(taskid)
    assert receipt.events.first(ev.TaskReopen) == ev.TaskReopen(taskid)
    assert stage.market.hub.task(taskid).status is TaskStatus.ACTIVE


def test_boost_task__is_pushed_and_paid(any_stage: Stage) -> None:
    orders = any_stage.orders(trust=0)
    receipt = any_stage.requester.hub.match_orders_boost(*orders)
    dealid = receipt.value
    notice = receipt.events.first(ev.SchedulerNoticeBoost)
    assert (notice.dealid, notice.params) == (dealid, orders[3].params)
    deal = any_stage.market.hub.boost_deal(dealid)
    assert deal is not None
    assert (deal.bot_size, deal.app_price) == (1, APP_PRICE)
    taskid = task_id(dealid, 0)
    pushed = any_stage.worker_1.hub.push_result_boost(
        dealid, 0, b"result", any_stage.authorization("worker_1", taskid)
    )
    assert pushed.events.first(ev.ResultPushedBoost) == ev.ResultPushedBoost(dealid, 0, b"result")
    assert any_stage.market.hub.task(taskid).status is TaskStatus.COMPLETED


def test_boost_task__after_its_deadline__is_claimed(stage: Stage) -> None:
    dealid = stage.sponsor.hub.sponsor_match_orders_boost(*stage.orders(trust=0)).value
    stage.pass_time(7 * 300)
    stage.stranger.hub.claim_boost(dealid, 0)
    assert stage.market.hub.account(stage.keys["sponsor"].address) == Account(FUNDS, 0)


def test_boost_deal__unknown__is_none(stage: Stage) -> None:
    assert stage.market.hub.boost_deal(b"\x01" * 32) is None


def test_result_for__pending__is_refused(stage: Stage) -> None:
    with pytest.raises(ContractError) as caught:
        stage.market.hub.result_for(stage.task())
    assert caught.value.name == "Task_ResultPending"


def test_bulk_dataset_order__is_checked_against_a_deal(stage: Stage) -> None:
    dealid = stage.deal(with_dataset=False)
    order = stage.orders()[1]
    stage.market.hub.require_dataset_compatible(order, dealid)
    with pytest.raises(ContractError) as caught:
        stage.market.hub.require_dataset_compatible(order, b"\x01" * 32)
    assert caught.value.arguments == {"reason": "Deal not found"}


def test_hub__at_an_earlier_block__shows_the_earlier_state(stage: Stage) -> None:
    requester = stage.keys["requester"].address
    before = stage.market.chain.block_number()
    stage.deal()
    assert stage.market.hub.at(before).account(requester) == Account(FUNDS, 0)
    assert stage.market.hub.account(requester).locked > 0


def test_native_mode__has_no_token(stages: dict[Mode, Stage]) -> None:
    constants = stages[Mode.NATIVE].market.hub.constants()
    assert constants.token == ZERO_ADDRESS
    assert constants.final_deadline_ratio == 10
