"""A broken rule, explained: which rule, which field, both values, who can mend it and how.

Rules carry the names of the hub's custom errors, and their arguments in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from poco.orders.tags import Tag

__all__ = ["Party", "Value", "Violation", "violation"]

Value: TypeAlias = int | str | bytes | None
"""Numbers, addresses, hashes; a `Tag` is a number."""


class Party(StrEnum):
    """Who can mend a violation."""

    APP_OWNER = "app owner"
    DATASET_OWNER = "dataset owner"
    WORKERPOOL_OWNER = "workerpool owner"
    REQUESTER = "requester"
    PAYER = "payer"
    MATCHER = "matcher"
    """Whoever chooses which orders to match."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a set of orders breaks.

    Args:
        rule: the Solidity error with which the hub refuses, for example ``Match_AppPriceTooHigh``.
        field: the field at fault, for example ``apporder.appprice``.
        allowed: what the rule allows.
        actual: what was found.
        arguments: the arguments of the Solidity error, as ABI decoders return them.
        parties: who can mend it, the likeliest first.
        sentence: what is wrong, with both values.
        remedy: what to do.
    """

    rule: str
    field: str
    allowed: Value
    actual: Value
    arguments: tuple[int | str | bytes, ...]
    parties: tuple[Party, ...]
    sentence: str
    remedy: str

    def to_json(self) -> dict[str, object]:
        """Return the violation as JSON values; integers become decimal text, bytes hex."""
        return {
            "rule": self.rule,
            "field": self.field,
            "allowed": _written(self.allowed),
            "actual": _written(self.actual),
            "parties": [str(party) for party in self.parties],
            "sentence": self.sentence,
            "remedy": self.remedy,
        }

    def __str__(self) -> str:
        return f"{self.rule}: {self.sentence}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class _Rule:
    """How a rule is explained; the texts take {field}, {allowed} and {actual}."""

    parties: tuple[Party, ...] = ()
    sentence: str = ""
    remedy: str = ""
    field: str = ""


_APP, _DATASET, _POOL = Party.APP_OWNER, Party.DATASET_OWNER, Party.WORKERPOOL_OWNER
_REQUESTER, _PAYER, _MATCHER = Party.REQUESTER, Party.PAYER, Party.MATCHER


def _price(name: str, seller: Party) -> _Rule:
    return _Rule(
        (_REQUESTER, seller),
        f"the {name} costs {{actual}} nRLC per task, the request pays at most {{allowed}} nRLC",
        f"raise requestorder.{name}maxprice, or take a cheaper {name} order",
        f"{name}order.{name}price",
    )


def _mismatch(name: str) -> _Rule:
    return _Rule(
        (_MATCHER, _REQUESTER),
        f"the request is for {name} {{allowed}}, the {name} order is for {{actual}}",
        f"take an order of the requested {name}",
        f"{name}order.{name}",
    )


def _restriction(order: str, party: Party, restricted: str) -> _Rule:
    return _Rule(
        (_MATCHER, party),
        f"the {order} order admits only {restricted} {{allowed}} (or its group), not {{actual}}",
        f"take a {restricted} it admits, or sign the {order} order without {{field}}",
        f"{order}order.{restricted}restrict",
    )


def _unregistered(name: str, party: Party) -> _Rule:
    return _Rule(
        (party, _MATCHER),
        f"{{actual}} is not in the {name} registry {{allowed}} of this hub",
        f"deploy it with: poco {name} deploy, or check hub and chain",
        f"{name}order.{name}",
    )


def _unsigned(order: str, party: Party) -> _Rule:
    return _Rule(
        (party,),
        f"the {order} order needs the signature or presignature of {{allowed}}, has {{actual}}'s",
        f"sign it with that account for this hub and chain: poco order sign --{order}",
        f"{order}order.sign",
    )


_RULES = {
    "Match_CategoryMismatch": _Rule(
        (_MATCHER, _REQUESTER),
        "the request is for category {allowed}, the workerpool order is for {actual}",
        "take a workerpool order of that category",
        "workerpoolorder.category",
    ),
    "Match_UnknownCategory": _Rule(
        (_REQUESTER,),
        "category {actual} does not exist: there are {allowed}, numbered from 0",
        "choose one of: poco category show",
        "requestorder.category",
    ),
    "Match_TrustTooLow": _Rule(
        (_REQUESTER, _POOL),
        "the request demands trust {allowed}, the workerpool offers {actual}",
        "lower requestorder.trust, or take a workerpool order of more trust",
        "workerpoolorder.trust",
    ),
    "Match_AppPriceTooHigh": _price("app", _APP),
    "Match_DatasetPriceTooHigh": _price("dataset", _DATASET),
    "Match_WorkerpoolPriceTooHigh": _price("workerpool", _POOL),
    "Match_TagNotOffered": _Rule(
        (_MATCHER, _POOL),
        "the orders demand the tag {allowed}, the workerpool offers {actual}",
        "take a workerpool order that offers every flag",
        "workerpoolorder.tag",
    ),
    "Match_AppNotTee": _Rule(
        (_APP, _REQUESTER),
        "the tag {allowed} demands a TEE, the app declares {actual}",
        "sign the app order with the flag tee, or take the flag out of request and dataset order",
        "apporder.tag",
    ),
    "Match_AppMismatch": _mismatch("app"),
    "Match_DatasetMismatch": _mismatch("dataset"),
    "Match_RequestRestrictsWorkerpool": _Rule(
        (_MATCHER, _REQUESTER),
        "the request admits only workerpool {allowed} (or its group), not {actual}",
        "take an order of that workerpool, or sign the request without {field}",
        "requestorder.workerpool",
    ),
    "Match_AppRestrictsDataset": _restriction("app", _APP, "dataset"),
    "Match_AppRestrictsWorkerpool": _restriction("app", _APP, "workerpool"),
    "Match_AppRestrictsRequester": _restriction("app", _APP, "requester"),
    "Match_DatasetRestrictsApp": _restriction("dataset", _DATASET, "app"),
    "Match_DatasetRestrictsWorkerpool": _restriction("dataset", _DATASET, "workerpool"),
    "Match_DatasetRestrictsRequester": _restriction("dataset", _DATASET, "requester"),
    "Match_WorkerpoolRestrictsApp": _restriction("workerpool", _POOL, "app"),
    "Match_WorkerpoolRestrictsDataset": _restriction("workerpool", _POOL, "dataset"),
    "Match_WorkerpoolRestrictsRequester": _restriction("workerpool", _POOL, "requester"),
    "Match_AppNotRegistered": _unregistered("app", _APP),
    "Match_AppSignatureInvalid": _unsigned("app", _APP),
    "Match_DatasetNotRegistered": _unregistered("dataset", _DATASET),
    "Match_DatasetSignatureInvalid": _unsigned("dataset", _DATASET),
    "Match_WorkerpoolNotRegistered": _unregistered("workerpool", _POOL),
    "Match_WorkerpoolSignatureInvalid": _unsigned("workerpool", _POOL),
    "Match_RequestSignatureInvalid": _unsigned("request", _REQUESTER),
    "Signature_BadLength": _Rule(
        (),
        "the signature has {actual} bytes; that of an account without code has 64 or {allowed}",
        "sign the order, or presign it on chain",
    ),
    "Match_OrderConsumed": _Rule(
        (_MATCHER,),
        "{actual} of the {allowed} tasks of the order are taken, or it was closed",
        "take another order, or have a new one signed",
    ),
    "Match_IndexTooLarge": _Rule(
        (_MATCHER, _REQUESTER),
        "the deal's tasks would reach index {actual}, the limit is {allowed}",
        "sign one of the orders with a smaller volume",
        "requestorder.volume",
    ),
    "Match_TrustTooLarge": _Rule(
        (_REQUESTER,),
        "the request demands trust {actual}, the limit is {allowed}",
        "lower requestorder.trust",
        "requestorder.trust",
    ),
    "Match_AmountTooLarge": _Rule(
        (),
        "{actual} nRLC is more than the hub can hold, the limit is {allowed}",
        "lower the price",
    ),
    "Match_ParamsTooLong": _Rule(
        (_REQUESTER,),
        "the params have {actual} bytes, the limit is {allowed}",
        "store long input elsewhere and give its address in the params",
        "requestorder.params",
    ),
    "Match_RewardRatioTooHigh": _Rule(
        (_POOL, _MATCHER),
        "the workerpool keeps {actual} % of its price for the scheduler, the limit is {allowed} %",
        "take an order of another workerpool",
        "workerpoolorder.workerpool",
    ),
    # These two bring their own words.
    "Escrow_BalanceTooLow": _Rule(),
    "IncompatibleDatasetOrder": _Rule(remedy="take another dataset order"),
}


def violation(
    rule: str,
    *arguments: int | str | bytes,
    field: str = "",
    actual: Value = None,
    allowed: Value = None,
    parties: tuple[Party, ...] = (),
    sentence: str = "",
    remedy: str = "",
) -> Violation:
    """Explain a broken rule.

    Args:
        rule: name of the Solidity error.
        arguments: its arguments; the last two are what is allowed and what was found.
        field: the field at fault, for rules that several fields can break.
        actual: what was found, if no argument says so.
        allowed: what is allowed, if no argument says so.
        parties: who can mend it, for rules that several orders can break.
        sentence: what is wrong, instead of the rule's own text.
        remedy: what to do, instead of the rule's own text.

    Returns:
        The violation, with the texts filled in.
    """
    known = _RULES[rule]
    field = field or known.field
    if actual is None:
        actual = arguments[-1]
    if allowed is None:
        allowed = arguments[-2]
    texts = {"field": field, "allowed": _spoken(allowed), "actual": _spoken(actual)}
    return Violation(
        rule=rule,
        field=field,
        allowed=allowed,
        actual=actual,
        arguments=tuple(_encoded(argument) for argument in arguments),
        parties=parties or known.parties,
        sentence=(sentence or known.sentence).format_map(texts),
        remedy=(remedy or known.remedy).format_map(texts),
    )


def _encoded(argument: int | str | bytes) -> int | str | bytes:
    return argument.to_bytes32() if isinstance(argument, Tag) else argument


def _spoken(value: Value) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)


def _written(value: Value) -> str | None:
    if isinstance(value, Tag):
        return value.to_hex()
    return None if value is None else _spoken(value)
