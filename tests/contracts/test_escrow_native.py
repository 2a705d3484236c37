"""Deposits and withdrawals of the chain's currency: 1 nRLC is 1e9 wei (spec contracts §1.6)."""

from __future__ import annotations

import ape
import pytest
from eth_utils import keccak
from market import DEPOSIT, WEI_PER_NRLC, ZERO_ADDRESS, reverts

GWEI = WEI_PER_NRLC


@pytest.fixture
def hub(native_hub):
    return native_hub


@pytest.fixture
def receiver(project, owner):
    """A contract with 1 ether that accepts what it is paid, until told otherwise."""
    receiver = owner.deploy(project.NativeReceiver)
    owner.transfer(receiver, 10**18)
    return receiver


@pytest.fixture
def act(hub, owner, receiver):
    """Let the receiver call a method of the hub."""

    def call(method, *arguments, value=0):
        data = getattr(hub, method).encode_input(*arguments)
        return receiver.execute(hub, data, sender=owner, value=value)

    return call


REFUSE, REENTER = 1, 2


def is_backed(hub):
    """Whether the hub holds at least what its supply promises."""
    return hub.balance >= hub.totalSupply() * GWEI


def test_deposit__credits_whole_nrlc(native_market, hub, stranger):
    supply, held = hub.totalSupply(), hub.balance

    receipt = hub.deposit(sender=stranger, value=30 * GWEI)

    assert receipt.events == [native_market.transfer(ZERO_ADDRESS, stranger, 30)]
    assert hub.balanceOf(stranger) == 30
    assert hub.totalSupply() == supply + 30
    assert hub.balance == held + 30 * GWEI


def test_deposit__hands_the_rest_back(hub, stranger):
    before, held = stranger.balance, hub.balance

    receipt = hub.deposit(sender=stranger, value=2 * GWEI + 7)

    assert hub.balanceOf(stranger) == 2
    assert hub.balance == held + 2 * GWEI
    assert stranger.balance == before - 2 * GWEI - receipt.total_fees_paid


def test_deposit__of_nothing__emits_its_event(native_market, hub, stranger):
    receipt = hub.deposit(sender=stranger)

    assert receipt.events == [native_market.transfer(ZERO_ADDRESS, stranger, 0)]


def test_deposit_for__credits_the_target(native_market, hub, stranger, requester):
    receipt = hub.depositFor(requester, sender=stranger, value=30 * GWEI)

    assert receipt.events == [native_market.transfer(ZERO_ADDRESS, requester, 30)]
    assert hub.balanceOf(requester) == DEPOSIT + 30


def test_deposit_for__hands_the_rest_to_the_sender(hub, receiver, act, requester):
    before = receiver.balance

    act("depositFor", requester, value=2 * GWEI + 7)

    assert receiver.balance == before + 7
    assert hub.balanceOf(requester) == DEPOSIT + 2


@pytest.mark.parametrize("lost", ["zero", "hub", "kitty"])
def test_deposit_for__where_it_would_be_lost__reverts(hub, stranger, lost):
    target = {"zero": ZERO_ADDRESS, "hub": hub.address, "kitty": hub.kitty_address()}[lost]

    with reverts(hub, "ERC20InvalidReceiver", target):
        hub.depositFor(target, sender=stranger, value=GWEI)


def test_deposit_for_array__credits_each_and_hands_the_rest_back(
    native_market, hub, stranger, cast
):
    targets = [cast["worker_1"], cast["worker_2"]]
    before = stranger.balance

    receipt = hub.depositForArray([1, 2], targets, sender=stranger, value=5 * GWEI + 1)

    assert receipt.events == [
        native_market.transfer(ZERO_ADDRESS, targets[0], 1),
        native_market.transfer(ZERO_ADDRESS, targets[1], 2),
    ]
    assert stranger.balance == before - 3 * GWEI - receipt.total_fees_paid


def test_deposit_for_array__of_more_than_the_value__reverts(hub, stranger, cast):
    with reverts(hub, "Escrow_ValueTooLow", 3 * GWEI, 3 * GWEI - 1):
        hub.depositForArray(
            [1, 2], [cast["worker_1"], cast["worker_2"]], sender=stranger, value=3 * GWEI - 1
        )


def test_deposit_for_array__amounts_that_overflow_together__reverts(hub, stranger, cast):
    supply = hub.totalSupply()
    half = 2**95

    with reverts(hub, "Escrow_AmountTooLarge", 2**96 - 1 - supply - half, half):
        hub.depositForArray([half, half], [cast["worker_1"]] * 2, sender=stranger)


def test_deposit_for_array__amount_whose_wei_overflow__reverts(hub, stranger, requester):
    room = 2**96 - 1 - hub.totalSupply()

    with reverts(hub, "Escrow_AmountTooLarge", room, 2**255):
        hub.depositForArray([2**255], [requester], sender=stranger)


def test_deposit_for_array__of_unequal_lengths__reverts(hub, stranger, requester):
    with reverts(hub, "Escrow_LengthMismatch", 1, 2):
        hub.depositForArray([1], [requester, requester], sender=stranger, value=2 * GWEI)


@pytest.mark.parametrize("data", ["", "0x12345678", "0x1234"])
def test_fallback__is_a_deposit(native_market, hub, stranger, data):
    receipt = stranger.transfer(hub, 30 * GWEI, **({"data": data} if data else {}))

    assert receipt.events == [native_market.transfer(ZERO_ADDRESS, stranger, 30)]
    assert hub.balanceOf(stranger) == 30


def test_fallback__returns_no_data(hub, stranger):
    provider = ape.networks.provider

    answer = provider.web3.eth.call(
        {"from": stranger.address, "to": hub.address, "data": "0x12345678", "value": GWEI}
    )

    assert bytes(answer) == b""


def test_fallback__hands_the_rest_back(hub, receiver, owner):
    before = receiver.balance

    receiver.execute(hub, "0x12345678", sender=owner, value=3 * GWEI + 9)

    assert hub.balanceOf(receiver) == 3
    assert receiver.balance == before + 9


def test_fallback__receive_approval__is_a_deposit(native_market, project, hub, stranger):
    data = project.PocoHub.contract_type.methods["receiveApproval"]
    selector = keccak(text=data.selector)[:4]

    receipt = stranger.transfer(hub, 2 * GWEI, data=selector + bytes(160))

    assert receipt.events == [native_market.transfer(ZERO_ADDRESS, stranger, 2)]


def test_withdraw__burns_and_pays(native_market, hub, requester):
    before = requester.balance

    receipt = hub.withdraw(30, sender=requester)

    assert receipt.events == [native_market.transfer(requester, ZERO_ADDRESS, 30)]
    assert requester.balance == before + 30 * GWEI - receipt.total_fees_paid
    assert hub.balanceOf(requester) == DEPOSIT - 30


def test_withdraw__beyond_the_balance__reverts(hub, requester):
    with reverts(hub, "ERC20InsufficientBalance", requester, DEPOSIT, DEPOSIT + 1):
        hub.withdraw(DEPOSIT + 1, sender=requester)


def test_withdraw_to__pays_the_target(native_market, hub, requester, stranger):
    before = stranger.balance

    receipt = hub.withdrawTo(30, stranger, sender=requester)

    assert receipt.events == [native_market.transfer(requester, ZERO_ADDRESS, 30)]
    assert stranger.balance == before + 30 * GWEI


def test_withdraw_to__beyond_the_balance__reverts(hub, requester, stranger):
    with reverts(hub, "ERC20InsufficientBalance", requester, DEPOSIT, DEPOSIT + 1):
        hub.withdrawTo(DEPOSIT + 1, stranger, sender=requester)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("deposit", ()),
        ("depositFor", ("requester",)),
        ("depositForArray", ([], [])),
        ("withdraw", (0,)),
        ("withdrawTo", (0, "requester")),
    ],
)
def test_escrow__returns_true(hub, cast, requester, method, arguments):
    values = [cast[value] if isinstance(value, str) else value for value in arguments]

    assert getattr(hub, method).call(*values, sender=requester) is True


# ---- receivers that misbehave


@pytest.mark.parametrize("value", [2 * GWEI, 2 * GWEI + 7])
def test_deposit__refund_refused__reverts(hub, owner, receiver, act, value):
    receiver.setMode(REFUSE, sender=owner)

    with reverts(hub, "Escrow_NativeTransferFailed", receiver, value % GWEI):
        act("deposit", value=value)


def test_deposit_for_array__refund_refused__reverts(hub, owner, receiver, act, requester):
    receiver.setMode(REFUSE, sender=owner)

    with reverts(hub, "Escrow_NativeTransferFailed", receiver, GWEI):
        act("depositForArray", [1], [requester], value=2 * GWEI)


def test_withdraw__refused__reverts(hub, owner, receiver, act):
    act("deposit", value=5 * GWEI)
    receiver.setMode(REFUSE, sender=owner)

    with reverts(hub, "Escrow_NativeTransferFailed", receiver, 5 * GWEI):
        act("withdraw", 5)

    assert hub.balanceOf(receiver) == 5


def test_withdraw_to__refused__reverts(hub, owner, receiver, requester):
    receiver.setMode(REFUSE, sender=owner)

    with reverts(hub, "Escrow_NativeTransferFailed", receiver, 5 * GWEI):
        hub.withdrawTo(5, receiver, sender=requester)


def test_withdraw__receiver_withdraws_again__pays_once(hub, owner, receiver, act):
    act("deposit", value=5 * GWEI)
    receiver.arm(hub, hub.withdraw.encode_input(5), sender=owner)
    receiver.setMode(REENTER, sender=owner)
    before = receiver.balance

    act("withdraw", 5)

    assert receiver.strikes() == 1
    assert not receiver.lastSuccess()
    assert receiver.balance == before + 5 * GWEI
    assert hub.balanceOf(receiver) == 0
    assert is_backed(hub)


def test_deposit__refunded_depositor_withdraws__stays_backed(hub, owner, receiver, act):
    receiver.arm(hub, hub.withdraw.encode_input(2), sender=owner)
    receiver.setMode(REENTER, sender=owner)
    before, held = receiver.balance, hub.balance

    act("deposit", value=3 * GWEI + 7)

    # The refund strikes, the withdrawal pays and strikes again, when only one is left.
    assert receiver.strikes() == 2
    assert hub.balanceOf(receiver) == 1
    assert hub.balance == held + GWEI
    assert receiver.balance == before + 2 * GWEI + 7
    assert is_backed(hub)


# ---- recover


@pytest.fixture
def force(owner, hub):
    """Send value that no function of the hub sees, as the end of a contract's life does."""

    def send(value):
        code = bytes.fromhex("73" + hub.address[2:] + "ff")  # PUSH20 hub, SELFDESTRUCT
        ecosystem = ape.networks.provider.network.ecosystem
        owner.call(ecosystem.create_transaction(data=code, value=value, sender=owner.address))

    return send


def test_recover__credits_the_owner_with_the_surplus(native_market, hub, owner, force):
    force(17 * GWEI + 5)

    receipt = hub.recover(sender=owner)

    assert receipt.events == [native_market.transfer(ZERO_ADDRESS, owner, 17)]
    assert hub.balanceOf(owner) == DEPOSIT + 17
    assert is_backed(hub)


def test_recover__returns_the_surplus(hub, owner, force):
    force(17 * GWEI + 5)

    assert hub.recover.call(sender=owner) == 17


def test_recover__without_surplus__emits_its_event(native_market, hub, owner):
    receipt = hub.recover(sender=owner)

    assert receipt.events == [native_market.transfer(ZERO_ADDRESS, owner, 0)]


def test_recover__by_a_stranger__reverts(hub, owner, stranger):
    with reverts(hub, "NotContractOwner", stranger, owner):
        hub.recover(sender=stranger)


def test_token__of_native_mode__is_zero(hub):
    assert hub.token() == ZERO_ADDRESS
