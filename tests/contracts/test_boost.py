"""Boost: a task in two transactions (spec contracts §7, with W1, W2 and W28 mended)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ape
import pytest
from eth_utils import keccak
from market import (
    KITTY,
    RLC,
    Market,
    Orders,
    decode_revert,
    revert_data,
    reverts,
    sign_digest,
    travel_to,
)
from tasks import (
    APP_PRICE,
    CLOCK,
    DATASET_PRICE,
    PRICE,
    SCHEDULER_STAKE,
    TASK_COST,
    Status,
    block_time,
    gains,
)

from poco.orders import (
    TEE,
    ZERO_ADDRESS,
    authorization_digest,
    deal_id,
    personal_digest,
    result_seal,
    task_id,
)

REWARD = PRICE * 99 // 100


@dataclass(frozen=True)
class Boosted:
    """A Boost deal.

    Args:
        market: where it is.
        orders: what was matched.
        id: of the deal.
        first: what was taken of the request before.
        receipt: of the match.
    """

    market: Market
    orders: Orders
    id: bytes
    first: int
    receipt: Any

    def view(self) -> Any:
        """Return `viewDealBoost`."""
        return self.market.hub.viewDealBoost(self.id)

    def task(self, index: int = 0) -> bytes:
        """Return a task's id; the index counts from the start of the deal."""
        return task_id(self.id, index)

    def push(
        self,
        worker: Any,
        results: bytes = b"result",
        callback: bytes = b"",
        *,
        index: int = 0,
        enclave: Any = None,
        signer: Any = "pool_owner",
        **options: Any,
    ) -> Any:
        """Deliver a result as `worker`."""
        market, taskid = self.market, self.task(index)
        challenge = ZERO_ADDRESS if enclave is None else enclave.address
        told = callback if self.orders.request.callback != ZERO_ADDRESS else results
        seal = personal_digest(result_seal(worker.address, taskid, keccak(told)))
        return market.hub.pushResultBoost(
            self.id,
            index,
            results,
            callback,
            market.authorize(worker, taskid, challenge, signer),
            challenge,
            b"" if enclave is None else sign_digest(enclave, seal),
            sender=worker,
            **options,
        )

    def claim(self, index: int = 0) -> Any:
        """Fail a task as anybody."""
        return self.market.hub.claimBoost(self.id, index, sender=self.market.cast["stranger"])

    def status(self, index: int = 0) -> int:
        """Return a task's status."""
        return int(self.market.hub.viewTask(self.task(index)).status)


def boost(market: Market, orders: Orders | None = None, *, sponsor: Any = None) -> Boosted:
    """Match orders, by default the usual ones, for a Boost deal."""
    orders = orders or market.orders()
    hashed = market.hash(orders.request)
    first = market.hub.viewConsumed(hashed)
    if sponsor is None:
        method, sender = market.hub.matchOrdersBoost, market.cast["stranger"]
    else:
        method, sender = market.hub.sponsorMatchOrdersBoost, sponsor
    receipt = method(*orders.to_abi(), sender=sender)
    return Boosted(market, orders, deal_id(hashed, first), first, receipt)


def matched(deal: Boosted, payer: Any, volume: int, cost: int = TASK_COST) -> list[Any]:
    """The events of a match."""
    market, (app, dataset, pool, request) = deal.market, deal.orders
    return [
        *market.locked(payer, cost * volume),
        *market.locked(market.cast["pool_owner"], SCHEDULER_STAKE * volume),
        market.hub.SchedulerNoticeBoost(
            workerpool=pool.workerpool,
            dealId=deal.id,
            app=app.app,
            dataset=dataset.dataset,
            category=request.category,
            tag=bytes(32),
            params=request.params,
            beneficiary=request.beneficiary,
        ),
        market.hub.OrdersMatched(
            dealid=deal.id,
            appHash=market.hash(app),
            datasetHash=bytes(32) if dataset.is_null else market.hash(dataset),
            workerpoolHash=market.hash(pool),
            requestHash=market.hash(request),
            volume=volume,
        ),
    ]


# ---- match


def test_boost_match__bag_of_three__locks_and_tells(each_market: Market) -> None:
    market = each_market
    before = market.balances()
    deal = boost(market, market.orders(request={"volume": 3, "params": '{"iexec_args":"x"}'}))
    assert deal.receipt.events == matched(deal, market.cast["requester"], 3)
    assert gains(before, market.balances()) == {
        "requester": (-3 * TASK_COST, 3 * TASK_COST),
        "pool_owner": (-3 * SCHEDULER_STAKE, 3 * SCHEDULER_STAKE),
        "hub": (3 * (TASK_COST + SCHEDULER_STAKE), 0),
    }
    cast = market.cast
    assert tuple(deal.view()) == (
        cast["app_owner"],
        APP_PRICE,
        cast["dataset_owner"],
        DATASET_PRICE,
        cast["pool_owner"],
        PRICE,
        cast["requester"],
        REWARD,
        ZERO_ADDRESS,
        block_time() + 7 * CLOCK,
        0,
        3,
        bytes(3),
        cast["requester"],
    )
    assert market.hub.viewConsumed(market.hash(deal.orders.request)) == 3
    assert market.hub.viewDeal(deal.id).requester == ZERO_ADDRESS


def test_boost_match__answer__is_the_deal_id(market: Market) -> None:
    orders = market.orders()
    expected = deal_id(market.hash(orders.request), 0)
    assert market.hub.matchOrdersBoost.call(*orders.to_abi()) == expected


def test_boost_match__sponsored__locks_the_sponsors_money(market: Market) -> None:
    sponsor, before = market.cast["sponsor"], market.balances()
    deal = boost(market, sponsor=sponsor)
    assert deal.receipt.events == [
        *matched(deal, sponsor, 1),
        market.hub.DealSponsoredBoost(dealId=deal.id, sponsor=sponsor),
    ]
    assert gains(before, market.balances()).keys() == {"sponsor", "pool_owner", "hub"}
    assert deal.view().sponsor == sponsor


def test_boost_match__no_dataset_but_a_price__is_ignored(market: Market) -> None:
    """W2: an unsigned price of no dataset locks nothing."""
    orders = market.orders(dataset=False, request={"datasetmaxprice": 777})
    priced = orders._replace(
        dataset=type(orders.dataset)(
            dataset=ZERO_ADDRESS, datasetprice=777, volume=0, salt=bytes(32)
        )
    )
    before = market.balances()
    deal = boost(market, priced)
    assert deal.receipt.events == matched(deal, market.cast["requester"], 1, PRICE + APP_PRICE)
    deal.push(market.cast["worker_1"])
    changes = gains(before, market.balances())
    assert changes["requester"] == (-PRICE - APP_PRICE, 0)
    assert market.hub.balanceOf(market.hub) == 0


def test_boost_match__after_a_classic_deal__goes_on_where_that_ended(market: Market) -> None:
    request = market.request_order(volume=5)
    classic = market.orders(workerpool={"volume": 2})._replace(request=request)
    market.match(classic)
    deal = boost(market, market.orders(workerpool={"volume": 1})._replace(request=request))
    assert (deal.first, deal.view().botFirst, deal.view().botSize) == (2, 2, 1)
    last = market.match(market.orders()._replace(request=request))
    assert (last.first, last.volume) == (3, 2)


def test_boost_match__trust_above_one__reverts(market: Market) -> None:
    with reverts(market.hub, "Boost_TrustTooHigh", 1, 2):
        boost(market, market.orders(request={"trust": 2}))


@pytest.mark.parametrize("offered", [0, 1])
def test_boost_match__trust_of_the_pool__does_not_matter(market: Market, offered: int) -> None:
    boost(market, market.orders(workerpool={"trust": offered}))


def test_boost_match__more_than_16_bits_of_tasks__reverts(market: Market) -> None:
    free = {"workerpoolprice": 0}
    orders = market.orders(
        dataset=False, app={"appprice": 0}, workerpool=free, request={"volume": 2**16}
    )
    with reverts(market.hub, "Boost_IndexTooLarge", 2**16 - 1, 2**16):
        boost(market, orders)
    widest = market.orders(
        dataset=False, app={"appprice": 0}, workerpool=free, request={"volume": 2**16 - 1}
    )
    assert boost(market, widest).view().botSize == 2**16 - 1


def test_boost_match__first_index_beyond_16_bits__reverts(market: Market) -> None:
    request = market.request_order(volume=2**17, dataset=False, appmaxprice=0)
    free = market.orders(
        dataset=False, app={"appprice": 0}, workerpool={"workerpoolprice": 0, "volume": 2**16}
    )._replace(request=request)
    market.match(free)
    with reverts(market.hub, "Boost_IndexTooLarge", 2**16 - 1, 2**16):
        boost(market, free._replace(workerpool=market.workerpool_order(workerpoolprice=0)))


def test_boost_match__price_beyond_96_bits__reverts(market: Market) -> None:
    huge = 2**96
    orders = market.orders(dataset=False, app={"appprice": huge}, request={"appmaxprice": huge})
    with reverts(market.hub, "Match_AmountTooLarge", huge - 1, huge):
        boost(market, orders)


def test_boost_match__sum_of_prices_beyond_96_bits__reverts_at_the_lock(market: Market) -> None:
    """W28: three prices are added in full."""
    price = 2**96 - 1
    orders = market.orders(
        dataset={"datasetprice": price},
        app={"appprice": price},
        request={"appmaxprice": price, "datasetmaxprice": price},
    )
    requester = market.cast["requester"]
    balance = market.hub.balanceOf(requester)
    with reverts(market.hub, "Escrow_BalanceTooLow", requester, balance, 2 * price + PRICE):
        boost(market, orders)


def test_boost_match__dataset_framework__counts_unlike_in_classic_deals(market: Market) -> None:
    tag = 0x2
    orders = market.orders(dataset={"tag": tag})
    with reverts(market.hub, "Match_TagNotOffered", tag.to_bytes(32), bytes(32)):
        boost(market, orders)
    market.match(orders)


def test_boost_match__tag__keeps_its_low_three_bytes(market: Market) -> None:
    tag = 0x01_02_03_04_00
    orders = market.orders(app={"tag": tag}, workerpool={"tag": tag})
    assert boost(market, orders).view().shortTag == b"\3\4\0"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"request": {"category": 1}}, ("Match_CategoryMismatch", 1, 0)),
        (
            {"request": {"category": 9}, "workerpool": {"category": 9}},
            ("Match_UnknownCategory", 5, 9),
        ),
        ({"request": {"appmaxprice": 999}}, ("Match_AppPriceTooHigh", 999, APP_PRICE)),
        (
            {"request": {"datasetmaxprice": 1}},
            ("Match_DatasetPriceTooHigh", 1, DATASET_PRICE),
        ),
        (
            {"request": {"workerpoolmaxprice": 1}},
            ("Match_WorkerpoolPriceTooHigh", 1, PRICE),
        ),
    ],
)
def test_boost_match__rules_of_classic_deals__hold(
    market: Market, changes: dict[str, Any], error: tuple[Any, ...]
) -> None:
    with reverts(market.hub, *error):
        boost(market, market.orders(**changes))


def test_boost_match__consumed_orders__reverts(market: Market) -> None:
    orders = market.orders()
    boost(market, orders)
    with reverts(market.hub, "Match_OrderConsumed", market.hash(orders.request), 1, 1):
        boost(market, orders)


def test_boost__classic_functions__do_not_know_the_deal(market: Market) -> None:
    deal, classic = boost(market), market.match()
    with reverts(market.hub, "Deal_Unknown", deal.id):
        market.hub.initialize(deal.id, 0, sender=market.cast["stranger"])
    with reverts(market.hub, "Boost_TaskUnknown", 0, 0):
        market.hub.claimBoost(classic.dealid, 0, sender=market.cast["stranger"])
    assert market.hub.viewDealBoost(classic.dealid).requester == ZERO_ADDRESS


# ---- push


def test_boost_push__result__pays_everybody(each_market: Market) -> None:
    market = each_market
    before = market.balances()
    deal = boost(market, market.orders(request={"volume": 2}))
    worker, taskid = market.cast["worker_1"], deal.task(1)
    receipt = deal.push(worker, b"result", index=1)
    assert receipt.events == [
        *market.seized(market.cast["requester"], TASK_COST, taskid),
        *market.rewarded(worker, REWARD, taskid),
        *market.rewarded(market.cast["app_owner"], APP_PRICE, taskid),
        *market.rewarded(market.cast["dataset_owner"], DATASET_PRICE, taskid),
        *market.unlocked(market.cast["pool_owner"], SCHEDULER_STAKE),
        *market.rewarded(market.cast["pool_owner"], PRICE - REWARD, taskid),
        market.hub.ResultPushedBoost(dealId=deal.id, index=1, results=b"result"),
    ]
    deal.push(worker, index=0)
    assert gains(before, market.balances()) == {
        "requester": (-2 * TASK_COST, 0),
        "app_owner": (2 * APP_PRICE, 0),
        "dataset_owner": (2 * DATASET_PRICE, 0),
        "pool_owner": (2 * (PRICE - REWARD), 0),
        "worker_1": (2 * REWARD, 0),
    }
    assert [deal.status(0), deal.status(1)] == [Status.COMPLETED, Status.COMPLETED]
    assert market.hub.resultFor(taskid) == b""
    view = market.hub.viewTask(taskid)
    assert (view.dealid, view.contributors, view.results) == (bytes(32), [], b"")


def test_boost_push__sponsored__takes_the_sponsors_money(market: Market) -> None:
    """W1: the requester keeps what it has frozen for other deals."""
    other = market.match()
    assert other.volume == 1
    before, sponsor = market.balances(), market.cast["sponsor"]
    deal = boost(market, sponsor=sponsor)
    deal.push(market.cast["worker_1"])
    changes = gains(before, market.balances())
    assert changes["sponsor"] == (-TASK_COST, 0)
    assert "requester" not in changes


def test_boost_push__kitty__adds_its_share_to_the_schedulers_reward(market: Market) -> None:
    failing = boost(market, market.orders(request={"volume": 5}))
    travel_to(failing.view().deadline)
    for index in range(5):
        failing.claim(index)
    assert market.hub.frozenOf(KITTY) == 5 * SCHEDULER_STAKE
    deal = boost(market)
    receipt = deal.push(market.cast["worker_1"])
    scheduler, taskid = market.cast["pool_owner"], deal.task()
    assert receipt.events[-4:] == [
        *market.seized(KITTY, RLC, taskid),
        *market.rewarded(scheduler, PRICE - REWARD + RLC, taskid),
        market.hub.ResultPushedBoost(dealId=deal.id, index=0, results=b"result"),
    ]
    assert market.hub.frozenOf(KITTY) == 5 * SCHEDULER_STAKE - RLC


def test_boost_push__twice__reverts(market: Market) -> None:
    deal = boost(market)
    deal.push(market.cast["worker_1"])
    with reverts(market.hub, "Task_WrongStatus", Status.UNSET, Status.COMPLETED):
        deal.push(market.cast["worker_1"])


@pytest.mark.parametrize("index", [1, 2**16, 2**255])
def test_boost_push__index_beyond_the_deal__reverts(market: Market, index: int) -> None:
    deal = boost(market)
    with reverts(market.hub, "Boost_TaskUnknown", 1, index):
        deal.push(market.cast["worker_1"], index=index)


def test_boost_push__at_the_deadline__reverts(market: Market) -> None:
    deal = boost(market)
    deadline = deal.view().deadline
    travel_to(deadline)
    with reverts(market.hub, "Boost_DeadlineReached", deadline, deadline):
        deal.push(market.cast["worker_1"])


def test_boost_push__last_second__is_taken(market: Market) -> None:
    deal = boost(market)
    deadline = deal.view().deadline
    travel_to(deadline - 1)
    deal.push(market.cast["worker_1"])
    assert block_time() == deadline - 1


def test_boost_push__not_authorized__reverts(market: Market) -> None:
    deal, worker = boost(market), market.cast["worker_1"]
    digest = authorization_digest(worker.address, deal.task(), ZERO_ADDRESS)
    with reverts(market.hub, "Task_AuthorizationInvalid", market.cast["pool_owner"], digest):
        deal.push(worker, signer=worker)


def test_boost_push__tee__needs_the_signature_of_an_enclave(market: Market, accounts: Any) -> None:
    deal = boost(market, market.orders(app={"tag": TEE}, workerpool={"tag": TEE}))
    worker, enclave = market.cast["worker_1"], accounts[15]
    with reverts(market.hub, "Task_EnclaveRequired", deal.task()):
        deal.push(worker)
    taskid, authorization = deal.task(), market.authorize(worker, deal.task(), enclave)
    digest = personal_digest(result_seal(worker.address, taskid, keccak(b"result")))
    with reverts(market.hub, "Task_EnclaveSignatureInvalid", enclave, digest):
        market.hub.pushResultBoost(
            deal.id,
            0,
            b"result",
            b"",
            authorization,
            enclave,
            sign_digest(worker, digest),
            sender=worker,
        )
    deal.push(worker, enclave=enclave)
    assert deal.status() == Status.COMPLETED


def test_boost_push__tee_broker__authorizes(market: Market, accounts: Any) -> None:
    broker, enclave, worker = accounts[16], accounts[15], market.cast["worker_1"]
    market.hub.setTeeBroker(broker, sender=market.cast["owner"])
    deal = boost(market)
    digest = authorization_digest(worker.address, deal.task(), enclave.address)
    with reverts(market.hub, "Task_AuthorizationInvalid", broker, digest):
        deal.push(worker, enclave=enclave)
    deal.push(worker, enclave=enclave, signer=broker)


# ---- callback


@pytest.fixture
def consumer(project: Any, owner: Any) -> Any:
    """A callback target."""
    return owner.deploy(project.OracleConsumer)


def test_boost_push__callback__gets_the_data(market: Market, consumer: Any, accounts: Any) -> None:
    deal = boost(market, market.orders(request={"callback": str(consumer)}))
    receipt = deal.push(market.cast["worker_1"], b"text", b"data", enclave=accounts[15])
    *_, pushed, received = receipt.events
    assert pushed == market.hub.ResultPushedBoost(dealId=deal.id, index=0, results=b"text")
    assert (received.id, received.result) == (deal.task(), b"data")
    assert received.gas > 195_000


def test_boost_push__callback_without_data__reverts(market: Market, consumer: Any) -> None:
    deal = boost(market, market.orders(request={"callback": str(consumer)}))
    with reverts(market.hub, "Boost_CallbackDataMissing", deal.task()):
        deal.push(market.cast["worker_1"])


def test_boost_push__reverting_callback__does_not_stop_the_settlement(
    market: Market, consumer: Any
) -> None:
    consumer.setMode(1, sender=market.cast["owner"])
    deal = boost(market, market.orders(request={"callback": str(consumer)}))
    deal.push(market.cast["worker_1"], callback=b"data")
    assert deal.status() == Status.COMPLETED


def test_boost_push__reentering_callback__finds_the_task_closed(
    market: Market, consumer: Any
) -> None:
    owner, worker = market.cast["owner"], market.cast["worker_1"]
    deal = boost(market, market.orders(request={"callback": str(consumer)}))
    payload = market.hub.pushResultBoost.encode_input(
        deal.id, 0, b"", b"data", market.authorize(worker, deal.task()), ZERO_ADDRESS, b""
    )
    consumer.setMode(4, sender=owner)
    consumer.arm(market.hub, payload, sender=owner)
    deal.push(worker, callback=b"data")
    assert (consumer.strikes(), consumer.lastSuccess()) == (1, False)
    error = decode_revert(market.hub, bytes(consumer.lastReturn()))
    assert error == ("Task_WrongStatus", (Status.UNSET, Status.COMPLETED))


def test_boost_push__too_little_gas_for_the_callback__reverts(
    market: Market, consumer: Any
) -> None:
    deal = boost(market, market.orders(request={"callback": str(consumer)}))
    snapshot, worker = ape.chain.snapshot(), market.cast["worker_1"]
    used = deal.push(worker, callback=b"data").gas_used
    ape.chain.restore(snapshot)
    refused = 0
    for limit in range(used, used + 240_000, 8_000):
        try:
            deal.push(worker, callback=b"data", gas_limit=limit)
        except ape.exceptions.OutOfGasError:
            continue
        except ape.exceptions.ContractLogicError as error:
            name, (needed, _) = decode_revert(market.hub, revert_data(error))
            assert (name, needed) == ("Task_CallbackGasTooLow", 200_000 // 63)
            refused += 1
            continue
        assert consumer.results(deal.task()) == b"data"
        break
    else:
        raise AssertionError("no limit sufficed")
    assert refused > 0


# ---- claim


@pytest.mark.parametrize("sponsored", [False, True])
def test_boost_claim__at_the_deadline__refunds_the_payer(market: Market, sponsored: bool) -> None:
    before, sponsor = market.balances(), market.cast["sponsor"]
    deal = boost(market, sponsor=sponsor if sponsored else None)
    deadline = deal.view().deadline
    travel_to(deadline)
    receipt = deal.claim()
    assert block_time() == deadline
    payer = sponsor if sponsored else market.cast["requester"]
    assert receipt.events == [
        *market.unlocked(payer, TASK_COST),
        *market.seized(market.cast["pool_owner"], SCHEDULER_STAKE, deal.task()),
        market.hub.Reward(owner=KITTY, amount=SCHEDULER_STAKE, ref=deal.task()),
        market.hub.Lock(owner=KITTY, amount=SCHEDULER_STAKE),
        market.hub.TaskClaimed(taskid=deal.task()),
    ]
    assert gains(before, market.balances()) == {
        "pool_owner": (-SCHEDULER_STAKE, 0),
        "kitty": (0, SCHEDULER_STAKE),
        "hub": (SCHEDULER_STAKE, 0),
    }
    assert deal.status() == Status.FAILED


def test_boost_claim__one_second_early__reverts(market: Market) -> None:
    deal = boost(market)
    deadline = deal.view().deadline
    travel_to(deadline - 1)
    with reverts(market.hub, "Boost_DeadlineNotReached", deadline, deadline - 1):
        deal.claim()


@pytest.mark.parametrize("state", [Status.COMPLETED, Status.FAILED])
def test_boost_claim__ended_task__reverts(market: Market, state: Status) -> None:
    deal = boost(market)
    deadline = deal.view().deadline
    if state is Status.COMPLETED:
        deal.push(market.cast["worker_1"])
    travel_to(deadline)
    if state is Status.FAILED:
        deal.claim()
    with reverts(market.hub, "Task_WrongStatus", Status.UNSET, state):
        deal.claim()


def test_boost_claim__unknown_deal__reverts(market: Market) -> None:
    with reverts(market.hub, "Boost_TaskUnknown", 0, 3):
        market.hub.claimBoost(b"\1" * 32, 3, sender=market.cast["stranger"])
