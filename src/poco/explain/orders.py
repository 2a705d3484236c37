"""Orders in words: which rules keep them from becoming a deal, and who can mend that."""

from __future__ import annotations

from collections.abc import Iterator

from eth_typing import ChecksumAddress

from poco.explain.consensus import wanted
from poco.explain.gaps import Quartet, why_not
from poco.explain.matching import finding_of, order_values
from poco.explain.model import Explanation, Finding
from poco.explain.wording import amount, counted, hexed
from poco.orders import (
    ZERO_ADDRESS,
    AnyOrder,
    Asset,
    BulkDeal,
    ChainView,
    DatasetOrder,
    DealId,
    Domain,
    OrderKind,
    OrdersByKind,
    RequestOrder,
    StaticChainView,
    deal_terms,
    order_hash,
    recover_signer,
    why_not_compatible,
    why_not_for_bulks,
)

__all__ = ["explain_bulk", "explain_orders"]

_OF_THE_CHAIN = (
    "NotRegistered",
    "SignatureInvalid",
    "Signature_BadLength",
    "Match_OrderConsumed",
    "Match_UnknownCategory",
    "Match_RewardRatioTooHigh",
    "Escrow_BalanceTooLow",
)
"""Ends of rules that nobody can judge without a chain."""


def explain_orders(
    orders: OrdersByKind, view: ChainView | None, *, sponsor: ChecksumAddress | None = None
) -> Explanation:
    """Explain one to four orders of a match.

    Args:
        orders: one of each kind at most.
        view: the state of the hub; None judges only what the orders say themselves.
        sponsor: who pays instead of the requester.

    Raises:
        UserInputError: `sponsor` is not an address.
    """
    quartet = Quartet.of(orders)
    values = order_values(quartet.real)
    if view is None:
        offline = StaticChainView(domain=Domain(1, ZERO_ADDRESS))
        broken = [
            violation
            for violation in why_not(quartet, offline, sponsor)
            if not violation.rule.endswith(_OF_THE_CHAIN)
        ]
    else:
        broken = why_not(quartet, view, sponsor)
    findings = tuple(finding_of(violation, values) for violation in broken)
    facts = tuple(_facts(quartet, view, sponsor, bool(broken)))
    return Explanation(
        kind="orders",
        subject=" + ".join(str(order.kind) for order in quartet.real),
        title=_title(quartet, findings, view is None),
        facts=facts,
        findings=findings,
    )


def explain_bulk(
    order: DatasetOrder, dealid: DealId, deal: BulkDeal, view: ChainView
) -> Explanation:
    """Explain whether a dataset order may serve a deal that was made without (spec §3.8)."""
    values = {"dataset": order.dataset, "app": deal.app, "requester": deal.requester}
    broken = why_not_compatible(order, deal, view)
    findings = tuple(finding_of(violation, values) for violation in broken)
    return Explanation(
        kind="orders",
        subject=f"datasetorder + deal {hexed(dealid)}",
        title=_count(findings) if findings else "the dataset order admits the deal",
        facts=(*_of_order(order, view), *_in_a_bulk(order)),
        findings=findings,
    )


def _in_a_bulk(order: DatasetOrder) -> Iterator[tuple[str, str]]:
    if reason := why_not_for_bulks(order):
        yield "in a bulk", f"its key is not handed out: {reason}"


def _count(findings: tuple[Finding, ...]) -> str:
    if len(findings) == 1:
        return f"1 rule is broken: {findings[0].rule}"
    return f"{len(findings)} rules are broken, the first is {findings[0].rule}"


def _title(quartet: Quartet, findings: tuple[Finding, ...], is_offline: bool) -> str:
    judged = " as far as can be said without a chain" if is_offline else ""
    if findings:
        return f"{_count(findings)}{judged}"
    if quartet.is_complete:
        return f"the orders match{judged}"
    missing = [kind for kind in OrderKind if kind not in quartet.given]
    return f"no rule is broken{judged}; not given: {', '.join(missing)}"


def _facts(
    quartet: Quartet, view: ChainView | None, sponsor: ChecksumAddress | None, is_broken: bool
) -> Iterator[tuple[str, str]]:
    for order in quartet.real:
        if view is not None:
            yield from _of_order(order, view)
        if isinstance(order, RequestOrder) and order.trust > 1:
            newcomers = wanted({}, order.trust)
            yield "trust", f"{order.trust}: {newcomers} newcomers must agree when nobody dissents"
    if view is None or is_broken or not quartet.is_complete:
        return
    terms = deal_terms(*quartet.orders, view, sponsor=sponsor)
    yield (
        "deal",
        f"{hexed(terms.dealid)} of {counted(terms.volume, 'task')} from index {terms.bot_first} on",
    )
    yield "price", f"{amount(terms.total_price)}, locked from {terms.payer}"
    yield "scheduler's stake", amount(terms.scheduler_stake)
    yield "worker's stake", f"{amount(terms.worker_stake)} for each contribution"


def _of_order(order: AnyOrder, view: ChainView) -> Iterator[tuple[str, str]]:
    hashed = order_hash(order, view.domain)
    consumed = view.consumed(hashed)
    left = max(order.volume - consumed, 0)
    yield str(order.kind), f"{hexed(hashed)}, {left} of {order.volume} tasks left"
    if (presigner := view.presigned(hashed)) != ZERO_ADDRESS:
        yield "presigned by", presigner
    elif order.sign:
        yield "signed by", recover_signer(hashed, order.sign) or "nobody's key"
    if not isinstance(order, RequestOrder):
        asset, address = _asset(order)
        yield "must be signed by", view.registered_owner(asset, address) or "nobody: not registered"


def _asset(order: AnyOrder) -> tuple[Asset, ChecksumAddress]:
    name = order.kind.removesuffix("order")
    return Asset(name), getattr(order, name)
