"""The base token of local and test chains."""

from __future__ import annotations

import ape
import pytest

ZERO = "0x0000000000000000000000000000000000000000"
SUPPLY = 87_000_000 * 10**9  # nRLC


@pytest.fixture
def token(project, owner):
    """A token of which `owner` still has all."""
    return owner.deploy(project.RLC, owner)


@pytest.fixture
def spender(project, owner):
    """A contract that takes its allowance when it is called."""
    return owner.deploy(project.RecordingSpender)


def test_deployment__gives_the_whole_supply_to_the_holder(project, owner, requester):
    token = owner.deploy(project.RLC, requester)

    assert token.totalSupply() == SUPPLY
    assert token.balanceOf(requester) == SUPPLY


def test_deployment__to_zero__reverts(project, owner):
    with ape.reverts(project.RLC.ERC20InvalidReceiver, error_inputs={"receiver": ZERO}):
        owner.deploy(project.RLC, ZERO)


def test_metadata__is_that_of_rlc(token):
    assert (token.name(), token.symbol(), token.decimals()) == ("iExec RLC token", "RLC", 9)


def test_transfer__moves_the_amount(token, owner, requester):
    receipt = token.transfer(requester, 5, sender=owner)

    moved = {"from": owner, "to": requester, "value": 5}
    assert receipt.events == [token.Transfer(**moved)]
    assert token.balanceOf(requester) == 5
    assert token.balanceOf(owner) == SUPPLY - 5


def test_transfer__beyond_the_balance__reverts(token, requester, stranger):
    token_error = token.ERC20InsufficientBalance
    inputs = {"sender": requester.address, "balance": 0, "needed": 1}
    with ape.reverts(token_error, error_inputs=inputs):
        token.transfer(stranger, 1, sender=requester)


def test_approve__sets_the_allowance(token, owner, requester):
    receipt = token.approve(requester, 7, sender=owner)

    approval = {"owner": owner, "spender": requester, "value": 7}
    assert receipt.events == [token.Approval(**approval)]
    assert token.allowance(owner, requester) == 7


def test_transfer_from__spends_the_allowance(token, owner, requester, stranger):
    token.approve(requester, 7, sender=owner)

    token.transferFrom(owner, stranger, 3, sender=requester)

    assert token.balanceOf(stranger) == 3
    assert token.allowance(owner, requester) == 4


def test_transfer_from__beyond_the_allowance__reverts(token, owner, requester, stranger):
    token.approve(requester, 7, sender=owner)

    inputs = {"spender": requester.address, "allowance": 7, "needed": 8}
    with ape.reverts(token.ERC20InsufficientAllowance, error_inputs=inputs):
        token.transferFrom(owner, stranger, 8, sender=requester)


def test_approve_and_call__approves_then_calls(token, owner, spender):
    receipt = token.approveAndCall(spender, 9, b"data", sender=owner)

    approval = {"owner": owner, "spender": spender, "value": 9}
    told = {"caller": token, "sender": owner, "value": 9, "token": token, "data": b"data"}
    assert receipt.events == [
        token.Approval(**approval),
        spender.ApprovalReceived(**told),
        token.Transfer(**{"from": owner, "to": spender, "value": 9}),
    ]
    assert token.allowance(owner, spender) == 0


def test_approve_and_call__returns_true(token, owner, spender):
    assert token.approveAndCall.call(spender, 9, b"", sender=owner) is True


def test_approve_and_call__replaces_the_allowance(token, owner, spender):
    token.approve(spender, 100, sender=owner)

    token.approveAndCall(spender, 9, b"", sender=owner)

    assert token.allowance(owner, spender) == 0


def test_approve_and_call__answered_false__reverts(token, project, owner):
    spender = owner.deploy(project.ReturnFalseSpender)

    with ape.reverts(token.RLC_ApprovalRefused, error_inputs={"spender": spender.address}):
        token.approveAndCall(spender, 9, b"", sender=owner)

    assert token.allowance(owner, spender) == 0


def test_approve_and_call__spender_reverts__passes_it_on(token, owner, spender):
    spender.setRefuses(True, sender=owner)

    with ape.reverts(spender.Spender_Refused, error_inputs={"data": b"why"}):
        token.approveAndCall(spender, 9, b"why", sender=owner)


def test_approve_and_call__of_an_account_without_code__reverts(token, owner, stranger):
    with pytest.raises(ape.exceptions.ContractLogicError):
        token.approveAndCall(stranger, 9, b"", sender=owner)

    assert token.allowance(owner, stranger) == 0


def test_approve_and_call__of_zero__reverts(token, owner):
    with ape.reverts(token.ERC20InvalidSpender, error_inputs={"spender": ZERO}):
        token.approveAndCall(ZERO, 9, b"", sender=owner)
