"""Deposit and match in one transaction of the base token (spec contracts §1.5, W7)."""

from __future__ import annotations

import pytest
from market import DEPOSIT, RLC, ZERO_ADDRESS, DealMade, deal_id, reverts

COST = 1_000 + 1_000_000 + RLC


@pytest.fixture
def funded(token, owner, requester):
    """Give the requester 100 RLC of the base token."""
    token.transfer(requester, 100 * RLC, sender=owner)
    return requester


@pytest.fixture
def call(hub):
    """Encode a call of `matchOrders`."""

    def encode(orders):
        return bytes(hub.matchOrders.encode_input(*orders.to_abi()))

    return encode


def test_receive_approval__without_data__deposits(token_market, hub, token, funded):
    receipt = token.approveAndCall(hub, 30, b"", sender=funded)

    assert receipt.events == [
        token.Approval(owner=funded, spender=hub, value=30),
        token.Transfer(**{"from": funded, "to": hub, "value": 30}),
        token_market.transfer(ZERO_ADDRESS, funded, 30),
    ]
    assert hub.balanceOf(funded) == DEPOSIT + 30
    assert token.allowance(funded, hub) == 0


def test_receive_approval__with_match__deposits_then_matches(
    token_market, hub, token, funded, call
):
    orders = token_market.orders(request={"volume": 2})

    receipt = token.approveAndCall(hub, 2 * COST, call(orders), sender=funded)

    requested = token_market.hash(orders.request)
    deal = DealMade(deal_id(requested, 0), orders, 0, 2, receipt)
    assert receipt.events == [
        token.Approval(owner=funded, spender=hub, value=2 * COST),
        token.Transfer(**{"from": funded, "to": hub, "value": 2 * COST}),
        token_market.transfer(ZERO_ADDRESS, funded, 2 * COST),
        *token_market.matched(deal),
    ]
    assert tuple(hub.viewAccount(funded)) == (DEPOSIT, 2 * COST)
    assert hub.viewDeal(deal.dealid).sponsor == funded


def test_receive_approval__surplus__stays_in_the_balance(token_market, hub, token, funded, call):
    token.approveAndCall(hub, COST + 5, call(token_market.orders()), sender=funded)

    assert tuple(hub.viewAccount(funded)) == (DEPOSIT + 5, COST)


def test_receive_approval__less_than_the_price__takes_the_rest_from_the_balance(
    token_market, hub, token, funded, call
):
    token.approveAndCall(hub, 1, call(token_market.orders()), sender=funded)

    assert tuple(hub.viewAccount(funded)) == (DEPOSIT + 1 - COST, COST)


def test_receive_approval__too_poor__passes_the_matchs_error_on(
    token_market, hub, token, funded, call
):
    hub.withdraw(DEPOSIT, sender=funded)

    with reverts(hub, "Escrow_BalanceTooLow", funded, COST - 1, COST):
        token.approveAndCall(hub, COST - 1, call(token_market.orders()), sender=funded)


def test_receive_approval__orders_that_do_not_match__undoes_the_deposit(
    token_market, hub, token, funded, call
):
    orders = token_market.orders(request={"trust": 101})

    with reverts(hub, "Match_TrustTooLow", 101, 100):
        token.approveAndCall(hub, COST, call(orders), sender=funded)

    assert hub.balanceOf(funded) == DEPOSIT


def test_receive_approval__of_somebody_elses_request__reverts(
    token_market, hub, token, owner, call
):
    with reverts(hub, "CallerIsNotTheRequester"):
        token.approveAndCall(hub, COST, call(token_market.orders()), sender=owner)


def test_receive_approval__other_function__reverts(token_market, hub, token, funded):
    orders = token_market.orders().to_abi()
    data = bytes(hub.sponsorMatchOrders.encode_input(*orders))

    with reverts(hub, "UnsupportedOperation", data[:4]):
        token.approveAndCall(hub, COST, data, sender=funded)


@pytest.mark.parametrize("data", [b"\x15", b"\x15\x61", b"\x15\x61\x94"])
def test_receive_approval__part_of_a_selector__reverts(hub, token, funded, data):
    with reverts(hub, "UnsupportedOperation", data.ljust(4, b"\0")):
        token.approveAndCall(hub, COST, data, sender=funded)


@pytest.mark.parametrize("length", [4, 36, 131, 132, 600])
def test_receive_approval__orders_cut_before_the_requester__reverts(
    token_market, hub, token, funded, call, length
):
    with reverts(hub, "OperationFailed"):
        token.approveAndCall(hub, COST, call(token_market.orders())[:length], sender=funded)


def test_receive_approval__orders_cut_at_the_end__reverts(token_market, hub, token, funded, call):
    with reverts(hub, "OperationFailed"):
        token.approveAndCall(hub, COST, call(token_market.orders())[:-64], sender=funded)


def test_receive_approval__offset_beyond_the_data__reverts(token_market, hub, token, funded, call):
    data = bytearray(call(token_market.orders()))
    data[100:132] = b"\xff" * 32

    with reverts(hub, "OperationFailed"):
        token.approveAndCall(hub, COST, bytes(data), sender=funded)


def test_receive_approval__requester_with_dirty_bits__reverts(
    token_market, hub, token, funded, call
):
    data = bytearray(call(token_market.orders()))
    at = 4 + int.from_bytes(data[100:132]) + 6 * 32
    data[at] = 1

    with reverts(hub, "CallerIsNotTheRequester"):
        token.approveAndCall(hub, COST, bytes(data), sender=funded)


def test_receive_approval__by_a_stranger__reverts(hub, token, funded, stranger):
    token.approve(hub, 5, sender=funded)

    with reverts(hub, "Escrow_WrongToken", token, stranger):
        hub.receiveApproval(funded, 5, token, b"", sender=stranger)


def test_receive_approval__by_the_account_itself__reverts(hub, token, funded):
    token.approve(hub, 5, sender=funded)

    with reverts(hub, "Escrow_WrongToken", token, funded):
        hub.receiveApproval(funded, 5, token, b"", sender=funded)


def test_receive_approval__of_another_token__reverts(project, hub, token, owner):
    other = owner.deploy(project.RLC, owner)

    with reverts(hub, "Escrow_WrongToken", token, other):
        other.approveAndCall(hub, 5, b"", sender=owner)


def test_receive_approval__of_the_hubs_own_face__reverts(hub, token, requester):
    with reverts(hub, "Escrow_WrongToken", token, hub):
        hub.approveAndCall(hub, 5, b"", sender=requester)


def test_receive_approval__beyond_the_tokens_balance__passes_its_error_on(hub, token, funded):
    with reverts(token, "ERC20InsufficientBalance", funded, 100 * RLC, 100 * RLC + 1):
        token.approveAndCall(hub, 100 * RLC + 1, b"", sender=funded)
