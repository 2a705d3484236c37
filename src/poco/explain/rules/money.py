"""Errors of escrow and token (spec contracts §1.2 to §1.6)."""

from __future__ import annotations

from poco.explain.rules.rule import SENDER, Rule, limited

__all__ = ["ESCROW"]

_DEPOSIT = "poco account deposit {missing}"


def _zero(name: str, what: str) -> Rule:
    return Rule(
        "contracts §1.3",
        SENDER,
        f"{{{name}}} cannot {what}",
        name,
        remedy="name an account, and neither address zero nor the hub or its kitty",
        allowed="an account of somebody",
        actual=f"{{{name}}}",
    )


ESCROW: dict[str, Rule] = {
    "Escrow_BalanceTooLow": Rule(
        "contracts §1.2",
        ("payer", "workerpool owner", "worker"),
        "{account} has {balance} nRLC free in the hub and needs {needed} nRLC",
        "account",
        _DEPOSIT,
        allowed="{balance}",
        actual="{needed}",
    ),
    "Escrow_AmountTooLarge": limited(
        "contracts §1.2", SENDER, "{amount} nRLC do not fit", "amount", "use a smaller amount"
    ),
    "Escrow_LengthMismatch": Rule(
        "contracts §1.4",
        SENDER,
        "{amounts} amounts for {targets} accounts",
        "targets",
        remedy="give one amount for each account",
    ),
    "Escrow_TokenTransferFailed": Rule(
        "contracts §1.4",
        SENDER,
        "the token {token} did not move {amount} nRLC",
        "amount",
        "poco wallet show",
        "have as much of the token, and let the hub take it",
        "a token that answers true",
        "{amount}",
    ),
    "Escrow_NativeTransferFailed": Rule(
        "contracts §1.6",
        SENDER,
        "{to} did not take {value} wei",
        "to",
        remedy="withdraw to an account that takes the chain's currency",
        allowed="an account that takes it",
        actual="{to}",
    ),
    "Escrow_ValueTooLow": Rule(
        "contracts §1.6",
        SENDER,
        "the amounts need {needed} wei, the transaction carries {value}",
        "value",
    ),
    "Escrow_FallbackDisabled": Rule(
        "contracts §1.4",
        SENDER,
        "this market takes neither plain value nor the unknown function {selector}",
        "selector",
        "poco account deposit AMOUNT",
        allowed="a function of the hub",
        actual="{selector}",
    ),
    "Escrow_WrongToken": Rule(
        "contracts §1.5",
        SENDER,
        "the market's token is {expected}, this came from {actual}",
        "token",
        "poco account deposit AMOUNT",
    ),
    "Escrow_CallRefused": Rule(
        "contracts §1.3",
        SENDER,
        "{spender} did not accept the allowance",
        "spender",
        remedy="name a contract that answers true to receiveApproval",
        allowed="a contract that answers true",
        actual="{spender}",
    ),
    "CallerIsNotTheRequester": Rule(
        "contracts §1.5",
        ("requester",),
        "only the requester of the order may deposit and match at once",
        "requestorder.requester",
        "poco account deposit AMOUNT",
        allowed="requestorder.requester",
        actual="the sender",
    ),
    "UnsupportedOperation": Rule(
        "contracts §1.5",
        SENDER,
        "after a deposit the hub does matchOrders and nothing else, not {selector}",
        "data",
        "poco account deposit AMOUNT",
        "deposit without data, then call the function",
        "matchOrders",
        "{selector}",
    ),
    "OperationFailed": Rule(
        "contracts §1.5",
        SENDER,
        "the call behind the deposit failed without a reason",
        "data",
        "poco account deposit AMOUNT",
        "deposit without data, then match: the hub will tell the reason",
        "data that matchOrders can read",
        "the data given",
    ),
    "RLC_ApprovalRefused": Rule(
        "contracts §1.5",
        SENDER,
        "{spender} did not accept the allowance",
        "spender",
        remedy="name a contract that answers true to receiveApproval",
        allowed="a contract that answers true",
        actual="{spender}",
    ),
    "ERC20InsufficientBalance": Rule(
        "contracts §1.3",
        SENDER,
        "{sender} has {balance} and needs {needed}",
        "amount",
        "poco wallet show",
        allowed="{balance}",
        actual="{needed}",
    ),
    "ERC20InsufficientAllowance": Rule(
        "contracts §1.3",
        SENDER,
        "{spender} may take {allowance} and wants {needed}",
        "amount",
        allowed="{allowance}",
        actual="{needed}",
    ),
    "ERC20InvalidSender": _zero("sender", "send"),
    "ERC20InvalidReceiver": _zero("receiver", "receive"),
    "ERC20InvalidApprover": _zero("approver", "approve"),
    "ERC20InvalidSpender": _zero("spender", "be approved"),
}
