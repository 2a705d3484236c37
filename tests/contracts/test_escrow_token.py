"""Deposits and withdrawals of an ERC-20 base token (spec contracts §1.4)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from market import (
    DEPOSIT,
    KITTY,
    ZERO_ADDRESS,
    reverts,
)
from stage import deploy_hub

MAX_SUPPLY = 2**96 - 1


@pytest.fixture
def purse(token, hub, owner, stranger):
    """Give the stranger 100 nRLC of the base token, all approved for the hub."""
    token.transfer(stranger, 100, sender=owner)
    token.approve(hub, 100, sender=stranger)
    return stranger


@pytest.fixture
def hostile(project, owner, registries, requester):
    """A hub on a token that obeys the test; the requester deposited 1,000."""
    token = owner.deploy(project.HostileToken)
    hub = deploy_hub(project, owner, token, registries)
    token.mint(requester, 10_000, sender=owner)
    token.approve(hub, 10_000, sender=requester)
    hub.deposit(1_000, sender=requester)
    mode = dict(zip(("honest", "false", "nothing", "revert", "reenter"), range(5), strict=True))
    return SimpleNamespace(
        token=token, hub=hub, set=lambda name: token.setMode(mode[name], sender=owner)
    )


def minted(token_market, token, source, target, value):
    """The events of one deposit."""
    return [
        token.Transfer(**{"from": source, "to": token_market.hub, "value": value}),
        token_market.transfer(ZERO_ADDRESS, target, value),
    ]


def test_deposit__pulls_then_credits(token_market, hub, token, purse):
    supply, held = hub.totalSupply(), token.balanceOf(hub)

    receipt = hub.deposit(30, sender=purse)

    assert receipt.events == minted(token_market, token, purse, purse, 30)
    assert hub.balanceOf(purse) == 30
    assert hub.totalSupply() == supply + 30
    assert token.balanceOf(hub) == held + 30


def test_deposit__of_nothing__emits_its_events(token_market, hub, token, stranger):
    receipt = hub.deposit(0, sender=stranger)

    assert receipt.events == minted(token_market, token, stranger, stranger, 0)


def test_deposit__without_allowance__passes_the_tokens_error_on(token, hub, owner):
    token.approve(hub, 4, sender=owner)

    with reverts(token, "ERC20InsufficientAllowance", hub, 4, 5):
        hub.deposit(5, sender=owner)


def test_deposit__with_value__reverts(hub, purse):
    with reverts(hub, ""):
        hub.deposit(5, sender=purse, value=1)


def test_deposit_for__credits_the_target(token_market, hub, token, purse, requester):
    receipt = hub.depositFor(30, requester, sender=purse)

    assert receipt.events == minted(token_market, token, purse, requester, 30)
    assert hub.balanceOf(requester) == DEPOSIT + 30
    assert hub.balanceOf(purse) == 0


@pytest.mark.parametrize("lost", ["zero", "hub", "kitty"])
def test_deposit_for__where_it_would_be_lost__reverts(hub, purse, lost):
    target = {"zero": ZERO_ADDRESS, "hub": hub.address, "kitty": KITTY}[lost]

    with reverts(hub, "ERC20InvalidReceiver", target):
        hub.depositFor(1, target, sender=purse)


def test_deposit_for_array__credits_each_in_turn(token_market, hub, token, purse, cast):
    targets = [cast["worker_1"], cast["worker_2"], cast["worker_1"]]

    receipt = hub.depositForArray([1, 2, 3], targets, sender=purse)

    assert receipt.events == [
        event
        for value, target in zip((1, 2, 3), targets, strict=True)
        for event in minted(token_market, token, purse, target, value)
    ]
    assert hub.balanceOf(cast["worker_1"]) == DEPOSIT + 4
    assert hub.balanceOf(cast["worker_2"]) == DEPOSIT + 2


def test_deposit_for_array__of_nobody__does_nothing(hub, purse):
    assert hub.depositForArray([], [], sender=purse).events == []


def test_deposit_for_array__of_unequal_lengths__reverts(hub, purse, requester):
    with reverts(hub, "Escrow_LengthMismatch", 2, 1):
        hub.depositForArray([1, 2], [requester], sender=purse)


def test_deposit_for_array__one_fails__undoes_all(hub, purse, requester):
    with reverts(hub, "ERC20InvalidReceiver", ZERO_ADDRESS):
        hub.depositForArray([1, 2], [requester, ZERO_ADDRESS], sender=purse)

    assert hub.balanceOf(requester) == DEPOSIT


def test_withdraw__burns_then_pays(token_market, hub, token, requester):
    supply = hub.totalSupply()

    receipt = hub.withdraw(30, sender=requester)

    assert receipt.events == [
        token_market.transfer(requester, ZERO_ADDRESS, 30),
        token.Transfer(**{"from": hub, "to": requester, "value": 30}),
    ]
    assert hub.balanceOf(requester) == DEPOSIT - 30
    assert token.balanceOf(requester) == 30
    assert hub.totalSupply() == supply - 30


def test_withdraw__of_nothing__emits_its_events(token_market, hub, token, stranger):
    receipt = hub.withdraw(0, sender=stranger)

    assert receipt.events == [
        token_market.transfer(stranger, ZERO_ADDRESS, 0),
        token.Transfer(**{"from": hub, "to": stranger, "value": 0}),
    ]


def test_withdraw__beyond_the_balance__reverts(hub, requester):
    with reverts(hub, "ERC20InsufficientBalance", requester, DEPOSIT, DEPOSIT + 1):
        hub.withdraw(DEPOSIT + 1, sender=requester)


def test_withdraw_to__pays_the_target(token_market, hub, token, requester, stranger):
    receipt = hub.withdrawTo(30, stranger, sender=requester)

    assert receipt.events == [
        token_market.transfer(requester, ZERO_ADDRESS, 30),
        token.Transfer(**{"from": hub, "to": stranger, "value": 30}),
    ]
    assert token.balanceOf(stranger) == 30


def test_withdraw_to__beyond_the_balance__reverts(hub, requester, stranger):
    with reverts(hub, "ERC20InsufficientBalance", requester, DEPOSIT, DEPOSIT + 1):
        hub.withdrawTo(DEPOSIT + 1, stranger, sender=requester)


def test_withdraw_to__zero__passes_the_tokens_error_on(token, hub, requester):
    with reverts(token, "ERC20InvalidReceiver", ZERO_ADDRESS):
        hub.withdrawTo(1, ZERO_ADDRESS, sender=requester)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("deposit", (0,)),
        ("depositFor", (0, "requester")),
        ("depositForArray", ([], [])),
        ("withdraw", (0,)),
        ("withdrawTo", (0, "requester")),
    ],
)
def test_escrow__returns_true(hub, cast, requester, method, arguments):
    values = [cast[value] if isinstance(value, str) else value for value in arguments]

    assert getattr(hub, method).call(*values, sender=requester) is True


def test_recover__credits_the_owner_with_the_surplus(token_market, hub, token, owner):
    token.transfer(hub, 17, sender=owner)

    receipt = hub.recover(sender=owner)

    assert receipt.events == [token_market.transfer(ZERO_ADDRESS, owner, 17)]
    assert hub.balanceOf(owner) == DEPOSIT + 17
    assert hub.totalSupply() == token.balanceOf(hub)


def test_recover__returns_the_surplus(hub, token, owner):
    token.transfer(hub, 17, sender=owner)

    assert hub.recover.call(sender=owner) == 17


def test_recover__without_surplus__emits_its_event(token_market, hub, owner):
    receipt = hub.recover(sender=owner)

    assert receipt.events == [token_market.transfer(ZERO_ADDRESS, owner, 0)]


def test_recover__by_a_stranger__reverts(hub, owner, stranger):
    with reverts(hub, "NotContractOwner", stranger, owner):
        hub.recover(sender=stranger)


@pytest.mark.parametrize("value", [0, 1])
def test_fallback__unknown_function__reverts(hub, stranger, value):
    with reverts(hub, "Escrow_FallbackDisabled", bytes.fromhex("12345678")):
        stranger.transfer(hub, value, data="0x12345678")


def test_fallback__plain_value__reverts(hub, stranger):
    with reverts(hub, "Escrow_FallbackDisabled", bytes(4)):
        stranger.transfer(hub, 1)


def test_fallback__part_of_a_selector__reverts(hub, stranger):
    with reverts(hub, "Escrow_FallbackDisabled", bytes.fromhex("12340000")):
        stranger.transfer(hub, 0, data="0x1234")


def test_fallback__deposit_of_native_mode__reverts(hub, stranger):
    with reverts(hub, "Escrow_FallbackDisabled", bytes.fromhex("d0e30db0")):
        stranger.transfer(hub, 1, data="0xd0e30db0")


# ---- tokens that misbehave


@pytest.mark.parametrize("mode", ["false", "nothing"])
def test_deposit__token_does_not_answer_true__reverts(hostile, requester, mode):
    hostile.set(mode)

    with reverts(hostile.hub, "Escrow_TokenTransferFailed", hostile.token, 5):
        hostile.hub.deposit(5, sender=requester)


def test_deposit__token_reverts__passes_it_on(hostile, requester):
    hostile.set("revert")

    with reverts(hostile.token, "HostileToken_Refused"):
        hostile.hub.deposit(5, sender=requester)


def test_deposit__token_without_code__reverts(project, owner, registries, requester, stranger):
    hub = deploy_hub(project, owner, stranger, registries)

    with reverts(hub, "Escrow_TokenTransferFailed", stranger, 5):
        hub.deposit(5, sender=requester)


@pytest.mark.parametrize("mode", ["false", "nothing"])
def test_withdraw__token_does_not_answer_true__reverts(hostile, requester, mode):
    hostile.set(mode)

    with reverts(hostile.hub, "Escrow_TokenTransferFailed", hostile.token, 5):
        hostile.hub.withdraw(5, sender=requester)

    assert hostile.hub.balanceOf(requester) == 1_000


def test_withdraw__token_reverts__passes_it_on(hostile, requester):
    hostile.set("revert")

    with reverts(hostile.token, "HostileToken_Refused"):
        hostile.hub.withdrawTo(5, requester, sender=requester)


def test_withdraw__token_withdraws_again__pays_each_once(hostile, requester, owner):
    hub, token = hostile.hub, hostile.token
    hub.depositFor(600, token, sender=requester)
    token.arm(hub, hub.withdraw.encode_input(600), sender=owner)
    hostile.set("reenter")

    hub.withdraw(400, sender=requester)

    assert token.strikes() > 0
    assert hub.balanceOf(token) == 0
    assert hub.balanceOf(requester) == 600
    assert hub.totalSupply() == token.balanceOf(hub) == 600


def test_deposit__token_moves_its_balance_meanwhile__credits_once(hostile, requester, owner):
    hub, token = hostile.hub, hostile.token
    hub.depositFor(600, token, sender=requester)
    token.arm(hub, hub.transfer.encode_input(owner, 600), sender=owner)
    hostile.set("reenter")

    hub.deposit(400, sender=requester)

    assert token.lastSuccess()
    assert (hub.balanceOf(requester), hub.balanceOf(owner)) == (1_400, 600)
    assert hub.totalSupply() == token.balanceOf(hub) == 2_000


def test_deposit__supply_of_96_bits__is_accepted(hostile, owner, requester):
    room = MAX_SUPPLY - 1_000
    hostile.token.mint(owner, room, sender=owner)
    hostile.token.approve(hostile.hub, room, sender=owner)

    hostile.hub.deposit(room, sender=owner)

    assert hostile.hub.totalSupply() == MAX_SUPPLY
    assert hostile.hub.balanceOf(owner) == room


def test_deposit__supply_beyond_96_bits__reverts(hostile, owner):
    room = MAX_SUPPLY - 1_000
    hostile.token.mint(owner, room + 1, sender=owner)
    hostile.token.approve(hostile.hub, room + 1, sender=owner)

    with reverts(hostile.hub, "Escrow_AmountTooLarge", room, room + 1):
        hostile.hub.deposit(room + 1, sender=owner)
