"""The ERC-20 face of the free balances, in both modes (spec contracts §1.2, §1.3)."""

from __future__ import annotations

import pytest
from market import DEPOSIT, KITTY, ZERO_ADDRESS, reverts

MAX = 2**256 - 1


@pytest.fixture
def hub(each_market):
    return each_market.hub


@pytest.fixture(params=["zero", "hub", "kitty"])
def lost(request, hub):
    """A receiver whose sRLC nobody could ever spend: the null account, the hub, the kitty (W22)."""
    return {"zero": ZERO_ADDRESS, "hub": hub.address, "kitty": KITTY}[request.param]


@pytest.fixture
def spender(project, owner):
    """A contract that takes its allowance when it is called."""
    return owner.deploy(project.RecordingSpender)


def approval(hub, owner, spender, value):
    return hub.Approval(owner=owner, spender=spender, value=value)


def test_metadata__is_that_of_staked_rlc(hub):
    assert (hub.name(), hub.symbol(), hub.decimals()) == ("Staked RLC", "SRLC", 9)


def test_total_supply__is_what_was_deposited(hub, cast):
    assert hub.totalSupply() == DEPOSIT * (len(cast) - 1)


def test_transfer__moves_the_amount(each_market, hub, requester, stranger):
    receipt = hub.transfer(stranger, 5, sender=requester)

    assert receipt.events == [each_market.transfer(requester, stranger, 5)]
    assert hub.balanceOf(requester) == DEPOSIT - 5
    assert hub.balanceOf(stranger) == 5


def test_transfer__returns_true(hub, requester, stranger):
    assert hub.transfer.call(stranger, 5, sender=requester) is True


def test_transfer__of_nothing__emits_its_event(each_market, hub, stranger, requester):
    receipt = hub.transfer(requester, 0, sender=stranger)

    assert receipt.events == [each_market.transfer(stranger, requester, 0)]


def test_transfer__to_oneself__changes_nothing(each_market, hub, requester):
    before = each_market.balances()

    receipt = hub.transfer(requester, DEPOSIT, sender=requester)

    assert receipt.events == [each_market.transfer(requester, requester, DEPOSIT)]
    assert each_market.balances() == before


def test_transfer__beyond_the_balance__reverts(hub, requester, stranger):
    with reverts(hub, "ERC20InsufficientBalance", requester, DEPOSIT, DEPOSIT + 1):
        hub.transfer(stranger, DEPOSIT + 1, sender=requester)


def test_transfer__of_frozen_balance__reverts(each_market, hub, requester, stranger):
    each_market.match()
    free, frozen = hub.viewAccount(requester)

    with reverts(hub, "ERC20InsufficientBalance", requester, free, free + frozen):
        hub.transfer(stranger, free + frozen, sender=requester)


def test_transfer__to_where_it_would_be_lost__reverts(hub, requester, lost):
    with reverts(hub, "ERC20InvalidReceiver", lost):
        hub.transfer(lost, 1, sender=requester)


def test_approve__sets_the_allowance(hub, requester, stranger):
    receipt = hub.approve(stranger, 7, sender=requester)

    assert receipt.events == [approval(hub, requester, stranger, 7)]
    assert hub.allowance(requester, stranger) == 7


def test_approve__again__replaces_the_allowance(hub, requester, stranger):
    hub.approve(stranger, 7, sender=requester)

    hub.approve(stranger, 3, sender=requester)

    assert hub.allowance(requester, stranger) == 3


def test_approve__returns_true(hub, requester, stranger):
    assert hub.approve.call(stranger, 7, sender=requester) is True


def test_approve__of_zero__reverts(hub, requester):
    with reverts(hub, "ERC20InvalidSpender", ZERO_ADDRESS):
        hub.approve(ZERO_ADDRESS, 7, sender=requester)


def test_transfer_from__moves_then_lowers_the_allowance(each_market, hub, requester, stranger):
    hub.approve(stranger, 7, sender=requester)

    receipt = hub.transferFrom(requester, stranger, 3, sender=stranger)

    assert receipt.events == [
        each_market.transfer(requester, stranger, 3),
        approval(hub, requester, stranger, 4),
    ]
    assert hub.balanceOf(requester) == DEPOSIT - 3
    assert hub.balanceOf(stranger) == 3
    assert hub.allowance(requester, stranger) == 4


def test_transfer_from__returns_true(hub, requester, stranger):
    hub.approve(stranger, 7, sender=requester)

    assert hub.transferFrom.call(requester, stranger, 3, sender=stranger) is True


def test_transfer_from__largest_allowance__shrinks_too(hub, requester, stranger):
    hub.approve(stranger, MAX, sender=requester)

    hub.transferFrom(requester, stranger, 1, sender=stranger)

    assert hub.allowance(requester, stranger) == MAX - 1


def test_transfer_from__beyond_the_allowance__reverts(hub, requester, stranger):
    hub.approve(stranger, 2, sender=requester)

    with reverts(hub, "ERC20InsufficientAllowance", stranger, 2, 3):
        hub.transferFrom(requester, stranger, 3, sender=stranger)


def test_transfer_from__beyond_balance_and_allowance__names_the_balance(hub, requester, stranger):
    with reverts(hub, "ERC20InsufficientBalance", requester, DEPOSIT, DEPOSIT + 1):
        hub.transferFrom(requester, stranger, DEPOSIT + 1, sender=stranger)


def test_transfer_from__of_zero_account__reverts(hub, stranger):
    with reverts(hub, "ERC20InvalidSender", ZERO_ADDRESS):
        hub.transferFrom(ZERO_ADDRESS, stranger, 0, sender=stranger)


def test_transfer_from__to_where_it_would_be_lost__reverts(hub, requester, stranger, lost):
    hub.approve(stranger, 1, sender=requester)

    with reverts(hub, "ERC20InvalidReceiver", lost):
        hub.transferFrom(requester, lost, 1, sender=stranger)


def test_increase_allowance__adds(hub, requester, stranger):
    hub.approve(stranger, 7, sender=requester)

    receipt = hub.increaseAllowance(stranger, 5, sender=requester)

    assert receipt.events == [approval(hub, requester, stranger, 12)]
    assert hub.allowance(requester, stranger) == 12


def test_increase_allowance__beyond_256_bits__reverts(hub, requester, stranger):
    hub.approve(stranger, MAX - 4, sender=requester)

    with reverts(hub, "Escrow_AmountTooLarge", 4, 5):
        hub.increaseAllowance(stranger, 5, sender=requester)


def test_increase_allowance__of_zero__reverts(hub, requester):
    with reverts(hub, "ERC20InvalidSpender", ZERO_ADDRESS):
        hub.increaseAllowance(ZERO_ADDRESS, 1, sender=requester)


def test_decrease_allowance__subtracts(hub, requester, stranger):
    hub.approve(stranger, 7, sender=requester)

    receipt = hub.decreaseAllowance(stranger, 5, sender=requester)

    assert receipt.events == [approval(hub, requester, stranger, 2)]
    assert hub.allowance(requester, stranger) == 2


def test_decrease_allowance__below_zero__reverts(hub, requester, stranger):
    hub.approve(stranger, 7, sender=requester)

    with reverts(hub, "ERC20InsufficientAllowance", stranger, 7, 8):
        hub.decreaseAllowance(stranger, 8, sender=requester)


def test_decrease_allowance__of_zero__reverts(hub, requester):
    with reverts(hub, "ERC20InvalidSpender", ZERO_ADDRESS):
        hub.decreaseAllowance(ZERO_ADDRESS, 0, sender=requester)


@pytest.mark.parametrize("method", ["increaseAllowance", "decreaseAllowance"])
def test_change_of_allowance__returns_true(hub, requester, stranger, method):
    hub.approve(stranger, 7, sender=requester)

    assert getattr(hub, method).call(stranger, 1, sender=requester) is True


def test_approve_and_call__approves_then_calls(each_market, hub, requester, spender):
    receipt = hub.approveAndCall(spender, 9, b"data", sender=requester)

    told = {"caller": hub, "sender": requester, "value": 9, "token": hub, "data": b"data"}
    assert receipt.events == [
        approval(hub, requester, spender, 9),
        spender.ApprovalReceived(**told),
        each_market.transfer(requester, spender, 9),
        approval(hub, requester, spender, 0),
    ]
    assert hub.balanceOf(spender) == 9


def test_approve_and_call__returns_true(hub, requester, spender):
    assert hub.approveAndCall.call(spender, 9, b"", sender=requester) is True


def test_approve_and_call__answered_false__reverts(project, owner, hub, requester):
    spender = owner.deploy(project.ReturnFalseSpender)

    with reverts(hub, "Escrow_CallRefused", spender):
        hub.approveAndCall(spender, 9, b"", sender=requester)


def test_approve_and_call__spender_reverts__passes_it_on(hub, requester, spender, owner):
    spender.setRefuses(True, sender=owner)

    with reverts(spender, "Spender_Refused", b"why"):
        hub.approveAndCall(spender, 9, b"why", sender=requester)


def test_approve_and_call__of_an_account_without_code__reverts(hub, requester, stranger):
    with reverts(hub, ""):
        hub.approveAndCall(stranger, 9, b"", sender=requester)


def test_view_account__shows_free_and_frozen(each_market, hub, requester):
    each_market.match()

    price = 1_000 + 1_000_000 + 10**9
    assert tuple(hub.viewAccount(requester)) == (DEPOSIT - price, price)
    assert hub.balanceOf(requester) == DEPOSIT - price
    assert hub.frozenOf(requester) == price


def test_balance_of_the_hub__is_all_that_is_frozen(each_market, hub):
    each_market.match()

    table = each_market.balances()
    assert table["hub"] == (sum(frozen for _, frozen in table.values()), 0)
    assert sum(free for free, _ in table.values()) == hub.totalSupply()
