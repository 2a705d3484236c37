"""Money, entries and orders through the client."""

from __future__ import annotations

import pytest
from eth_account import Account as Key
from support.client_stage import Stage

from poco.contracts import Account, AppEntry, Category, DatasetEntry, Market, Mode, WorkerpoolEntry
from poco.contracts import events as ev
from poco.errors import ContractError, UserInputError
from poco.orders import (
    NULL_DATASET_ORDER,
    UINT256_MAX,
    ZERO_ADDRESS,
    OrderAction,
    OrderOperation,
    WorkerpoolPolicy,
    order_hash,
    sign_operation,
)

CHECKSUM = bytes(range(32))
FUNDS = 100 * 10**9
PRICE = 13_000
KITTY = "0x99c2268479b93fDe36232351229815DF80837e23"


def test_deposit__credits_the_account(any_stage: Stage) -> None:
    owner = any_stage.owner
    supply = owner.hub.total_supply()
    receipt = owner.deposit(5)
    assert receipt.events.first(ev.Transfer).amount == 5
    assert owner.hub.account(owner.account) == Account(FUNDS + 5, 0)
    assert owner.hub.total_supply() == supply + 5


def test_deposit_for__credits_another_account(any_stage: Stage) -> None:
    owner = any_stage.owner
    if any_stage.market.mode is Mode.TOKEN:
        owner.token.approve(owner.hub.address, 7)
    owner.hub.deposit_for(7, any_stage.keys["stranger"].address)
    assert owner.hub.account(any_stage.keys["stranger"].address).stake == FUNDS + 7


def test_deposit__more_than_the_account_has__is_refused(stage: Stage) -> None:
    with pytest.raises(ContractError) as caught:
        stage.stranger.deposit(1)
    assert caught.value.name == "ERC20InsufficientBalance"
    assert caught.value.arguments["needed"] == 1


def test_withdraw__pays_out(stage: Stage) -> None:
    stranger = stage.keys["stranger"].address
    stage.stranger.hub.withdraw(3)
    stage.stranger.hub.withdraw_to(4, stage.keys["sponsor"].address)
    assert stage.market.hub.account(stranger) == Account(FUNDS - 7, 0)
    assert stage.market.token.balance_of(stranger) == 3
    assert stage.market.token.balance_of(stage.keys["sponsor"].address) == 4


def test_withdraw__in_native_mode__pays_wei(stages: dict[Mode, Stage]) -> None:
    stage = stages[Mode.NATIVE]
    target = Key.create().address
    stage.stranger.hub.withdraw_to(4, target)
    assert stage.market.chain.balance(target) == 4 * 10**9


def test_withdraw__more_than_free__is_refused(stage: Stage) -> None:
    with pytest.raises(ContractError) as caught:
        stage.stranger.hub.withdraw(FUNDS + 1)
    assert {FUNDS, FUNDS + 1} <= set(caught.value.arguments.values())


def test_transfer_from__moves_what_was_approved(stage: Stage) -> None:
    stranger, sponsor = stage.keys["stranger"].address, stage.keys["sponsor"].address
    stage.stranger.hub.approve(sponsor, 10)
    stage.sponsor.hub.transfer_from(stranger, sponsor, 4)
    stage.sponsor.hub.transfer(stranger, 1)
    assert stage.market.hub.allowance(stranger, sponsor) == 6
    found = stage.market.hub.accounts([stranger, sponsor])
    assert found == [Account(FUNDS - 3, 0), Account(FUNDS + 3, 0)]


def test_deposit_and_match__is_one_transaction(stage: Stage) -> None:
    requester = stage.keys["requester"].address
    stage.owner.token.transfer(requester, PRICE)
    receipt = stage.requester.deposit_and_match(PRICE, *stage.orders())
    assert stage.market.hub.deal(receipt.value) is not None
    assert stage.market.hub.account(requester) == Account(FUNDS, PRICE)


def test_deposit_and_match__for_another_requester__is_refused(stage: Stage) -> None:
    stage.owner.token.transfer(stage.keys["stranger"].address, PRICE)
    with pytest.raises(ContractError) as caught:
        stage.stranger.deposit_and_match(PRICE, *stage.orders())
    assert caught.value.name == "CallerIsNotTheRequester"


def test_recover__credits_what_was_sent_by_mistake(stage: Stage) -> None:
    stage.owner.token.transfer(stage.market.hub.address, 9)
    stage.owner.hub.recover()
    assert stage.market.hub.account(stage.owner.account) == Account(FUNDS + 9, 0)


def test_market__without_account__refuses_to_write(stage: Stage) -> None:
    with pytest.raises(UserInputError, match="account"):
        stage.market.hub.withdraw(1)


def test_create__predicts_the_address(stage: Stage) -> None:
    owner = stage.keys["app_owner"].address
    fields = (owner, "other", "DOCKER", b"image:1", CHECKSUM, b"enclave")
    predicted = stage.market.apps.predict(*fields)
    assert not stage.market.apps.is_registered(predicted)
    receipt = stage.stranger.apps.create(*fields)
    assert receipt.value == predicted
    assert receipt.events.first(ev.EntryTransfer) == ev.EntryTransfer(
        ZERO_ADDRESS, owner, predicted
    )
    assert stage.market.apps.view(predicted) == AppEntry(predicted, *fields)


def test_create__twice__names_the_entry(stage: Stage) -> None:
    fields = (stage.keys["dataset_owner"].address, "same", b"/ipfs", CHECKSUM)
    dataset = stage.stranger.datasets.create(*fields).value
    assert stage.market.datasets.view(dataset) == DatasetEntry(dataset, *fields)
    with pytest.raises(ContractError) as caught:
        stage.stranger.datasets.create(*fields)
    assert caught.value.name == "Registry_EntryExists"
    assert caught.value.arguments == {"entry": dataset}


def test_owner_of__unregistered__is_none(stage: Stage) -> None:
    assert stage.market.apps.owner_of(stage.keys["stranger"].address) is None
    assert stage.market.workerpools.policy(stage.keys["stranger"].address) is None


def test_entries__lists_those_of_an_owner(stage: Stage) -> None:
    owner = Key.create().address
    made = [stage.stranger.workerpools.create(owner, f"pool {i}").value for i in range(3)]
    assert stage.market.workerpools.entries(owner) == tuple(made)
    assert stage.market.workerpools.entries()[-3:] == tuple(made)
    assert stage.market.workerpools.count(owner) == 3


def test_transfer__gives_the_entry_away(stage: Stage) -> None:
    stage.app_owner.apps.transfer(stage.app, stage.keys["stranger"].address)
    assert stage.market.apps.owner_of(stage.app) == stage.keys["stranger"].address


def test_approve__lets_another_account_transfer_an_entry(stage: Stage) -> None:
    sponsor = stage.keys["sponsor"].address
    receipt = stage.app_owner.apps.approve(stage.app, sponsor)
    owner = stage.keys["app_owner"].address
    assert list(receipt.events) == [ev.EntryApproval(owner, sponsor, stage.app)]


def test_change_policy__shows_in_registry_and_entry(stage: Stage) -> None:
    receipt = stage.scheduler.workerpools.change_policy(stage.pool, 400, 7)
    assert list(receipt.events) == [ev.PolicyUpdate(30, 400, 1, 7)]
    assert stage.market.workerpools.policy(stage.pool) == WorkerpoolPolicy(400, 7)
    owner = stage.keys["scheduler"].address
    description = str(stage.market.mode)
    assert stage.market.workerpools.view(stage.pool) == WorkerpoolEntry(
        stage.pool, owner, description, 400, 7
    )


def test_change_policy__by_a_stranger__is_refused(stage: Stage) -> None:
    with pytest.raises(ContractError) as caught:
        stage.stranger.workerpools.change_policy(stage.pool, 1, 1)
    assert caught.value.name == "Entry_CallerNotOwner"


@pytest.mark.parametrize("index", range(4))
def test_presign__each_kind__is_seen_by_the_hub(stage: Stage, index: int) -> None:
    role = ("app_owner", "dataset_owner", "scheduler", "requester")[index]
    order = stage.orders()[index]
    hashed = order_hash(order, stage.market.domain)
    assert stage.market.hub.presigned(hashed) is None
    receipt = stage.roles[role].hub.presign(order)
    assert [event.order_hash for event in receipt.events] == [hashed]  # type: ignore[attr-defined]
    assert stage.market.hub.presigned(hashed) == stage.keys[role].address
    assert stage.market.hub.is_authorized(stage.keys[role].address, hashed, b"")


@pytest.mark.parametrize("index", range(4))
def test_close__with_a_signature__is_sent_by_anybody(stage: Stage, index: int) -> None:
    role = ("app_owner", "dataset_owner", "scheduler", "requester")[index]
    order = stage.orders()[index]
    operation = sign_operation(
        OrderOperation(order, OrderAction.CLOSE), stage.market.domain, stage.keys[role]
    )
    stage.stranger.hub.close(order, operation.sign)
    hashed = order_hash(order, stage.market.domain)
    assert stage.market.hub.consumed(hashed) == order.volume


@pytest.mark.parametrize("index", range(4))
def test_broadcast__each_kind__carries_the_order(stage: Stage, index: int) -> None:
    order = stage.orders()[index]
    receipt = stage.stranger.hub.broadcast(order)
    assert [event.order for event in receipt.events] == [order]  # type: ignore[attr-defined]


def test_close__with_a_strangers_signature__is_refused(stage: Stage) -> None:
    order = stage.orders()[0]
    operation = OrderOperation(order, OrderAction.CLOSE)
    signed = sign_operation(operation, stage.market.domain, stage.keys["stranger"])
    with pytest.raises(ContractError) as caught:
        stage.stranger.hub.close(order, signed.sign)
    assert caught.value.arguments == {
        "authority": stage.keys["app_owner"].address,
        "caller": stage.keys["stranger"].address,
    }


def test_verify_signature__of_an_order__is_the_owners(stage: Stage) -> None:
    order = stage.orders()[0]
    hashed = order_hash(order, stage.market.domain)
    hub = stage.market.hub
    assert hub.verify_signature(stage.keys["app_owner"].address, hashed, order.sign)
    assert not hub.verify_signature(stage.keys["stranger"].address, hashed, order.sign)


def test_deal_volume__is_what_is_left(stage: Stage) -> None:
    orders = stage.orders(volume=3)
    assert stage.market.hub.deal_volume(*orders) == 3
    stage.requester.hub.match_orders(*orders)
    assert stage.market.hub.deal_volume(*orders) == 0
    assert NULL_DATASET_ORDER.is_null


def test_create_category__returns_its_id(stage: Stage) -> None:
    count = stage.market.hub.category_count()
    receipt = stage.owner.hub.create_category("XXL", "a day", 86_400)
    assert receipt.value == count
    assert stage.market.hub.categories()[-1] == Category("XXL", "a day", 86_400)
    assert receipt.events.first(ev.CreateCategory) == ev.CreateCategory(
        count, "XXL", "a day", 86_400
    )


def test_create_category__by_a_stranger__names_the_owner(stage: Stage) -> None:
    with pytest.raises(ContractError) as caught:
        stage.stranger.hub.create_category("X", "", 1)
    assert caught.value.arguments == {
        "user": stage.keys["stranger"].address,
        "owner": stage.keys["owner"].address,
    }


def test_administration__is_the_owners(stage: Stage) -> None:
    stranger = stage.keys["stranger"].address
    events = [
        *stage.owner.hub.set_callback_gas(300_000).events,
        *stage.owner.hub.set_tee_broker(stranger).events,
        *stage.owner.hub.transfer_ownership(stranger).events,
        *stage.stranger.hub.accept_ownership().events,
    ]
    owner = stage.keys["owner"].address
    assert events == [
        ev.CallbackGasChanged(200_000, 300_000),
        ev.TeeBrokerChanged(ZERO_ADDRESS, stranger),
        ev.OwnershipTransferStarted(owner, stranger),
        ev.OwnershipTransferred(owner, stranger),
    ]
    constants = stage.market.hub.constants()
    assert (constants.callback_gas, constants.tee_broker) == (300_000, stranger)
    assert stage.market.hub.owner() == stranger


def test_kitty__is_what_its_address_holds(stage: Stage) -> None:
    assert stage.market.hub.constants().kitty_address == KITTY
    assert stage.market.hub.kitty() == stage.market.hub.account(KITTY).locked


def test_events__are_those_of_all_contracts_in_order(stage: Stage) -> None:
    first = stage.market.chain.block_number() + 1
    stage.owner.deposit(5)
    dealid = stage.deal()
    found = list(stage.market.events(first))
    assert [event.at for event in found] == sorted(event.at for event in found)
    assert ev.Transfer(ZERO_ADDRESS, stage.keys["owner"].address, 5) in found
    matched = [event for event in found if isinstance(event, ev.OrdersMatched)]
    assert [event.dealid for event in matched] == [dealid]
    assert matched[0].at.address == stage.market.hub.address


def test_events__of_a_kind__are_only_those(stage: Stage) -> None:
    first = stage.market.chain.block_number() + 1
    dealid = stage.deal()
    stage.stranger.workerpools.create(stage.keys["stranger"].address, "a new one")
    kinds = [ev.SchedulerNotice, ev.EntryTransfer]
    found = list(stage.market.events(first, kinds=kinds))
    assert [type(event) for event in found] == kinds
    assert found[0] == ev.SchedulerNotice(stage.pool, dealid)


def test_token__in_native_mode__says_what_to_use(stages: dict[Mode, Stage]) -> None:
    with pytest.raises(UserInputError, match="1e9 wei"):
        _ = stages[Mode.NATIVE].market.token


def test_acting_as__gives_another_account(stage: Stage) -> None:
    other: Market = stage.market.acting_as(Key.create())
    assert other.hub.address == stage.market.hub.address
    with pytest.raises(UserInputError):
        _ = stage.market.account


def test_call__with_a_value_out_of_range__is_the_callers_fault(stage: Stage) -> None:
    with pytest.raises(UserInputError, match="withdraw"):
        stage.stranger.hub.withdraw(UINT256_MAX + 1)
