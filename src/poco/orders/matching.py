"""Which rules keep four orders from becoming a deal (spec contracts §3.2).

The rules are the hub's, checked in its order; the hub stops at the first, here all are reported.
Where poco deviates from the original contracts: without a dataset the dataset order's own price,
tag and restrictions do not count (W3), account zero never signs (W4), ECDSA is tried before
ERC-1271 (W8), malformed answers count as no (W14), and what does not fit the deal's record is
refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from eth_typing import ChecksumAddress

from poco.orders._abi import ZERO_ADDRESS
from poco.orders.model import AppOrder, DatasetOrder, OrderKind, RequestOrder, WorkerpoolOrder
from poco.orders.signatures import SIGNATURE_LENGTHS, is_authorized, recover_signer
from poco.orders.tags import TEE
from poco.orders.terms import Match, Side, scheduler_stake
from poco.orders.view import Asset, ChainView
from poco.orders.violations import Party, Violation, violation

__all__ = [
    "MAX_AMOUNT",
    "MAX_INDEX",
    "MAX_PARAMS_BYTES",
    "MAX_REWARD_RATIO",
    "MAX_TRUST",
    "is_admitted",
    "why_not_match",
]

MAX_AMOUNT = 2**96 - 1
"""Largest price and worker stake of a deal, in nRLC."""
MAX_TRUST = 2**64 - 1
MAX_INDEX = 2**64 - 1
"""Largest volume of a deal and largest end of its task indices."""
MAX_PARAMS_BYTES = 24_218
"""Longest params of a deal, in UTF-8 bytes: what the deal's record leaves of a contract's code."""
MAX_REWARD_RATIO = 100
"""Largest part of the pool price that a scheduler keeps, in percent."""

_OWNER = {
    OrderKind.APP: Party.APP_OWNER,
    OrderKind.DATASET: Party.DATASET_OWNER,
    OrderKind.WORKERPOOL: Party.WORKERPOOL_OWNER,
    OrderKind.REQUEST: Party.REQUESTER,
}


def is_admitted(restriction: ChecksumAddress, account: ChecksumAddress, view: ChainView) -> bool:
    """Return whether a restriction admits an account: none, itself, or its group (§2.6)."""
    return restriction in (ZERO_ADDRESS, account) or view.is_group_member(restriction, account)


def why_not_match(
    app: AppOrder,
    dataset: DatasetOrder,
    workerpool: WorkerpoolOrder,
    request: RequestOrder,
    view: ChainView,
    *,
    sponsor: ChecksumAddress | None = None,
) -> list[Violation]:
    """Return every rule that the orders break; the first is the one the hub reverts with.

    What depends on a broken rule is left out: the signature for an asset that is not registered,
    the money for orders that have no volume left.

    Args:
        app: the app order.
        dataset: the dataset order, `NULL_DATASET_ORDER` for none.
        workerpool: the workerpool order.
        request: the request order.
        view: the state of the hub.
        sponsor: who pays instead of the requester.

    Returns:
        The violations in the order of the hub's checks; empty when the orders match.

    Raises:
        UserInputError: `sponsor` is not an address.
    """
    match = Match.gather(app, dataset, workerpool, request, view, sponsor)
    stages = (_terms, _tags, _identities, _restrictions, _authorities, _volumes, _limits, _funds)
    return [found for stage in stages for found in stage(match)]


def _terms(m: Match) -> Iterator[Violation]:
    app, dataset, pool, request = m.app, m.dataset, m.workerpool, m.request
    if request.category != pool.category:
        yield violation("Match_CategoryMismatch", request.category, pool.category)
    if request.category >= (count := m.view.category_count()):
        yield violation("Match_UnknownCategory", count, request.category)
    if request.trust > pool.trust:
        yield violation("Match_TrustTooLow", request.trust, pool.trust)
    if app.appprice > request.appmaxprice:
        yield violation("Match_AppPriceTooHigh", request.appmaxprice, app.appprice)
    if not dataset.is_null and dataset.datasetprice > request.datasetmaxprice:
        yield violation("Match_DatasetPriceTooHigh", request.datasetmaxprice, dataset.datasetprice)
    if pool.workerpoolprice > request.workerpoolmaxprice:
        yield violation(
            "Match_WorkerpoolPriceTooHigh", request.workerpoolmaxprice, pool.workerpoolprice
        )


def _tags(m: Match) -> Iterator[Violation]:
    if m.tag - m.workerpool.tag:
        yield violation("Match_TagNotOffered", m.tag, m.workerpool.tag)
    if (m.tag ^ m.app.tag) & TEE:
        yield violation("Match_AppNotTee", m.tag, m.app.tag)


def _identities(m: Match) -> Iterator[Violation]:
    if m.request.app != m.app.app:
        yield violation("Match_AppMismatch", m.request.app, m.app.app)
    if m.request.dataset != m.dataset.dataset:
        yield violation("Match_DatasetMismatch", m.request.dataset, m.dataset.dataset)


def _restrictions(m: Match) -> Iterator[Violation]:
    app, dataset, pool = m.app.app, m.dataset.dataset, m.workerpool.workerpool
    requester = m.request.requester
    rules = [
        ("Match_RequestRestrictsWorkerpool", m.request.workerpool, pool),
        ("Match_AppRestrictsDataset", m.app.datasetrestrict, dataset),
        ("Match_AppRestrictsWorkerpool", m.app.workerpoolrestrict, pool),
        ("Match_AppRestrictsRequester", m.app.requesterrestrict, requester),
    ]
    if not m.dataset.is_null:
        rules += [
            ("Match_DatasetRestrictsApp", m.dataset.apprestrict, app),
            ("Match_DatasetRestrictsWorkerpool", m.dataset.workerpoolrestrict, pool),
            ("Match_DatasetRestrictsRequester", m.dataset.requesterrestrict, requester),
        ]
    rules += [
        ("Match_WorkerpoolRestrictsApp", m.workerpool.apprestrict, app),
        ("Match_WorkerpoolRestrictsDataset", m.workerpool.datasetrestrict, dataset),
        ("Match_WorkerpoolRestrictsRequester", m.workerpool.requesterrestrict, requester),
    ]
    for rule, restriction, account in rules:
        if not is_admitted(restriction, account, m.view):
            yield violation(rule, restriction, account)


def _authorities(m: Match) -> Iterator[Violation]:
    for side in m.sides:
        name = side.order.kind.removesuffix("order").capitalize()
        if side.authority is None:
            asset = Asset(name.lower())
            address: ChecksumAddress = getattr(side.order, asset)
            yield violation(f"Match_{name}NotRegistered", m.view.registry(asset), address)
        elif not is_authorized(side.authority, side.hash, side.order.sign, m.view):
            yield _unsigned(f"Match_{name}SignatureInvalid", side, side.authority, m.view)


def _unsigned(rule: str, side: Side, authority: ChecksumAddress, view: ChainView) -> Violation:
    length = len(side.order.sign)
    plain = authority != ZERO_ADDRESS and not view.has_code(authority)
    if plain and length not in SIGNATURE_LENGTHS:
        return violation(
            "Signature_BadLength",
            length,
            field=f"{side.order.kind}.sign",
            allowed=SIGNATURE_LENGTHS[-1],
            parties=(_OWNER[side.order.kind],),
        )
    signer = recover_signer(side.hash, side.order.sign) or "nobody"
    return violation(rule, authority, side.hash, allowed=authority, actual=signer)


def _volumes(m: Match) -> Iterator[Violation]:
    for side in m.sides:
        if not side.left:
            kind, volume = side.order.kind, side.order.volume
            yield violation(
                "Match_OrderConsumed",
                side.hash,
                volume,
                side.consumed,
                field=f"{kind}.volume",
                parties=(Party.MATCHER, _OWNER[kind]),
                sentence="{actual} of the {allowed} tasks of "
                f"the {kind} 0x{side.hash.hex()} are taken, or it was closed",
            )


def _limits(m: Match) -> Iterator[Violation]:
    end = m.volume if m.volume > MAX_INDEX else m.bot_first + m.volume
    if m.volume and end > MAX_INDEX:
        yield violation("Match_IndexTooLarge", MAX_INDEX, end)
    if m.request.trust > MAX_TRUST:
        yield violation("Match_TrustTooLarge", MAX_TRUST, m.request.trust)
    amounts = [(m.app.kind, m.app.appprice, "apporder.appprice")]
    if not m.dataset.is_null:
        amounts.append((m.dataset.kind, m.dataset.datasetprice, "datasetorder.datasetprice"))
    price_field = "workerpoolorder.workerpoolprice"
    amounts.append((m.workerpool.kind, m.workerpool.workerpoolprice, price_field))
    if m.scheduler is not None:
        amounts.append((m.workerpool.kind, m.worker_stake, price_field))
    for kind, amount, field in amounts:
        if amount > MAX_AMOUNT:
            yield violation(
                "Match_AmountTooLarge", MAX_AMOUNT, amount, field=field, parties=(_OWNER[kind],)
            )
    if (length := len(m.request.params.encode())) > MAX_PARAMS_BYTES:
        yield violation("Match_ParamsTooLong", MAX_PARAMS_BYTES, length)
    if m.scheduler is not None and (ratio := m.policy.scheduler_reward_ratio) > MAX_REWARD_RATIO:
        yield violation("Match_RewardRatioTooHigh", MAX_REWARD_RATIO, ratio)


def _funds(m: Match) -> Iterator[Violation]:
    total, balance = m.price_per_task * m.volume, m.view.balance(m.payer)
    if total > balance:
        field = "requestorder.requester" if m.payer == m.request.requester else "sponsor"
        yield _too_poor(m.payer, balance, total, field, Party.PAYER)
    if m.scheduler is None:
        return
    # The payer's money is locked first, also when payer and scheduler are one account.
    own = max(balance - total, 0) if m.scheduler == m.payer else m.view.balance(m.scheduler)
    stake = scheduler_stake(m.workerpool.workerpoolprice, m.volume)
    if stake > own:
        yield _too_poor(
            m.scheduler, own, stake, "workerpoolorder.workerpool", Party.WORKERPOOL_OWNER
        )


def _too_poor(
    account: ChecksumAddress, balance: int, needed: int, field: str, party: Party
) -> Violation:
    return violation(
        "Escrow_BalanceTooLow",
        account,
        balance,
        needed,
        field=field,
        parties=(party,),
        sentence=f"the deal locks {{actual}} nRLC, {account} has {{allowed}} nRLC in the hub",
        remedy=f"deposit the rest from that account: poco account deposit {needed - balance}",
    )
